#include "compute/kernels/pooling.h"

#include <stddef.h>
#include <string.h>

#include "compute/kernels/axis.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/reduce.h"

/* The window of one output pixel, in input pixels: as it lies, and what of it is inside the image. */
struct pool_window {
    ptrdiff_t top, left;
    struct span h, w;
    size_t divisor; /* of average pooling */
};

static struct pool_window pool_window_at(const struct pooling *pool, ptrdiff_t p, ptrdiff_t q)
{
    struct pool_window window;
    window.top = p * pool->stride_h - pool->pad_top;
    window.left = q * pool->stride_w - pool->pad_left;
    struct span h = {window.top, window.top + pool->kernel_h};
    struct span w = {window.left, window.left + pool->kernel_w};
    window.h = span_clip(h, 0, pool->in_h);
    window.w = span_clip(w, 0, pool->in_w);
    if (pool->count_padding) {
        h = span_clip(h, -(ptrdiff_t)pool->pad_top, (ptrdiff_t)pool->in_h + pool->pad_bottom);
        w = span_clip(w, -(ptrdiff_t)pool->pad_left, (ptrdiff_t)pool->in_w + pool->pad_right);
    } else {
        h = window.h;
        w = window.w;
    }
    window.divisor = (size_t)(h.last - h.first) * (size_t)(w.last - w.first);
    return window;
}

/* Index within the window of the pixel (h, w). */
static uint16_t tap_at(const struct pooling *pool, const struct pool_window *window, ptrdiff_t h, ptrdiff_t w)
{
    return (uint16_t)((h - window->top) * pool->kernel_w + w - window->left);
}

static size_t in_floats(const struct pooling *pool)
{
    return (size_t)pool->in_h * (size_t)pool->in_w * (size_t)pool->c;
}

/* NaN counts as larger than any number, so that it is not lost. */
static void maximum_take(ptrdiff_t c, const float *x, float *y)
{
#pragma omp simd
    for (ptrdiff_t j = 0; j < c; j++)
        y[j] = x[j] > y[j] || x[j] != x[j] ? x[j] : y[j];
}

static void maximum_take_with_winner(ptrdiff_t c, const float *x, uint16_t tap, float *y, uint16_t *winner)
{
#pragma omp simd
    for (ptrdiff_t j = 0; j < c; j++) {
        int wins = x[j] > y[j] || x[j] != x[j];
        y[j] = wins ? x[j] : y[j];
        winner[j] = wins ? tap : winner[j];
    }
}

static void winner_fill(ptrdiff_t c, uint16_t tap, uint16_t *winner)
{
    for (ptrdiff_t j = 0; j < c; j++)
        winner[j] = tap;
}

static void maxpool_pixel(const struct pooling *pool, const struct pool_window *window, const float *x,
                          float *y, uint16_t *winner)
{
    ptrdiff_t c = pool->c;
    bool started = false;
    for (ptrdiff_t h = window->h.first; h < window->h.last; h++)
        for (ptrdiff_t w = window->w.first; w < window->w.last; w++) {
            const float *pixel = x + (h * pool->in_w + w) * c;
            uint16_t tap = tap_at(pool, window, h, w);
            if (!started) {
                memcpy(y, pixel, (size_t)c * sizeof *y);
                if (winner != NULL)
                    winner_fill(c, tap, winner);
            } else if (winner != NULL) {
                maximum_take_with_winner(c, pixel, tap, y, winner);
            } else {
                maximum_take(c, pixel, y);
            }
            started = true;
        }
    if (!started) {
        memset(y, 0, (size_t)c * sizeof *y);
        if (winner != NULL)
            winner_fill(c, MAXPOOL_NO_WINNER, winner);
    }
}

void maxpool_forward(const struct pooling *pool, int32_t n, const float *x, float *y, uint16_t *winner)
{
    for (int32_t i = 0; i < n; i++, x += in_floats(pool))
        for (ptrdiff_t p = 0; p < pool->out_h; p++)
            for (ptrdiff_t q = 0; q < pool->out_w; q++, y += pool->c) {
                struct pool_window window = pool_window_at(pool, p, q);
                maxpool_pixel(pool, &window, x, y, winner);
                if (winner != NULL)
                    winner += pool->c;
            }
}

static void winner_add(ptrdiff_t c, const uint16_t *winner, uint16_t tap, const float *dy, float *dx)
{
#pragma omp simd
    for (ptrdiff_t j = 0; j < c; j++)
        dx[j] += winner[j] == tap ? dy[j] : 0.0F;
}

void maxpool_backward(const struct pooling *pool, int32_t n, const uint16_t *winner, const float *dy,
                      float *dx, bool accumulate)
{
    ptrdiff_t c = pool->c;
    if (!accumulate)
        memset(dx, 0, (size_t)n * in_floats(pool) * sizeof *dx);
    for (int32_t i = 0; i < n; i++, dx += in_floats(pool))
        for (ptrdiff_t p = 0; p < pool->out_h; p++)
            for (ptrdiff_t q = 0; q < pool->out_w; q++, dy += c, winner += c) {
                struct pool_window window = pool_window_at(pool, p, q);
                for (ptrdiff_t h = window.h.first; h < window.h.last; h++)
                    for (ptrdiff_t w = window.w.first; w < window.w.last; w++)
                        winner_add(c, winner, tap_at(pool, &window, h, w), dy, dx + (h * pool->in_w + w) * c);
            }
}

void avgpool_forward(const struct pooling *pool, int32_t n, const float *x, float *y)
{
    ptrdiff_t c = pool->c;
    for (int32_t i = 0; i < n; i++, x += in_floats(pool))
        for (ptrdiff_t p = 0; p < pool->out_h; p++)
            for (ptrdiff_t q = 0; q < pool->out_w; q++, y += c) {
                struct pool_window window = pool_window_at(pool, p, q);
                float factor = window.divisor > 0 ? 1.0F / (float)window.divisor : 0.0F;
                memset(y, 0, (size_t)c * sizeof *y);
                for (ptrdiff_t h = window.h.first; h < window.h.last; h++)
                    for (ptrdiff_t w = window.w.first; w < window.w.last; w++)
                        add_forward((size_t)c, y, x + (h * pool->in_w + w) * c, y);
                for (ptrdiff_t j = 0; j < c; j++)
                    y[j] *= factor;
            }
}

static void add_scaled(ptrdiff_t c, float factor, const float *src, float *dst)
{
#pragma omp simd
    for (ptrdiff_t j = 0; j < c; j++)
        dst[j] += factor * src[j];
}

void avgpool_backward(const struct pooling *pool, int32_t n, const float *dy, float *dx, bool accumulate)
{
    ptrdiff_t c = pool->c;
    if (!accumulate)
        memset(dx, 0, (size_t)n * in_floats(pool) * sizeof *dx);
    for (int32_t i = 0; i < n; i++, dx += in_floats(pool))
        for (ptrdiff_t p = 0; p < pool->out_h; p++)
            for (ptrdiff_t q = 0; q < pool->out_w; q++, dy += c) {
                struct pool_window window = pool_window_at(pool, p, q);
                float factor = window.divisor > 0 ? 1.0F / (float)window.divisor : 0.0F;
                for (ptrdiff_t h = window.h.first; h < window.h.last; h++)
                    for (ptrdiff_t w = window.w.first; w < window.w.last; w++)
                        add_scaled(c, factor, dy, dx + (h * pool->in_w + w) * c);
            }
}

void global_avgpool_forward(int32_t n, int32_t h, int32_t w, int32_t c, const float *x, float *y)
{
    size_t pixels = (size_t)h * (size_t)w, columns = (size_t)c;
    for (int32_t i = 0; i < n; i++, x += pixels * columns, y += columns)
        column_sums(pixels, columns, x, 1.0 / (double)pixels, y);
}

void global_avgpool_backward(int32_t n, int32_t h, int32_t w, int32_t c, const float *dy, float *dx,
                             bool accumulate)
{
    size_t pixels = (size_t)h * (size_t)w, columns = (size_t)c;
    float factor = 1.0F / (float)pixels;
    if (!accumulate)
        memset(dx, 0, (size_t)n * pixels * columns * sizeof *dx);
    for (int32_t i = 0; i < n; i++, dy += columns)
        for (size_t p = 0; p < pixels; p++, dx += columns)
            add_scaled(c, factor, dy, dx);
}
