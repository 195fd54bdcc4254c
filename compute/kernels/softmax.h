/* Softmax, its cross-entropy, and softmax as a layer. Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_SOFTMAX_H
#define FACET_COMPUTE_KERNELS_SOFTMAX_H

#include <stdbool.h>
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

/* Softmax, or its logarithm, of each of `rows` rows of c numbers; sums in float64 in the rows' order. y may
 * be x. */
void softmax_layer_forward(size_t rows, size_t c, bool logarithm, const float *x, float *y);

/* Given its result y: dx = y·(dy − Σ dy·y), or dy − exp(y)·Σ dy for the logarithm; added when `accumulate`,
 * else dx may be dy. */
void softmax_layer_backward(size_t rows, size_t c, bool logarithm, const float *y, const float *dy, float *dx,
                            bool accumulate);

#endif
