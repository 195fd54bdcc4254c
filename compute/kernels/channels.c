#include "compute/kernels/channels.h"

#include <math.h>

void scale_forward(size_t pixels, size_t c, const float *x, const float *scale, const float *shift, float *y)
{
    for (size_t i = 0; i < pixels; i++, x += c, y += c)
#pragma omp simd
        for (size_t j = 0; j < c; j++)
            y[j] = scale[j] * x[j] + shift[j];
}

void scale_backward_parameters(size_t pixels, size_t c, const float *x, const float *dy, float *dscale,
                               float *dshift)
{
    enum { STRIP = 64 }; /* columns whose sums stay in the first-level cache */
    for (size_t from = 0; from < c; from += STRIP) {
        size_t width = c - from < STRIP ? c - from : STRIP;
        double scales[STRIP] = {0}, shifts[STRIP] = {0};
        for (size_t i = 0; i < pixels; i++)
            for (size_t j = 0; j < width; j++) {
                double change = (double)dy[i * c + from + j];
                scales[j] += (double)x[i * c + from + j] * change;
                shifts[j] += change;
            }
        for (size_t j = 0; j < width; j++) {
            dscale[from + j] = (float)scales[j];
            dshift[from + j] = (float)shifts[j];
        }
    }
}

void scale_backward_data(size_t pixels, size_t c, const float *scale, const float *dy, float *dx,
                         bool accumulate)
{
    for (size_t i = 0; i < pixels; i++, dy += c, dx += c)
        for (size_t j = 0; j < c; j++)
            dx[j] = accumulate ? dx[j] + scale[j] * dy[j] : scale[j] * dy[j];
}

/* The channels that the sum of channel j goes over are [first, last). */
struct neighbours {
    int32_t first, last;
};

static struct neighbours neighbours_of(const struct response_normalisation *lrn, int32_t c, int32_t j)
{
    int32_t before = (lrn->size - 1) / 2, after = lrn->size - 1 - before;
    return (struct neighbours){.first = j > before ? j - before : 0,
                               .last = j < c - 1 - after ? j + after + 1 : c};
}

/* s of channel j of one pixel. */
static double response_of(const struct response_normalisation *lrn, int32_t c, int32_t j, const float *x)
{
    struct neighbours near = neighbours_of(lrn, c, j);
    double squares = 0;
    for (int32_t i = near.first; i < near.last; i++)
        squares += (double)x[i] * (double)x[i];
    return lrn->constant + (double)lrn->alpha / lrn->size * squares;
}

void lrn_forward(const struct response_normalisation *lrn, size_t pixels, int32_t c, const float *x, float *y)
{
    for (size_t p = 0; p < pixels; p++, x += c, y += c)
        for (int32_t j = 0; j < c; j++)
            y[j] = (float)(x[j] * pow(response_of(lrn, c, j, x), -(double)lrn->beta));
}

/* dy_j reaches x_i through x_j itself (i = j) and through the sums that x_i is part of:
 * dx_i = dy_i·s_i^−β − 2αβ/size · x_i · Σ_{j: i is near j} dy_j·x_j·s_j^(−β−1).
 * The sum is scattered from j to its neighbours, each s_j computed once, so dx is started first. */
void lrn_backward(const struct response_normalisation *lrn, size_t pixels, int32_t c, const float *x,
                  const float *dy, float *dx, bool accumulate)
{
    double factor = 2.0 * (double)lrn->alpha * (double)lrn->beta / lrn->size;
    for (size_t p = 0; p < pixels; p++, x += c, dy += c, dx += c) {
        for (int32_t j = 0; j < c && !accumulate; j++)
            dx[j] = 0;
        for (int32_t j = 0; j < c; j++) {
            double s = response_of(lrn, c, j, x), power = pow(s, -(double)lrn->beta);
            double through_sum = factor * dy[j] * x[j] * power / s;
            struct neighbours near = neighbours_of(lrn, c, j);
            dx[j] += (float)(dy[j] * power);
            for (int32_t i = near.first; i < near.last; i++)
                dx[i] -= (float)(through_sum * x[i]);
        }
    }
}

void shuffle_channels(size_t pixels, size_t c, size_t groups, const float *x, float *y, bool accumulate)
{
    size_t members = c / groups;
    for (size_t p = 0; p < pixels; p++, x += c, y += c)
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < members; i++) {
                float value = x[g * members + i];
                y[i * groups + g] = accumulate ? y[i * groups + g] + value : value;
            }
}
