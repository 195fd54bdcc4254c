/* The transforms of Winograd's minimal filtering F(m×m, 3×3), m = 2 or 4 (Lavin & Gray, CVPR 2016, section
 * 4). With α = m + 2, an α×α tile d of the image, a 3×3 kernel g and the m×m tile y of the result,
 *
 *   y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A,
 *
 * and since that is linear in g, the gradients of a loss are, with the gradient dy of y,
 *
 *   dg = Gᵀ[(Bᵀ d B) ⊙ (A dy Aᵀ)]G.
 *
 * Each function treats `channels` neighbouring channels, rounded up to whole vectors of WINOGRAD_LANES, which
 * must be there to be read and written. Strides are in floats. */
#ifndef FACET_COMPUTE_KERNELS_WINOGRAD_TRANSFORM_H
#define FACET_COMPUTE_KERNELS_WINOGRAD_TRANSFORM_H

#include <stddef.h>

enum { WINOGRAD_LANES = 8, WINOGRAD_MOST_ALPHA = 6 };

/* A matrix of vectors of channels: element (i, j) begins at data[i·row + j·column]. */
struct winograd_source {
    const float *data;
    ptrdiff_t row, column;
};
struct winograd_target {
    float *data;
    ptrdiff_t row, column;
};

/* Bᵀ d B: α×α → α×α */
void winograd_image(int m, ptrdiff_t channels, struct winograd_source d, struct winograd_target to);
/* G g Gᵀ: 3×3 → α×α */
void winograd_kernel(int m, ptrdiff_t channels, struct winograd_source g, struct winograd_target to);
/* Aᵀ s A: α×α → m×m */
void winograd_result(int m, ptrdiff_t channels, struct winograd_source sums, struct winograd_target to);
/* A dy Aᵀ: m×m → α×α */
void winograd_gradient(int m, ptrdiff_t channels, struct winograd_source dy, struct winograd_target to);
/* Gᵀ s G: α×α → 3×3 */
void winograd_kernel_gradient(int m, ptrdiff_t channels, struct winograd_source s, struct winograd_target to);

#endif
