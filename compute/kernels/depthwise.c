#include "compute/kernels/depthwise.h"

#include <string.h>

#include "compute/kernels/axis.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/epilogue.h"

bool is_depthwise(const struct convolution *conv)
{
    return conv->groups > 1 && conv->groups == conv->in_c && conv->groups == conv->out_c;
}

static size_t weight_floats(const struct convolution *conv)
{
    return (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)conv->in_c;
}

size_t depthwise_scratch_floats(const struct convolution *conv)
{
    size_t weights = weight_floats(conv), row = (size_t)conv->out_w * (size_t)conv->out_c;
    return weights > row ? weights : row;
}

static size_t in_floats(const struct convolution *conv)
{
    return (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c;
}

/* sum += a·b, channel by channel. */
static void multiply_add(ptrdiff_t c, const float *a, const float *b, float *sum)
{
#pragma omp simd
    for (ptrdiff_t j = 0; j < c; j++)
        sum[j] += a[j] * b[j];
}

/* A kernel laid over one output pixel: the taps inside the image, and its corner, which may lie outside. */
struct placement {
    ptrdiff_t top, left;
    struct span r, s;
};

static struct placement placement_at(const struct convolution *conv, ptrdiff_t p, ptrdiff_t q)
{
    struct placement place = {
        p * conv->stride_h - conv->pad_top, q * conv->stride_w - conv->pad_left, {0}, {0}};
    place.r = axis_inside((struct span){0, conv->kernel_h}, conv->in_h, place.top, conv->dilation_h);
    place.s = axis_inside((struct span){0, conv->kernel_w}, conv->in_w, place.left, conv->dilation_w);
    return place;
}

/* Offsets of tap (r, s) in an image of x and in w. */
static ptrdiff_t tap_in_image(const struct convolution *conv, const struct placement *place, ptrdiff_t r,
                              ptrdiff_t s)
{
    ptrdiff_t h = place->top + r * conv->dilation_h, w = place->left + s * conv->dilation_w;
    return (h * conv->in_w + w) * conv->in_c;
}

static ptrdiff_t tap_in_weights(const struct convolution *conv, ptrdiff_t r, ptrdiff_t s)
{
    return (r * conv->kernel_w + s) * conv->in_c;
}

/* A row of output pixels at a time, so that the epilogue finds it in cache. */
void depthwise_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                       const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    ptrdiff_t c = conv->in_c;
    size_t width = (size_t)conv->out_w, row_floats = width * (size_t)c, first = 0;
    for (int32_t i = 0; i < n; i++, x += in_floats(conv))
        for (ptrdiff_t p = 0; p < conv->out_h; p++, first += width) {
            float *sums = epilogue_reads(epilogue, y) ? scratch : y + first * (size_t)c;
            memset(sums, 0, row_floats * sizeof *sums);
            for (ptrdiff_t q = 0; q < conv->out_w; q++) {
                struct placement place = placement_at(conv, p, q);
                for (ptrdiff_t r = place.r.first; r < place.r.last; r++)
                    for (ptrdiff_t s = place.s.first; s < place.s.last; s++)
                        multiply_add(c, x + tap_in_image(conv, &place, r, s), w + tap_in_weights(conv, r, s),
                                     sums + q * c);
            }
            if (epilogue != NULL)
                epilogue_apply(epilogue, first, width, (size_t)c, sums, y);
        }
}

/* Sums over an image first, then over images: shorter sums lose less in float32. */
void depthwise_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                                float *dw, float *scratch)
{
    ptrdiff_t c = conv->in_c;
    size_t weights = weight_floats(conv);
    memset(dw, 0, weights * sizeof *dw);
    for (int32_t i = 0; i < n; i++, x += in_floats(conv)) {
        memset(scratch, 0, weights * sizeof *scratch);
        for (ptrdiff_t p = 0; p < conv->out_h; p++)
            for (ptrdiff_t q = 0; q < conv->out_w; q++, dy += c) {
                struct placement place = placement_at(conv, p, q);
                for (ptrdiff_t r = place.r.first; r < place.r.last; r++)
                    for (ptrdiff_t s = place.s.first; s < place.s.last; s++)
                        multiply_add(c, x + tap_in_image(conv, &place, r, s), dy,
                                     scratch + tap_in_weights(conv, r, s));
            }
        add_forward(weights, dw, scratch, dw);
    }
}

void depthwise_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                             float *dx, bool accumulate)
{
    ptrdiff_t c = conv->in_c;
    if (!accumulate)
        memset(dx, 0, (size_t)n * in_floats(conv) * sizeof *dx);
    for (int32_t i = 0; i < n; i++, dx += in_floats(conv))
        for (ptrdiff_t p = 0; p < conv->out_h; p++)
            for (ptrdiff_t q = 0; q < conv->out_w; q++, dy += c) {
                struct placement place = placement_at(conv, p, q);
                for (ptrdiff_t r = place.r.first; r < place.r.last; r++)
                    for (ptrdiff_t s = place.s.first; s < place.s.last; s++)
                        multiply_add(c, w + tap_in_weights(conv, r, s), dy,
                                     dx + tap_in_image(conv, &place, r, s));
            }
}
