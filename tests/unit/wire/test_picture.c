#include "fixture.h"

#include "mpi/wire/picture.h"

static struct picture *begun(int64_t ranks, int32_t classes)
{
    struct picture *picture;
    struct event start = start_event(ranks, classes);
    assert_int_equal(picture_create(&picture), STATUS_OK);
    assert_int_equal(picture_apply(picture, &start), STATUS_OK);
    return picture;
}

static enum status apply(struct picture *picture, struct event event)
{
    return picture_apply(picture, &event);
}

static void test_ranks_are_kept_with_their_newest_state(void **state)
{
    struct picture *picture = begun(4, 0);
    struct event event = rank_event(2, -1, 50, 200);
    (void)state;
    event.sequence = 7;
    assert_int_equal(apply(picture, rank_event(2, -1, 10, 200)), STATUS_OK);
    assert_int_equal(apply(picture, event), STATUS_OK);
    assert_int_equal(picture->rank_count, 3);
    assert_false(picture->ranks[1].heard);
    assert_true(picture->ranks[2].heard);
    assert_int_equal(picture->ranks[2].done, 50);
    assert_string_equal(picture->ranks[2].text, "working");
    assert_int_equal(picture->sequence, 7);
    picture_destroy(&picture);
}

static void test_any_event_of_a_rank_is_a_sign_of_life(void **state)
{
    struct picture *picture = begun(2, 0);
    struct event event = log_event("hello");
    (void)state;
    event.rank = 1;
    assert_int_equal(apply(picture, event), STATUS_OK);
    assert_true(picture->ranks[1].heard);
    assert_true(picture->ranks[1].last_time == 1020);
    event = rank_event(1, -1, 1, 2); /* was sent before, came later */
    assert_int_equal(apply(picture, event), STATUS_OK);
    assert_true(picture->ranks[1].last_time == 1020);
    picture_destroy(&picture);
}

static void test_a_class_keeps_its_name_when_later_events_do_not_say_it(void **state)
{
    struct picture *picture = begun(1, 3);
    struct event done = class_event(1, STATE_DONE);
    (void)state;
    done.text[0] = '\0';
    done.value = 0.9;
    assert_int_equal(apply(picture, class_event(1, STATE_WAITING)), STATUS_OK);
    assert_int_equal(apply(picture, done), STATUS_OK);
    assert_string_equal(picture->classes[1].name, "class-1");
    assert_int_equal(picture->classes[1].state, STATE_DONE);
    assert_true(picture->classes[1].value == 0.9);
    assert_int_equal(picture->classes[0].state, STATE_NONE);
    picture_destroy(&picture);
}

static void test_a_class_that_was_begun_does_not_wait_again(void **state)
{
    struct picture *picture = begun(2, 3);
    struct event running = class_event(1, STATE_RUNNING);
    (void)state;
    running.rank = 1;
    running.text[0] = '\0';
    assert_int_equal(apply(picture, running), STATUS_OK);
    assert_int_equal(apply(picture, class_event(1, STATE_WAITING)), STATUS_OK); /* heard late */
    assert_int_equal(picture->classes[1].state, STATE_RUNNING);
    assert_int_equal(picture->classes[1].rank, 1);
    assert_string_equal(picture->classes[1].name, "class-1");
    picture_destroy(&picture);
}

static void test_the_announcement_of_epochs_is_no_point_of_the_curve(void **state)
{
    struct picture *picture = begun(1, 0);
    struct event resumed = epoch_event(30, 90);
    (void)state;
    resumed.state = STATE_RESUMED;
    assert_int_equal(apply(picture, resumed), STATUS_OK);
    assert_int_equal(picture->epoch_count, 0);
    assert_int_equal(picture->epochs_start.done, 30);
    assert_int_equal(apply(picture, epoch_event(31, 90)), STATUS_OK);
    assert_int_equal(picture->epoch_count, 1);
    assert_int_equal(picture->epochs[0].done, 31);
    picture_destroy(&picture);
}

static void test_the_curve_keeps_the_latest_epochs(void **state)
{
    struct picture *picture = begun(1, 0);
    (void)state;
    for (int64_t i = 1; i <= 3 * PICTURE_EPOCHS_MAX; i++)
        assert_int_equal(apply(picture, epoch_event(i, INT32_MAX)), STATUS_OK);
    assert_in_range(picture->epoch_count, PICTURE_EPOCHS_MAX * 3 / 4, PICTURE_EPOCHS_MAX);
    assert_int_equal(picture->epochs[picture->epoch_count - 1].done, 3 * PICTURE_EPOCHS_MAX);
    assert_int_equal(picture->epochs[0].done, 3 * PICTURE_EPOCHS_MAX - picture->epoch_count + 1);
    picture_destroy(&picture);
}

static void test_the_log_keeps_the_last_lines(void **state)
{
    struct picture *picture = begun(1, 0);
    char text[32];
    (void)state;
    for (int i = 0; i < PICTURE_LOG_LINES + 10; i++) {
        snprintf(text, sizeof text, "line %d", i);
        assert_int_equal(apply(picture, log_event(text)), STATUS_OK);
    }
    assert_int_equal(picture->log_count, PICTURE_LOG_LINES);
    assert_string_equal(picture->log[0].text, "line 10");
    picture_destroy(&picture);
}

static void test_a_start_begins_a_new_picture(void **state)
{
    struct picture *picture = begun(4, 4);
    (void)state;
    assert_int_equal(apply(picture, class_event(3, STATE_DONE)), STATUS_OK);
    assert_int_equal(apply(picture, rank_event(3, 3, 1, 2)), STATUS_OK);
    assert_int_equal(apply(picture, log_event("old")), STATUS_OK);
    assert_int_equal(apply(picture, end_event(STATE_STOPPED)), STATUS_OK);
    assert_int_equal(apply(picture, start_event(2, 4)), STATUS_OK);
    assert_int_equal(picture->class_count, 0);
    assert_int_equal(picture->rank_count, 0);
    assert_int_equal(picture->log_count, 0);
    assert_false(picture->ended);
    picture_destroy(&picture);
}

static void test_events_outside_a_run_are_refused(void **state)
{
    struct picture *picture;
    (void)state;
    assert_int_equal(picture_create(&picture), STATUS_OK);
    assert_int_equal(apply(picture, log_event("early")), STATUS_FORMAT);
    assert_int_equal(apply(picture, end_event(STATE_DONE)), STATUS_FORMAT);
    assert_int_equal(apply(picture, start_event(1, 0)), STATUS_OK);
    assert_int_equal(apply(picture, end_event(STATE_DONE)), STATUS_OK);
    assert_int_equal(apply(picture, log_event("late")), STATUS_FORMAT);
    assert_int_equal(apply(picture, end_event(STATE_FAILED)), STATUS_FORMAT);
    assert_int_equal(picture->end.state, STATE_DONE);
    picture_destroy(&picture);
}

static void test_ranks_and_classes_the_run_does_not_have_are_refused(void **state)
{
    struct picture *picture = begun(2, 3);
    (void)state;
    assert_int_equal(apply(picture, rank_event(2, -1, 0, 1)), STATUS_FORMAT);
    assert_int_equal(apply(picture, class_event(3, STATE_DONE)), STATUS_FORMAT);
    assert_int_equal(apply(picture, class_event(-1, STATE_DONE)), STATUS_FORMAT);
    assert_int_equal(apply(picture, class_event(0, STATE_NONE)), STATUS_FORMAT);
    assert_int_equal(picture->rank_count, 0);
    assert_int_equal(picture->class_count, 0);
    picture_destroy(&picture);
}

static void test_memory_grows_with_what_is_heard(void **state)
{
    struct picture *picture = begun(100000, 100000);
    (void)state;
    assert_int_equal(apply(picture, rank_event(3, -1, 0, 1)), STATUS_OK);
    assert_in_range(picture->rank_capacity, 4, 64);
    assert_int_equal(apply(picture, rank_event(99999, -1, 0, 1)), STATUS_OK);
    assert_int_equal(apply(picture, class_event(99999, STATE_WAITING)), STATUS_OK);
    assert_int_equal(picture->rank_count, 100000);
    assert_int_equal(picture->rank_capacity, 100000);
    assert_true(picture->ranks[3].heard);
    assert_string_equal(picture->classes[99999].name, "class-99999");
    picture_destroy(&picture);
}

static void test_destroying_twice_is_harmless(void **state)
{
    struct picture *picture = begun(1, 1);
    (void)state;
    picture_destroy(&picture);
    assert_null(picture);
    picture_destroy(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_are_kept_with_their_newest_state),
        cmocka_unit_test(test_any_event_of_a_rank_is_a_sign_of_life),
        cmocka_unit_test(test_a_class_keeps_its_name_when_later_events_do_not_say_it),
        cmocka_unit_test(test_a_class_that_was_begun_does_not_wait_again),
        cmocka_unit_test(test_the_announcement_of_epochs_is_no_point_of_the_curve),
        cmocka_unit_test(test_the_curve_keeps_the_latest_epochs),
        cmocka_unit_test(test_the_log_keeps_the_last_lines),
        cmocka_unit_test(test_a_start_begins_a_new_picture),
        cmocka_unit_test(test_events_outside_a_run_are_refused),
        cmocka_unit_test(test_ranks_and_classes_the_run_does_not_have_are_refused),
        cmocka_unit_test(test_memory_grows_with_what_is_heard),
        cmocka_unit_test(test_destroying_twice_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
