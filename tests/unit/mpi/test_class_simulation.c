/* The simulated queue against schedules worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "compute/base/memory.h"
#include "mpi/classes/class_simulation.h"

static const int32_t rows[] = {0, 1, 2, 3};

static struct class_simulation_result simulate(struct class_simulation simulation)
{
    struct class_simulation_result result;
    simulation.rows = rows;
    assert_int_equal(class_simulation_run(&simulation, &result), STATUS_OK);
    return result;
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-12);
}

static void test_one_rank_does_all_in_turn(void **state)
{
    (void)state;
    const double costs[] = {4, 3, 2, 1};
    struct class_simulation_result result =
        simulate((struct class_simulation){.ranks = 1, .groups = 1, .costs = costs, .count = 4});
    assert_near(result.seconds, 10);
    assert_near(result.idle_share, 0);
}

static void test_the_tail_is_idle(void **state)
{
    (void)state;
    struct class_simulation_result result =
        simulate((struct class_simulation){.ranks = 3, .groups = 3, .count = 4});
    assert_near(result.seconds, 2);
    assert_near(result.idle_share, 2.0 / 6.0);
}

/* Three groups of 2, 1 and 1: the larger does the first class in (1 + 0.1)/2. */
static void test_a_group_is_faster_but_not_by_all_its_ranks(void **state)
{
    (void)state;
    struct class_simulation_result result =
        simulate((struct class_simulation){.ranks = 4, .groups = 3, .count = 4, .sharing_loss = 0.1});
    assert_near(result.seconds, 1.1); /* the larger group's second class */
    assert_near(result.idle_share, 1 - (2 * 1.1 + 2) / (4 * 1.1));
}

static void test_rank_0_answers_one_after_another(void **state)
{
    (void)state;
    struct class_simulation_result result = simulate(
        (struct class_simulation){.ranks = 4, .groups = 4, .count = 4, .latency = 0.25, .answer = 0.5});
    assert_near(result.seconds, 0.25 + 4 * 0.5 + 0.25 + 1);
}

static void test_a_class_is_passed_on_within_a_group(void **state)
{
    (void)state;
    struct class_simulation_result result =
        simulate((struct class_simulation){.ranks = 5, .groups = 1, .count = 1, .latency = 0.5});
    assert_near(result.seconds, 0.5 + 0.5 + 3 * 0.5 + 0.2);
}

static void test_nothing_to_do_takes_no_time(void **state)
{
    (void)state;
    struct class_simulation_result result =
        simulate((struct class_simulation){.ranks = 2, .groups = 2, .count = 0});
    assert_near(result.seconds, 0);
    assert_near(result.idle_share, 0);
}

static void test_a_thousand_equal_classes_on_256_ranks(void **state)
{
    (void)state;
    enum { CLASSES = 1000 };
    int32_t *order = NULL;
    struct class_simulation_result result;
    assert_int_equal(memory_allocate(&order, CLASSES, sizeof *order, "rows"), STATUS_OK);
    const struct class_simulation simulation = {.ranks = 256, .groups = 256, .rows = order, .count = CLASSES};
    assert_int_equal(class_simulation_run(&simulation, &result), STATUS_OK);
    assert_near(result.seconds, 4); /* ⌈1000/256⌉ */
    memory_free(&order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_rank_does_all_in_turn),
        cmocka_unit_test(test_the_tail_is_idle),
        cmocka_unit_test(test_a_group_is_faster_but_not_by_all_its_ranks),
        cmocka_unit_test(test_rank_0_answers_one_after_another),
        cmocka_unit_test(test_a_class_is_passed_on_within_a_group),
        cmocka_unit_test(test_nothing_to_do_takes_no_time),
        cmocka_unit_test(test_a_thousand_equal_classes_on_256_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
