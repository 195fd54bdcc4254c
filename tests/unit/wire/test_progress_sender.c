#include "run_fixture.h"

/* Nothing listens there: a port below 1024 that no test machine serves. */
static const char nowhere[] = "tcp://127.0.0.1:1";

static void test_sending_to_nobody_never_waits_and_counts_what_it_drops(void **state)
{
    enum { EVENTS = 200000, QUEUE = 131072 };
    struct progress_sender *sender;
    double start = machine_monotonic();
    (void)state;
    assert_int_equal(progress_sender_create(nowhere, 0, &sender), STATUS_OK);
    for (int i = 0; i < EVENTS; i++)
        send_event(sender, log_event("nobody hears me"));
    assert_in_range(progress_dropped(sender), EVENTS - QUEUE, EVENTS - 1);
    progress_sender_destroy(&sender);
    assert_null(sender);
    assert_true(machine_monotonic() - start < PATIENCE);
}

static void test_destroying_waits_a_second_at_most(void **state)
{
    struct progress_sender *sender;
    (void)state;
    assert_int_equal(progress_sender_create(nowhere, 0, &sender), STATUS_OK);
    send_event(sender, log_event("nobody hears me"));
    double start = machine_monotonic();
    progress_sender_destroy(&sender);
    assert_true(machine_monotonic() - start < 5); /* a second, on a busy machine */
}

static void test_events_sent_before_the_connection_stands_arrive(void **state)
{
    struct run run;
    run_begin(state, 8, 100, &run);
    struct progress_sender *sender = sender_for(&run, 7);
    for (int32_t i = 0; i < 100; i++)
        send_event(sender, class_event(i, STATE_WAITING));
    assert_int_equal(progress_dropped(sender), 0);
    progress_sender_destroy(&sender);
    run_finish(&run);
    assert_int_equal(run_recorded(state).count[EVENT_CLASS], 100);
}

static void test_time_rank_host_and_memory_are_filled_in(void **state)
{
    struct run run;
    char host[EVENT_HOST_BYTES];
    machine_host(host, sizeof host);
    run_begin(state, 8, 0, &run);
    struct progress_sender *sender = sender_for(&run, 7);
    double before = machine_time();
    send_event(sender, log_event("hello"));
    progress_sender_destroy(&sender);
    run_finish(&run);
    struct event event = run_recorded(state).newest[EVENT_LOG];
    assert_int_equal(event.rank, 7);
    assert_string_equal(event.host, host);
    assert_true(event.time > before - 1 && event.time < machine_time() + 1);
    assert_true(event.memory_bytes > 100000);
    assert_string_equal(event.text, "hello");
}

static void test_rank_events_are_coalesced_to_ten_a_second_and_the_newest_wins(void **state)
{
    enum { EVENTS = 5000 };
    struct run run;
    run_begin(state, 1, 0, &run);
    struct progress_sender *sender = sender_for(&run, 0);
    double start = machine_monotonic();
    for (int i = 1; i <= EVENTS; i++)
        send_event(sender, rank_event(0, -1, i, EVENTS));
    double elapsed = machine_monotonic() - start;
    progress_sender_destroy(&sender);
    run_finish(&run);
    struct record record = run_recorded(state);
    /* the first at once, the newest at the end, ten a second in between */
    assert_in_range(record.count[EVENT_RANK], 2, 2 + (int)(10 * elapsed) + 1);
    assert_int_equal(record.newest[EVENT_RANK].done, EVENTS);
}

static void test_a_waiting_rank_event_goes_with_the_next_call(void **state)
{
    struct run run;
    run_begin(state, 1, 0, &run);
    struct progress_sender *sender = sender_for(&run, 0);
    send_event(sender, rank_event(0, -1, 1, 9));
    send_event(sender, rank_event(0, -1, 2, 9)); /* waits */
    usleep(150000);
    send_event(sender, log_event("the next call"));
    send_event(sender, rank_event(0, -1, 3, 9)); /* waits, and goes when the sender is destroyed */
    progress_sender_destroy(&sender);
    run_finish(&run);
    struct record record = run_recorded(state);
    assert_int_equal(record.count[EVENT_RANK], 3);
    assert_int_equal(record.newest[EVENT_RANK].done, 3);
}

static void test_a_missing_sender_does_nothing(void **state)
{
    struct event event = log_event("x");
    struct progress_sender *none = NULL;
    (void)state;
    progress_send(NULL, &event);
    assert_int_equal(progress_dropped(NULL), 0);
    progress_sender_destroy(&none);
}

static void test_wrong_arguments_are_refused(void **state)
{
    struct progress_sender *sender;
    (void)state;
    assert_int_equal(progress_sender_create("nonsense", 0, &sender), STATUS_FORMAT);
    assert_null(sender);
    assert_int_equal(progress_sender_create(nowhere, -1, &sender), STATUS_USAGE);
    assert_int_equal(progress_sender_create(nowhere, EVENT_RANKS_MAX, &sender), STATUS_USAGE);
    assert_null(sender);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sending_to_nobody_never_waits_and_counts_what_it_drops),
        cmocka_unit_test(test_destroying_waits_a_second_at_most),
        FOLDER_TEST(test_events_sent_before_the_connection_stands_arrive),
        FOLDER_TEST(test_time_rank_host_and_memory_are_filled_in),
        FOLDER_TEST(test_rank_events_are_coalesced_to_ten_a_second_and_the_newest_wins),
        FOLDER_TEST(test_a_waiting_rank_event_goes_with_the_next_call),
        cmocka_unit_test(test_a_missing_sender_does_nothing),
        cmocka_unit_test(test_wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
