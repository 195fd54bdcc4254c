#include "compute/kernels/winograd_transform.h"

typedef float lanes __attribute__((vector_size(WINOGRAD_LANES * sizeof(float))));
/* The same at any address, in an array of floats. */
typedef float loose_lanes
    __attribute__((vector_size(WINOGRAD_LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* One row or column: out = matrix · in, written out with the products that several rows share. */
typedef void one_dimension(const lanes *in, lanes *out);
#define INLINE static inline __attribute__((always_inline))

INLINE void image_2(const lanes *d, lanes *out)
{
    out[0] = d[0] - d[2];
    out[1] = d[1] + d[2];
    out[2] = d[2] - d[1];
    out[3] = d[1] - d[3];
}

INLINE void kernel_2(const lanes *g, lanes *out)
{
    lanes even = 0.5F * (g[0] + g[2]), odd = 0.5F * g[1];
    out[0] = g[0];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = g[2];
}

INLINE void result_2(const lanes *s, lanes *out)
{
    out[0] = s[0] + s[1] + s[2];
    out[1] = s[1] - s[2] - s[3];
}

INLINE void gradient_2(const lanes *dy, lanes *out)
{
    out[0] = dy[0];
    out[1] = dy[0] + dy[1];
    out[2] = dy[0] - dy[1];
    out[3] = -dy[1];
}

INLINE void kernel_gradient_2(const lanes *s, lanes *out)
{
    lanes sum = 0.5F * (s[1] + s[2]);
    out[0] = s[0] + sum;
    out[1] = 0.5F * (s[1] - s[2]);
    out[2] = sum + s[3];
}

INLINE void image_4(const lanes *d, lanes *out)
{
    lanes a = d[4] - 4.0F * d[2], b = d[3] - 4.0F * d[1];
    lanes c = d[4] - d[2], e = 2.0F * (d[3] - d[1]);
    out[0] = 4.0F * d[0] - 5.0F * d[2] + d[4];
    out[1] = a + b;
    out[2] = a - b;
    out[3] = c + e;
    out[4] = c - e;
    out[5] = 4.0F * d[1] - 5.0F * d[3] + d[5];
}

INLINE void kernel_4(const lanes *g, lanes *out)
{
    const float sixth = 1.0F / 6.0F, twelfth = 1.0F / 12.0F, twenty_fourth = 1.0F / 24.0F;
    lanes even = -sixth * (g[0] + g[2]), odd = sixth * g[1];
    lanes wide = twenty_fourth * g[0] + sixth * g[2], half = twelfth * g[1];
    out[0] = 0.25F * g[0];
    out[1] = even - odd;
    out[2] = even + odd;
    out[3] = wide + half;
    out[4] = wide - half;
    out[5] = g[2];
}

INLINE void result_4(const lanes *s, lanes *out)
{
    lanes sum = s[1] + s[2], difference = s[1] - s[2];
    lanes far_sum = s[3] + s[4], far_difference = s[3] - s[4];
    out[0] = s[0] + sum + far_sum;
    out[1] = difference + 2.0F * far_difference;
    out[2] = sum + 4.0F * far_sum;
    out[3] = difference + 8.0F * far_difference + s[5];
}

INLINE void gradient_4(const lanes *dy, lanes *out)
{
    lanes even = dy[0] + dy[2], odd = dy[1] + dy[3];
    lanes far_even = dy[0] + 4.0F * dy[2], far_odd = 2.0F * dy[1] + 8.0F * dy[3];
    out[0] = dy[0];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = dy[3];
}

INLINE void kernel_gradient_4(const lanes *s, lanes *out)
{
    const float sixth = 1.0F / 6.0F, twelfth = 1.0F / 12.0F, twenty_fourth = 1.0F / 24.0F;
    lanes near = sixth * (s[1] + s[2]), wide = s[3] + s[4];
    out[0] = 0.25F * s[0] - near + twenty_fourth * wide;
    out[1] = sixth * (s[2] - s[1]) + twelfth * (s[3] - s[4]);
    out[2] = sixth * wide - near + s[5];
}

/* First along columns, then along rows; `in` and `out` are the sizes of `apply`. Inlined with all constant.
 */
INLINE void one_vector(one_dimension *apply, const int in, const int out, struct winograd_source from,
                       struct winograd_target to)
{
    lanes half[WINOGRAD_MOST_ALPHA][WINOGRAD_MOST_ALPHA];
    for (int j = 0; j < in; j++) {
        lanes column[WINOGRAD_MOST_ALPHA], results[WINOGRAD_MOST_ALPHA];
        for (int i = 0; i < in; i++)
            column[i] = *(const loose_lanes *)(from.data + i * from.row + j * from.column);
        apply(column, results);
        for (int i = 0; i < out; i++)
            half[i][j] = results[i];
    }
    for (int i = 0; i < out; i++) {
        lanes results[WINOGRAD_MOST_ALPHA];
        apply(half[i], results);
        for (int j = 0; j < out; j++)
            *(loose_lanes *)(to.data + i * to.row + j * to.column) = results[j];
    }
}

INLINE void two_dimensions(one_dimension *apply, const int in, const int out, ptrdiff_t channels,
                           struct winograd_source from, struct winograd_target to)
{
    for (ptrdiff_t c = 0; c < channels; c += WINOGRAD_LANES) {
        one_vector(apply, in, out, from, to);
        from.data += WINOGRAD_LANES;
        to.data += WINOGRAD_LANES;
    }
}

void winograd_image(int m, ptrdiff_t channels, struct winograd_source d, struct winograd_target to)
{
    if (m == 4)
        two_dimensions(image_4, 6, 6, channels, d, to);
    else
        two_dimensions(image_2, 4, 4, channels, d, to);
}

void winograd_kernel(int m, ptrdiff_t channels, struct winograd_source g, struct winograd_target to)
{
    if (m == 4)
        two_dimensions(kernel_4, 3, 6, channels, g, to);
    else
        two_dimensions(kernel_2, 3, 4, channels, g, to);
}

void winograd_result(int m, ptrdiff_t channels, struct winograd_source sums, struct winograd_target to)
{
    if (m == 4)
        two_dimensions(result_4, 6, 4, channels, sums, to);
    else
        two_dimensions(result_2, 4, 2, channels, sums, to);
}

void winograd_gradient(int m, ptrdiff_t channels, struct winograd_source dy, struct winograd_target to)
{
    if (m == 4)
        two_dimensions(gradient_4, 4, 6, channels, dy, to);
    else
        two_dimensions(gradient_2, 2, 4, channels, dy, to);
}

void winograd_kernel_gradient(int m, ptrdiff_t channels, struct winograd_source s, struct winograd_target to)
{
    if (m == 4)
        two_dimensions(kernel_gradient_4, 6, 3, channels, s, to);
    else
        two_dimensions(kernel_gradient_2, 4, 3, channels, s, to);
}
