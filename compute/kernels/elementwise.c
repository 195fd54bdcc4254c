#include "compute/kernels/elementwise.h"

#include <string.h>

#include "compute/kernels/axis.h"

void relu_forward(size_t count, const float *x, float *y)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] <= 0.0F ? 0.0F : x[i]; /* a comparison with NaN is false: NaN passes */
}

void relu_backward(size_t count, const float *y, const float *dy, float *dx, bool accumulate)
{
    if (accumulate) {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            dx[i] += y[i] > 0.0F ? dy[i] : 0.0F;
    } else {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
    }
}

void mask_apply(int32_t n, size_t units, const float *keep, float *x)
{
    for (int32_t i = 0; i < n; i++, x += units)
#pragma omp simd
        for (size_t j = 0; j < units; j++)
            x[j] *= keep[j];
}

void add_forward(size_t count, const float *a, const float *b, float *y)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

void multiply_forward(int32_t n, size_t pixels, size_t factor_pixels, size_t c, const float *a,
                      const float *b, float *y)
{
    size_t step = factor_pixels == pixels ? c : 0; /* from one pixel's factors to the next's */
    for (int32_t i = 0; i < n; i++, b += factor_pixels * c)
        for (size_t p = 0; p < pixels; p++, a += c, y += c)
#pragma omp simd
            for (size_t j = 0; j < c; j++)
                y[j] = a[j] * b[p * step + j];
}

/* d (+)= x·y. */
static void products(size_t count, const float *x, const float *y, float *d, bool accumulate)
{
    if (accumulate) {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            d[i] += x[i] * y[i];
    } else {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            d[i] = x[i] * y[i];
    }
}

/* d[j] (+)= Σ_pixels x·y of one image. */
static void sums_of_products(size_t pixels, size_t c, const float *x, const float *y, float *d,
                             bool accumulate)
{
    for (size_t j = 0; j < c; j++) {
        double sum = accumulate ? (double)d[j] : 0;
        for (size_t p = 0; p < pixels; p++)
            sum += (double)x[p * c + j] * (double)y[p * c + j];
        d[j] = (float)sum;
    }
}

void multiply_backward(int32_t n, size_t pixels, size_t factor_pixels, size_t c, const float *a,
                       const float *b, const float *dy, float *da, bool accumulate_a, float *db,
                       bool accumulate_b)
{
    bool each = factor_pixels == pixels;
    for (size_t i = 0; i < (size_t)n; i++) {
        const float *a_i = a + i * pixels * c, *dy_i = dy + i * pixels * c, *b_i = b + i * factor_pixels * c;
        for (size_t p = 0; da != NULL && p < pixels; p++)
            products(c, dy_i + p * c, b_i + (each ? p * c : 0), da + (i * pixels + p) * c, accumulate_a);
        if (db != NULL && each)
            products(pixels * c, dy_i, a_i, db + i * pixels * c, accumulate_b);
        else if (db != NULL)
            sums_of_products(pixels, c, dy_i, a_i, db + i * c, accumulate_b);
    }
}

void copy_or_add(size_t count, const float *src, float *dst, bool accumulate)
{
    if (accumulate)
        add_forward(count, dst, src, dst);
    else
        memcpy(dst, src, count * sizeof *dst);
}

/* Vectors at any address, in an array of floats. */
typedef float eight __attribute__((vector_size(8 * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef float four __attribute__((vector_size(4 * sizeof(float)), aligned(sizeof(float)), may_alias));

/* Rows of a pixel's few channels, for which a call of memcpy each is dear. The last vector of a row may
 * write what the one before it has written. */
static void copy_short_rows(size_t rows, size_t width, const float *src, size_t src_stride, float *dst,
                            size_t dst_stride)
{
    for (size_t i = 0; i < rows; i++, src += src_stride, dst += dst_stride) {
        if (width >= 8) {
            for (size_t j = 0; j + 8 <= width; j += 8)
                *(eight *)(dst + j) = *(const eight *)(src + j);
            *(eight *)(dst + width - 8) = *(const eight *)(src + width - 8);
        } else if (width >= 4) {
            *(four *)dst = *(const four *)src;
            *(four *)(dst + width - 4) = *(const four *)(src + width - 4);
        } else {
            for (size_t j = 0; j < width; j++)
                dst[j] = src[j];
        }
    }
}

void copy_rows(size_t rows, size_t width, const float *src, size_t src_stride, float *dst, size_t dst_stride,
               bool accumulate)
{
    enum { SHORT_ROW = 64 };
    if (!accumulate && width <= SHORT_ROW) {
        copy_short_rows(rows, width, src, src_stride, dst, dst_stride);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        copy_or_add(width, src + i * src_stride, dst + i * dst_stride, accumulate);
}

/* By blocks, so that the cache lines touched by a column are still there for the next. */
void transpose_rows(ptrdiff_t rows, ptrdiff_t columns, const float *src, ptrdiff_t src_stride, float *dst,
                    ptrdiff_t dst_stride)
{
    enum { BLOCK = 16 }; /* floats of a cache line */
    for (ptrdiff_t i = 0; i < rows; i += BLOCK)
        for (ptrdiff_t j = 0; j < columns; j += BLOCK)
            for (ptrdiff_t b = j; b < columns && b < j + BLOCK; b++)
                for (ptrdiff_t a = i; a < rows && a < i + BLOCK; a++)
                    dst[b * dst_stride + a] = src[a * src_stride + b];
}

/* The part of an image that its window shows: rows h and columns w of the output, `width` channels of each
 * pixel. */
struct view {
    struct span h, w;
    size_t columns, width;             /* w.last − w.first; channels */
    size_t in_stride, out_stride;      /* floats between neighbouring columns of the view */
    ptrdiff_t in_channel, out_channel; /* the first channel in either */
};

static struct view window_view(const struct window *window)
{
    struct view v;
    v.h = axis_inside((struct span){0, window->out_h}, window->in_h, window->from_h, window->step_h);
    v.w = axis_inside((struct span){0, window->out_w}, window->in_w, window->from_w, window->step_w);
    struct span c = axis_inside((struct span){0, window->out_c}, window->in_c, window->from_c, 1);
    v.columns = (size_t)(v.w.last - v.w.first);
    v.width = (size_t)(c.last - c.first);
    if (v.columns == 0 || v.width == 0)
        v.h.last = v.h.first;
    v.in_stride = (size_t)window->step_w * (size_t)window->in_c;
    v.out_stride = (size_t)window->out_c;
    v.in_channel = c.first + window->from_c;
    v.out_channel = c.first;
    return v;
}

/* Where row h of the view begins in an image of the input, and of the output. */
static ptrdiff_t in_offset(const struct window *window, const struct view *v, ptrdiff_t h)
{
    ptrdiff_t row = h * window->step_h + window->from_h;
    ptrdiff_t column = v->w.first * window->step_w + window->from_w;
    return (row * window->in_w + column) * window->in_c + v->in_channel;
}

static ptrdiff_t out_offset(const struct window *window, const struct view *v, ptrdiff_t h)
{
    return (h * window->out_w + v->w.first) * window->out_c + v->out_channel;
}

void window_forward(const struct window *window, int32_t n, const float *x, float *y)
{
    struct view v = window_view(window);
    size_t in_floats = (size_t)window->in_h * (size_t)window->in_w * (size_t)window->in_c;
    size_t out_floats = (size_t)window->out_h * (size_t)window->out_w * (size_t)window->out_c;
    bool fills = (size_t)(v.h.last - v.h.first) * v.columns * v.width == out_floats;
    for (int32_t i = 0; i < n; i++, x += in_floats, y += out_floats) {
        if (!fills)
            memset(y, 0, out_floats * sizeof *y);
        for (ptrdiff_t h = v.h.first; h < v.h.last; h++)
            copy_rows(v.columns, v.width, x + in_offset(window, &v, h), v.in_stride,
                      y + out_offset(window, &v, h), v.out_stride, false);
    }
}

void window_backward(const struct window *window, int32_t n, const float *dy, float *dx, bool accumulate)
{
    struct view v = window_view(window);
    size_t in_floats = (size_t)window->in_h * (size_t)window->in_w * (size_t)window->in_c;
    size_t out_floats = (size_t)window->out_h * (size_t)window->out_w * (size_t)window->out_c;
    if (!accumulate)
        memset(dx, 0, (size_t)n * in_floats * sizeof *dx);
    for (int32_t i = 0; i < n; i++, dx += in_floats, dy += out_floats)
        for (ptrdiff_t h = v.h.first; h < v.h.last; h++)
            copy_rows(v.columns, v.width, dy + out_offset(window, &v, h), v.out_stride,
                      dx + in_offset(window, &v, h), v.in_stride, accumulate);
}
