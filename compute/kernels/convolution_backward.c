#include <string.h>

#include "compute/kernels/convolution.h"
#include "compute/kernels/depthwise.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/im2col.h"
#include "compute/kernels/reduce.h"

/* dw = Σ over tiles of (tile of im2col)ᵀ · (tile of dy), in the order of the tiles. */
static void tiles_backward_weights(const struct convolution *conv, size_t pixels, const float *x,
                                   const float *dy, float *dw, float *scratch)
{
    ptrdiff_t k = conv->out_c, group_k = k / conv->groups, depth = (ptrdiff_t)im2col_depth(conv);
    size_t tile = im2col_tile_pixels(conv);
    if (pixels == 0)
        memset(dw, 0, (size_t)depth * (size_t)k * sizeof *dw);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        for (int32_t g = 0; g < conv->groups; g++) {
            struct matrix columns = im2col_tile(conv, x, first, count, g, scratch);
            struct matrix transposed = {columns.data, columns.column_stride, columns.row_stride};
            gemm(depth, group_k, (ptrdiff_t)count, transposed,
                 matrix_rows(dy + first * (size_t)k + g * group_k, k), first > 0 ? 1.0F : 0.0F,
                 dw + g * group_k, k);
        }
    }
}

void convolution_backward_weights(const struct convolution *conv, int32_t n, const float *x, const float *dy,
                                  float *dw, float *dbias, float *scratch)
{
    size_t pixels = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w;
    if (is_depthwise(conv))
        depthwise_backward_weights(conv, n, x, dy, dw, scratch);
    else
        tiles_backward_weights(conv, pixels, x, dy, dw, scratch);
    if (dbias != NULL)
        column_sums(pixels, (size_t)conv->out_c, dy, 1.0, dbias);
}

/* dx is a sum over the taps (r, s) that carry an input pixel to an output pixel:
 *
 *   dx(h) = Σ_r dy(p)·w(r)   over r with   p·stride + r·dilation = h + pad   (and the same along w).
 *
 * Input pixels of equal (h + pad) mod stride, a *phase*, share their set of taps: r = r0, r0 + Δ, …, where Δ
 * = stride/gcd(stride, dilation), and each further tap lies dilation/gcd outputs before the last. So a phase
 * is itself a convolution with stride 1, of dy with the phase's taps in reverse order, and needs no scatter
 * of overlapping sums. With stride 1 there is one phase, all of dx. */
struct axis_phase {
    int32_t first, count;        /* the phase's inputs: first, first + stride, … */
    int32_t tap, tap_step, taps; /* r0, Δ, and how many */
    int32_t pad, dilation;       /* of the stride-1 convolution of dy; pad may be negative */
};

static int32_t greatest_common_divisor(int32_t a, int32_t b)
{
    while (b != 0) {
        int32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The phase of inputs first, first + stride, … with 0 ≤ first < stride. */
static struct axis_phase axis_phase_at(int32_t first, int32_t in, int32_t kernel, int32_t stride, int32_t pad,
                                       int32_t dilation)
{
    int32_t divisor = greatest_common_divisor(stride, dilation);
    struct axis_phase phase = {.first = first, .tap_step = stride / divisor, .dilation = dilation / divisor};
    phase.count = first < in ? (in - first + stride - 1) / stride : 0;
    int64_t position = (int64_t)first + pad; /* p·stride + r·dilation of the phase's first input */
    while (phase.tap < phase.tap_step && (position - (int64_t)phase.tap * dilation) % stride != 0)
        phase.tap++;
    if (phase.tap >= phase.tap_step || phase.tap >= kernel)
        return phase; /* no tap reaches these inputs */
    phase.taps = (kernel - 1 - phase.tap) / phase.tap_step + 1;
    /* The last tap comes first in the reversed order: it reads output −pad for the first input. */
    int64_t last_tap = phase.tap + (int64_t)(phase.taps - 1) * phase.tap_step;
    phase.pad = (int32_t)(-((position - last_tap * dilation) / stride));
    return phase;
}

/* A phase of both axes, and the convolution of dy that computes it. */
struct phase {
    struct axis_phase h, w;
    struct convolution conv; /* in: dy (out_h, out_w, K); out: the phase's inputs (count_h, count_w, C) */
};

/* False when the phase has no inputs or no taps: dx gets nothing there. */
static bool phase_at(const struct convolution *conv, int32_t first_h, int32_t first_w, struct phase *phase)
{
    phase->h =
        axis_phase_at(first_h, conv->in_h, conv->kernel_h, conv->stride_h, conv->pad_top, conv->dilation_h);
    phase->w =
        axis_phase_at(first_w, conv->in_w, conv->kernel_w, conv->stride_w, conv->pad_left, conv->dilation_w);
    phase->conv = (struct convolution){.in_h = conv->out_h,
                                       .in_w = conv->out_w,
                                       .in_c = conv->out_c,
                                       .out_h = phase->h.count,
                                       .out_w = phase->w.count,
                                       .out_c = conv->in_c,
                                       .kernel_h = phase->h.taps,
                                       .kernel_w = phase->w.taps,
                                       .stride_h = 1,
                                       .stride_w = 1,
                                       .pad_top = phase->h.pad,
                                       .pad_left = phase->w.pad,
                                       .dilation_h = phase->h.dilation,
                                       .dilation_w = phase->w.dilation,
                                       .groups = conv->groups};
    return phase->h.count > 0 && phase->w.count > 0 && phase->h.taps > 0 && phase->w.taps > 0;
}

static bool is_strided(const struct convolution *conv)
{
    return conv->stride_h > 1 || conv->stride_w > 1;
}

/* dst, whose rows are dst_stride apart, = the transpose of src, `rows` rows of `columns` floats src_stride
 * apart. By blocks, so that the cache lines touched by a column are still there for the next. */
static void transpose(ptrdiff_t rows, ptrdiff_t columns, const float *src, ptrdiff_t src_stride, float *dst,
                      ptrdiff_t dst_stride)
{
    enum { BLOCK = 16 }; /* floats of a cache line */
    for (ptrdiff_t i = 0; i < rows; i += BLOCK)
        for (ptrdiff_t j = 0; j < columns; j += BLOCK)
            for (ptrdiff_t b = j; b < columns && b < j + BLOCK; b++)
                for (ptrdiff_t a = i; a < rows && a < i + BLOCK; a++)
                    dst[b * dst_stride + a] = src[a * src_stride + b];
}

/* dst (R', S', K/G, C): the phase's taps of w (R, S, C/G, K), reversed, input and output channels exchanged.
 */
static void arrange_weights(const struct convolution *conv, const struct phase *phase, const float *w,
                            float *dst)
{
    ptrdiff_t k = conv->out_c, c = conv->in_c, group_k = k / conv->groups, group_c = c / conv->groups;
    for (ptrdiff_t i = phase->h.taps - 1; i >= 0; i--)
        for (ptrdiff_t j = phase->w.taps - 1; j >= 0; j--, dst += group_k * c) {
            ptrdiff_t r = phase->h.tap + i * phase->h.tap_step, s = phase->w.tap + j * phase->w.tap_step;
            const float *tap = w + (r * conv->kernel_w + s) * group_c * k;
            for (ptrdiff_t g = 0; g < conv->groups; g++)
                transpose(group_c, group_k, tap + g * group_k, k, dst + g * group_c, c);
        }
}

/* Adds `count` rows of C floats to the phase's pixels of dx, from pixel `first` on. */
static void scatter_add(const struct convolution *conv, const struct phase *phase, size_t first, size_t count,
                        const float *rows, float *dx)
{
    size_t c = (size_t)conv->in_c, step_w = (size_t)conv->stride_w, step_h = (size_t)conv->stride_h;
    size_t width = (size_t)phase->w.count, height = (size_t)phase->h.count;
    for (size_t done = 0; done < count;) {
        size_t row = (first + done) / width, column = (first + done) % width;
        size_t run = width - column < count - done ? width - column : count - done;
        size_t image = row / height, h = (size_t)phase->h.first + row % height * step_h;
        size_t pixel =
            (image * (size_t)conv->in_h + h) * (size_t)conv->in_w + (size_t)phase->w.first + column * step_w;
        copy_rows(run, c, rows + done * c, c, dx + pixel * c, step_w * c, true);
        done += run;
    }
}

/* Scratch of convolution_backward_data: the phase's weights, its tile of im2col, and (strided) its tile of
 * results; each begins on a cache line. */
static size_t whole_lines(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static size_t arranged_floats(const struct phase *phase)
{
    return whole_lines(im2col_depth(&phase->conv) * (size_t)phase->conv.out_c);
}

static void phase_backward(const struct convolution *conv, const struct phase *phase, int32_t n,
                           const float *w, const float *dy, float *dx, bool accumulate, float *scratch)
{
    const struct convolution *flipped = &phase->conv;
    ptrdiff_t c = flipped->out_c, group_c = c / flipped->groups, depth = (ptrdiff_t)im2col_depth(flipped);
    size_t pixels = (size_t)n * (size_t)flipped->out_h * (size_t)flipped->out_w;
    size_t tile = im2col_tile_pixels(flipped);
    float *arranged = scratch;
    float *columns = arranged + arranged_floats(phase);
    float *results = columns + whole_lines(im2col_scratch_floats(flipped));
    arrange_weights(conv, phase, w, arranged);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        float *rows = is_strided(conv) ? results : dx + first * (size_t)c;
        float beta = !is_strided(conv) && accumulate ? 1.0F : 0.0F;
        for (int32_t g = 0; g < flipped->groups; g++)
            gemm((ptrdiff_t)count, group_c, depth, im2col_tile(flipped, dy, first, count, g, columns),
                 matrix_rows(arranged + g * group_c, c), beta, rows + g * group_c, c);
        if (is_strided(conv))
            scatter_add(conv, phase, first, count, results, dx);
    }
}

void convolution_backward_data(const struct convolution *conv, int32_t n, const float *w, const float *dy,
                               float *dx, bool accumulate, float *scratch)
{
    if (is_depthwise(conv)) {
        depthwise_backward_data(conv, n, w, dy, dx, accumulate);
        return;
    }
    if (is_strided(conv) && !accumulate)
        memset(dx, 0, (size_t)n * (size_t)conv->in_h * (size_t)conv->in_w * (size_t)conv->in_c * sizeof *dx);
    for (int32_t h = 0; h < conv->stride_h; h++)
        for (int32_t v = 0; v < conv->stride_w; v++) {
            struct phase phase;
            if (phase_at(conv, h, v, &phase))
                phase_backward(conv, &phase, n, w, dy, dx, accumulate, scratch);
        }
}

size_t convolution_scratch_floats(const struct convolution *conv)
{
    if (is_depthwise(conv))
        return depthwise_scratch_floats(conv);
    /* forward: a tile, and its sums where the residual is y */
    size_t most = im2col_scratch_floats(conv) + im2col_tile_pixels(conv) * (size_t)conv->out_c;
    for (int32_t h = 0; h < conv->stride_h; h++)
        for (int32_t v = 0; v < conv->stride_w; v++) {
            struct phase phase;
            if (!phase_at(conv, h, v, &phase))
                continue;
            size_t results = is_strided(conv) ? im2col_tile_pixels(&phase.conv) * (size_t)conv->in_c : 0;
            size_t floats =
                arranged_floats(&phase) + whole_lines(im2col_scratch_floats(&phase.conv)) + results;
            most = floats > most ? floats : most;
        }
    return most;
}
