#include <stdio.h>

#include "compute/kernels/convolution.h"
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

static int32_t out_size(int32_t in, int32_t pads, int32_t kernel, int32_t stride, int32_t dilation)
{
    int32_t room = in + pads - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* Sets the output size; false when the kernel does not fit into the padded image. */
static bool convolution_complete(struct convolution *conv)
{
    conv->out_h = out_size(conv->in_h, conv->pad_top + conv->pad_bottom, conv->kernel_h, conv->stride_h,
                           conv->dilation_h);
    conv->out_w = out_size(conv->in_w, conv->pad_left + conv->pad_right, conv->kernel_w, conv->stride_w,
                           conv->dilation_w);
    return conv->out_h > 0 && conv->out_w > 0;
}

static const char *convolution_text(const struct convolution *conv, int32_t n)
{
    static char text[256];
    snprintf(text, sizeof text,
             "convolution n=%d in=%dx%dx%d out=%dx%dx%d kernel=%dx%d stride=%d,%d pad=%d,%d,%d,%d "
             "dilation=%d,%d groups=%d",
             n, conv->in_h, conv->in_w, conv->in_c, conv->out_h, conv->out_w, conv->out_c, conv->kernel_h,
             conv->kernel_w, conv->stride_h, conv->stride_w, conv->pad_top, conv->pad_left, conv->pad_bottom,
             conv->pad_right, conv->dilation_h, conv->dilation_w, conv->groups);
    return text;
}

/* Tensors of one convolution. */
struct tensors {
    size_t scratch_floats;
    float *scratch;
    struct pair x, w, bias, y, dx, dw, dbias;
    struct pair dy;
};

static struct tensors tensors_create(const struct convolution *conv, int32_t n, struct draw *draw)
{
    size_t images = (size_t)n, k = (size_t)conv->out_c;
    size_t inputs = images * (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c;
    size_t outputs = images * (size_t)conv->out_h * (size_t)conv->out_w * k;
    size_t weights =
        (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)(conv->in_c / conv->groups) * k;
    struct tensors t = {.scratch_floats = convolution_scratch_floats(conv)};
    t.scratch = scratch_create(t.scratch_floats);
    t.x = pair_normal(draw, inputs);
    t.w = pair_normal(draw, weights);
    t.bias = pair_normal(draw, k);
    t.dy = pair_normal(draw, outputs);
    t.y = pair_normal(draw, outputs); /* results begin as rubbish: they must be overwritten */
    t.dx = pair_normal(draw, inputs);
    t.dw = pair_normal(draw, weights);
    t.dbias = pair_normal(draw, k);
    return t;
}

static void tensors_check_and_free(struct tensors *t, const char *text)
{
    scratch_check_and_free(t->scratch, t->scratch_floats, text);
    struct pair *all[] = {&t->x, &t->w, &t->bias, &t->y, &t->dx, &t->dw, &t->dbias, &t->dy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

/* Forward and both backward steps against the reference. */
static void check(const struct convolution *conv, int32_t n, struct draw *draw)
{
    struct tensors t = tensors_create(conv, n, draw);
    const char *text = convolution_text(conv, n);

    const struct convolution_epilogue bias = {.shift = t.bias.f};
    convolution_forward(conv, n, t.x.f, t.w.f, &bias, t.y.f, t.scratch);
    reference_convolution_forward(conv, n, t.x.d, t.w.d, t.bias.d, t.y.d);
    assert_pair_agrees("y", text, &t.y);

    reference_convolution_backward(conv, n, t.x.d, t.w.d, t.dy.d, t.dx.d, t.dw.d, t.dbias.d);
    convolution_backward_weights(conv, n, t.x.f, t.dy.f, t.dw.f, t.dbias.f, t.scratch);
    assert_pair_agrees("dw", text, &t.dw);
    assert_pair_agrees("dbias", text, &t.dbias);
    convolution_backward_data(conv, n, t.w.f, t.dy.f, t.dx.f, false, t.scratch);
    assert_pair_agrees("dx", text, &t.dx);

    convolution_backward_data(conv, n, t.w.f, t.dy.f, t.dx.f, true, t.scratch);
    for (size_t i = 0; i < t.dx.count; i++)
        t.dx.d[i] *= 2;
    assert_pair_agrees("dx added to itself", text, &t.dx);

    tensors_check_and_free(&t, text);
}

static struct convolution square(int32_t in, int32_t c, int32_t k, int32_t kernel, int32_t stride,
                                 int32_t pad)
{
    struct convolution conv = {.in_h = in,
                               .in_w = in,
                               .in_c = c,
                               .out_c = k,
                               .kernel_h = kernel,
                               .kernel_w = kernel,
                               .stride_h = stride,
                               .stride_w = stride,
                               .pad_top = pad,
                               .pad_left = pad,
                               .pad_bottom = pad,
                               .pad_right = pad,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .groups = 1};
    assert_true(convolution_complete(&conv));
    return conv;
}

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

static int32_t greatest_common_divisor(int32_t a, int32_t b)
{
    return b == 0 ? a : greatest_common_divisor(b, a % b);
}

static struct convolution draw_convolution(struct draw *draw)
{
    static const int32_t channels[] = {1, 3, 16, 17, 64};
    struct convolution conv;
    do {
        conv = (struct convolution){.in_h = draw_between(draw, 1, 14),
                                    .in_w = draw_between(draw, 1, 14),
                                    .in_c = draw_one_of(draw, channels, 5),
                                    .out_c = draw_one_of(draw, channels, 5),
                                    .kernel_h = draw_between(draw, 1, 5),
                                    .kernel_w = draw_between(draw, 1, 5),
                                    .stride_h = draw_between(draw, 1, 3),
                                    .stride_w = draw_between(draw, 1, 3),
                                    .pad_top = draw_between(draw, 0, 3),
                                    .pad_left = draw_between(draw, 0, 3),
                                    .pad_bottom = draw_between(draw, 0, 3),
                                    .pad_right = draw_between(draw, 0, 3),
                                    .dilation_h = draw_between(draw, 1, 3),
                                    .dilation_w = draw_between(draw, 1, 3),
                                    .groups = 1};
    } while (!convolution_complete(&conv));
    if (draw_between(draw, 0, 2) == 0)
        conv.groups = greatest_common_divisor(conv.in_c, conv.out_c);
    return conv;
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

/* Every combination of the epilogue's parts, the residual apart from y and y itself. */
static void check_epilogues(const struct convolution *conv, int32_t n, struct draw *draw)
{
    struct tensors t = tensors_create(conv, n, draw);
    size_t k = (size_t)conv->out_c;
    struct pair scale = pair_normal(draw, k), residual = pair_normal(draw, t.y.count);
    struct pair sums = pair_zeros(t.y.count);
    reference_convolution_forward(conv, n, t.x.d, t.w.d, NULL, sums.d);
    for (unsigned parts = 0; parts < 32; parts++) {
        bool scaled = parts & 1, shifted = parts & 2, added = parts & 4, relu = parts & 8, in_y = parts & 16;
        const struct convolution_epilogue epilogue = {.scale = scaled ? scale.f : NULL,
                                                      .shift = shifted ? t.bias.f : NULL,
                                                      .residual = !added ? NULL
                                                                  : in_y ? t.y.f
                                                                         : residual.f,
                                                      .relu = relu};
        for (size_t i = 0; i < t.y.count; i++) {
            double y = sums.d[i] * (scaled ? scale.d[i % k] : 1) + (shifted ? t.bias.d[i % k] : 0) +
                       (added ? residual.d[i] : 0);
            t.y.d[i] = relu && y < 0 ? 0 : y;
        }
        memcpy(t.y.f, residual.f, t.y.count * sizeof *t.y.f);
        convolution_forward(conv, n, t.x.f, t.w.f, &epilogue, t.y.f, t.scratch);
        char text[300];
        snprintf(text, sizeof text, "%s, epilogue %u", convolution_text(conv, n), parts);
        assert_pair_agrees("y", text, &t.y);
    }
    pair_free(&scale);
    pair_free(&residual);
    pair_free(&sums);
    tensors_check_and_free(&t, "convolution with an epilogue");
}

static void test_epilogue(void **state)
{
    (void)state;
    struct draw draw = {.seed = 14};
    const struct convolution layers[] = {square(11, 3, 16, 3, 1, 1), square(19, 8, 21, 3, 1, 1),
                                         square(9, 5, 3, 3, 2, 1), square(10, 16, 24, 1, 1, 0)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_epilogues(&layers[i], 3, &draw);
    struct convolution depthwise = square(7, 12, 12, 3, 1, 1);
    depthwise.groups = 12;
    check_epilogues(&depthwise, 2, &draw);
    struct convolution grouped = square(7, 12, 20, 3, 1, 1);
    grouped.groups = 4;
    check_epilogues(&grouped, 2, &draw);
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
