/* Gradients with respect to a convolution's input, as convolutions of the output's gradient. */
#ifndef FACET_COMPUTE_KERNELS_PHASE_H
#define FACET_COMPUTE_KERNELS_PHASE_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/kernels/convolution.h"

/* dx is a sum over the taps (r, s) that carry an input pixel to an output pixel:
 *
 *   dx(h) = Σ_r dy(p)·w(r)   over r with   p·stride + r·dilation = h + pad   (and the same along w).
 *
 * Input pixels of equal (h + pad) mod stride, a *phase*, share their set of taps: r = r0, r0 + Δ, …, where Δ
 * = stride/gcd(stride, dilation), and each further tap lies dilation/gcd outputs before the last. So a phase
 * is itself a convolution with stride 1, of dy with the phase's taps in reverse order, and needs no scatter
 * of overlapping sums. With stride 1 there is one phase, all of dx. */
struct axis_phase {
    int32_t first, count;        /* the phase's inputs: first, first + stride, … */
    int32_t tap, tap_step, taps; /* r0, Δ, and how many */
    int32_t pad, dilation;       /* of the stride-1 convolution of dy; pad may be negative */
};

/* A phase of both axes, and the convolution of dy that computes it. */
struct phase {
    struct axis_phase h, w;
    struct convolution conv; /* in: dy (out_h, out_w, K); out: the phase's inputs (count_h, count_w, C) */
};

/* The phase of inputs first_h, first_h + stride_h, …, 0 ≤ first_h < stride_h, and the same along w. False
 * when it has no inputs or no taps: dx gets nothing there. */
bool phase_at(const struct convolution *conv, int32_t first_h, int32_t first_w, struct phase *phase);

/* How many phases along an axis of `in` inputs have any: first = 0, 1, … below this. */
static inline int32_t phase_count(int32_t in, int32_t stride)
{
    return stride < in ? stride : in;
}

/* Floats of the phase's weights (R', S', K/G, C): its taps of w (R, S, C/G, K), reversed, input and output
 * channels exchanged. */
size_t phase_weight_floats(const struct phase *phase);
void phase_weights(const struct convolution *conv, const struct phase *phase, const float *w, float *dst);

#endif
