/* More layers by their definitions in float64, forward; their derivatives are tested by central differences
 * of these. Shapes as in reference.h. */
#ifndef FACET_COMPUTE_REFERENCE_REFERENCE_CHANNELS_H
#define FACET_COMPUTE_REFERENCE_REFERENCE_CHANNELS_H

#include "compute/kernels/activation.h"
#include "compute/kernels/channels.h"

void reference_activation(const struct activation *activation, size_t count, const double *x, double *y);

/* x and y (rows, C). */
void reference_softmax_layer(size_t rows, size_t c, bool logarithm, const double *x, double *y);

/* y = scale·x + shift, channel by channel; x and y (pixels, C). */
void reference_scale(size_t pixels, size_t c, const double *x, const double *scale, const double *shift,
                     double *y);

void reference_lrn(const struct response_normalisation *lrn, size_t pixels, int32_t c, const double *x,
                   double *y);

void reference_shuffle(size_t pixels, size_t c, size_t groups, const double *x, double *y);

#endif
