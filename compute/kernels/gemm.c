#include "compute/kernels/gemm.h"

#include <stdbool.h>

#include <blis.h>

struct matrix matrix_rows(const float *data, ptrdiff_t columns)
{
    return (struct matrix){data, columns, 1};
}

struct matrix matrix_transposed(const float *data, ptrdiff_t columns)
{
    return (struct matrix){data, 1, columns};
}

/* BLIS initialises itself on the first call of whichever thread comes first (pthread_once), and a call with
 * its own rntm_t reads no global setting, so BLIS_NUM_THREADS and OMP_NUM_THREADS change nothing here. */
static void multiply(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, struct matrix b, float beta,
                     float *c, ptrdiff_t c_row_stride, bool unpacked)
{
    if (m <= 0 || n <= 0)
        return;
    rntm_t serial = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &serial);
    bli_rntm_set_l3_sup(unpacked, &serial);
    const float one = 1.0F;
    /* BLIS 0.9 has no const in its signatures; it writes to c alone. */
    bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, k, (float *)&one, (float *)a.data, a.row_stride,
                 a.column_stride, (float *)b.data, b.row_stride, b.column_stride, &beta, c, c_row_stride, 1,
                 NULL, &serial);
}

void gemm(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, struct matrix b, float beta, float *c,
          ptrdiff_t c_row_stride)
{
    multiply(m, n, k, a, b, beta, c, c_row_stride, true);
}

void gemm_row_by_row(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, struct matrix b, float beta,
                     float *c, ptrdiff_t c_row_stride)
{
    multiply(m, n, k, a, b, beta, c, c_row_stride, false);
}
