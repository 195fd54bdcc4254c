/* Agreeing on failures: everybody gets the status and message of the lowest failing rank. */
#include "tests/mpi/on_ranks.h"

#include <stdio.h>
#include <string.h>

#include "mpi/ranks.h"

static void test_all_well(void **state)
{
    (void)state;
    assert_on_ranks(ranks_agree(MPI_COMM_WORLD, STATUS_OK) == STATUS_OK);
}

static void test_one_failure_reaches_all(void **state)
{
    (void)state;
    int rank = ranks_rank(MPI_COMM_WORLD), count = ranks_count(MPI_COMM_WORLD);
    for (int failing = 0; failing < count; failing++) {
        char expected[128];
        enum status mine = STATUS_OK;
        if (rank == failing)
            mine = error_set(STATUS_SHAPE, "file-%d: seen 1, expected 2", failing);
        else
            error_set(STATUS_IO, "an older message of rank %d", rank);
        assert_on_ranks(ranks_agree(MPI_COMM_WORLD, mine) == STATUS_SHAPE);
        if (count == 1)
            snprintf(expected, sizeof expected, "file-%d: seen 1, expected 2", failing);
        else
            snprintf(expected, sizeof expected, "rank %d of %d: file-%d: seen 1, expected 2", failing, count,
                     failing);
        assert_on_ranks(strcmp(error_message(), expected) == 0);
    }
}

static void test_the_lowest_of_several_failures_is_told(void **state)
{
    (void)state;
    int rank = ranks_rank(MPI_COMM_WORLD);
    enum status mine = error_set(STATUS_FORMAT, "rank number %d has failed", rank);
    assert_on_ranks(ranks_agree(MPI_COMM_WORLD, mine) == STATUS_FORMAT);
    assert_on_ranks(strcmp(error_message(), "rank number 0 has failed") ==
                    0); /* all failed: no rank in front */
}

static void test_ranks_of_one_machine_share_a_node(void **state)
{
    (void)state;
    assert_on_ranks(ranks_nodes(MPI_COMM_WORLD) == 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_all_well),
    cmocka_unit_test(test_one_failure_reaches_all),
    cmocka_unit_test(test_the_lowest_of_several_failures_is_told),
    cmocka_unit_test(test_ranks_of_one_machine_share_a_node),
};
ON_RANKS_MAIN(tests)
