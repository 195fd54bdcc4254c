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

/* Floats that can be treated at once from `lane` on: to the end of the folded row at most, so that all have
 * their own lane. */
static size_t chunk_at(const struct lanes *lanes, size_t lane, size_t left)
{
    return lanes->count - lane < left ? lanes->count - lane : left;
}

/* Two sums for every lane of a strip. */
struct lane_sums {
    double first[FOLD_LANES], second[FOLD_LANES];
};

/* Sums are taken over blocks of SUM_ROWS rows in float32, in registers SUM_LANES wide, and over the blocks in
 * float64: so short a sum loses less than the numbers themselves have lost, at twice the speed. */
enum { SUM_ROWS = 32, SUM_LANES = 16 };
#define INLINE static inline __attribute__((always_inline))

typedef float lanes_8 __attribute__((vector_size(32)));
typedef int lanes_8_mask __attribute__((vector_size(32)));
/* The same at any address, in an array of floats. */
typedef float loose_lanes_8 __attribute__((vector_size(32), aligned(sizeof(float)), may_alias));

INLINE lanes_8 load(const float *at)
{
    return *(const loose_lanes_8 *)at;
}

INLINE void widen_add(lanes_8 a, lanes_8 b, double *sums)
{
    for (int j = 0; j < 8; j++) {
        sums[j] += (double)a[j];
        sums[8 + j] += (double)b[j];
    }
}

/* Adds Σ(x − origin) and Σ(x − origin)² of a block. */
static void block_moments(size_t rows, size_t stride, const float *x, const float *origin, double *first,
                          double *second)
{
    lanes_8 origin_a = load(origin), origin_b = load(origin + 8);
    lanes_8 sum_a = {0}, sum_b = {0}, square_a = {0}, square_b = {0};
    for (size_t i = 0; i < rows; i++, x += stride) {
        lanes_8 a = load(x) - origin_a, b = load(x + 8) - origin_b;
        sum_a += a;
        sum_b += b;
        square_a += a * a;
        square_b += b * b;
    }
    widen_add(sum_a, sum_b, first);
    widen_add(square_a, square_b, second);
}

/* One lane of a block that is not wide enough. */
static void lane_moments(size_t rows, size_t stride, const float *x, float origin, double *first,
                         double *second)
{
    float sum = 0, squares = 0;
    for (size_t i = 0; i < rows; i++, x += stride) {
        float d = *x - origin;
        sum += d;
        squares += d * d;
    }
    *first += (double)sum;
    *second += (double)squares;
}

static void moments_add(size_t rows, size_t stride, size_t lanes, const float *x, const float *origin,
                        struct lane_sums *sums)
{
    for (size_t done = 0; done < rows; done += SUM_ROWS, x += SUM_ROWS * stride) {
        size_t count = rows - done < SUM_ROWS ? rows - done : SUM_ROWS, j = 0;
        for (; j + SUM_LANES <= lanes; j += SUM_LANES)
            block_moments(count, stride, x + j, origin + j, sums->first + j, sums->second + j);
        for (; j < lanes; j++)
            lane_moments(count, stride, x + j, origin[j], sums->first + j, sums->second + j);
    }
}

/* Mean and variance in one pass over x. The first pixel is taken as the origin, so that Σd² − (Σd)²/M cancels
 * little (Chan, Golub & LeVeque, The American Statistician 1983). */
static void channel_moments(size_t pixels, int32_t c, const float *x, float *mean, float *variance)
{
    for (size_t from = 0; from < (size_t)c; from += FOLD_LANES) {
        struct strip strip = strip_at(pixels, (size_t)c, from);
        struct lane_sums sums = {{0}, {0}};
        float origin[FOLD_LANES] = {0};
        for (size_t j = 0; j < strip.lanes; j++)
            origin[j] = x[from + j % strip.columns];
        moments_add(strip.rows, strip.stride, strip.lanes, x + from, origin, &sums);
        moments_add(1, 0, strip.rest_lanes, x + strip.rest, origin, &sums);
        for (size_t j = 0; j < strip.width; j++) {
            double d = strip_column(&strip, sums.first, j) / (double)pixels;
            double square = strip_column(&strip, sums.second, j) / (double)pixels;
            mean[from + j] = (float)((double)origin[j] + d);
            variance[from + j] = (float)fmax(square - d * d, 0.0);
        }
    }
}

/* y = (x − mean)·scale + shift, then the epilogue, for `width` neighbours from `lane` on. Inlined with each
 * combination of residual or NULL, and relu. */
INLINE void normalise_lanes(const struct lanes *lanes, size_t lane, size_t width, const float *x,
                            const float *residual, bool relu, float *y)
{
    const float *mean = lanes->mean + lane, *scale = lanes->scale + lane, *shift = lanes->shift + lane;
#pragma omp simd
    for (size_t j = 0; j < width; j++) {
        float value = (x[j] - mean[j]) * scale[j] + shift[j];
        if (residual != NULL)
            value += residual[j];
        y[j] = relu && value <= 0.0F ? 0.0F : value; /* a comparison with NaN is false: NaN passes */
    }
}

static void normalise(size_t pixels, int32_t c, const struct lanes *lanes, const float *x,
                      const struct batchnorm_epilogue *epilogue, float *y)
{
    size_t count = pixels * (size_t)c, lane = 0;
    const float *residual = epilogue->residual;
    for (size_t done = 0, width; done < count; done += width) {
        width = chunk_at(lanes, lane, count - done);
        if (residual != NULL && epilogue->relu)
            normalise_lanes(lanes, lane, width, x + done, residual + done, true, y + done);
        else if (residual != NULL)
            normalise_lanes(lanes, lane, width, x + done, residual + done, false, y + done);
        else if (epilogue->relu)
            normalise_lanes(lanes, lane, width, x + done, NULL, true, y + done);
        else
            normalise_lanes(lanes, lane, width, x + done, NULL, false, y + done);
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

/* Float j of dz: dy, or where there was a ReLU (y not NULL) dy at y > 0. */
INLINE float gradient_at(const float *dy, const float *y, size_t j)
{
    return y == NULL || y[j] > 0.0F ? dy[j] : 0.0F;
}

/* Adds Σdz and Σdz·(x − mean) of a block. Inlined with y NULL or not. */
INLINE void block_products(size_t rows, size_t stride, const float *x, const float *dy, const float *y,
                           const float *mean, double *first, double *second)
{
    const lanes_8 zero = {0}, mean_a = load(mean), mean_b = load(mean + 8);
    lanes_8 sum_a = {0}, sum_b = {0}, product_a = {0}, product_b = {0};
    for (size_t at = 0; rows > 0; rows--, at += stride) {
        lanes_8 a = load(dy + at), b = load(dy + at + 8);
        if (y != NULL) {
            a = (lanes_8)((load(y + at) > zero) & (lanes_8_mask)a);
            b = (lanes_8)((load(y + at + 8) > zero) & (lanes_8_mask)b);
        }
        sum_a += a;
        sum_b += b;
        product_a += a * (load(x + at) - mean_a);
        product_b += b * (load(x + at + 8) - mean_b);
    }
    widen_add(sum_a, sum_b, first);
    widen_add(product_a, product_b, second);
}

/* One lane of a block that is not wide enough. */
static void lane_products(size_t rows, size_t stride, const float *x, const float *dy, const float *y,
                          float mean, double *first, double *second)
{
    float sum = 0, products = 0;
    for (size_t at = 0; rows > 0; rows--, at += stride) {
        float dz = gradient_at(dy, y, at);
        sum += dz;
        products += dz * (x[at] - mean);
    }
    *first += (double)sum;
    *second += (double)products;
}

/* Rows from float `from` on. */
static void products_add(size_t rows, size_t stride, size_t lanes, size_t from, const float *x,
                         const float *dy, const float *y, const float *mean, struct lane_sums *sums)
{
    for (size_t done = 0; done < rows; done += SUM_ROWS, from += SUM_ROWS * stride) {
        size_t count = rows - done < SUM_ROWS ? rows - done : SUM_ROWS, j = 0;
        for (; j + SUM_LANES <= lanes; j += SUM_LANES) {
            size_t at = from + j;
            if (y != NULL)
                block_products(count, stride, x + at, dy + at, y + at, mean + j, sums->first + j,
                               sums->second + j);
            else
                block_products(count, stride, x + at, dy + at, NULL, mean + j, sums->first + j,
                               sums->second + j);
        }
        for (; j < lanes; j++)
            lane_products(count, stride, x + from + j, dy + from + j, y != NULL ? y + from + j : NULL,
                          mean[j], sums->first + j, sums->second + j);
    }
}

/* dresidual (+)= dz and dx (+)= scale·(dz − shift) − slope·(x − mean), for `width` neighbours from `lane` on.
 * Inlined with each combination of y or NULL, dresidual or NULL, and accumulate. */
INLINE void backpropagate_lanes(const struct lanes *lanes, size_t lane, size_t width, const float *x,
                                const float *dy, const float *y, float *dresidual, bool accumulate_residual,
                                float *dx, bool accumulate)
{
    const float *mean = lanes->mean + lane, *scale = lanes->scale + lane;
    const float *shift = lanes->shift + lane, *slope = lanes->slope + lane;
#pragma omp simd
    for (size_t j = 0; j < width; j++) {
        float dz = gradient_at(dy, y, j);
        float value = scale[j] * (dz - shift[j]) - slope[j] * (x[j] - mean[j]);
        if (dresidual != NULL)
            dresidual[j] = accumulate_residual ? dresidual[j] + dz : dz;
        dx[j] = accumulate ? dx[j] + value : value;
    }
}

static void backpropagate(size_t pixels, int32_t c, const struct lanes *lanes, const float *x,
                          const struct batchnorm_epilogue_gradient *epilogue, const float *dy, float *dx,
                          bool accumulate)
{
    size_t count = pixels * (size_t)c, lane = 0;
    bool adds = epilogue->accumulate_residual;
    for (size_t done = 0, width; done < count; done += width) {
        width = chunk_at(lanes, lane, count - done);
        const float *y = epilogue->y != NULL ? epilogue->y + done : NULL;
        float *residual = epilogue->dresidual != NULL ? epilogue->dresidual + done : NULL;
        if (y != NULL && residual != NULL && !adds && !accumulate)
            backpropagate_lanes(lanes, lane, width, x + done, dy + done, y, residual, false, dx + done,
                                false);
        else if (y != NULL && residual == NULL && !accumulate)
            backpropagate_lanes(lanes, lane, width, x + done, dy + done, y, NULL, false, dx + done, false);
        else if (y == NULL && residual == NULL && !accumulate)
            backpropagate_lanes(lanes, lane, width, x + done, dy + done, NULL, NULL, false, dx + done, false);
        else
            backpropagate_lanes(lanes, lane, width, x + done, dy + done, y, residual, adds, dx + done,
                                accumulate);
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
        float centre[FOLD_LANES] = {0};
        for (size_t j = 0; j < strip.lanes; j++)
            centre[j] = mean[from + j % strip.columns];
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
