/* Running networks forward: the modes agree, masks, stopping early, and independence of batch and history. */
#include "random_network.h"
#include "reference_network.h"

#include <math.h>
#include <string.h>

#include "compute/network/pass.h"

enum { IMAGES = 4, CLASSES = 3, RANDOM_NETWORKS = 60, LAYERS = 14 };

static struct pass *new_pass(const struct network *network, int32_t images, enum pass_mode mode)
{
    struct pass *pass;
    if (pass_create(network, images, mode, &pass) != STATUS_OK)
        fail_msg("%s", error_message());
    return pass;
}

/* Two residual blocks over a stem, with every value that inference can share memory for. */
static struct network *residual_network(void)
{
    struct network *network = new_network(6, 6, 2);
    int32_t at = add_batchnorm(network, "bn0", add_convolution(network, "conv0", 0, 4, 3, 1, 1));
    int32_t block = add_plain(network, LAYER_RELU, "relu0", at);
    at = add_batchnorm(network, "bn1", add_convolution(network, "conv1", block, 4, 3, 1, 1));
    at = add_plain(network, LAYER_RELU, "relu1", at);
    at = add_batchnorm(network, "bn2", add_convolution(network, "conv2", at, 4, 3, 1, 1));
    at = add_layer(network, LAYER_ADD, "add", NULL, at, block);
    at = add_plain(network, LAYER_RELU, "relu2", at);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "pool", at);
    add_dense(network, "output", at, CLASSES);
    finish(network);
    randomise(network, 3);
    return network;
}

static int32_t layer_called(const struct network *network, const char *name)
{
    for (int32_t i = 0; i < network->layer_count; i++)
        if (strcmp(network->layers[i].name, name) == 0)
            return i;
    fail_msg("no layer %s", name);
    return -1;
}

static void assert_close(const char *what, const float *found, const double *expected, size_t count)
{
    double scale = 1e-6;
    for (size_t i = 0; i < count; i++)
        if (fabs(expected[i]) > scale)
            scale = fabs(expected[i]);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(found[i] - expected[i]) <= 1e-4 * scale))
            fail_msg("%s: entry %zu is %g, expected %g (largest %g)", what, i, (double)found[i], expected[i],
                     scale);
}

static void test_every_layer_agrees_with_the_reference(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_network(seed, LAYERS, CLASSES);
        struct reference_network reference = reference_create(network, IMAGES, false);
        struct pass *pass = new_pass(network, IMAGES, PASS_OBSERVE);
        float *images = new_images(network, IMAGES, seed);
        reference_run(&reference, images);
        pass_forward(pass, IMAGES, images);
        for (int32_t i = 0; i < network->layer_count; i++)
            assert_close(network->layers[i].name, pass_value(pass, i), reference.values[i],
                         IMAGES * shape_count(network->layers[i].shape));
        pass_destroy(&pass);
        reference_clear(&reference);
        memory_free(&images);
        network_destroy(&network);
    }
}

static void test_infer_equals_observe_bit_for_bit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_network(seed, LAYERS, CLASSES);
        struct pass *infer = new_pass(network, IMAGES, PASS_INFER);
        struct pass *observe = new_pass(network, IMAGES, PASS_OBSERVE);
        float *images = new_images(network, IMAGES, seed);
        assert_memory_equal(pass_forward(infer, IMAGES, images), pass_forward(observe, IMAGES, images),
                            IMAGES * CLASSES * sizeof(float));
        pass_destroy(&infer);
        pass_destroy(&observe);
        memory_free(&images);
        network_destroy(&network);
    }
}

/* Stopping at every layer in turn, in a pass that reuses buffers. */
static void test_any_layer_can_be_the_last(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_network(seed, LAYERS, CLASSES);
        struct pass *infer = new_pass(network, IMAGES, PASS_INFER);
        struct pass *observe = new_pass(network, IMAGES, PASS_OBSERVE);
        float *images = new_images(network, IMAGES, seed);
        pass_forward(observe, IMAGES, images);
        for (int32_t i = 0; i < network->layer_count; i++) {
            pass_set_last_layer(infer, i);
            assert_memory_equal(pass_forward(infer, IMAGES, images), pass_value(observe, i),
                                IMAGES * shape_count(network->layers[i].shape) * sizeof(float));
        }
        pass_destroy(&infer);
        pass_destroy(&observe);
        memory_free(&images);
        network_destroy(&network);
    }
}

/* Layers the last one does not need are not run: what they held before stays. */
static void test_layers_not_needed_are_left_alone(void **state)
{
    (void)state;
    struct network *network = new_network(3, 3, 2);
    int32_t left = add_convolution(network, "left", 0, 2, 1, 1, 0);
    int32_t right = add_convolution(network, "right", 0, 2, 1, 1, 0);
    int32_t relu = add_plain(network, LAYER_RELU, "relu", right);
    add_layer(network, LAYER_ADD, "add", NULL, left, relu);
    finish(network);
    randomise(network, 1);
    struct pass *pass = new_pass(network, 1, PASS_OBSERVE);
    float *images = new_images(network, 1, 1);
    pass_set_last_layer(pass, relu);
    pass_forward(pass, 1, images);
    const float zeros[18] = {0};
    assert_memory_equal(pass_value(pass, left), zeros, sizeof zeros);
    assert_memory_not_equal(pass_value(pass, right), zeros, sizeof zeros);
    pass_destroy(&pass);
    memory_free(&images);
    network_destroy(&network);
}

static void check_masks(enum pass_mode mode)
{
    struct network *network = residual_network();
    struct reference_network reference = reference_create(network, IMAGES, false);
    struct pass *pass = new_pass(network, IMAGES, mode);
    float *images = new_images(network, IMAGES, 2), *masks[2], before[IMAGES * CLASSES];
    const char *masked[2] = {"relu0", "relu2"};
    memcpy(before, pass_forward(pass, IMAGES, images), sizeof before);
    for (int m = 0; m < 2; m++) {
        int32_t layer = layer_called(network, masked[m]);
        size_t units = shape_count(network->layers[layer].shape);
        masks[m] = new_normal(units, (uint64_t)m);
        for (size_t u = 0; u < units; u++)
            masks[m][u] = masks[m][u] > 0;
        pass_set_mask(pass, layer, masks[m]);
        reference.masks[layer] = masks[m];
    }
    const double *expected = reference_run(&reference, images);
    const float *found = pass_forward(pass, IMAGES, images);
    assert_close("masked", found, expected, IMAGES * CLASSES);
    assert_memory_not_equal(found, before, sizeof before);
    for (int m = 0; m < 2; m++)
        pass_set_mask(pass, layer_called(network, masked[m]), NULL);
    assert_memory_equal(pass_forward(pass, IMAGES, images), before, sizeof before);
    pass_destroy(&pass);
    reference_clear(&reference);
    memory_free(&images);
    memory_free(&masks[0]);
    memory_free(&masks[1]);
    network_destroy(&network);
}

static void test_masks_when_inferring(void **state)
{
    (void)state;
    check_masks(PASS_INFER);
}

static void test_masks_when_observing(void **state)
{
    (void)state;
    check_masks(PASS_OBSERVE);
}

static void test_images_together_equal_images_one_by_one(void **state)
{
    (void)state;
    enum { MANY = 17 };
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_network(seed, LAYERS, CLASSES);
        struct pass *pass = new_pass(network, MANY, PASS_INFER), *single = new_pass(network, 1, PASS_INFER);
        float *images = new_images(network, MANY, seed);
        size_t units = shape_count(network_input_shape(network));
        const float *together = pass_forward(pass, MANY, images);
        for (size_t i = 0; i < MANY; i++)
            assert_memory_equal(pass_forward(single, 1, images + i * units), together + i * CLASSES,
                                CLASSES * sizeof(float));
        pass_destroy(&pass);
        pass_destroy(&single);
        memory_free(&images);
        network_destroy(&network);
    }
}

/* NaN images fill whatever they can reach; nothing of that may be left in the next results. */
static void test_inference_forgets_what_was_before(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_NETWORKS; seed++) {
        struct network *network = random_network(seed, LAYERS, CLASSES);
        struct pass *pass = new_pass(network, IMAGES, PASS_INFER);
        float *images = new_images(network, IMAGES, seed), *poison = new_images(network, IMAGES, seed);
        for (size_t i = 0; i < IMAGES * shape_count(network_input_shape(network)); i++)
            poison[i] = NAN;
        float before[IMAGES * CLASSES];
        memcpy(before, pass_forward(pass, IMAGES, images), sizeof before);
        pass_forward(pass, IMAGES, poison);
        assert_memory_equal(pass_forward(pass, IMAGES, images), before, sizeof before);
        pass_destroy(&pass);
        memory_free(&images);
        memory_free(&poison);
        network_destroy(&network);
    }
}

static void test_buffers_are_reused_when_inferring(void **state)
{
    (void)state;
    struct network *network = residual_network();
    struct pass *infer = new_pass(network, IMAGES, PASS_INFER);
    struct pass *observe = new_pass(network, IMAGES, PASS_OBSERVE);
    struct pass *train = new_pass(network, IMAGES, PASS_TRAIN);
    /* Of nine values of 6×6×4 a residual network needs three at once at most. */
    size_t value = IMAGES * 6 * 6 * 4 * sizeof(float);
    assert_true(pass_memory_bytes(observe) - pass_memory_bytes(infer) >= 6 * value);
    assert_true(pass_memory_bytes(train) > pass_memory_bytes(infer));
    pass_destroy(&infer);
    pass_destroy(&observe);
    pass_destroy(&train);
    network_destroy(&network);
}

static void test_flatten_of_the_images_is_the_images(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    add_plain(network, LAYER_FLATTEN, "flatten", 0);
    finish(network);
    struct pass *pass = new_pass(network, 1, PASS_INFER);
    float *images = new_images(network, 1, 1);
    assert_ptr_equal(pass_forward(pass, 1, images), images);
    pass_destroy(&pass);
    memory_free(&images);
    network_destroy(&network);
}

/* A ReLU right after the input must not write on the caller's images. */
static void test_images_are_not_written(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    add_plain(network, LAYER_RELU, "relu", add_plain(network, LAYER_FLATTEN, "flatten", 0));
    finish(network);
    struct pass *pass = new_pass(network, 1, PASS_INFER);
    float *images = new_images(network, 1, 1), *kept = new_images(network, 1, 1);
    const float *output = pass_forward(pass, 1, images);
    assert_memory_equal(images, kept, 8 * sizeof(float));
    for (int i = 0; i < 8; i++)
        assert_true(output[i] == (kept[i] > 0 ? kept[i] : 0));
    pass_destroy(&pass);
    memory_free(&images);
    memory_free(&kept);
    network_destroy(&network);
}

static void test_unfinished_network_is_refused(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    struct pass *pass = (struct pass *)network;
    add_plain(network, LAYER_RELU, "relu", 0);
    assert_int_equal(pass_create(network, 1, PASS_INFER, &pass), STATUS_USAGE);
    assert_null(pass);
    finish(network);
    assert_int_equal(pass_create(network, 0, PASS_INFER, &pass), STATUS_USAGE);
    assert_null(pass);
    network_destroy(&network);
}

static void test_too_many_images_is_no_memory(void **state)
{
    (void)state;
    struct network *network = new_network(30000, 30000, 2);
    struct pass *pass;
    add_plain(network, LAYER_RELU, "relu", 0);
    finish(network);
    assert_int_equal(pass_create(network, INT32_MAX, PASS_INFER, &pass), STATUS_NO_MEMORY);
    assert_null(pass);
    network_destroy(&network);
}

static void test_destroying_nothing_is_fine(void **state)
{
    (void)state;
    struct network *network = residual_network();
    struct pass *pass = new_pass(network, 1, PASS_INFER);
    pass_destroy(&pass);
    assert_null(pass);
    pass_destroy(&pass);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_agrees_with_the_reference),
        cmocka_unit_test(test_infer_equals_observe_bit_for_bit),
        cmocka_unit_test(test_any_layer_can_be_the_last),
        cmocka_unit_test(test_layers_not_needed_are_left_alone),
        cmocka_unit_test(test_masks_when_inferring),
        cmocka_unit_test(test_masks_when_observing),
        cmocka_unit_test(test_images_together_equal_images_one_by_one),
        cmocka_unit_test(test_inference_forgets_what_was_before),
        cmocka_unit_test(test_buffers_are_reused_when_inferring),
        cmocka_unit_test(test_flatten_of_the_images_is_the_images),
        cmocka_unit_test(test_images_are_not_written),
        cmocka_unit_test(test_unfinished_network_is_refused),
        cmocka_unit_test(test_too_many_images_is_no_memory),
        cmocka_unit_test(test_destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
