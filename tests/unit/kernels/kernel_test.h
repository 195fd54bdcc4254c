/* What the tests of the kernels share: the same random numbers in both precisions, and comparing them. */
#ifndef FACET_TESTS_UNIT_KERNELS_KERNEL_TEST_H
#define FACET_TESTS_UNIT_KERNELS_KERNEL_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"

/* One array in float32, for a kernel, and in float64, for the reference. */
struct pair {
    size_t count;
    float *f;
    double *d;
};

/* Numbers of a test are drawn one after the other: the same in every run. */
struct draw {
    uint64_t seed, next;
};

static inline struct pair pair_zeros(size_t count)
{
    struct pair pair = {.count = count};
    assert_int_equal(memory_allocate(&pair.f, count, sizeof *pair.f, "test floats"), STATUS_OK);
    assert_int_equal(memory_allocate(&pair.d, count, sizeof *pair.d, "test doubles"), STATUS_OK);
    return pair;
}

static inline void pair_set(struct pair *pair, size_t i, float value)
{
    pair->f[i] = value;
    pair->d[i] = (double)value;
}

static inline struct pair pair_normal(struct draw *draw, size_t count)
{
    struct pair pair = pair_zeros(count);
    for (size_t i = 0; i < count; i++)
        pair_set(&pair, i, random_normal(draw->seed, 0, draw->next++));
    return pair;
}

static inline void pair_free(struct pair *pair)
{
    memory_free(&pair->f);
    memory_free(&pair->d);
}

/* An integer in [low, high]. */
static inline int32_t draw_between(struct draw *draw, int32_t low, int32_t high)
{
    return low + (int32_t)random_below(draw->seed, 1, draw->next++, (uint64_t)(high - low) + 1);
}

static inline int32_t draw_one_of(struct draw *draw, const int32_t *values, int32_t count)
{
    return values[draw_between(draw, 0, count - 1)];
}

/* Largest |difference| over largest |reference|; NaN unless both are NaN in the same places. */
static inline double relative_difference(size_t count, const float *got, const double *expected)
{
    double difference = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(got[i]) && isnan(expected[i]))
            continue;
        if (!isfinite(got[i]) || !isfinite(expected[i]))
            return NAN;
        difference = fmax(difference, fabs((double)got[i] - expected[i]));
        largest = fmax(largest, fabs(expected[i]));
    }
    return difference > 0 ? difference / largest : 0.0;
}

/* `what` and `shape` say what did not agree. */
static inline void assert_within(const char *what, const char *shape, size_t count, const float *got,
                                 const double *expected, double tolerance)
{
    double difference = relative_difference(count, got, expected);
    if (!(difference <= tolerance))
        fail_msg("%s of %s differs from the reference by %g of its largest entry, allowed %g", what, shape,
                 difference, tolerance);
}

/* Agreement to 1e-5. */
static inline void assert_agrees(const char *what, const char *shape, size_t count, const float *got,
                                 const double *expected)
{
    assert_within(what, shape, count, got, expected, 1e-5);
}

static inline void assert_pair_within(const char *what, const char *shape, const struct pair *pair,
                                      double tolerance)
{
    assert_within(what, shape, pair->count, pair->f, pair->d, tolerance);
}

static inline void assert_pair_agrees(const char *what, const char *shape, const struct pair *pair)
{
    assert_agrees(what, shape, pair->count, pair->f, pair->d);
}

/* Scratch memory filled with NaN, with a canary behind it. */
enum { CANARY_FLOATS = 64 };

static inline float *scratch_create(size_t floats)
{
    float *scratch;
    assert_int_equal(memory_allocate(&scratch, floats + CANARY_FLOATS, sizeof *scratch, "test scratch"),
                     STATUS_OK);
    for (size_t i = 0; i < floats; i++)
        scratch[i] = NAN;
    for (size_t i = 0; i < CANARY_FLOATS; i++)
        scratch[floats + i] = (float)i;
    return scratch;
}

/* Fails if the canary was touched; releases the scratch. */
static inline void scratch_check_and_free(float *scratch, size_t floats, const char *shape)
{
    for (size_t i = 0; i < CANARY_FLOATS; i++)
        if (scratch[floats + i] != (float)i)
            fail_msg("%s: float %zu behind the %zu floats of scratch was overwritten", shape, i, floats);
    memory_free(&scratch);
}

#endif
