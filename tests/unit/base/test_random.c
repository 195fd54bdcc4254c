#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compute/base/random.h"

enum { DRAWS = 100000 };

/* Computed from the definition in Python: old runs must be repeatable with new versions. */
static void test_known_values(void **state)
{
    (void)state;
    assert_true(random_bits(0, 0, 0) == UINT64_C(0x238275bc38fcbe91));
    assert_true(random_bits(1, 2, 3) == UINT64_C(0xd0734750fde362b3));
    assert_int_equal(random_below(1, 2, 3, 1000), 814);
}

static void test_known_permutation(void **state)
{
    static const uint32_t expected[5] = {1, 2, 4, 0, 3};
    uint32_t order[5];
    (void)state;
    random_permutation(9, 4, order, 5);
    assert_memory_equal(order, expected, sizeof expected);
}

static void test_permutation_holds_each_once(void **state)
{
    enum { COUNT = 1000 };
    uint32_t order[COUNT];
    bool seen[COUNT] = {false};
    size_t fixed = 0;
    (void)state;
    random_permutation(3, 0, order, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(order[i] < COUNT);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    assert_true(fixed < 10); /* one is expected */
}

static void test_streams_give_other_permutations(void **state)
{
    uint32_t a[50], b[50];
    (void)state;
    random_permutation(3, 0, a, 50);
    random_permutation(3, 1, b, 50);
    assert_memory_not_equal(a, b, sizeof a);
    random_permutation(4, 0, b, 50);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_tiny_permutations(void **state)
{
    uint32_t order[2] = {7, 7};
    (void)state;
    random_permutation(1, 1, order, 0);
    assert_int_equal(order[0], 7);
    random_permutation(1, 1, order, 1);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 7);
}

static void test_uniform_fills_its_interval(void **state)
{
    double sum = 0;
    float least = 1, most = 0;
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        float value = random_uniform(5, 0, i);
        assert_true(value >= 0.0F && value < 1.0F);
        least = fminf(least, value);
        most = fmaxf(most, value);
        sum += (double)value;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 5 * 0.2887 / sqrt(DRAWS));
    assert_true(least < 1e-3F && most > 0.999F);
}

static void test_normal_has_its_moments(void **state)
{
    double sum = 0, squares = 0;
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double value = (double)random_normal(6, 0, i);
        assert_true(isfinite(value));
        sum += value;
        squares += value * value;
    }
    assert_true(fabs(sum / DRAWS) < 5 / sqrt(DRAWS));
    assert_true(fabs(squares / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
}

static void test_below_stays_below_and_is_even(void **state)
{
    enum { BOUND = 10 };
    int64_t counts[BOUND] = {0};
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint64_t value = random_below(7, 0, i, BOUND);
        assert_true(value < BOUND);
        counts[value]++;
    }
    for (int c = 0; c < BOUND; c++)
        assert_true(llabs(counts[c] - DRAWS / BOUND) < 5 * 95); /* standard deviation √(DRAWS·0.1·0.9) */
    assert_int_equal(random_below(7, 0, 0, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_known_permutation),
        cmocka_unit_test(test_permutation_holds_each_once),
        cmocka_unit_test(test_streams_give_other_permutations),
        cmocka_unit_test(test_tiny_permutations),
        cmocka_unit_test(test_uniform_fills_its_interval),
        cmocka_unit_test(test_normal_has_its_moments),
        cmocka_unit_test(test_below_stays_below_and_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
