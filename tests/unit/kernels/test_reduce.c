#include "compute/kernels/reduce.h"
#include "tests/unit/kernels/kernel_test.h"

static void test_every_width_and_few_rows(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    for (size_t columns = 1; columns <= 140; columns++)
        for (size_t rows = 0; rows <= 70; rows += 7) {
            struct pair x = pair_normal(&draw, rows * columns), sums = pair_zeros(columns);
            for (size_t i = 0; i < x.count; i++)
                sums.d[i % columns] += x.d[i] * 0.25;
            column_sums(rows, columns, x.f, 0.25, sums.f);
            assert_pair_agrees("sums", "column_sums", &sums);
            pair_free(&x);
            pair_free(&sums);
        }
}

/* In float32 the sum would stand still at 2^30. */
static void test_long_sums_keep_float64_precision(void **state)
{
    (void)state;
    enum { ROWS = 1 << 20 };
    struct pair x = pair_zeros(ROWS);
    for (size_t i = 0; i < ROWS; i++)
        x.f[i] = i == 0 ? 0x1p30F : 1.0F;
    float sum;
    column_sums(ROWS, 1, x.f, 1.0, &sum);
    assert_true(sum == (float)(0x1p30 + (ROWS - 1)));
    pair_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_width_and_few_rows),
        cmocka_unit_test(test_long_sums_keep_float64_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
