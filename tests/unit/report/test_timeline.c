/* Events as pieces of work, and the time in which nobody worked. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "jobs/report/timeline.h"

static struct timeline *timeline;

static void expect_near(double seen, double wanted)
{
    assert_true(fabs(seen - wanted) < 1e-9);
}

static int create(void **state)
{
    (void)state;
    return timeline_create(2, 100, &timeline) == STATUS_OK ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    timeline_destroy(&timeline);
    return 0;
}

static void tell(enum event_kind kind, double time, int32_t rank, int32_t class_index, enum event_state state)
{
    struct event event = event_make(kind);
    event.time = time;
    event.rank = rank;
    event.class_index = class_index;
    event.state = state;
    assert_int_equal(timeline_add(timeline, &event), STATUS_OK);
}

static void expect_piece(int32_t number, int32_t rank, int32_t class_index, double begin, double end,
                         enum event_state state)
{
    assert_true(number < timeline->piece_count);
    const struct timeline_piece *piece = &timeline->pieces[number];
    assert_int_equal(piece->rank, rank);
    assert_int_equal(piece->class_index, class_index);
    expect_near(piece->begin, begin);
    expect_near(piece->end, end);
    assert_int_equal(piece->state, state);
}

static void test_two_ranks_and_their_idle_time(void **state)
{
    (void)state;
    tell(EVENT_CLASS, 101, 0, 7, STATE_RUNNING);
    tell(EVENT_CLASS, 102, 1, 8, STATE_RUNNING);
    tell(EVENT_RANK, 103, 0, 7, STATE_RUNNING);
    tell(EVENT_CLASS, 104, 0, 7, STATE_DONE);
    tell(EVENT_CLASS, 106, 0, 9, STATE_RUNNING);
    tell(EVENT_CLASS, 108, 0, 9, STATE_FAILED);
    tell(EVENT_CLASS, 109, 1, 8, STATE_DONE);
    tell(EVENT_RUN_END, 110, 0, -1, STATE_DONE);
    assert_int_equal(timeline->piece_count, 3);
    expect_piece(0, 0, 7, 101, 104, STATE_DONE);
    expect_piece(1, 1, 8, 102, 109, STATE_DONE);
    expect_piece(2, 0, 9, 106, 108, STATE_FAILED);
    expect_near(timeline->busy[0], 5);
    expect_near(timeline->busy[1], 7);
    expect_near(timeline_idle_share(timeline), 1 - 12.0 / 20);
}

/* What a rank does is sent seldom: it may arrive when its class is over. */
static void test_late_events_say_nothing(void **state)
{
    (void)state;
    tell(EVENT_CLASS, 101, 0, 7, STATE_RUNNING);
    tell(EVENT_CLASS, 104, 0, 7, STATE_DONE);
    tell(EVENT_CLASS, 104.5, 0, 8, STATE_RUNNING);
    tell(EVENT_RANK, 103, 0, 7, STATE_RUNNING);
    tell(EVENT_CLASS, 105, 0, 8, STATE_DONE);
    assert_int_equal(timeline->piece_count, 2);
    expect_piece(0, 0, 7, 101, 104, STATE_DONE);
    expect_piece(1, 0, 8, 104.5, 105, STATE_DONE);
}

/* A rank that helps with a class says only what it does; its work lasts as long as it says so. */
static void test_work_lasts_as_long_as_it_is_told(void **state)
{
    (void)state;
    tell(EVENT_RANK, 101, 1, 7, STATE_RUNNING);
    tell(EVENT_RANK, 102, 1, 7, STATE_RUNNING);
    tell(EVENT_RANK, 105, 1, 8, STATE_RUNNING);
    tell(EVENT_RANK, 106, 1, -1, STATE_DONE);
    tell(EVENT_RANK, 107, 1, -1, STATE_RUNNING);
    assert_int_equal(timeline->piece_count, 3);
    expect_piece(0, 1, 7, 101, 102, STATE_RUNNING);
    expect_piece(1, 1, 8, 105, 105, STATE_RUNNING);
    expect_piece(2, 1, -1, 107, 107, STATE_RUNNING);
}

static void test_what_is_nobodys_work_is_left_out(void **state)
{
    (void)state;
    tell(EVENT_CLASS, 101, 0, 1, STATE_WAITING);
    tell(EVENT_CLASS, 102, 0, 2, STATE_RESUMED);
    tell(EVENT_CLASS, 103, 0, 3, STATE_DONE);
    tell(EVENT_RANK, 103, 5, 3, STATE_RUNNING); /* a rank the run does not have */
    assert_int_equal(timeline->piece_count, 0);
    expect_near(timeline_idle_share(timeline), 1);
}

/* A class told while another goes on does not end it. */
static void test_other_classes_do_not_end_work(void **state)
{
    (void)state;
    tell(EVENT_CLASS, 101, 0, 7, STATE_RUNNING);
    tell(EVENT_CLASS, 102, 0, 3, STATE_RESUMED);
    tell(EVENT_CLASS, 104, 0, 7, STATE_DONE);
    assert_int_equal(timeline->piece_count, 1);
    expect_piece(0, 0, 7, 101, 104, STATE_DONE);
}

static void test_many_pieces(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++)
        tell(EVENT_CLASS, 101 + i, 0, i, STATE_RUNNING);
    assert_int_equal(timeline->piece_count, 3000);
    expect_piece(2999, 0, 2999, 3100, 3100, STATE_RUNNING);
}

static void test_a_run_without_time_is_not_idle(void **state)
{
    (void)state;
    expect_near(timeline_idle_share(timeline), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_ranks_and_their_idle_time, create, destroy),
        cmocka_unit_test_setup_teardown(test_late_events_say_nothing, create, destroy),
        cmocka_unit_test_setup_teardown(test_work_lasts_as_long_as_it_is_told, create, destroy),
        cmocka_unit_test_setup_teardown(test_what_is_nobodys_work_is_left_out, create, destroy),
        cmocka_unit_test_setup_teardown(test_other_classes_do_not_end_work, create, destroy),
        cmocka_unit_test_setup_teardown(test_many_pieces, create, destroy),
        cmocka_unit_test_setup_teardown(test_a_run_without_time_is_not_idle, create, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
