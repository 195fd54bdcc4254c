#include "compute/kernels/activation.h"

#include <math.h>

/* Comparisons with NaN are false, so NaN passes. */
static inline float clipped(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* exp of a number that is not positive cannot overflow. */
static inline float sigmoid(float x)
{
    float e = expf(-fabsf(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

static inline float hard_sigmoid(float x, float a, float b)
{
    return clipped(a * x + b, 0, 1);
}

static const float swish_slope = 1.0F / 6, swish_offset = 0.5F;

void activation_forward(const struct activation *activation, size_t count, const float *x, float *y)
{
    const float a = activation->a, b = activation->b;
    switch (activation->function) {
    case ACTIVATION_CLIP:
        for (size_t i = 0; i < count; i++)
            y[i] = clipped(x[i], a, b);
        break;
    case ACTIVATION_LEAKY_RELU:
        for (size_t i = 0; i < count; i++)
            y[i] = x[i] > 0 ? x[i] : a * x[i];
        break;
    case ACTIVATION_SIGMOID:
        for (size_t i = 0; i < count; i++)
            y[i] = sigmoid(x[i]);
        break;
    case ACTIVATION_TANH:
        for (size_t i = 0; i < count; i++)
            y[i] = tanhf(x[i]);
        break;
    case ACTIVATION_HARD_SIGMOID:
        for (size_t i = 0; i < count; i++)
            y[i] = hard_sigmoid(x[i], a, b);
        break;
    case ACTIVATION_HARD_SWISH:
        for (size_t i = 0; i < count; i++)
            y[i] = x[i] * hard_sigmoid(x[i], swish_slope, swish_offset);
        break;
    }
}

static inline float inside(float x, float low, float high)
{
    return x > low && x < high ? 1.0F : 0.0F;
}

static float derivative(const struct activation *activation, float x)
{
    const float a = activation->a, b = activation->b;
    switch (activation->function) {
    case ACTIVATION_CLIP:
        return inside(x, a, b);
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? 1 : a;
    case ACTIVATION_SIGMOID:
        return sigmoid(x) * sigmoid(-x);
    case ACTIVATION_TANH: {
        float y = tanhf(x);
        return 1 - y * y;
    }
    case ACTIVATION_HARD_SIGMOID:
        return a * inside(a * x + b, 0, 1);
    case ACTIVATION_HARD_SWISH:
        return hard_sigmoid(x, swish_slope, swish_offset) +
               x * swish_slope * inside(swish_slope * x + swish_offset, 0, 1);
    }
    return 0;
}

void activation_backward(const struct activation *activation, size_t count, const float *x, const float *dy,
                         float *dx, bool accumulate)
{
    for (size_t i = 0; i < count; i++) {
        float change = derivative(activation, x[i]) * dy[i];
        dx[i] = accumulate ? dx[i] + change : change;
    }
}

static float row_maximum(size_t c, const float *x)
{
    float maximum = x[0];
    for (size_t j = 1; j < c; j++)
        if (x[j] > maximum)
            maximum = x[j];
    return maximum;
}

void softmax_layer_forward(size_t rows, size_t c, bool logarithm, const float *x, float *y)
{
    for (size_t i = 0; i < rows; i++, x += c, y += c) {
        float maximum = row_maximum(c, x);
        double sum = 0;
        for (size_t j = 0; j < c; j++)
            sum += exp((double)(x[j] - maximum));
        double log_sum = log(sum);
        for (size_t j = 0; j < c; j++) {
            double shifted = (double)(x[j] - maximum);
            y[j] = (float)(logarithm ? shifted - log_sum : exp(shifted) / sum);
        }
    }
}

void softmax_layer_backward(size_t rows, size_t c, bool logarithm, const float *y, const float *dy, float *dx,
                            bool accumulate)
{
    for (size_t i = 0; i < rows; i++, y += c, dy += c, dx += c) {
        double sum = 0;
        for (size_t j = 0; j < c; j++)
            sum += logarithm ? (double)dy[j] : (double)dy[j] * (double)y[j];
        for (size_t j = 0; j < c; j++) {
            double change = logarithm ? dy[j] - exp((double)y[j]) * sum : y[j] * (dy[j] - sum);
            dx[j] = accumulate ? dx[j] + (float)change : (float)change;
        }
    }
}
