#include "compute/reference/reference_channels.h"

#include <math.h>

static double value(const struct activation *activation, double x)
{
    double a = activation->a, b = activation->b;
    switch (activation->function) {
    case ACTIVATION_CLIP:
        return fmin(fmax(x, a), b);
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : a * x;
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACTIVATION_TANH:
        return tanh(x);
    case ACTIVATION_HARD_SIGMOID:
        return fmin(fmax(a * x + b, 0), 1);
    case ACTIVATION_HARD_SWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    }
    return NAN;
}

void reference_activation(const struct activation *activation, size_t count, const double *x, double *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = value(activation, x[i]);
}

void reference_softmax_layer(size_t rows, size_t c, bool logarithm, const double *x, double *y)
{
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < c; j++)
            sum += exp(x[i * c + j]);
        for (size_t j = 0; j < c; j++)
            y[i * c + j] = logarithm ? x[i * c + j] - log(sum) : exp(x[i * c + j]) / sum;
    }
}

void reference_scale(size_t pixels, size_t c, const double *x, const double *scale, const double *shift,
                     double *y)
{
    for (size_t i = 0; i < pixels * c; i++)
        y[i] = scale[i % c] * x[i] + shift[i % c];
}

void reference_lrn(const struct response_normalisation *lrn, size_t pixels, int32_t c, const double *x,
                   double *y)
{
    int32_t before = (lrn->size - 1) / 2, after = lrn->size / 2;
    for (size_t p = 0; p < pixels; p++)
        for (int32_t j = 0; j < c; j++) {
            const double *pixel = x + p * (size_t)c;
            double squares = 0;
            for (int32_t i = 0; i < c; i++)
                if (i >= j - before && i <= j + after)
                    squares += pixel[i] * pixel[i];
            y[p * (size_t)c + (size_t)j] =
                pixel[j] / pow(lrn->constant + (double)lrn->alpha / lrn->size * squares, lrn->beta);
        }
}

void reference_shuffle(size_t pixels, size_t c, size_t groups, const double *x, double *y)
{
    for (size_t p = 0; p < pixels; p++)
        for (size_t to = 0; to < c; to++)
            y[p * c + to] = x[p * c + to % groups * (c / groups) + to / groups];
}
