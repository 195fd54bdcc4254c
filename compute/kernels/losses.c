#include "compute/kernels/losses.h"

#include <math.h>
#include <stddef.h>

#include "compute/kernels/softmax.h"

double binary_cross_entropy(int32_t n, const float *logits, const float *targets, float temperature,
                            float factor, float *dlogits)
{
    double t = (double)temperature, loss = 0;
    for (int32_t i = 0; i < n; i++) {
        double z = (double)logits[i] / t, target = (double)targets[i];
        /* −t·log σ(z) − (1−t)·log(1−σ(z)) without overflow */
        loss += fmax(z, 0) - z * target + log1p(exp(-fabs(z)));
        if (dlogits != NULL)
            dlogits[i] = (float)((double)factor * t * (1 / (1 + exp(-z)) - target));
    }
    return t * t * loss;
}

double softmax_distillation(int32_t n, int32_t c, const float *logits, const float *targets,
                            float temperature, float factor, float *dlogits)
{
    double t = (double)temperature, loss = 0;
    for (int32_t i = 0; i < n; i++, logits += c, targets += c) {
        double maximum = (double)logits[0], sum = 0;
        for (int32_t j = 1; j < c; j++)
            maximum = fmax(maximum, (double)logits[j]);
        for (int32_t j = 0; j < c; j++)
            sum += exp(((double)logits[j] - maximum) / t);
        double log_sum = log(sum);
        for (int32_t j = 0; j < c; j++) {
            double log_probability = ((double)logits[j] - maximum) / t - log_sum;
            loss -= (double)targets[j] * log_probability;
            if (dlogits != NULL)
                dlogits[j] = (float)((double)factor * t * (exp(log_probability) - (double)targets[j]));
        }
        if (dlogits != NULL)
            dlogits += c;
    }
    return t * t * loss;
}

void softmax_at_temperature(int32_t n, int32_t c, const float *logits, float temperature,
                            float *probabilities)
{
    for (size_t i = 0; i < (size_t)n * (size_t)c; i++)
        probabilities[i] = logits[i] / temperature;
    softmax_forward(n, c, probabilities, probabilities);
}
