#include "compute/kernels/softmax.h"

#include <math.h>
#include <stdbool.h>

static float row_maximum(int32_t c, const float *logits)
{
    float maximum = logits[0];
    for (int32_t j = 1; j < c; j++)
        if (logits[j] > maximum)
            maximum = logits[j];
    return maximum;
}

/* exponentials[j] = exp(logits[j] − maximum), which cannot overflow; returns their sum, at least 1 unless a
 * logit is not finite. */
static double row_exponentials(int32_t c, const float *logits, float maximum, float *exponentials)
{
    double sum = 0;
    for (int32_t j = 0; j < c; j++) {
        exponentials[j] = expf(logits[j] - maximum);
        sum += (double)exponentials[j];
    }
    return sum;
}

/* A row with NaN in it has no largest logit, so it is never counted as correct. */
static bool label_wins(int32_t c, const float *logits, int32_t label)
{
    for (int32_t j = 0; j < label; j++)
        if (!(logits[j] < logits[label]))
            return false;
    for (int32_t j = label; j < c; j++)
        if (!(logits[j] <= logits[label]))
            return false;
    return true;
}

void softmax_forward(int32_t n, int32_t c, const float *logits, float *probabilities)
{
    for (int32_t i = 0; i < n; i++, logits += c, probabilities += c) {
        double sum = row_exponentials(c, logits, row_maximum(c, logits), probabilities);
        float scale = (float)(1.0 / sum);
        for (int32_t j = 0; j < c; j++)
            probabilities[j] *= scale;
    }
}

double softmax_cross_entropy(int32_t n, int32_t c, const float *logits, const int32_t *labels, float factor,
                             float *dlogits, int64_t *correct)
{
    double loss = 0;
    int64_t hits = 0;
    for (int32_t i = 0; i < n; i++, logits += c) {
        float maximum = row_maximum(c, logits);
        double label_logit = (double)logits[labels[i]] - (double)maximum;
        hits += label_wins(c, logits, labels[i]);
        double sum = 0;
        if (dlogits != NULL) {
            sum = row_exponentials(c, logits, maximum, dlogits);
            float scale = (float)((double)factor / sum);
            for (int32_t j = 0; j < c; j++)
                dlogits[j] *= scale;
            dlogits[labels[i]] -= factor;
            dlogits += c;
        } else {
            for (int32_t j = 0; j < c; j++)
                sum += (double)expf(logits[j] - maximum);
        }
        loss += log(sum) - label_logit;
    }
    if (correct != NULL)
        *correct = hits;
    return loss;
}

void softmax_layer_forward(size_t rows, size_t c, bool logarithm, const float *x, float *y)
{
    for (size_t i = 0; i < rows; i++, x += c, y += c) {
        float maximum = row_maximum((int32_t)c, x);
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
