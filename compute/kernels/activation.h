/* Activations other than ReLU (elementwise.h). Serial; allocates nothing. */
#ifndef FACET_COMPUTE_KERNELS_ACTIVATION_H
#define FACET_COMPUTE_KERNELS_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

enum activation_function {
    ACTIVATION_CLIP,         /* min(max(x, a), b); ReLU6 is a = 0, b = 6 */
    ACTIVATION_LEAKY_RELU,   /* x where x > 0, else a·x */
    ACTIVATION_SIGMOID,      /* 1 / (1 + exp(−x)) */
    ACTIVATION_TANH,         /* tanh x */
    ACTIVATION_HARD_SIGMOID, /* min(max(a·x + b, 0), 1) */
    ACTIVATION_HARD_SWISH    /* x·min(max(x/6 + 1/2, 0), 1): Howard et al., ICCV 2019, section 5.2 */
};

struct activation {
    enum activation_function function;
    float a, b; /* what they are is said above; unused ones do not matter */
};

/* y = f(x); y may be x. NaN stays NaN. */
void activation_forward(const struct activation *activation, size_t count, const float *x, float *y);

/* dx = f'(x)·dy, x being what activation_forward was given; added when `accumulate`, else dx may be dy. At a
 * corner the derivative is that of the flat side, of leaky ReLU that of the left. */
void activation_backward(const struct activation *activation, size_t count, const float *x, const float *dy,
                         float *dx, bool accumulate);

#endif
