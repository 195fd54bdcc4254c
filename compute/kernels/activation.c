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
