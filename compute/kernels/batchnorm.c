#include "compute/kernels/batchnorm.h"

#include <math.h>
#include <string.h>

#include "compute/kernels/elementwise.h"
#include "compute/kernels/reduce.h"

/* What one channel needs, repeated over the lanes of a folded row (see reduce.h), so that every loop over a
 * row is a loop over neighbouring floats. Each array has lane_count(c) floats of the caller's scratch. */
struct lanes {
    size_t count; /* of a folded row: fold·c */
    float *mean, *scale, *shift, *slope;
};

static size_t lane_count(int32_t c)
{
    return fold_rows((size_t)c) * (size_t)c;
}

size_t batchnorm_scratch_floats(int32_t c)
{
    return 4 * lane_count(c);
}

static struct lanes lanes_in(float *scratch, int32_t c)
{
    size_t count = lane_count(c);
    return (struct lanes){count, scratch, scratch + count, scratch + 2 * count, scratch + 3 * count};
}

/* Repeats what stands in the first c lanes of each array over the others. */
static void lanes_repeat(const struct lanes *lanes, int32_t c)
{
    for (size_t j = (size_t)c; j < lanes->count; j++) {
        lanes->mean[j] = lanes->mean[j - (size_t)c];
        lanes->scale[j] = lanes->scale[j - (size_t)c];
        lanes->shift[j] = lanes->shift[j - (size_t)c];
        lanes->slope[j] = lanes->slope[j - (size_t)c];
    }
}

/* Floats that can be treated at once from `lane` on: to the end of the folded row at most, so that all have
 * their own lane, and few enough for a local array. */
static size_t chunk_at(const struct lanes *lanes, size_t lane, size_t left)
{
    size_t width = lanes->count - lane < FOLD_LANES ? lanes->count - lane : FOLD_LANES;
    return width < left ? width : left;
}

/* Two sums for every lane of a strip. */
struct lane_sums {
    double first[FOLD_LANES], second[FOLD_LANES];
};

/* Adds Σ(x − origin) and Σ(x − origin)². */
static void moments_add(size_t rows, size_t stride, size_t lanes, const float *x, const double *origin,
                        struct lane_sums *sums)
{
    for (size_t i = 0; i < rows; i++, x += stride)
#pragma omp simd
        for (size_t j = 0; j < lanes; j++) {
            double d = (double)x[j] - origin[j];
            sums->first[j] += d;
            sums->second[j] += d * d;
        }
}

/* Mean and variance in one pass over x. The first pixel is taken as the origin, so that Σd² − (Σd)²/M cancels
 * little (Chan, Golub & LeVeque, The American Statistician 1983). */
static void channel_moments(size_t pixels, int32_t c, const float *x, float *mean, float *variance)
{
    for (size_t from = 0; from < (size_t)c; from += FOLD_LANES) {
        struct strip strip = strip_at(pixels, (size_t)c, from);
        struct lane_sums sums = {{0}, {0}};
        double origin[FOLD_LANES];
        for (size_t j = 0; j < strip.lanes; j++)
            origin[j] = (double)x[from + j % strip.columns];
        moments_add(strip.rows, strip.stride, strip.lanes, x + from, origin, &sums);
        moments_add(1, 0, strip.rest_lanes, x + strip.rest, origin, &sums);
        for (size_t j = 0; j < strip.width; j++) {
            double d = strip_column(&strip, sums.first, j) / (double)pixels;
            double square = strip_column(&strip, sums.second, j) / (double)pixels;
            mean[from + j] = (float)(origin[j] + d);
            variance[from + j] = (float)fmax(square - d * d, 0.0);
        }
    }
}

/* y = (x − mean)·scale + shift, then the epilogue, for `width` ≤ FOLD_LANES neighbours from `lane` on. */
static void normalise_lanes(const struct lanes *lanes, size_t lane, size_t width, const float *x,
                            const float *residual, bool relu, float *y)
{
    const float *mean = lanes->mean + lane, *scale = lanes->scale + lane, *shift = lanes->shift + lane;
    float value[FOLD_LANES]; /* the residual may be y, y may be x */
#pragma omp simd
    for (size_t j = 0; j < width; j++)
        value[j] = (x[j] - mean[j]) * scale[j] + shift[j];
    if (residual != NULL)
        add_forward(width, value, residual, value);
    if (relu)
        relu_forward(width, value, y);
    else
        memcpy(y, value, width * sizeof *y);
}

static void normalise(size_t pixels, int32_t c, const struct lanes *lanes, const float *x,
                      const struct batchnorm_epilogue *epilogue, float *y)
{
    size_t count = pixels * (size_t)c, lane = 0;
    const float *residual = epilogue->residual;
    for (size_t done = 0, width; done < count; done += width) {
        width = chunk_at(lanes, lane, count - done);
        normalise_lanes(lanes, lane, width, x + done, residual != NULL ? residual + done : NULL,
                        epilogue->relu, y + done);
        lane = lane + width < lanes->count ? lane + width : 0;
    }
}

void batchnorm_forward_inference(size_t pixels, int32_t c, const float *x, const float *gamma,
                                 const float *beta, float epsilon, const struct batchnorm_epilogue *epilogue,
                                 const float *mean, const float *variance, float *y, float *scratch)
{
    static const struct batchnorm_epilogue none = {0};
    struct lanes lanes = lanes_in(scratch, c);
    for (int32_t j = 0; j < c; j++) {
        lanes.mean[j] = mean[j];
        lanes.scale[j] = (float)((double)gamma[j] / sqrt((double)variance[j] + (double)epsilon));
        lanes.shift[j] = beta[j];
        lanes.slope[j] = 0.0F;
    }
    lanes_repeat(&lanes, c);
    normalise(pixels, c, &lanes, x, epilogue != NULL ? epilogue : &none, y);
}

void batchnorm_forward_training(size_t pixels, int32_t c, const float *x, const float *gamma,
                                const float *beta, float epsilon, const struct batchnorm_epilogue *epilogue,
                                float *mean, float *variance, float *y, float *scratch)
{
    channel_moments(pixels, c, x, mean, variance);
    batchnorm_forward_inference(pixels, c, x, gamma, beta, epsilon, epilogue, mean, variance, y, scratch);
}

/* dz of `width` ≤ FOLD_LANES neighbours: dy itself, or `masked`, filled. */
static const float *gradient_lanes(size_t width, const float *y, const float *dy, float *masked)
{
    if (y == NULL)
        return dy;
    relu_backward(width, y, dy, masked, false);
    return masked;
}

/* Adds Σdz and Σdz·(x − mean), from float `from` on. */
static void products_add(size_t rows, size_t stride, size_t lanes, size_t from, const float *x,
                         const float *dy, const float *y, const double *mean, struct lane_sums *sums)
{
    for (size_t i = 0; i < rows; i++, from += stride) {
        float masked[FOLD_LANES];
        const float *dz = gradient_lanes(lanes, y != NULL ? y + from : NULL, dy + from, masked);
        const float *x_row = x + from;
#pragma omp simd
        for (size_t j = 0; j < lanes; j++) {
            double g = (double)dz[j];
            sums->first[j] += g;
            sums->second[j] += g * ((double)x_row[j] - mean[j]);
        }
    }
}

/* dx (+)= scale·(dz − shift) − slope·(x − mean), for `width` ≤ FOLD_LANES neighbours from `lane` on. */
static void backpropagate_lanes(const struct lanes *lanes, size_t lane, size_t width, const float *x,
                                const float *dz, float *dx, bool accumulate)
{
    const float *mean = lanes->mean + lane, *scale = lanes->scale + lane;
    const float *shift = lanes->shift + lane, *slope = lanes->slope + lane;
    if (accumulate) {
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            dx[j] += scale[j] * (dz[j] - shift[j]) - slope[j] * (x[j] - mean[j]);
    } else {
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            dx[j] = scale[j] * (dz[j] - shift[j]) - slope[j] * (x[j] - mean[j]);
    }
}

static void backpropagate(size_t pixels, int32_t c, const struct lanes *lanes, const float *x,
                          const struct batchnorm_epilogue_gradient *epilogue, const float *dy, float *dx,
                          bool accumulate)
{
    size_t count = pixels * (size_t)c, lane = 0;
    for (size_t done = 0, width; done < count; done += width) {
        float masked[FOLD_LANES];
        width = chunk_at(lanes, lane, count - done);
        const float *y = epilogue->y != NULL ? epilogue->y + done : NULL;
        const float *dz = gradient_lanes(width, y, dy + done, masked);
        /* before dx, which may be dy */
        if (epilogue->dresidual != NULL && epilogue->dresidual + done != dz)
            copy_or_add(width, dz, epilogue->dresidual + done, epilogue->accumulate_residual);
        backpropagate_lanes(lanes, lane, width, x + done, dz, dx + done, accumulate);
        lane = lane + width < lanes->count ? lane + width : 0;
    }
}

/* With M pixels and x̂ = (x − mean)/σ, σ = √(variance + epsilon):
 *   dbeta = Σdz, dgamma = Σdz·x̂, dx = gamma/σ · (dz − dbeta/M − x̂·dgamma/M).
 * Two passes over memory: one for the sums, one for dx and dresidual. */
void batchnorm_backward(size_t pixels, int32_t c, const float *x, const float *gamma, float epsilon,
                        const struct batchnorm_epilogue_gradient *epilogue, const float *mean,
                        const float *variance, const float *dy, float *dgamma, float *dbeta, float *dx,
                        bool accumulate, float *scratch)
{
    static const struct batchnorm_epilogue_gradient none = {0};
    if (epilogue == NULL)
        epilogue = &none;
    struct lanes lanes = lanes_in(scratch, c);
    double m = (double)pixels;
    for (size_t from = 0; from < (size_t)c; from += FOLD_LANES) {
        struct strip strip = strip_at(pixels, (size_t)c, from);
        struct lane_sums sums = {{0}, {0}};
        double centre[FOLD_LANES];
        for (size_t j = 0; j < strip.lanes; j++)
            centre[j] = (double)mean[from + j % strip.columns];
        products_add(strip.rows, strip.stride, strip.lanes, from, x, dy, epilogue->y, centre, &sums);
        products_add(1, 0, strip.rest_lanes, strip.rest, x, dy, epilogue->y, centre, &sums);
        for (size_t j = from; j < from + strip.width; j++) {
            double inverse_sigma = 1.0 / sqrt((double)variance[j] + (double)epsilon);
            double sum_dz = strip_column(&strip, sums.first, j - from);
            double sum_dz_x_hat = strip_column(&strip, sums.second, j - from) * inverse_sigma;
            double scale = (double)gamma[j] * inverse_sigma;
            dbeta[j] = (float)sum_dz;
            dgamma[j] = (float)sum_dz_x_hat;
            lanes.mean[j] = mean[j];
            lanes.scale[j] = (float)scale;
            lanes.shift[j] = (float)(sum_dz / m);
            lanes.slope[j] = (float)(scale * inverse_sigma * sum_dz_x_hat / m);
        }
    }
    lanes_repeat(&lanes, c);
    backpropagate(pixels, c, &lanes, x, epilogue, dy, dx, accumulate);
}
