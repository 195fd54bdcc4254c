/* Every layer, forward and backward, in float64 and by its definition: the loops are the formulas. The fast
 * kernels are tested against these; nothing else uses them.
 *
 * Letters, here and in every room of the project:
 *   N images, H×W pixels, C input channels, K output channels (classes, for a loss), R×S kernel, G groups;
 *   n, h, w, c, k, r, s, g count them, and p, q are the row and column of an output pixel.
 * Tensors are dense and the last index is contiguous: x (N, H, W, C), y (N, P, Q, K), weights (R, S, C/G, K).
 *
 * Every array is overwritten, backward results too. Outputs must not overlap inputs. */
#ifndef FACET_COMPUTE_REFERENCE_REFERENCE_H
#define FACET_COMPUTE_REFERENCE_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "compute/kernels/convolution.h"
#include "compute/kernels/elementwise.h"
#include "compute/kernels/pooling.h"

/* Shapes are described by the structures of the kernels, so that a test hands the same one to both. */

/* y = x ∗ w + bias; bias (K) may be NULL. */
void reference_convolution_forward(const struct convolution *conv, int32_t n, const double *x,
                                   const double *w, const double *bias, double *y);
/* dx, dw and dbias: the derivative of Σ y·dy with respect to each. */
void reference_convolution_backward(const struct convolution *conv, int32_t n, const double *x,
                                    const double *w, const double *dy, double *dx, double *dw, double *dbias);

/* y (N, K) = x (N, C) · w (C, K) + bias (K); bias may be NULL. */
void reference_dense_forward(int32_t n, int32_t c, int32_t k, const double *x, const double *w,
                             const double *bias, double *y);
void reference_dense_backward(int32_t n, int32_t c, int32_t k, const double *x, const double *w,
                              const double *dy, double *dx, double *dw, double *dbias);

/* Training: mean and biased variance over the pixels, y = gamma·(x − mean)/√(variance + epsilon) + beta. */
void reference_batchnorm_training(size_t pixels, int32_t c, const double *x, const double *gamma,
                                  const double *beta, double epsilon, double *mean, double *variance,
                                  double *y);
/* Inference: mean and variance are given. */
void reference_batchnorm_inference(size_t pixels, int32_t c, const double *x, const double *gamma,
                                   const double *beta, double epsilon, const double *mean,
                                   const double *variance, double *y);
/* Of the training pass, through mean and variance. */
void reference_batchnorm_backward(size_t pixels, int32_t c, const double *x, const double *gamma,
                                  double epsilon, const double *dy, double *dx, double *dgamma,
                                  double *dbeta);

void reference_relu_forward(size_t count, const double *x, double *y);
void reference_relu_backward(size_t count, const double *x, const double *dy, double *dx);

/* The first largest pixel of each window, in reading order; 0 where a window holds no pixel of the image. */
void reference_maxpool_forward(const struct pooling *pool, int32_t n, const double *x, double *y);
void reference_maxpool_backward(const struct pooling *pool, int32_t n, const double *x, const double *dy,
                                double *dx);

/* Mean of each window; see pooling.h for count_padding. 0 where a window holds no pixel of the image. */
void reference_avgpool_forward(const struct pooling *pool, int32_t n, const double *x, double *y);
void reference_avgpool_backward(const struct pooling *pool, int32_t n, const double *dy, double *dx);

/* y (N, C) = mean over all pixels. */
void reference_global_avgpool_forward(int32_t n, int32_t h, int32_t w, int32_t c, const double *x, double *y);
void reference_global_avgpool_backward(int32_t n, int32_t h, int32_t w, int32_t c, const double *dy,
                                       double *dx);

/* out(h, w, c) = in(h·step_h + from_h, w·step_w + from_w, c + from_c), 0 outside. */
void reference_window_forward(const struct window *window, int32_t n, const double *x, double *y);
void reference_window_backward(const struct window *window, int32_t n, const double *dy, double *dx);

/* probabilities (N, K): exp(logit) / Σ exp(logits). */
void reference_softmax(int32_t n, int32_t k, const double *logits, double *probabilities);
/* Σ_n −log softmax(logits_n)[label_n]. */
double reference_cross_entropy(int32_t n, int32_t k, const double *logits, const int32_t *labels);
/* dlogits = softmax − one-hot(label). */
void reference_cross_entropy_backward(int32_t n, int32_t k, const double *logits, const int32_t *labels,
                                      double *dlogits);

#endif
