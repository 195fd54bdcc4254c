/* Losses with soft targets, for learning from another network's probabilities (Hinton, Vinyals & Dean,
 * Distilling the Knowledge in a Neural Network, arXiv 1503.02531). T is the temperature, > 0; losses are
 * multiplied by T², so that gradients keep their size whatever T. Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_LOSSES_H
#define FACET_COMPUTE_KERNELS_LOSSES_H

#include <stdint.h>

/* Σ over n of T²·(−t·log σ(z/T) − (1−t)·log(1−σ(z/T))), in float64, for logits z and targets t in 0 … 1 (n
 * each), and dlogits = factor·T·(σ(z/T) − t); dlogits may be NULL or logits itself. */
double binary_cross_entropy(int32_t n, const float *logits, const float *targets, float temperature,
                            float factor, float *dlogits);

/* Σ over the rows of −T²·Σ_j t_j·log softmax(z/T)_j, in float64, for logits z and targets t (N, C) of which
 * each row sums to 1, and dlogits = factor·T·(softmax(z/T) − t) (N, C), not logits itself; may be NULL. */
double softmax_distillation(int32_t n, int32_t c, const float *logits, const float *targets,
                            float temperature, float factor, float *dlogits);

/* probabilities (N, C) = softmax(logits/T); may be in place. */
void softmax_at_temperature(int32_t n, int32_t c, const float *logits, float temperature,
                            float *probabilities);

#endif
