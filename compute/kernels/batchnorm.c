#include "compute/kernels/batchnorm.h"

#include <math.h>

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

/* y = (x − mean)·scale + shift. */
static void normalise(size_t pixels, int32_t c, const struct lanes *lanes, const float *x, float *y)
{
    const float *mean = lanes->mean, *scale = lanes->scale, *shift = lanes->shift;
    size_t count = pixels * (size_t)c;
    for (size_t done = 0; done < count; done += lanes->count, x += lanes->count, y += lanes->count) {
        size_t width = count - done < lanes->count ? count - done : lanes->count;
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            y[j] = (x[j] - mean[j]) * scale[j] + shift[j];
    }
}

void batchnorm_forward_inference(size_t pixels, int32_t c, const float *x, const float *gamma,
                                 const float *beta, float epsilon, const float *mean, const float *variance,
                                 float *y, float *scratch)
{
    struct lanes lanes = lanes_in(scratch, c);
    for (int32_t j = 0; j < c; j++) {
        lanes.mean[j] = mean[j];
        lanes.scale[j] = (float)((double)gamma[j] / sqrt((double)variance[j] + (double)epsilon));
        lanes.shift[j] = beta[j];
        lanes.slope[j] = 0.0F;
    }
    lanes_repeat(&lanes, c);
    normalise(pixels, c, &lanes, x, y);
}

void batchnorm_forward_training(size_t pixels, int32_t c, const float *x, const float *gamma,
                                const float *beta, float epsilon, float *mean, float *variance, float *y,
                                float *scratch)
{
    channel_moments(pixels, c, x, mean, variance);
    batchnorm_forward_inference(pixels, c, x, gamma, beta, epsilon, mean, variance, y, scratch);
}

/* Adds Σdy and Σdy·(x − mean). */
static void products_add(size_t rows, size_t stride, size_t lanes, const float *x, const float *dy,
                         const double *mean, struct lane_sums *sums)
{
    for (size_t i = 0; i < rows; i++, x += stride, dy += stride)
#pragma omp simd
        for (size_t j = 0; j < lanes; j++) {
            double g = (double)dy[j];
            sums->first[j] += g;
            sums->second[j] += g * ((double)x[j] - mean[j]);
        }
}

/* dx (+)= scale·(dy − shift) − slope·(x − mean). */
static void backpropagate(size_t pixels, int32_t c, const struct lanes *lanes, const float *x,
                          const float *dy, float *dx, bool accumulate)
{
    const float *mean = lanes->mean, *scale = lanes->scale, *shift = lanes->shift, *slope = lanes->slope;
    size_t count = pixels * (size_t)c, step = lanes->count;
    for (size_t done = 0; done < count; done += step, x += step, dy += step, dx += step) {
        size_t width = count - done < step ? count - done : step;
        if (accumulate) {
#pragma omp simd
            for (size_t j = 0; j < width; j++)
                dx[j] += scale[j] * (dy[j] - shift[j]) - slope[j] * (x[j] - mean[j]);
        } else {
#pragma omp simd
            for (size_t j = 0; j < width; j++)
                dx[j] = scale[j] * (dy[j] - shift[j]) - slope[j] * (x[j] - mean[j]);
        }
    }
}

/* With M pixels and x̂ = (x − mean)/σ, σ = √(variance + epsilon):
 *   dbeta = Σdy, dgamma = Σdy·x̂, dx = gamma/σ · (dy − dbeta/M − x̂·dgamma/M). */
void batchnorm_backward(size_t pixels, int32_t c, const float *x, const float *gamma, float epsilon,
                        const float *mean, const float *variance, const float *dy, float *dgamma,
                        float *dbeta, float *dx, bool accumulate, float *scratch)
{
    struct lanes lanes = lanes_in(scratch, c);
    double m = (double)pixels;
    for (size_t from = 0; from < (size_t)c; from += FOLD_LANES) {
        struct strip strip = strip_at(pixels, (size_t)c, from);
        struct lane_sums sums = {{0}, {0}};
        double centre[FOLD_LANES];
        for (size_t j = 0; j < strip.lanes; j++)
            centre[j] = (double)mean[from + j % strip.columns];
        products_add(strip.rows, strip.stride, strip.lanes, x + from, dy + from, centre, &sums);
        products_add(1, 0, strip.rest_lanes, x + strip.rest, dy + strip.rest, centre, &sums);
        for (size_t j = from; j < from + strip.width; j++) {
            double inverse_sigma = 1.0 / sqrt((double)variance[j] + (double)epsilon);
            double sum_dy = strip_column(&strip, sums.first, j - from);
            double sum_dy_x_hat = strip_column(&strip, sums.second, j - from) * inverse_sigma;
            double scale = (double)gamma[j] * inverse_sigma;
            dbeta[j] = (float)sum_dy;
            dgamma[j] = (float)sum_dy_x_hat;
            lanes.mean[j] = mean[j];
            lanes.scale[j] = (float)scale;
            lanes.shift[j] = (float)(sum_dy / m);
            lanes.slope[j] = (float)(scale * inverse_sigma * sum_dy_x_hat / m);
        }
    }
    lanes_repeat(&lanes, c);
    backpropagate(pixels, c, &lanes, x, dy, dx, accumulate);
}
