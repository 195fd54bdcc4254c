/* Softmax and its cross-entropy. Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_SOFTMAX_H
#define FACET_COMPUTE_KERNELS_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

/* probabilities (N, C) of logits (N, C), each row shifted by its maximum; may be in place. */
void softmax_forward(int32_t n, int32_t c, const float *logits, float *probabilities);

/* Σ over the rows of −log softmax(logits)[label] (a sum, not a mean, in float64), and
 * dlogits = factor·(softmax − one-hot(label)); dlogits may be NULL or logits itself.
 * *correct, when not NULL, counts rows whose largest logit (first among equals) is the label's;
 * a row with NaN in it never counts. */
double softmax_cross_entropy(int32_t n, int32_t c, const float *logits, const int32_t *labels, float factor,
                             float *dlogits, int64_t *correct);

#endif
