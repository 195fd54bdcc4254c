#include "compute/reference/reference.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Place of element (a, b, c, d) in a tensor whose last three sizes are given. */
static size_t at(int32_t a, int32_t b, int32_t c, int32_t d, int32_t size_b, int32_t size_c, int32_t size_d)
{
    return (size_t)((((int64_t)a * size_b + b) * size_c + c) * size_d + d);
}

static size_t product(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return (size_t)a * (size_t)b * (size_t)c * (size_t)d;
}

static void zero(size_t count, double *x)
{
    memset(x, 0, count * sizeof *x);
}

/* --- convolution --- */

/* One output's sum over its window. */
static double convolution_output(const struct convolution *conv, const double *x, const double *w, int32_t n,
                                 int32_t p, int32_t q, int32_t k)
{
    int32_t group_c = conv->in_c / conv->groups, group_k = conv->out_c / conv->groups, g = k / group_k;
    double sum = 0;
    for (int32_t r = 0; r < conv->kernel_h; r++)
        for (int32_t s = 0; s < conv->kernel_w; s++)
            for (int32_t c = 0; c < group_c; c++) {
                int32_t h = p * conv->stride_h - conv->pad_top + r * conv->dilation_h;
                int32_t v = q * conv->stride_w - conv->pad_left + s * conv->dilation_w;
                if (h < 0 || h >= conv->in_h || v < 0 || v >= conv->in_w)
                    continue; /* padding is zero */
                sum += x[at(n, h, v, g * group_c + c, conv->in_h, conv->in_w, conv->in_c)] *
                       w[at(r, s, c, k, conv->kernel_w, group_c, conv->out_c)];
            }
    return sum;
}

void reference_convolution_forward(const struct convolution *conv, int32_t n, const double *x,
                                   const double *w, const double *bias, double *y)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < conv->out_h; p++)
            for (int32_t q = 0; q < conv->out_w; q++)
                for (int32_t k = 0; k < conv->out_c; k++)
                    y[at(i, p, q, k, conv->out_h, conv->out_w, conv->out_c)] =
                        convolution_output(conv, x, w, i, p, q, k) + (bias != NULL ? bias[k] : 0.0);
}

/* What one output's gradient g_y gives to every x and w in its window. */
static void convolution_output_backward(const struct convolution *conv, const double *x, const double *w,
                                        int32_t n, int32_t p, int32_t q, int32_t k, double g_y, double *dx,
                                        double *dw)
{
    int32_t group_c = conv->in_c / conv->groups, group_k = conv->out_c / conv->groups, g = k / group_k;
    for (int32_t r = 0; r < conv->kernel_h; r++)
        for (int32_t s = 0; s < conv->kernel_w; s++)
            for (int32_t c = 0; c < group_c; c++) {
                int32_t h = p * conv->stride_h - conv->pad_top + r * conv->dilation_h;
                int32_t v = q * conv->stride_w - conv->pad_left + s * conv->dilation_w;
                if (h < 0 || h >= conv->in_h || v < 0 || v >= conv->in_w)
                    continue;
                size_t in = at(n, h, v, g * group_c + c, conv->in_h, conv->in_w, conv->in_c);
                size_t weight = at(r, s, c, k, conv->kernel_w, group_c, conv->out_c);
                dx[in] += g_y * w[weight];
                dw[weight] += g_y * x[in];
            }
}

void reference_convolution_backward(const struct convolution *conv, int32_t n, const double *x,
                                    const double *w, const double *dy, double *dx, double *dw, double *dbias)
{
    zero(product(n, conv->in_h, conv->in_w, conv->in_c), dx);
    zero(product(conv->kernel_h, conv->kernel_w, conv->in_c / conv->groups, conv->out_c), dw);
    zero((size_t)conv->out_c, dbias);
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < conv->out_h; p++)
            for (int32_t q = 0; q < conv->out_w; q++)
                for (int32_t k = 0; k < conv->out_c; k++) {
                    double g_y = dy[at(i, p, q, k, conv->out_h, conv->out_w, conv->out_c)];
                    convolution_output_backward(conv, x, w, i, p, q, k, g_y, dx, dw);
                    dbias[k] += g_y;
                }
}

/* --- dense --- */

void reference_dense_forward(int32_t n, int32_t c, int32_t k, const double *x, const double *w,
                             const double *bias, double *y)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t b = 0; b < k; b++) {
            double sum = bias != NULL ? bias[b] : 0.0;
            for (int32_t a = 0; a < c; a++)
                sum += x[i * c + a] * w[a * k + b];
            y[i * k + b] = sum;
        }
}

void reference_dense_backward(int32_t n, int32_t c, int32_t k, const double *x, const double *w,
                              const double *dy, double *dx, double *dw, double *dbias)
{
    zero(product(n, c, 1, 1), dx);
    zero(product(c, k, 1, 1), dw);
    zero((size_t)k, dbias);
    for (int32_t i = 0; i < n; i++)
        for (int32_t b = 0; b < k; b++) {
            for (int32_t a = 0; a < c; a++) {
                dx[i * c + a] += dy[i * k + b] * w[a * k + b];
                dw[a * k + b] += dy[i * k + b] * x[i * c + a];
            }
            dbias[b] += dy[i * k + b];
        }
}

/* --- batch normalisation --- */

void reference_batchnorm_inference(size_t pixels, int32_t c, const double *x, const double *gamma,
                                   const double *beta, double epsilon, const double *mean,
                                   const double *variance, double *y)
{
    for (size_t i = 0; i < pixels * (size_t)c; i++) {
        size_t j = i % (size_t)c;
        y[i] = gamma[j] * (x[i] - mean[j]) / sqrt(variance[j] + epsilon) + beta[j];
    }
}

static double channel_mean(size_t pixels, int32_t c, const double *x, int32_t j)
{
    double sum = 0;
    for (size_t i = 0; i < pixels; i++)
        sum += x[i * (size_t)c + (size_t)j];
    return sum / (double)pixels;
}

static double channel_variance(size_t pixels, int32_t c, const double *x, int32_t j, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) {
        double d = x[i * (size_t)c + (size_t)j] - mean;
        sum += d * d;
    }
    return sum / (double)pixels;
}

void reference_batchnorm_training(size_t pixels, int32_t c, const double *x, const double *gamma,
                                  const double *beta, double epsilon, double *mean, double *variance,
                                  double *y)
{
    for (int32_t j = 0; j < c; j++) {
        mean[j] = channel_mean(pixels, c, x, j);
        variance[j] = channel_variance(pixels, c, x, j, mean[j]);
    }
    reference_batchnorm_inference(pixels, c, x, gamma, beta, epsilon, mean, variance, y);
}

/* Ioffe & Szegedy, ICML 2015, section 3, the six derivatives in their order. */
void reference_batchnorm_backward(size_t pixels, int32_t c, const double *x, const double *gamma,
                                  double epsilon, const double *dy, double *dx, double *dgamma, double *dbeta)
{
    double m = (double)pixels;
    for (int32_t j = 0; j < c; j++) {
        double mean = channel_mean(pixels, c, x, j);
        double sigma = sqrt(channel_variance(pixels, c, x, j, mean) + epsilon);
        double dvariance = 0, dmean = 0;
        dgamma[j] = dbeta[j] = 0;
        for (size_t i = (size_t)j; i < pixels * (size_t)c; i += (size_t)c) {
            double dx_hat = dy[i] * gamma[j];
            dvariance += dx_hat * (x[i] - mean) * -0.5 / (sigma * sigma * sigma);
            dmean += -dx_hat / sigma; /* the variance's share is Σ −2(x − mean)/m = 0 */
            dgamma[j] += dy[i] * (x[i] - mean) / sigma;
            dbeta[j] += dy[i];
        }
        for (size_t i = (size_t)j; i < pixels * (size_t)c; i += (size_t)c)
            dx[i] = dy[i] * gamma[j] / sigma + dvariance * 2 * (x[i] - mean) / m + dmean / m;
    }
}

/* --- ReLU --- */

void reference_relu_forward(size_t count, const double *x, double *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

void reference_relu_backward(size_t count, const double *x, const double *dy, double *dx)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = x[i] > 0 ? dy[i] : 0;
}

/* --- pooling --- */

static size_t pool_in(const struct pooling *pool, int32_t n, int32_t h, int32_t w, int32_t c)
{
    return at(n, h, w, c, pool->in_h, pool->in_w, pool->c);
}

static size_t pool_out(const struct pooling *pool, int32_t n, int32_t p, int32_t q, int32_t c)
{
    return at(n, p, q, c, pool->out_h, pool->out_w, pool->c);
}

/* The input pixel of tap (r, s) of output pixel (p, q); false when it lies outside the image. */
static bool pool_tap(const struct pooling *pool, int32_t p, int32_t q, int32_t r, int32_t s, int32_t *h,
                     int32_t *w)
{
    *h = p * pool->stride_h - pool->pad_top + r;
    *w = q * pool->stride_w - pool->pad_left + s;
    return *h >= 0 && *h < pool->in_h && *w >= 0 && *w < pool->in_w;
}

/* Finds the largest pixel of a window; false when there is none. */
static bool maxpool_winner(const struct pooling *pool, int32_t n, int32_t p, int32_t q, int32_t c,
                           const double *x, size_t *winner)
{
    bool found = false;
    int32_t h, w;
    for (int32_t r = 0; r < pool->kernel_h; r++)
        for (int32_t s = 0; s < pool->kernel_w; s++) {
            if (!pool_tap(pool, p, q, r, s, &h, &w))
                continue;
            size_t in = pool_in(pool, n, h, w, c);
            if (!found || x[in] > x[*winner])
                *winner = in;
            found = true;
        }
    return found;
}

void reference_maxpool_forward(const struct pooling *pool, int32_t n, const double *x, double *y)
{
    size_t winner;
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < pool->out_h; p++)
            for (int32_t q = 0; q < pool->out_w; q++)
                for (int32_t c = 0; c < pool->c; c++)
                    y[pool_out(pool, i, p, q, c)] =
                        maxpool_winner(pool, i, p, q, c, x, &winner) ? x[winner] : 0.0;
}

void reference_maxpool_backward(const struct pooling *pool, int32_t n, const double *x, const double *dy,
                                double *dx)
{
    size_t winner;
    zero(product(n, pool->in_h, pool->in_w, pool->c), dx);
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < pool->out_h; p++)
            for (int32_t q = 0; q < pool->out_w; q++)
                for (int32_t c = 0; c < pool->c; c++)
                    if (maxpool_winner(pool, i, p, q, c, x, &winner))
                        dx[winner] += dy[pool_out(pool, i, p, q, c)];
}

/* Pixels that a window's sum is divided by: those of the image, or also those of its padding. */
static int32_t avgpool_divisor(const struct pooling *pool, int32_t p, int32_t q)
{
    int32_t divisor = 0, h, w;
    for (int32_t r = 0; r < pool->kernel_h; r++)
        for (int32_t s = 0; s < pool->kernel_w; s++) {
            bool in_image = pool_tap(pool, p, q, r, s, &h, &w);
            bool in_padded_image = h >= -pool->pad_top && h < pool->in_h + pool->pad_bottom &&
                                   w >= -pool->pad_left && w < pool->in_w + pool->pad_right;
            divisor += pool->count_padding ? in_padded_image : in_image;
        }
    return divisor;
}

void reference_avgpool_forward(const struct pooling *pool, int32_t n, const double *x, double *y)
{
    int32_t h, w;
    zero(product(n, pool->out_h, pool->out_w, pool->c), y);
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < pool->out_h; p++)
            for (int32_t q = 0; q < pool->out_w; q++)
                for (int32_t c = 0; c < pool->c; c++)
                    for (int32_t r = 0; r < pool->kernel_h; r++)
                        for (int32_t s = 0; s < pool->kernel_w; s++)
                            if (pool_tap(pool, p, q, r, s, &h, &w))
                                y[pool_out(pool, i, p, q, c)] +=
                                    x[pool_in(pool, i, h, w, c)] / avgpool_divisor(pool, p, q);
}

void reference_avgpool_backward(const struct pooling *pool, int32_t n, const double *dy, double *dx)
{
    int32_t h, w;
    zero(product(n, pool->in_h, pool->in_w, pool->c), dx);
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < pool->out_h; p++)
            for (int32_t q = 0; q < pool->out_w; q++)
                for (int32_t c = 0; c < pool->c; c++)
                    for (int32_t r = 0; r < pool->kernel_h; r++)
                        for (int32_t s = 0; s < pool->kernel_w; s++)
                            if (pool_tap(pool, p, q, r, s, &h, &w))
                                dx[pool_in(pool, i, h, w, c)] +=
                                    dy[pool_out(pool, i, p, q, c)] / avgpool_divisor(pool, p, q);
}

void reference_global_avgpool_forward(int32_t n, int32_t h, int32_t w, int32_t c, const double *x, double *y)
{
    zero(product(n, c, 1, 1), y);
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < h * w; p++)
            for (int32_t j = 0; j < c; j++)
                y[i * c + j] += x[(i * h * w + p) * c + j] / (h * w);
}

void reference_global_avgpool_backward(int32_t n, int32_t h, int32_t w, int32_t c, const double *dy,
                                       double *dx)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; p < h * w; p++)
            for (int32_t j = 0; j < c; j++)
                dx[(i * h * w + p) * c + j] = dy[i * c + j] / (h * w);
}

/* --- window --- */

/* The input of output (h, w, c); false when it lies outside. */
static bool window_source(const struct window *window, int32_t n, int32_t h, int32_t w, int32_t c, size_t *in)
{
    int32_t in_h = h * window->step_h + window->from_h, in_w = w * window->step_w + window->from_w;
    int32_t in_c = c + window->from_c;
    if (in_h < 0 || in_h >= window->in_h || in_w < 0 || in_w >= window->in_w || in_c < 0 ||
        in_c >= window->in_c)
        return false;
    *in = at(n, in_h, in_w, in_c, window->in_h, window->in_w, window->in_c);
    return true;
}

void reference_window_forward(const struct window *window, int32_t n, const double *x, double *y)
{
    size_t in;
    for (int32_t i = 0; i < n; i++)
        for (int32_t h = 0; h < window->out_h; h++)
            for (int32_t w = 0; w < window->out_w; w++)
                for (int32_t c = 0; c < window->out_c; c++)
                    y[at(i, h, w, c, window->out_h, window->out_w, window->out_c)] =
                        window_source(window, i, h, w, c, &in) ? x[in] : 0.0;
}

void reference_window_backward(const struct window *window, int32_t n, const double *dy, double *dx)
{
    size_t in;
    zero(product(n, window->in_h, window->in_w, window->in_c), dx);
    for (int32_t i = 0; i < n; i++)
        for (int32_t h = 0; h < window->out_h; h++)
            for (int32_t w = 0; w < window->out_w; w++)
                for (int32_t c = 0; c < window->out_c; c++)
                    if (window_source(window, i, h, w, c, &in))
                        dx[in] += dy[at(i, h, w, c, window->out_h, window->out_w, window->out_c)];
}

/* --- softmax and cross-entropy --- */

/* log Σ exp(logits), shifted by the largest so that exp cannot overflow. */
static double log_sum_exp(int32_t k, const double *logits)
{
    double largest = logits[0], sum = 0;
    for (int32_t j = 1; j < k; j++)
        largest = fmax(largest, logits[j]);
    for (int32_t j = 0; j < k; j++)
        sum += exp(logits[j] - largest);
    return largest + log(sum);
}

void reference_softmax(int32_t n, int32_t k, const double *logits, double *probabilities)
{
    for (int32_t i = 0; i < n * k; i++)
        probabilities[i] = exp(logits[i] - log_sum_exp(k, logits + i / k * k));
}

double reference_cross_entropy(int32_t n, int32_t k, const double *logits, const int32_t *labels)
{
    double loss = 0;
    for (int32_t i = 0; i < n; i++)
        loss += log_sum_exp(k, logits + i * k) - logits[i * k + labels[i]];
    return loss;
}

void reference_cross_entropy_backward(int32_t n, int32_t k, const double *logits, const int32_t *labels,
                                      double *dlogits)
{
    reference_softmax(n, k, logits, dlogits);
    for (int32_t i = 0; i < n; i++)
        dlogits[i * k + labels[i]] -= 1.0;
}
