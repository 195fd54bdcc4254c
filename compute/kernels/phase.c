#include "compute/kernels/phase.h"

#include "compute/kernels/elementwise.h"

static int32_t greatest_common_divisor(int32_t a, int32_t b)
{
    while (b != 0) {
        int32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The phase of inputs first, first + stride, … with 0 ≤ first < stride. */
static struct axis_phase axis_phase_at(int32_t first, int32_t in, int32_t kernel, int32_t stride, int32_t pad,
                                       int32_t dilation)
{
    int32_t divisor = greatest_common_divisor(stride, dilation);
    struct axis_phase phase = {.first = first, .tap_step = stride / divisor, .dilation = dilation / divisor};
    phase.count = first < in ? (int32_t)(((int64_t)in - first + stride - 1) / stride) : 0;
    int64_t position = (int64_t)first + pad; /* p·stride + r·dilation of the phase's first input */
    while (phase.tap < phase.tap_step && phase.tap < kernel &&
           (position - (int64_t)phase.tap * dilation) % stride != 0)
        phase.tap++;
    if (phase.tap >= phase.tap_step || phase.tap >= kernel)
        return phase; /* no tap reaches these inputs */
    phase.taps = (kernel - 1 - phase.tap) / phase.tap_step + 1;
    /* The last tap comes first in the reversed order: it reads output −pad for the first input. */
    int64_t last_tap = phase.tap + (int64_t)(phase.taps - 1) * phase.tap_step;
    phase.pad = (int32_t)(-((position - last_tap * dilation) / stride));
    return phase;
}

bool phase_at(const struct convolution *conv, int32_t first_h, int32_t first_w, struct phase *phase)
{
    phase->h =
        axis_phase_at(first_h, conv->in_h, conv->kernel_h, conv->stride_h, conv->pad_top, conv->dilation_h);
    phase->w =
        axis_phase_at(first_w, conv->in_w, conv->kernel_w, conv->stride_w, conv->pad_left, conv->dilation_w);
    phase->conv = (struct convolution){.in_h = conv->out_h,
                                       .in_w = conv->out_w,
                                       .in_c = conv->out_c,
                                       .out_h = phase->h.count,
                                       .out_w = phase->w.count,
                                       .out_c = conv->in_c,
                                       .kernel_h = phase->h.taps,
                                       .kernel_w = phase->w.taps,
                                       .stride_h = 1,
                                       .stride_w = 1,
                                       .pad_top = phase->h.pad,
                                       .pad_left = phase->w.pad,
                                       .dilation_h = phase->h.dilation,
                                       .dilation_w = phase->w.dilation,
                                       .groups = conv->groups};
    return phase->h.count > 0 && phase->w.count > 0 && phase->h.taps > 0 && phase->w.taps > 0;
}

size_t phase_weight_floats(const struct phase *phase)
{
    const struct convolution *conv = &phase->conv;
    return (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)(conv->in_c / conv->groups) *
           (size_t)conv->out_c;
}

void phase_weights(const struct convolution *conv, const struct phase *phase, const float *w, float *dst)
{
    ptrdiff_t k = conv->out_c, c = conv->in_c, group_k = k / conv->groups, group_c = c / conv->groups;
    for (ptrdiff_t i = phase->h.taps - 1; i >= 0; i--)
        for (ptrdiff_t j = phase->w.taps - 1; j >= 0; j--, dst += group_k * c) {
            ptrdiff_t r = phase->h.tap + i * phase->h.tap_step, s = phase->w.tap + j * phase->w.tap_step;
            const float *tap = w + (r * conv->kernel_w + s) * group_c * k;
            for (ptrdiff_t g = 0; g < conv->groups; g++)
                transpose_rows(group_c, group_k, tap + g * group_k, k, dst + g * group_c, c);
        }
}
