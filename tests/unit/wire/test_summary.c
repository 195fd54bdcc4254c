#include "fixture.h"

#include <math.h>

#include "mpi/wire/summary.h"

static const double NOW = 1030; /* the fixture's runs start at 1000 */

static void assert_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9))
        fail_msg("%.15g, expected %.15g", value, expected);
}

static struct picture *begun(int64_t ranks, int32_t classes)
{
    struct picture *picture;
    struct event start = start_event(ranks, classes);
    assert_int_equal(picture_create(&picture), STATUS_OK);
    assert_int_equal(picture_apply(picture, &start), STATUS_OK);
    return picture;
}

static void apply(struct picture *picture, struct event event)
{
    assert_int_equal(picture_apply(picture, &event), STATUS_OK);
}

static struct picture_summary summarise_and_destroy(struct picture *picture)
{
    struct picture_summary summary;
    picture_summarise(picture, NOW, &summary);
    picture_destroy(&picture);
    return summary;
}

/* A node whose counters rank 0 reads, and one more rank that says so or estimates. */
static struct picture_summary summary_of_energies(double joules, bool counted)
{
    struct picture *picture = begun(2, 0);
    struct event event = rank_event(0, -1, 0, 1);
    event.energy_joules = 100;
    event.energy_counted = 1;
    apply(picture, event);
    apply(picture, log_event("a line of the server, which knows nothing of energy"));
    event = rank_event(1, -1, 0, 1);
    event.energy_joules = joules;
    event.energy_counted = counted;
    apply(picture, event);
    return summarise_and_destroy(picture);
}

static void test_energy_is_summed_and_its_source_known(void **state)
{
    (void)state;
    struct picture_summary summary = summary_of_energies(0, true);
    assert_close(summary.energy_joules, 100);
    assert_int_equal(summary.energy_source, ENERGY_COUNTED);
    summary = summary_of_energies(5, false);
    assert_close(summary.energy_joules, 105);
    assert_int_equal(summary.energy_source, ENERGY_MIXED);
    struct picture *picture = begun(1, 0);
    apply(picture, rank_event(0, -1, 0, 1));
    assert_int_equal(summarise_and_destroy(picture).energy_source, ENERGY_ESTIMATED);
}

static void test_classes_are_counted(void **state)
{
    static const enum event_state states[] = {STATE_DONE,    STATE_RESUMED, STATE_RUNNING,
                                              STATE_WAITING, STATE_FAILED,  STATE_DONE};
    struct picture *picture = begun(1, 10);
    (void)state;
    for (int32_t i = 0; i < 6; i++) {
        struct event event = class_event(i, states[i]);
        event.value = states[i] == STATE_DONE ? 0.8 + 0.02 * i : -1;
        apply(picture, event);
    }
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_int_equal(summary.classes, 10);
    assert_int_equal(summary.classes_done, 3);
    assert_int_equal(summary.classes_resumed, 1);
    assert_int_equal(summary.classes_running, 1);
    assert_int_equal(summary.classes_failed, 1);
    assert_int_equal(summary.classes_waiting, 5);
    assert_int_equal(summary.value_count, 2);
    assert_close(summary.value_mean, 0.85);
    assert_close(summary.value_least, 0.8);
    assert_close(summary.value_most, 0.9);
}

static void test_time_left_by_classes_leaves_out_what_was_done_before(void **state)
{
    struct picture *picture = begun(1, 12);
    (void)state;
    for (int32_t i = 0; i < 2; i++)
        apply(picture, class_event(i, STATE_RESUMED));
    for (int32_t i = 2; i < 4; i++)
        apply(picture, class_event(i, STATE_DONE));
    apply(picture, class_event(4, STATE_RUNNING));
    apply(picture, rank_event(0, 4, 50, 100));
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_close(summary.progress, 2.5 / 10); /* in 30 s */
    assert_close(summary.seconds_left, 90);
}

static void test_time_left_by_epochs(void **state)
{
    struct picture *picture = begun(2, 0);
    struct event resumed = epoch_event(4, 10);
    (void)state;
    resumed.state = STATE_RESUMED;
    apply(picture, resumed);
    apply(picture, epoch_event(5, 10));
    apply(picture, rank_event(0, -1, 550, 1000));
    apply(picture, rank_event(1, -1, 550, 1000));
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_int_equal(summary.epochs_done, 5);
    assert_int_equal(summary.epochs_total, 10);
    assert_close(summary.progress, 1.5 / 6);
    assert_close(summary.seconds_left, 90);
}

static void test_a_rank_that_counts_something_else_moves_the_run_by_an_epoch_at_most(void **state)
{
    struct picture *picture = begun(1, 0);
    (void)state;
    apply(picture, epoch_event(0, 10));
    apply(picture, epoch_event(2, 10));
    apply(picture, rank_event(0, -1, 1, 100)); /* of a test, say */
    struct picture_summary summary;
    picture_summarise(picture, NOW, &summary);
    assert_close(summary.progress, 0.2);
    apply(picture, rank_event(0, -1, 100, 100));
    assert_close(summarise_and_destroy(picture).progress, 0.3);
}

static void test_time_left_by_images(void **state)
{
    struct picture *picture = begun(2, 0);
    (void)state;
    apply(picture, rank_event(0, -1, 10, 100));
    apply(picture, rank_event(1, -1, 50, 100));
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_close(summary.progress, 0.3);
    assert_close(summary.seconds_left, 70);
}

static void test_nothing_is_known_at_the_start(void **state)
{
    struct picture_summary summary = summarise_and_destroy(begun(3, 5));
    (void)state;
    assert_int_equal(summary.ranks, 3);
    assert_int_equal(summary.ranks_heard, 0);
    assert_int_equal(summary.classes_waiting, 5);
    assert_true(summary.progress == 0);
    assert_true(summary.seconds_left < 0);
}

static void test_speed_is_the_sum_of_the_ranks_at_work(void **state)
{
    struct picture *picture = begun(4, 0);
    struct event done = rank_event(2, -1, 5, 5);
    struct event lost = rank_event(3, -1, 1, 5);
    (void)state;
    done.state = STATE_DONE;
    lost.time = NOW - SUMMARY_SILENT_SECONDS - 1;
    apply(picture, rank_event(0, -1, 1, 5));
    apply(picture, rank_event(1, -1, 1, 5));
    apply(picture, done);
    apply(picture, lost);
    assert_true(picture_rank_is_silent(picture, 3, NOW));
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_close(summary.images_per_second, 200);
    assert_int_equal(summary.ranks_silent, 1);
    assert_int_equal(summary.ranks_heard, 4);
}

static void test_an_ended_run_has_no_time_left(void **state)
{
    struct picture *picture = begun(1, 2);
    (void)state;
    apply(picture, class_event(0, STATE_DONE));
    apply(picture, rank_event(0, 0, 1, 5));
    apply(picture, end_event(STATE_DONE));
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_close(summary.elapsed, 100);
    assert_true(summary.progress == 1);
    assert_true(summary.seconds_left < 0);
    assert_true(summary.images_per_second == 0);
}

static void test_an_empty_picture_has_an_empty_summary(void **state)
{
    struct picture *picture;
    (void)state;
    assert_int_equal(picture_create(&picture), STATUS_OK);
    struct picture_summary summary = summarise_and_destroy(picture);
    assert_true(summary.progress < 0);
    assert_true(summary.elapsed == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_energy_is_summed_and_its_source_known),
        cmocka_unit_test(test_classes_are_counted),
        cmocka_unit_test(test_time_left_by_classes_leaves_out_what_was_done_before),
        cmocka_unit_test(test_time_left_by_epochs),
        cmocka_unit_test(test_a_rank_that_counts_something_else_moves_the_run_by_an_epoch_at_most),
        cmocka_unit_test(test_time_left_by_images),
        cmocka_unit_test(test_nothing_is_known_at_the_start),
        cmocka_unit_test(test_speed_is_the_sum_of_the_ranks_at_work),
        cmocka_unit_test(test_an_ended_run_has_no_time_left),
        cmocka_unit_test(test_an_empty_picture_has_an_empty_summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
