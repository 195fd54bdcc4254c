#include "compute/kernels/im2col.h"

#include <stdbool.h>
#include <string.h>

#include "compute/kernels/axis.h"

/* A tile of 256 KiB stays in a second-level cache of 1–2 MiB beside what BLIS packs; with 144 columns
 * (3×3×16) that is 432 pixels, and half or twice as many make no difference. A tile has at least 240 rows,
 * even where they leave the cache: BLIS packs the weights anew in every call, and adds to dw once in every
 * 256 rows anyway (its kc). With 192 rows the weights' gradient of 3×3×256 channels is a third slower; with
 * 384, forward a twentieth. Rows are a multiple of 48, so that no block of BLIS's kernels is cut short (6
 * rows of AVX2, 12, 16 or 24 of others) and every row is computed in the same way. */
enum { TILE_FLOATS = 64 * 1024, MINIMUM_PIXELS = 240, PIXELS_UNIT = 48 };

size_t im2col_depth(const struct convolution *conv)
{
    return (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)(conv->in_c / conv->groups);
}

size_t im2col_tile_pixels(const struct convolution *conv)
{
    size_t pixels = TILE_FLOATS / im2col_depth(conv) / PIXELS_UNIT * PIXELS_UNIT;
    return pixels > MINIMUM_PIXELS ? pixels : MINIMUM_PIXELS;
}

/* 1×1, stride 1, no padding: the pixels of x are the rows. */
static bool is_pointwise(const struct convolution *conv)
{
    return conv->kernel_h == 1 && conv->kernel_w == 1 && conv->stride_h == 1 && conv->stride_w == 1 &&
           conv->pad_top == 0 && conv->pad_left == 0 && conv->out_h == conv->in_h &&
           conv->out_w == conv->in_w;
}

size_t im2col_scratch_floats(const struct convolution *conv)
{
    return is_pointwise(conv) ? 0 : im2col_tile_pixels(conv) * im2col_depth(conv);
}

/* Copies a run of three floats to a few hundred, for which calling memcpy costs as much as the copy: blocks
 * of known size become vector moves, and the last block overlaps the one before. Returns where the run ends
 * in dst. */
static float *copy_run(size_t count, const float *restrict src, float *restrict dst)
{
    enum { LONG = 8, SHORT = 4 };
    if (count >= LONG) {
        for (size_t i = 0; i + LONG <= count; i += LONG)
            memcpy(dst + i, src + i, LONG * sizeof *dst);
        memcpy(dst + count - LONG, src + count - LONG, LONG * sizeof *dst);
    } else if (count >= SHORT) {
        memcpy(dst, src, SHORT * sizeof *dst);
        memcpy(dst + count - SHORT, src + count - SHORT, SHORT * sizeof *dst);
    } else {
        for (size_t i = 0; i < count; i++)
            dst[i] = src[i];
    }
    return dst + count;
}

static float *zero_run(size_t count, float *dst)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = 0.0F;
    return dst + count;
}

/* One image row as a kernel row sees it: taps s = 0 … S−1 of an output pixel stand at input columns left +
 * s·dilation. */
struct kernel_row {
    const float *pixels; /* the group's first channel of the row's first pixel */
    ptrdiff_t in_w, in_c, taps, dilation;
    size_t width; /* floats of a tap: C/G */
};

/* All taps of one output pixel, which lie inside the image. */
static void copy_inner_taps(const struct kernel_row *row, ptrdiff_t left, float *dst)
{
    const float *src = row->pixels + left * row->in_c;
    for (ptrdiff_t s = 0; s < row->taps; s++, src += row->dilation * row->in_c)
        dst = copy_run(row->width, src, dst);
}

/* All taps of one output pixel; outside the image they are 0. */
static void copy_edge_taps(const struct kernel_row *row, ptrdiff_t left, float *dst)
{
    struct span inside = axis_inside((struct span){0, row->taps}, row->in_w, left, row->dilation);
    dst = zero_run((size_t)inside.first * row->width, dst);
    for (ptrdiff_t s = inside.first; s < inside.last; s++)
        dst = copy_run(row->width, row->pixels + (left + s * row->dilation) * row->in_c, dst);
    zero_run((size_t)(row->taps - inside.last) * row->width, dst);
}

/* The kernel row of output pixels q.first … q.last − 1, each `depth` floats after the one before. */
static void copy_kernel_row(const struct convolution *conv, const struct kernel_row *row, struct span q,
                            size_t depth, float *dst)
{
    ptrdiff_t stride = conv->stride_w, left = -(ptrdiff_t)conv->pad_left;
    ptrdiff_t reach = (row->taps - 1) * row->dilation, i = q.first;
    /* the pixels whose first and last tap lie inside the image */
    struct span inner = axis_inside(q, row->in_w - reach, left, stride);
    for (; i < inner.first; i++, dst += depth)
        copy_edge_taps(row, i * stride + left, dst);
    bool taps_adjoin = row->dilation == 1 && (ptrdiff_t)row->width == row->in_c; /* in memory */
    if (taps_adjoin)
        for (size_t run = (size_t)row->taps * row->width; i < inner.last; i++, dst += depth)
            copy_run(run, row->pixels + (i * stride + left) * row->in_c, dst);
    else
        for (; i < inner.last; i++, dst += depth)
            copy_inner_taps(row, i * stride + left, dst);
    for (; i < q.last; i++, dst += depth)
        copy_edge_taps(row, i * stride + left, dst);
}

/* The rows of output pixels (p, q.first) … (p, q.last − 1) of the image x; x points at the group's channels.
 */
static void copy_output_row(const struct convolution *conv, const float *x, ptrdiff_t p, struct span q,
                            float *columns)
{
    struct kernel_row row = {.in_w = conv->in_w,
                             .in_c = conv->in_c,
                             .taps = conv->kernel_w,
                             .dilation = conv->dilation_w,
                             .width = (size_t)(conv->in_c / conv->groups)};
    size_t run = (size_t)row.taps * row.width, depth = im2col_depth(conv);
    for (ptrdiff_t r = 0; r < conv->kernel_h; r++, columns += run) {
        ptrdiff_t h = p * conv->stride_h - conv->pad_top + r * conv->dilation_h;
        if (h >= 0 && h < conv->in_h) {
            row.pixels = x + h * row.in_w * row.in_c;
            copy_kernel_row(conv, &row, q, depth, columns);
        } else {
            float *dst = columns;
            for (ptrdiff_t i = q.first; i < q.last; i++, dst += depth)
                zero_run(run, dst);
        }
    }
}

struct matrix im2col_tile(const struct convolution *conv, const float *x, size_t first, size_t count,
                          int32_t group, float *columns)
{
    size_t in_c = (size_t)conv->in_c, out_w = (size_t)conv->out_w, out_h = (size_t)conv->out_h;
    x += (size_t)group * (in_c / (size_t)conv->groups);
    if (is_pointwise(conv))
        return matrix_rows(x + first * in_c, conv->in_c);

    size_t depth = im2col_depth(conv);
    for (size_t done = 0; done < count;) {
        size_t row = (first + done) / out_w, q = (first + done) % out_w;
        size_t run = out_w - q < count - done ? out_w - q : count - done;
        size_t image = row / out_h, p = row % out_h;
        struct span pixels = {(ptrdiff_t)q, (ptrdiff_t)(q + run)};
        copy_output_row(conv, x + image * (size_t)conv->in_h * (size_t)conv->in_w * in_c, (ptrdiff_t)p,
                        pixels, columns + done * depth);
        done += run;
    }
    return matrix_rows(columns, (ptrdiff_t)depth);
}
