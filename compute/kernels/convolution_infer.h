/* Convolution where nothing is trained: as convolution_forward (convolution.h), which training keeps to, but
 * convolutions from few channels may be direct in place of Winograd's, and 3×3 ones to few channels computed
 * tap by tap. Results agree to rounding, and are the same bytes for any grouping of images. */
#ifndef FACET_COMPUTE_KERNELS_CONVOLUTION_INFER_H
#define FACET_COMPUTE_KERNELS_CONVOLUTION_INFER_H

#include "compute/kernels/convolution.h"

void convolution_infer(const struct convolution *conv, int32_t n, const float *x, const float *w,
                       const struct convolution_epilogue *epilogue, float *y, float *scratch);
size_t convolution_infer_scratch_floats(const struct convolution *conv);

/* How it is computed: "depthwise", "taps", or a way's name (convolution_way.h). */
const char *convolution_infer_way_name(const struct convolution *conv);

#endif
