#include "compute/kernels/convolution.h"

#include "compute/kernels/depthwise.h"
#include "compute/kernels/epilogue.h"
#include "compute/kernels/im2col.h"

void convolution_forward(const struct convolution *conv, int32_t n, const float *x, const float *w,
                         const struct convolution_epilogue *epilogue, float *y, float *scratch)
{
    if (is_depthwise(conv)) {
        depthwise_forward(conv, n, x, w, epilogue, y, scratch);
        return;
    }
    ptrdiff_t k = conv->out_c, group_k = k / conv->groups, depth = (ptrdiff_t)im2col_depth(conv);
    size_t pixels = (size_t)n * (size_t)conv->out_h * (size_t)conv->out_w;
    size_t tile = im2col_tile_pixels(conv);
    float *columns = scratch, *sums = scratch + im2col_scratch_floats(conv);
    for (size_t first = 0; first < pixels; first += tile) {
        size_t count = pixels - first < tile ? pixels - first : tile;
        float *rows = epilogue_reads(epilogue, y) ? sums : y + first * (size_t)k;
        for (int32_t g = 0; g < conv->groups; g++)
            gemm((ptrdiff_t)count, group_k, depth, im2col_tile(conv, x, first, count, g, columns),
                 matrix_rows(w + g * group_k, k), 0.0F, rows + g * group_k, k);
        if (epilogue != NULL)
            epilogue_apply(epilogue, first, count, (size_t)k, rows, y);
    }
}
