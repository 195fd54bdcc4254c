/* Summing slices over ranks gives the bytes that one rank gives. */
#include "tests/mpi/on_ranks.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "mpi/training/slice_sum.h"
#include "mpi/training/slices.h"

static void fill_slice(float *vector, int64_t length, int32_t slice)
{
    for (int64_t i = 0; i < length; i++) {
        uint64_t index = (uint64_t)(slice * length + i);
        vector[i] = random_normal(3, 1, index) * (float)(1U << random_below(3, 2, index, 16));
    }
}

static void sum_on(MPI_Comm comm, int32_t slices, int64_t length, float *total)
{
    struct slice_sum *sum = NULL;
    assert_on_ranks(slice_sum_create(comm, slices, length, &sum) == STATUS_OK);
    for (int repeat = 0; repeat < 2; repeat++) { /* the buffers are used again */
        struct share own = slice_sum_share(sum, slices);
        for (int32_t i = 0; i < own.count; i++)
            fill_slice(slice_sum_vector(sum, i), length, (int32_t)own.first + i);
        slice_sum_run(sum, slices, total);
    }
    slice_sum_destroy(&sum);
    assert_on_ranks(sum == NULL);
}

static void test_same_bytes_as_alone(void **state)
{
    (void)state;
    const int32_t slice_counts[] = {1, 2, 3, 5, 8, 13, 64};
    const int64_t lengths[] = {1, 3, 1000};
    for (size_t s = 0; s < sizeof slice_counts / sizeof *slice_counts; s++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            float together[1000], alone[1000];
            size_t bytes = (size_t)lengths[l] * sizeof(float);
            sum_on(MPI_COMM_WORLD, slice_counts[s], lengths[l], together);
            sum_on(MPI_COMM_SELF, slice_counts[s], lengths[l], alone);
            assert_on_ranks(memcmp(together, alone, bytes) == 0);
        }
}

static void test_a_vector_too_long_for_mpi_is_refused(void **state)
{
    (void)state;
    struct slice_sum *sum = NULL;
    assert_on_ranks(slice_sum_create(MPI_COMM_WORLD, 2, (int64_t)1 << 40, &sum) == STATUS_SHAPE);
    assert_on_ranks(sum == NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_same_bytes_as_alone),
    cmocka_unit_test(test_a_vector_too_long_for_mpi_is_refused),
};
ON_RANKS_MAIN(tests)
