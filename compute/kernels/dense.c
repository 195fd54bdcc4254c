#include "compute/kernels/dense.h"

#include <string.h>

#include "compute/kernels/gemm.h"
#include "compute/kernels/reduce.h"

void dense_forward(int32_t n, int32_t c, int32_t k, const float *x, const float *w, const float *bias,
                   float *y)
{
    if (bias != NULL)
        for (ptrdiff_t i = 0; i < n; i++)
            memcpy(y + i * k, bias, (size_t)k * sizeof *y);
    gemm_row_by_row(n, k, c, matrix_rows(x, c), matrix_rows(w, k), bias != NULL ? 1.0F : 0.0F, y, k);
}

void dense_forward_narrow(int32_t n, int32_t c, int32_t k, const float *x, const float *w, const float *bias,
                          float *y)
{
    for (int32_t i = 0; i < n; i++, x += c, y += k) {
        float sums[DENSE_NARROW_OUTPUTS] = {0};
        for (ptrdiff_t j = 0; j < c; j++)
            for (ptrdiff_t l = 0; l < k; l++)
                sums[l] += x[j] * w[j * k + l];
        for (ptrdiff_t l = 0; l < k; l++)
            y[l] = bias != NULL ? bias[l] + sums[l] : sums[l];
    }
}

void dense_backward_weights(int32_t n, int32_t c, int32_t k, const float *x, const float *dy, float *dw,
                            float *dbias)
{
    gemm(c, k, n, matrix_transposed(x, c), matrix_rows(dy, k), 0.0F, dw, k);
    if (dbias != NULL)
        column_sums((size_t)n, (size_t)k, dy, 1.0, dbias);
}

void dense_backward_data(int32_t n, int32_t c, int32_t k, const float *w, const float *dy, float *dx,
                         bool accumulate)
{
    gemm(n, c, k, matrix_rows(dy, k), matrix_transposed(w, k), accumulate ? 1.0F : 0.0F, dx, c);
}
