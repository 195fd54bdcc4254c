#include "compute/kernels/im2col.h"

#include <stdbool.h>
#include <string.h>

/* A tile of 256 KiB stays in any second-level cache of the last ten years (256 KiB Haswell excepted, 1–2 MiB
 * since) beside the packed weights and the rows of y; with 144 columns (3×3×16) that is 455 pixels. BLIS
 * packs the weights anew in every call, so a tile has at least MINIMUM_PIXELS rows to spread that over, even
 * where they leave the cache. */
enum { TILE_FLOATS = 64 * 1024, MINIMUM_PIXELS = 192 };

size_t im2col_depth(const struct convolution *conv)
{
    return (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)(conv->in_c / conv->groups);
}

size_t im2col_tile_pixels(const struct convolution *conv)
{
    size_t pixels = TILE_FLOATS / im2col_depth(conv);
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

/* A loop of its own because runs are short (three floats to a few hundred), where a call of memcpy costs more
 * than the copy. */
static void copy_run(size_t count, const float *restrict src, float *restrict dst)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = src[i];
}

/* One kernel row of one output pixel: taps s = 0 … S−1 at input columns left + s·dilation_w of the image row
 * `row`, whose channels of one group (width floats a tap) begin at row[0]. */
static void copy_kernel_row(const struct convolution *conv, const float *row, ptrdiff_t left, size_t width,
                            float *dst)
{
    ptrdiff_t taps = conv->kernel_w, step = conv->dilation_w;
    /* [first, last): the taps inside the image */
    ptrdiff_t first = left < 0 ? (-left + step - 1) / step : 0;
    ptrdiff_t last = left < conv->in_w ? (conv->in_w - left + step - 1) / step : 0;
    if (last > taps)
        last = taps;
    if (first >= last) {
        memset(dst, 0, (size_t)taps * width * sizeof *dst);
        return;
    }
    if (first > 0)
        memset(dst, 0, (size_t)first * width * sizeof *dst);
    const float *src = row + (left + first * step) * conv->in_c;
    dst += (size_t)first * width;
    if (step == 1 && conv->groups == 1) { /* neighbouring taps are neighbours in memory */
        copy_run((size_t)(last - first) * width, src, dst);
        dst += (size_t)(last - first) * width;
    } else {
        for (ptrdiff_t s = first; s < last; s++, src += step * conv->in_c, dst += width)
            copy_run(width, src, dst);
    }
    if (last < taps)
        memset(dst, 0, (size_t)(taps - last) * width * sizeof *dst);
}

/* The rows of output pixels (p, q_first) … (p, q_last − 1) of the image x; x points at the group's channels.
 */
static void copy_output_row(const struct convolution *conv, const float *x, ptrdiff_t p, ptrdiff_t q_first,
                            ptrdiff_t q_last, float *columns)
{
    size_t width = (size_t)(conv->in_c / conv->groups);
    size_t run = (size_t)conv->kernel_w * width, depth = im2col_depth(conv);
    for (ptrdiff_t r = 0; r < conv->kernel_h; r++, columns += run) {
        ptrdiff_t h = p * conv->stride_h - conv->pad_top + r * conv->dilation_h;
        float *dst = columns;
        if (h < 0 || h >= conv->in_h) {
            for (ptrdiff_t q = q_first; q < q_last; q++, dst += depth)
                memset(dst, 0, run * sizeof *dst);
            continue;
        }
        const float *row = x + h * conv->in_w * conv->in_c;
        for (ptrdiff_t q = q_first; q < q_last; q++, dst += depth)
            copy_kernel_row(conv, row, q * conv->stride_w - conv->pad_left, width, dst);
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
        copy_output_row(conv, x + image * (size_t)conv->in_h * (size_t)conv->in_w * in_c, (ptrdiff_t)p,
                        (ptrdiff_t)q, (ptrdiff_t)(q + run), columns + done * depth);
        done += run;
    }
    return matrix_rows(columns, (ptrdiff_t)depth);
}
