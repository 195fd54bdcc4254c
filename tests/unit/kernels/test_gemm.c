#include "compute/kernels/gemm.h"
#include "tests/unit/kernels/kernel_test.h"

/* c = a·b + beta·c by the definition. */
static void product(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, struct matrix a, struct matrix b, double beta,
                    double *c, ptrdiff_t c_row_stride)
{
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            double sum = beta == 0 ? 0 : beta * c[i * c_row_stride + j];
            for (ptrdiff_t l = 0; l < k; l++)
                sum += (double)a.data[i * a.row_stride + l * a.column_stride] *
                       (double)b.data[l * b.row_stride + j * b.column_stride];
            c[i * c_row_stride + j] = sum;
        }
}

/* Each operand as it stands and transposed, c with a gap behind each row that must stay as it is. */
static void check(struct draw *draw, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float beta)
{
    ptrdiff_t stride = n + draw_between(draw, 0, 5);
    struct pair a = pair_normal(draw, (size_t)(m * k)), b = pair_normal(draw, (size_t)(k * n));
    const struct matrix as[] = {matrix_rows(a.f, k), matrix_transposed(a.f, m)};
    const struct matrix bs[] = {matrix_rows(b.f, n), matrix_transposed(b.f, k)};
    for (int form = 0; form < 4; form++) {
        struct pair c = pair_normal(draw, (size_t)(m * stride));
        gemm(m, n, k, as[form % 2], bs[form / 2], beta, c.f, stride);
        product(m, n, k, as[form % 2], bs[form / 2], (double)beta, c.d, stride);
        assert_pair_agrees("c", "gemm", &c);
        for (ptrdiff_t i = 0; i < m; i++)
            for (ptrdiff_t j = n; j < stride; j++)
                assert_true((double)c.f[i * stride + j] == c.d[i * stride + j]);
        pair_free(&c);
    }
    pair_free(&a);
    pair_free(&b);
}

static void test_random_sizes(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    static const float betas[] = {0.0F, 1.0F, -0.5F};
    for (int i = 0; i < 60; i++)
        check(&draw, draw_between(&draw, 1, 70), draw_between(&draw, 1, 70), draw_between(&draw, 1, 300),
              betas[i % 3]);
}

static void test_single_rows_and_columns(void **state)
{
    (void)state;
    struct draw draw = {.seed = 2};
    check(&draw, 1, 1, 1, 0.0F);
    check(&draw, 1, 64, 9, 1.0F);
    check(&draw, 64, 1, 9, 0.0F);
    check(&draw, 33, 17, 1, 1.0F);
}

static void test_beta_zero_does_not_read_c(void **state)
{
    (void)state;
    const float a[] = {1, 2}, b[] = {3, 4};
    float c[] = {NAN};
    gemm(1, 1, 2, matrix_rows(a, 2), matrix_rows(b, 1), 0.0F, c, 1);
    assert_true(c[0] == 11.0F);
}

static void test_no_inner_dimension(void **state)
{
    (void)state;
    const float none[] = {0};
    float c[] = {1, 2, 3, 4};
    gemm(2, 2, 0, matrix_rows(none, 0), matrix_rows(none, 2), 1.0F, c, 2);
    assert_true(c[0] == 1 && c[1] == 2 && c[2] == 3 && c[3] == 4);
    gemm(2, 2, 0, matrix_rows(none, 0), matrix_rows(none, 2), 0.0F, c, 2);
    assert_true(c[0] == 0 && c[1] == 0 && c[2] == 0 && c[3] == 0);
}

static void test_empty_result(void **state)
{
    (void)state;
    const float a[] = {1, 2};
    float c[] = {5};
    gemm(0, 1, 2, matrix_rows(a, 2), matrix_rows(a, 1), 0.0F, c, 1);
    gemm(1, 0, 2, matrix_rows(a, 2), matrix_rows(a, 0), 0.0F, c, 1);
    assert_true(c[0] == 5.0F);
}

static void test_overlapping_rows(void **state)
{
    (void)state;
    enum { M = 40, N = 16, K = 12 };
    struct draw draw = {.seed = 3};
    struct pair a = pair_normal(&draw, 4 * (M - 1) + K), b = pair_normal(&draw, K * N), c = pair_zeros(M * N);
    struct matrix rows = {a.f, 4, 1};
    gemm(M, N, K, rows, matrix_rows(b.f, N), 0.0F, c.f, N);
    product(M, N, K, rows, matrix_rows(b.f, N), 0.0, c.d, N);
    assert_pair_agrees("c", "gemm with overlapping rows", &c);
    pair_free(&a);
    pair_free(&b);
    pair_free(&c);
}

/* Threads call it at the same time, on matrices of their own, and get the bytes one thread gets alone. */
static void test_several_threads_at_once(void **state)
{
    (void)state;
    enum { M = 200, N = 64, K = 144, CALLS = 64 };
    struct draw draw = {.seed = 4};
    struct pair a = pair_normal(&draw, M * K), b = pair_normal(&draw, K * N), alone = pair_zeros(M * N);
    struct pair all = pair_zeros((size_t)CALLS * M * N);
    gemm(M, N, K, matrix_rows(a.f, K), matrix_rows(b.f, N), 0.0F, alone.f, N);
#pragma omp parallel for num_threads(4) schedule(static, 1)
    for (int i = 0; i < CALLS; i++)
        gemm(M, N, K, matrix_rows(a.f, K), matrix_rows(b.f, N), 0.0F, all.f + (size_t)i * M * N, N);
    for (size_t i = 0; i < CALLS; i++)
        assert_memory_equal(all.f + i * M * N, alone.f, M * N * sizeof *alone.f);
    pair_free(&a);
    pair_free(&b);
    pair_free(&alone);
    pair_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_single_rows_and_columns),
        cmocka_unit_test(test_beta_zero_does_not_read_c),
        cmocka_unit_test(test_no_inner_dimension),
        cmocka_unit_test(test_empty_result),
        cmocka_unit_test(test_overlapping_rows),
        cmocka_unit_test(test_several_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
