/* The one door to BLIS: single-precision matrix products, always serial inside (threads are ours, over
 * slices). */
#ifndef FACET_COMPUTE_KERNELS_GEMM_H
#define FACET_COMPUTE_KERNELS_GEMM_H

#include <stddef.h>

/* A matrix in memory: element (i, j) is data[i·row_stride + j·column_stride]. Rows may overlap (row_stride
 * smaller than the row) in an operand that is only read. */
struct matrix {
    const float *data;
    ptrdiff_t row_stride, column_stride;
};

/* c = a·b + beta·c with a (m×k), b (k×n), c (m×n; rows c_row_stride apart, columns contiguous). With beta 0 c
 * is not read. k = 0 leaves beta·c. */
void gemm(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, struct matrix b, float beta, float *c,
          ptrdiff_t c_row_stride);

/* The same product, but each row of c is the same bytes whatever m is. (BLIS cuts the sums of small products,
 * which it multiplies without packing, into pieces that depend on m and n; here it always packs.) */
void gemm_row_by_row(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, struct matrix b, float beta,
                     float *c, ptrdiff_t c_row_stride);

/* Row-major matrix with `columns` contiguous columns; and its transpose, as operands. */
struct matrix matrix_rows(const float *data, ptrdiff_t columns);
struct matrix matrix_transposed(const float *data, ptrdiff_t columns);

#endif
