/* Networks with channels of zeros give the same outputs. */
#include "building.h"

#include <math.h>

#include "compute/network/channel_padding.h"
#include "compute/network/pass.h"

enum { IMAGES = 3 };

static void assert_same_outputs(const struct network *a, const struct network *b, uint64_t seed)
{
    struct pass *passes[2];
    size_t outputs = shape_count(a->layers[a->layer_count - 1].shape);
    float *images = new_images(a, IMAGES, seed);
    assert_int_equal(outputs, shape_count(b->layers[b->layer_count - 1].shape));
    assert_int_equal(pass_create(a, IMAGES, PASS_INFER, &passes[0]), STATUS_OK);
    assert_int_equal(pass_create(b, IMAGES, PASS_INFER, &passes[1]), STATUS_OK);
    const float *x = pass_forward(passes[0], IMAGES, images), *y = pass_forward(passes[1], IMAGES, images);
    float largest = 1;
    for (size_t i = 0; i < IMAGES * outputs; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    for (size_t i = 0; i < IMAGES * outputs; i++)
        if (!(fabsf(x[i] - y[i]) <= 1e-3F * largest))
            fail_msg("network %d: output %zu is %g; expected %g", (int)seed, i, (double)y[i], (double)x[i]);
    pass_destroy(&passes[0]);
    pass_destroy(&passes[1]);
    memory_free(&images);
}

/* A shortcut that begins with channels of zeros, as a sliced residual network has it. */
static struct network *shortcut_network(int32_t from_c, int32_t out_c)
{
    struct network *network = new_network(8, 8, 3);
    const struct layer_options window = {
        .from_c = from_c, .step_h = 1, .step_w = 1, .out_h = 8, .out_w = 8, .out_c = out_c};
    const struct layer_options pool = pooling_options(2, 2, 0), clip = {.low = 0, .high = 6};
    const struct layer_options strided = convolution_options(9, 3, 2, 1);
    int32_t at = add_convolution(network, "a", 0, 5, 3, 1, 1);
    int32_t skip = add_plain(network, LAYER_RELU, "ra", at);
    at = add_convolution(network, "b", skip, out_c, 3, 1, 1);
    at = add_batchnorm(network, "n", at);
    skip = add_layer(network, LAYER_WINDOW, "shortcut", &window, skip, -1);
    at = add_layer(network, LAYER_ADD, "add", NULL, at, skip);
    at = add_plain(network, LAYER_RELU, "rb", at);
    at = add_layer(network, LAYER_MAXPOOL, "pool", &pool, at, -1);
    at = add_layer(network, LAYER_CONVOLUTION, "c", &strided, at, -1);
    at = add_layer(network, LAYER_CLIP, "clip", &clip, at, -1);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    add_dense(network, "output", at, 1);
    finish(network);
    randomise(network, 3);
    return network;
}

static void test_padded_networks_give_the_same_outputs(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 60; i++) {
        int32_t from = i % 5 - 2, multiple = 4 + i % 13;
        struct network *network = shortcut_network(from, 7 + i % 17), *padded;
        assert_int_equal(network_pad_channels(network, multiple, 100, &padded), STATUS_OK);
        assert_non_null(padded);
        assert_int_equal(padded->layers[1].shape.c % multiple, 0);
        assert_same_outputs(network, padded, 1);
        network_destroy(&padded);
        network_destroy(&network);
    }
    struct network *cut = shortcut_network(0, 4), *padded; /* the fifth channel would come back */
    assert_int_equal(network_pad_channels(cut, 16, 100, &padded), STATUS_OK);
    assert_null(padded);
    network_destroy(&cut);
}

static void test_what_is_too_thin_or_round_is_left_alone(void **state)
{
    (void)state;
    struct network *network = shortcut_network(0, 7), *padded;
    assert_int_equal(network_pad_channels(network, 16, 1.5, &padded), STATUS_OK);
    assert_null(padded); /* 5, 7 and 9 channels */
    assert_int_equal(network_pad_channels(network, 1, 100, &padded), STATUS_OK);
    assert_null(padded);
    assert_int_equal(network_pad_channels(network, 8, 1.25, &padded), STATUS_OK);
    assert_int_equal(padded->layers[1].shape.c, 5);
    assert_int_equal(padded->layers[3].shape.c, 8);
    assert_int_equal(padded->layers[9].shape.c, 9);
    assert_same_outputs(network, padded, 2);
    network_destroy(&padded);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_padded_networks_give_the_same_outputs),
        cmocka_unit_test(test_what_is_too_thin_or_round_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
