#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "jobs/report/class_curves.h"

static void add(struct class_curves *curves, int32_t class_index, int64_t done, int64_t total, double loss)
{
    struct event event = event_make(EVENT_EPOCH);
    event.class_index = class_index;
    event.done = done;
    event.total = total;
    event.loss = loss;
    assert_int_equal(class_curves_add(curves, &event), STATUS_OK);
}

static void assert_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12))
        fail_msg("%.15g, expected %.15g", value, expected);
}

static void test_losses_go_to_the_stretch_that_they_end(void **state)
{
    struct class_curves curves = {0};
    (void)state;
    add(&curves, 3, 5, 100, 0.9);
    add(&curves, 3, 100, 100, 0.1);
    add(&curves, 700, 33, 650, 0.5); /* the first step after a twentieth of 650 */
    assert_int_equal(curves.count, 701);
    assert_int_equal(class_curves_trained(&curves), 2);
    assert_close(curves.curves[3].loss[0], 0.9);
    assert_close(curves.curves[3].loss[RUN_CURVE_POINTS - 1], 0.1);
    assert_true(isnan(curves.curves[3].loss[1]));
    assert_close(curves.curves[700].loss[1], 0.5);
    class_curves_clear(&curves);
    assert_int_equal(curves.count, 0);
}

static void test_the_spread_leaves_out_what_was_not_heard(void **state)
{
    struct class_curves curves = {0};
    struct loss_spread spread;
    (void)state;
    add(&curves, 2, 20, 20, 0.3);
    add(&curves, 0, 20, 20, 0.1);
    add(&curves, 5, 20, 20, 0.8);
    add(&curves, 6, 20, 20, (double)NAN);
    assert_int_equal(class_curves_spread(&curves, RUN_CURVE_POINTS - 1, &spread), STATUS_OK);
    assert_close(spread.least, 0.1);
    assert_close(spread.median, 0.3);
    assert_close(spread.most, 0.8);
    assert_int_equal(class_curves_spread(&curves, 0, &spread), STATUS_OK);
    assert_true(isnan(spread.median));
    class_curves_clear(&curves);
}

static void test_other_events_say_nothing(void **state)
{
    struct class_curves curves = {0};
    (void)state;
    add(&curves, -1, 1, 10, 0.5); /* an epoch of the run as a whole */
    add(&curves, 4, 0, 10, 0.5);
    add(&curves, 4, 11, 10, 0.5);
    add(&curves, 4, 1, 0, 0.5);
    struct event event = event_make(EVENT_CLASS);
    event.class_index = 4;
    event.done = event.total = 1;
    assert_int_equal(class_curves_add(&curves, &event), STATUS_OK);
    assert_int_equal(class_curves_trained(&curves), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses_go_to_the_stretch_that_they_end),
        cmocka_unit_test(test_the_spread_leaves_out_what_was_not_heard),
        cmocka_unit_test(test_other_events_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
