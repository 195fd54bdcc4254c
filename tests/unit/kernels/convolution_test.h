/* What the tests of convolutions share: shapes, their tensors, and all three steps against the reference. */
#ifndef FACET_TESTS_UNIT_KERNELS_CONVOLUTION_TEST_H
#define FACET_TESTS_UNIT_KERNELS_CONVOLUTION_TEST_H

#include <stdio.h>

#include "compute/kernels/convolution.h"
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

static inline int32_t out_size(int32_t in, int32_t pads, int32_t kernel, int32_t stride, int32_t dilation)
{
    int32_t room = in + pads - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* Sets the output size; false when the kernel does not fit into the padded image. */
static inline bool convolution_complete(struct convolution *conv)
{
    conv->out_h = out_size(conv->in_h, conv->pad_top + conv->pad_bottom, conv->kernel_h, conv->stride_h,
                           conv->dilation_h);
    conv->out_w = out_size(conv->in_w, conv->pad_left + conv->pad_right, conv->kernel_w, conv->stride_w,
                           conv->dilation_w);
    return conv->out_h > 0 && conv->out_w > 0;
}

static inline const char *convolution_text(const struct convolution *conv, int32_t n)
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

static inline struct tensors tensors_create(const struct convolution *conv, int32_t n, struct draw *draw)
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

static inline void tensors_check_and_free(struct tensors *t, const char *text)
{
    scratch_check_and_free(t->scratch, t->scratch_floats, text);
    struct pair *all[] = {&t->x, &t->w, &t->bias, &t->y, &t->dx, &t->dw, &t->dbias, &t->dy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

/* Forward and both backward steps against the reference; dbias, which no way has a part in, to 1e-5. */
static inline void check_within(const struct convolution *conv, int32_t n, struct draw *draw,
                                double tolerance)
{
    struct tensors t = tensors_create(conv, n, draw);
    const char *text = convolution_text(conv, n);

    const struct convolution_epilogue bias = {.shift = t.bias.f};
    convolution_forward(conv, n, t.x.f, t.w.f, &bias, t.y.f, t.scratch);
    reference_convolution_forward(conv, n, t.x.d, t.w.d, t.bias.d, t.y.d);
    assert_pair_within("y", text, &t.y, tolerance);

    reference_convolution_backward(conv, n, t.x.d, t.w.d, t.dy.d, t.dx.d, t.dw.d, t.dbias.d);
    convolution_backward_weights(conv, n, t.x.f, t.dy.f, t.dw.f, t.dbias.f, t.scratch);
    assert_pair_within("dw", text, &t.dw, tolerance);
    assert_pair_agrees("dbias", text, &t.dbias);
    convolution_backward_data(conv, n, t.w.f, t.dy.f, t.dx.f, false, t.scratch);
    assert_pair_within("dx", text, &t.dx, tolerance);

    convolution_backward_data(conv, n, t.w.f, t.dy.f, t.dx.f, true, t.scratch);
    for (size_t i = 0; i < t.dx.count; i++)
        t.dx.d[i] *= 2;
    assert_pair_within("dx added to itself", text, &t.dx, tolerance);

    tensors_check_and_free(&t, text);
}

static inline void check(const struct convolution *conv, int32_t n, struct draw *draw)
{
    check_within(conv, n, draw, 1e-5);
}

static inline struct convolution square(int32_t in, int32_t c, int32_t k, int32_t kernel, int32_t stride,
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

static inline int32_t greatest_common_divisor(int32_t a, int32_t b)
{
    return b == 0 ? a : greatest_common_divisor(b, a % b);
}

static inline struct convolution draw_convolution(struct draw *draw)
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

/* Every combination of the epilogue's parts, the residual apart from y and y itself. */
static inline void check_epilogues(const struct convolution *conv, int32_t n, struct draw *draw,
                                   double tolerance)
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
        assert_pair_within("y", text, &t.y, tolerance);
    }
    pair_free(&scale);
    pair_free(&residual);
    pair_free(&sums);
    tensors_check_and_free(&t, "convolution with an epilogue");
}

#endif
