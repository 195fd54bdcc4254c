/* Order, time and groups of classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "mpi/classes/class_schedule.h"

static void test_longest_first_and_ties_in_order(void **state)
{
    (void)state;
    const double costs[] = {1, 5, 2, 5, 1};
    const int32_t expected[] = {1, 3, 2, 0, 4};
    int32_t rows[] = {4, 3, 2, 1, 0};
    assert_int_equal(class_schedule_order(costs, rows, 5), STATUS_OK);
    assert_memory_equal(rows, expected, sizeof rows);
}

static void test_equal_costs_keep_ascending_rows(void **state)
{
    (void)state;
    const int32_t expected[] = {2, 5, 9};
    int32_t rows[] = {9, 2, 5};
    assert_int_equal(class_schedule_order(NULL, rows, 3), STATUS_OK);
    assert_memory_equal(rows, expected, sizeof rows);
}

/* Graham's example of LPT: 5 5 4 4 3 3 3 on three machines takes 11. */
static void test_makespan_of_a_known_schedule(void **state)
{
    (void)state;
    const double costs[] = {5, 5, 4, 4, 3, 3, 3};
    const int32_t rows[] = {0, 1, 2, 3, 4, 5, 6};
    double makespan = 0;
    assert_int_equal(class_schedule_makespan(3, 3, costs, rows, 7, &makespan), STATUS_OK);
    assert_true(makespan == 11);
}

static void test_groups_share_the_speed_of_their_ranks(void **state)
{
    (void)state;
    const int32_t rows[] = {0, 1};
    double makespan = 0;
    assert_int_equal(class_schedule_makespan(4, 2, NULL, rows, 2, &makespan), STATUS_OK);
    assert_true(makespan == (1 + SHARING_LOSS) / 2);
}

static int32_t groups_of(int32_t ranks, int32_t ranks_per_class, int32_t classes)
{
    int32_t *rows = NULL, groups = 0;
    assert_int_equal(memory_allocate(&rows, (size_t)classes, sizeof *rows, "rows"), STATUS_OK);
    for (int32_t i = 0; i < classes; i++)
        rows[i] = i;
    assert_int_equal(class_schedule_groups(ranks, ranks_per_class, NULL, rows, classes, &groups), STATUS_OK);
    memory_free(&rows);
    return groups;
}

static void test_one_rank_a_class_while_there_are_enough(void **state)
{
    (void)state;
    for (int32_t ranks = 1; ranks <= 10; ranks++)
        assert_int_equal(groups_of(ranks, 0, 10), ranks);
}

static void test_sixteen_ranks_on_ten_classes_hardly_idle(void **state)
{
    (void)state;
    assert_int_equal(groups_of(16, 0, 10), 5); /* two rounds of 3, 3, 3, 3, 4 ranks */
    assert_int_equal(groups_of(100, 0, 10), 10);
    assert_int_equal(groups_of(20, 0, 10), 10);
}

static void test_given_ranks_a_class(void **state)
{
    (void)state;
    assert_int_equal(groups_of(16, 4, 10), 4);
    assert_int_equal(groups_of(3, 4, 10), 1);
    assert_int_equal(groups_of(7, 2, 10), 3);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    assert_int_equal(groups_of(3, 0, 0), 3);
}

static void test_a_large_machine_takes_no_time_to_plan(void **state)
{
    (void)state;
    assert_int_equal(groups_of(100000, 0, 20000), 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_first_and_ties_in_order),
        cmocka_unit_test(test_equal_costs_keep_ascending_rows),
        cmocka_unit_test(test_makespan_of_a_known_schedule),
        cmocka_unit_test(test_groups_share_the_speed_of_their_ranks),
        cmocka_unit_test(test_one_rank_a_class_while_there_are_enough),
        cmocka_unit_test(test_sixteen_ranks_on_ten_classes_hardly_idle),
        cmocka_unit_test(test_given_ranks_a_class),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_a_large_machine_takes_no_time_to_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
