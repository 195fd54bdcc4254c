/* The last step of a convolution's tile; what it does is described at struct convolution_epilogue. */
#ifndef FACET_COMPUTE_KERNELS_EPILOGUE_H
#define FACET_COMPUTE_KERNELS_EPILOGUE_H

#include <stddef.h>

#include "compute/kernels/convolution.h"

/* Applied to `count` pixels of k channels of `sums`, which become pixels [first, first + count) of y. `sums`
 * may be those pixels of y themselves (unless the residual is y), else overlaps with neither. */
void epilogue_apply(const struct convolution_epilogue *epilogue, size_t first, size_t count, size_t k,
                    const float *sums, float *y);

/* Whether sums must not be written to y before the epilogue has read its residual there. */
bool epilogue_reads(const struct convolution_epilogue *epilogue, const float *y);

#endif
