/* Merged networks give what each gives by itself. */
#include "building.h"

#include <math.h>

#include "compute/network/network_merge.h"
#include "compute/network/pass.h"

enum { IMAGES = 3, MOST_NETWORKS = 5 };

/* How a network begins. */
struct beginning {
    int32_t channels, stride, from_c; /* of the first convolution; of the shortcut */
    float epsilon;
};

/* A residual block whose shortcut takes every second pixel of the input, and two outputs. */
static struct network *tail(struct beginning beginning, uint64_t seed)
{
    struct network *network = new_network(8, 8, 3);
    const struct layer_options norm = {.epsilon = beginning.epsilon, .momentum = 0.1F};
    const struct layer_options shortcut = {
        .from_c = beginning.from_c, .step_h = 2, .step_w = 2, .out_h = 4, .out_w = 4, .out_c = 7};
    int32_t second = beginning.stride == 2 ? 1 : 2;
    int32_t at = add_convolution(network, "a", 0, beginning.channels, 3, beginning.stride, 1);
    at = add_layer(network, LAYER_BATCHNORM, "norm a", &norm, at, -1);
    at = add_plain(network, LAYER_RELU, "relu a", at);
    at = add_convolution(network, "b", at, 7, 3, second, 1);
    at = add_batchnorm(network, "norm b", at);
    int32_t skip = add_layer(network, LAYER_WINDOW, "shortcut", &shortcut, 0, -1);
    at = add_layer(network, LAYER_ADD, "add", NULL, at, skip);
    at = add_plain(network, LAYER_RELU, "relu b", at);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    add_dense(network, "output", at, 2);
    finish(network);
    randomise(network, seed);
    return network;
}

static void assert_gives_all(const struct network *merged, struct network *const *networks, int32_t count)
{
    float *images = new_images(merged, IMAGES, 1);
    struct pass *all, *one;
    assert_int_equal(merged->class_count, 2 * count);
    assert_int_equal(pass_create(merged, IMAGES, PASS_INFER, &all), STATUS_OK);
    const float *found = pass_forward(all, IMAGES, images);
    for (int32_t m = 0; m < count; m++) {
        assert_int_equal(pass_create(networks[m], IMAGES, PASS_INFER, &one), STATUS_OK);
        const float *expected = pass_forward(one, IMAGES, images);
        for (int32_t i = 0; i < IMAGES; i++)
            for (int32_t k = 0; k < 2; k++) {
                double wanted = (double)expected[2 * i + k];
                double seen = (double)found[2 * (i * count + m) + k];
                if (!(fabs(seen - wanted) <= 1e-5 * fmax(1, fabs(wanted))))
                    fail_msg("network %d of %d, image %d, output %d: %g; expected %g", (int)m, (int)count,
                             (int)i, (int)k, seen, wanted);
            }
        pass_destroy(&one);
    }
    pass_destroy(&all);
    memory_free(&images);
}

static void test_merged_networks_give_the_outputs_of_all(void **state)
{
    (void)state;
    for (int32_t count = 2; count <= MOST_NETWORKS; count++) {
        struct network *networks[MOST_NETWORKS], *merged;
        for (int32_t m = 0; m < count; m++)
            networks[m] = tail((struct beginning){5 + 4 * m, count % 2 + 1, m - 2, 1e-3F}, (uint64_t)m);
        assert_int_equal(network_common_layers(networks[0], networks[1]), 3);
        assert_int_equal(network_merge((const struct network *const *)networks, count, &merged), STATUS_OK);
        assert_int_equal(merged->layers[1].shape.c % 16, 0);
        assert_gives_all(merged, networks, count);
        network_destroy(&merged);
        for (int32_t m = 0; m < count; m++)
            network_destroy(&networks[m]);
    }
}

/* Of three, the first two have three layers in common, and one of those with the third. */
static void test_only_what_all_begin_with_is_merged(void **state)
{
    (void)state;
    struct network *networks[3], *merged;
    networks[0] = tail((struct beginning){5, 2, 0, 1e-3F}, 1);
    networks[1] = tail((struct beginning){6, 2, -1, 1e-3F}, 2);
    networks[2] = tail((struct beginning){9, 2, 1, 1e-5F}, 3);
    assert_int_equal(network_common_layers(networks[0], networks[2]), 1);
    assert_int_equal(network_merge((const struct network *const *)networks, 3, &merged), STATUS_OK);
    assert_int_equal(merged->layers[1].kind, LAYER_CONVOLUTION);
    assert_int_equal(merged->layers[2].kind, LAYER_WINDOW);
    assert_gives_all(merged, networks, 3);
    network_destroy(&merged);
    for (int32_t m = 0; m < 3; m++)
        network_destroy(&networks[m]);
}

static void test_a_layer_that_others_read_is_the_last_merged(void **state)
{
    (void)state;
    struct network *network = new_network(6, 6, 2), *copy;
    int32_t first = add_convolution(network, "a", 0, 4, 3, 1, 1);
    int32_t at = add_plain(network, LAYER_RELU, "relu", first);
    at = add_layer(network, LAYER_ADD, "add", NULL, at, first);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    add_dense(network, "output", at, 2);
    finish(network);
    randomise(network, 4);
    assert_int_equal(network_copy(network, &copy), STATUS_OK);
    assert_int_equal(network_common_layers(network, copy), 1);
    struct network *const networks[2] = {network, copy};
    struct network *merged;
    assert_int_equal(network_merge((const struct network *const *)networks, 2, &merged), STATUS_OK);
    assert_gives_all(merged, networks, 2);
    network_destroy(&merged);
    network_destroy(&copy);
    network_destroy(&network);
}

static void test_networks_that_begin_differently_are_refused(void **state)
{
    (void)state;
    struct network *networks[2], *merged;
    networks[0] = tail((struct beginning){5, 1, 0, 1e-3F}, 1);
    networks[1] = tail((struct beginning){5, 2, 0, 1e-3F}, 2);
    assert_int_equal(network_common_layers(networks[0], networks[1]), 0);
    assert_int_equal(network_merge((const struct network *const *)networks, 2, &merged), STATUS_USAGE);
    assert_null(merged);
    assert_int_equal(network_merge((const struct network *const *)networks, 1, &merged), STATUS_USAGE);
    assert_null(merged);
    network_destroy(&networks[0]);
    network_destroy(&networks[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_networks_give_the_outputs_of_all),
        cmocka_unit_test(test_only_what_all_begin_with_is_merged),
        cmocka_unit_test(test_a_layer_that_others_read_is_the_last_merged),
        cmocka_unit_test(test_networks_that_begin_differently_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
