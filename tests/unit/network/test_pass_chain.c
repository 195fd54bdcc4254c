/* Chains: which layers form one, and that running them together gives what the layers give one by one. */
#include "random_network.h"
#include "reference_network.h"

#include <math.h>
#include <string.h>

#include "compute/network/chain_finding.h"
#include "compute/network/pass.h"

enum { IMAGES = 3, CLASSES = 3, RANDOM_NETWORKS = 150, LAYERS = 14 };

static struct pass *new_pass(const struct network *network, enum pass_mode mode)
{
    struct pass *pass;
    if (pass_create(network, IMAGES, mode, &pass) != STATUS_OK)
        fail_msg("%s", error_message());
    return pass;
}

/* --- finding --- */

/* A residual network whose second block changes its input by a convolution; layer names tell what it is. */
static struct network *residual_network(void)
{
    struct network *network = new_network(6, 6, 2);
    int32_t at = add_batchnorm(network, "bn0", add_convolution(network, "conv0", 0, 4, 3, 1, 1));
    int32_t block = add_plain(network, LAYER_RELU, "relu0", at);
    at = add_batchnorm(network, "bn1", add_convolution(network, "conv1", block, 4, 3, 1, 1));
    int32_t other = add_batchnorm(network, "bn2", add_convolution(network, "conv2", block, 4, 1, 1, 0));
    at = add_layer(network, LAYER_ADD, "add1", NULL, other, at);
    at = add_plain(network, LAYER_RELU, "relu1", at);
    at = add_plain(network, LAYER_RELU, "relu2", add_convolution(network, "conv3", at, 4, 3, 1, 1));
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "pool", at);
    add_dense(network, "output", at, CLASSES);
    finish(network);
    randomise(network, 3);
    return network;
}

/* The chains as text: "conv0 bn0 relu0, conv1 bn1, …". */
static void write_chains(const struct network *network, enum pass_mode mode, char *text, size_t bytes)
{
    struct pass_plan plan;
    size_t at = 0;
    assert_int_equal(pass_plan_make(network, IMAGES, mode, NULL, &plan), STATUS_OK);
    text[0] = '\0';
    for (int32_t i = 0; i < network->layer_count; i++) {
        if (plan.layers[i].chain_head != i || plan.layers[i].chain_next == NO_LAYER)
            continue;
        for (int32_t k = i; k != NO_LAYER; k = plan.layers[k].chain_next) {
            assert_int_equal(plan.layers[k].chain_head, i);
            at += (size_t)snprintf(text + at, bytes - at, "%s%s", k == i ? at > 0 ? ", " : "" : " ",
                                   network->layers[k].name);
        }
    }
    pass_plan_clear(&plan);
}

static void test_chains_of_a_residual_network(void **state)
{
    (void)state;
    struct network *network = residual_network();
    char text[256];
    write_chains(network, PASS_INFER, text, sizeof text);
    assert_string_equal(text, "conv0 bn0 relu0, conv1 bn1 add1 relu1, conv2 bn2, conv3 relu2");
    write_chains(network, PASS_OBSERVE, text, sizeof text);
    assert_string_equal(text, "conv0 bn0, conv1 bn1, conv2 bn2");
    write_chains(network, PASS_TRAIN, text, sizeof text);
    assert_string_equal(text, "bn0 relu0, bn1 add1 relu1");
    network_destroy(&network);
}

/* Whoever reads a value in between needs it; so chains end there. */
static void test_a_second_reader_ends_a_chain(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 2);
    int32_t conv = add_convolution(network, "conv", 0, 2, 3, 1, 1);
    int32_t bn = add_batchnorm(network, "bn", conv);
    int32_t relu = add_plain(network, LAYER_RELU, "relu", bn);
    int32_t at = add_layer(network, LAYER_ADD, "add", NULL, relu, bn);
    add_layer(network, LAYER_ADD, "twice", NULL, at, at);
    finish(network);
    char text[256];
    write_chains(network, PASS_INFER, text, sizeof text);
    assert_string_equal(text, "conv bn");
    write_chains(network, PASS_TRAIN, text, sizeof text);
    assert_string_equal(text, "");
    network_destroy(&network);
}

/* --- running --- */

static void assert_near(const char *what, const float *found, const double *expected, size_t count)
{
    double scale = 1e-3;
    for (size_t i = 0; i < count; i++)
        if (fabs(expected[i]) > scale)
            scale = fabs(expected[i]);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(found[i] - expected[i]) <= 1e-5 * scale))
            fail_msg("%s: entry %zu is %g, expected %g (largest %g)", what, i, (double)found[i], expected[i],
                     scale);
}

/* All of it at once, every ReLU masked, against the float64 reference. */
static void test_random_chains_agree_with_the_reference(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_chains(seed, LAYERS, CLASSES);
        struct reference_network reference = reference_create(network, IMAGES, false);
        struct pass *pass = new_pass(network, PASS_INFER);
        float *images = new_images(network, IMAGES, seed), *masks[LAYERS + 8] = {NULL};
        assert_near(network->architecture, pass_forward(pass, IMAGES, images),
                    reference_run(&reference, images), IMAGES * CLASSES);
        for (int32_t i = 0; i <= LAYERS; i++) {
            if (network->layers[i].kind != LAYER_RELU)
                continue;
            size_t units = shape_count(network->layers[i].shape);
            masks[i] = new_normal(units, seed + (uint64_t)i);
            for (size_t u = 0; u < units; u++)
                masks[i][u] = masks[i][u] > 0;
            pass_set_mask(pass, i, masks[i]);
            reference.masks[i] = masks[i];
        }
        assert_near(network->architecture, pass_forward(pass, IMAGES, images),
                    reference_run(&reference, images), IMAGES * CLASSES);
        for (int32_t i = 0; i <= LAYERS; i++)
            memory_free(&masks[i]);
        pass_destroy(&pass);
        reference_clear(&reference);
        memory_free(&images);
        network_destroy(&network);
    }
}

/* Stopped at any layer, inside chains too, a pass gives the bits that observing gives; and those of a pass
 * that was never stopped, afterwards. */
static void test_random_chains_can_stop_anywhere(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_chains(seed, LAYERS, CLASSES);
        struct pass *infer = new_pass(network, PASS_INFER), *observe = new_pass(network, PASS_OBSERVE);
        float *images = new_images(network, IMAGES, seed), before[IMAGES * CLASSES];
        memcpy(before, pass_forward(infer, IMAGES, images), sizeof before);
        pass_forward(observe, IMAGES, images);
        for (int32_t i = network->layer_count - 1; i >= 0; i--) {
            size_t bytes = IMAGES * shape_count(network->layers[i].shape) * sizeof(float);
            pass_set_last_layer(infer, i);
            assert_memory_equal(pass_forward(infer, IMAGES, images), pass_value(observe, i), bytes);
        }
        for (int32_t i = network->layer_count - 1; i >= 0; i--) {
            size_t bytes = IMAGES * shape_count(network->layers[i].shape) * sizeof(float);
            pass_set_last_layer(observe, i);
            pass_set_last_layer(infer, i);
            assert_memory_equal(pass_forward(infer, IMAGES, images), pass_forward(observe, IMAGES, images),
                                bytes);
        }
        pass_set_last_layer(infer, network->layer_count - 1);
        assert_memory_equal(pass_forward(infer, IMAGES, images), before, sizeof before);
        pass_destroy(&infer);
        pass_destroy(&observe);
        memory_free(&images);
        network_destroy(&network);
    }
}

/* Running statistics are folded anew at each call. */
static void test_changed_parameters_are_seen(void **state)
{
    (void)state;
    struct network *network = residual_network();
    struct reference_network changed;
    struct pass *pass = new_pass(network, PASS_INFER);
    float *images = new_images(network, IMAGES, 1);
    pass_forward(pass, IMAGES, images);
    randomise(network, 77);
    changed = reference_create(network, IMAGES, false);
    assert_near("changed", pass_forward(pass, IMAGES, images), reference_run(&changed, images),
                IMAGES * CLASSES);
    pass_destroy(&pass);
    reference_clear(&changed);
    memory_free(&images);
    network_destroy(&network);
}

/* A chain's time stands at its head; layers inside take none of their own. */
static void test_timing_counts_chains_at_their_head(void **state)
{
    (void)state;
    struct network *network = residual_network();
    struct pass *pass = new_pass(network, PASS_TRAIN);
    float *images = new_images(network, IMAGES, 1), *gradient = new_normal(network->parameter_count, 1);
    float *statistics = new_normal(network->statistic_count, 1);
    const float output_gradient[IMAGES * CLASSES] = {1};
    double *forward = new_doubles((size_t)network->layer_count);
    double *backward = new_doubles((size_t)network->layer_count);
    pass_set_timing(pass, forward, backward);
    pass_forward(pass, IMAGES, images);
    pass_backward(pass, IMAGES, images, output_gradient, gradient, statistics);
    for (int32_t i = 1; i < network->layer_count; i++) {
        const char *name = network->layers[i].name;
        bool inside = strcmp(name, "relu0") == 0 || strcmp(name, "add1") == 0 || strcmp(name, "relu1") == 0;
        assert_true((forward[i] > 0) == !inside);
        assert_true((backward[i] > 0) == !inside);
    }
    pass_set_timing(pass, NULL, NULL);
    double before = forward[1];
    pass_forward(pass, IMAGES, images);
    assert_true(forward[1] == before);
    pass_destroy(&pass);
    memory_free(&images);
    memory_free(&gradient);
    memory_free(&statistics);
    memory_free(&forward);
    memory_free(&backward);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains_of_a_residual_network),
        cmocka_unit_test(test_a_second_reader_ends_a_chain),
        cmocka_unit_test(test_random_chains_agree_with_the_reference),
        cmocka_unit_test(test_random_chains_can_stop_anywhere),
        cmocka_unit_test(test_changed_parameters_are_seen),
        cmocka_unit_test(test_timing_counts_chains_at_their_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
