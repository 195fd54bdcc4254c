#include "tests/unit/kernels/convolution_test.h"

static void test_layers_of_known_networks(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    const struct convolution layers[] = {
        square(32, 3, 16, 3, 1, 1),  square(32, 16, 16, 3, 1, 1), square(32, 16, 32, 3, 2, 1),
        square(8, 64, 64, 3, 1, 1),  square(28, 1, 32, 5, 1, 2),  square(14, 32, 64, 5, 1, 2),
        square(16, 16, 32, 1, 2, 0), square(32, 3, 16, 7, 2, 3),
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check(&layers[i], 2, &draw);
}

static void test_pointwise(void **state)
{
    (void)state;
    struct draw draw = {.seed = 2};
    struct convolution conv = square(7, 17, 16, 1, 1, 0);
    check(&conv, 5, &draw);
    struct convolution grouped = square(6, 16, 64, 1, 1, 0);
    grouped.groups = 4;
    check(&grouped, 3, &draw);
    struct convolution padded = square(5, 3, 16, 1, 1, 1);
    check(&padded, 2, &draw);
    struct convolution strided = square(9, 16, 17, 1, 3, 0);
    check(&strided, 2, &draw);
}

static void test_depthwise(void **state)
{
    (void)state;
    struct draw draw = {.seed = 3};
    for (int32_t stride = 1; stride <= 2; stride++) {
        struct convolution conv = square(9, 17, 17, 3, stride, 1);
        conv.groups = 17;
        check(&conv, 3, &draw);
        struct convolution multiplied = square(9, 8, 24, 3, stride, 1); /* three outputs an input channel */
        multiplied.groups = 8;
        check(&multiplied, 2, &draw);
    }
}

static void test_single_pixel(void **state)
{
    (void)state;
    struct draw draw = {.seed = 4};
    struct convolution conv = square(1, 64, 17, 3, 1, 1);
    check(&conv, 4, &draw);
    struct convolution smallest = square(1, 1, 1, 1, 1, 0);
    check(&smallest, 1, &draw);
}

static void test_kernel_larger_than_the_image(void **state)
{
    (void)state;
    struct draw draw = {.seed = 5};
    struct convolution conv = square(3, 3, 16, 7, 1, 2);
    check(&conv, 3, &draw);
    struct convolution strided = square(4, 16, 3, 7, 2, 3);
    check(&strided, 2, &draw);
}

static void test_padding_wider_than_the_kernel(void **state)
{
    (void)state;
    struct draw draw = {.seed = 6};
    struct convolution conv = square(4, 3, 16, 2, 1, 4);
    check(&conv, 2, &draw);
    struct convolution strided = square(4, 3, 16, 2, 3, 5);
    check(&strided, 2, &draw);
}

static void test_stride_larger_than_the_kernel(void **state)
{
    (void)state;
    struct draw draw = {.seed = 7};
    struct convolution conv = square(13, 3, 5, 2, 5, 1); /* some inputs are never read: dx is 0 there */
    check(&conv, 3, &draw);
}

static void test_stride_far_beyond_the_image(void **state)
{
    (void)state;
    struct draw draw = {.seed = 15};
    const struct convolution layers[] = {square(4, 16, 16, 1, INT32_MAX, 0), square(3, 16, 16, 2, 5, 0),
                                         square(4, 3, 5, 2, INT32_MAX, 1),
                                         square(1, 3, 16, 1, INT32_MAX - 1, 0)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check(&layers[i], 2, &draw);
}

/* Strides and dilations that share a factor: some phases of the stride have no tap at all. */
static void test_dilation_and_stride(void **state)
{
    (void)state;
    struct draw draw = {.seed = 8};
    for (int32_t stride = 1; stride <= 6; stride++)
        for (int32_t dilation = 1; dilation <= 4; dilation++) {
            struct convolution conv = square(11, 3, 4, 3, stride, 2);
            conv.dilation_h = dilation;
            conv.dilation_w = 5 - dilation;
            assert_true(convolution_complete(&conv));
            check(&conv, 2, &draw);
        }
}

/* Enough pixels for several tiles of every function, that begin and end inside an output row. */
static void test_several_tiles(void **state)
{
    (void)state;
    struct draw draw = {.seed = 9};
    struct convolution conv = square(23, 17, 3, 5, 1, 2);
    check(&conv, 3, &draw);
    struct convolution strided = square(45, 17, 17, 3, 2, 1);
    check(&strided, 3, &draw);
}

static void test_random_shapes(void **state)
{
    (void)state;
    struct draw draw = {.seed = 10};
    for (int i = 0; i < 80; i++) {
        struct convolution conv = draw_convolution(&draw);
        check(&conv, draw_between(&draw, 1, 5), &draw);
    }
}

static void test_without_bias(void **state)
{
    (void)state;
    struct draw draw = {.seed = 11};
    struct convolution conv = square(6, 3, 16, 3, 1, 1);
    struct tensors t = tensors_create(&conv, 2, &draw);
    convolution_forward(&conv, 2, t.x.f, t.w.f, NULL, t.y.f, t.scratch);
    reference_convolution_forward(&conv, 2, t.x.d, t.w.d, NULL, t.y.d);
    assert_pair_agrees("y", "convolution without bias", &t.y);
    reference_convolution_backward(&conv, 2, t.x.d, t.w.d, t.dy.d, t.dx.d, t.dw.d, t.dbias.d);
    convolution_backward_weights(&conv, 2, t.x.f, t.dy.f, t.dw.f, NULL, t.scratch);
    assert_pair_agrees("dw", "convolution without bias", &t.dw);
    tensors_check_and_free(&t, "convolution without bias");
}

static void test_epilogue(void **state)
{
    (void)state;
    struct draw draw = {.seed = 14};
    const struct convolution layers[] = {square(11, 3, 16, 3, 1, 1), square(19, 8, 21, 3, 1, 1),
                                         square(9, 5, 3, 3, 2, 1), square(10, 16, 24, 1, 1, 0)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_epilogues(&layers[i], 3, &draw, 1e-5);
    struct convolution depthwise = square(7, 12, 12, 3, 1, 1);
    depthwise.groups = 12;
    check_epilogues(&depthwise, 2, &draw, 1e-5);
    struct convolution grouped = square(7, 12, 20, 3, 1, 1);
    grouped.groups = 4;
    check_epilogues(&grouped, 2, &draw, 1e-5);
}

static void test_relu_passes_nan_on(void **state)
{
    (void)state;
    const struct convolution conv = square(2, 1, 1, 1, 1, 0);
    const float x[] = {-1, 2, NAN, -INFINITY}, w[] = {3};
    float y[4], *scratch = scratch_create(convolution_scratch_floats(&conv));
    convolution_forward(&conv, 1, x, w, &(struct convolution_epilogue){.relu = true}, y, scratch);
    assert_true(y[0] == 0 && y[1] == 6 && isnan(y[2]) && y[3] == 0);
    scratch_check_and_free(scratch, convolution_scratch_floats(&conv), "a convolution of NaN");
}

static void test_no_images(void **state)
{
    (void)state;
    struct draw draw = {.seed = 12};
    struct convolution conv = square(6, 3, 4, 3, 1, 1);
    struct tensors t = tensors_create(&conv, 1, &draw);
    convolution_backward_weights(&conv, 0, t.x.f, t.dy.f, t.dw.f, t.dbias.f, t.scratch);
    for (size_t i = 0; i < t.dw.count; i++)
        assert_true(t.dw.f[i] == 0.0F);
    for (size_t i = 0; i < t.dbias.count; i++)
        assert_true(t.dbias.f[i] == 0.0F);
    tensors_check_and_free(&t, "convolution of no images");
}

/* What an image's outputs are does not depend on the images beside it. */
static void test_images_are_independent(void **state)
{
    (void)state;
    struct draw draw = {.seed = 13};
    struct convolution conv = square(13, 16, 16, 3, 1, 1);
    struct tensors t = tensors_create(&conv, 5, &draw);
    const struct convolution_epilogue bias = {.shift = t.bias.f};
    convolution_forward(&conv, 5, t.x.f, t.w.f, &bias, t.y.f, t.scratch);
    size_t in = t.x.count / 5, out = t.y.count / 5;
    struct pair one = pair_zeros(out);
    convolution_forward(&conv, 1, t.x.f + 4 * in, t.w.f, &bias, one.f, t.scratch);
    for (size_t i = 0; i < out; i++)
        one.d[i] = (double)t.y.f[4 * out + i];
    assert_pair_agrees("one image's y", "convolution of five", &one);
    pair_free(&one);
    tensors_check_and_free(&t, "convolution of five images");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_of_known_networks),
        cmocka_unit_test(test_pointwise),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_single_pixel),
        cmocka_unit_test(test_kernel_larger_than_the_image),
        cmocka_unit_test(test_padding_wider_than_the_kernel),
        cmocka_unit_test(test_stride_larger_than_the_kernel),
        cmocka_unit_test(test_stride_far_beyond_the_image),
        cmocka_unit_test(test_dilation_and_stride),
        cmocka_unit_test(test_several_tiles),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_without_bias),
        cmocka_unit_test(test_epilogue),
        cmocka_unit_test(test_relu_passes_nan_on),
        cmocka_unit_test(test_no_images),
        cmocka_unit_test(test_images_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
