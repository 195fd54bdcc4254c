#include "compute/kernels/convolution.h"

#include <string.h>

#include "compute/kernels/depthwise.h"
#include "compute/kernels/im2col.h"

void convolution_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                         const float *bias, float *y, float *scratch)
{
    if (is_depthwise(conv)) {
        depthwise_forward(conv, n, x, w, bias, y);
        return;
    }
    ptrdiff_t k = conv->out_c, group_k = k / conv->groups, depth = (ptrdiff_t)im2col_depth(conv);
    size_t pixels = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w;
    size_t tile = im2col_tile_pixels(conv);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        float *rows = y + first * (size_t)k;
        if (bias != NULL)
            for (size_t i = 0; i < count; i++)
                memcpy(rows + i * (size_t)k, bias, (size_t)k * sizeof *rows);
        for (int32_t g = 0; g < conv->groups; g++)
            gemm((ptrdiff_t)count, group_k, depth, im2col_tile(conv, x, first, count, g, scratch),
                 matrix_rows(w + g * group_k, k), bias != NULL ? 1.0F : 0.0F, rows + g * group_k, k);
    }
}
