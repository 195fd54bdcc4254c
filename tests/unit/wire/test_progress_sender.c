#include "run_fixture.h"

#include <math.h>
#include <zmq.h>

#include "mpi/wire/admission.h"
#include "mpi/wire/event_batch.h"
#include "mpi/wire/wire_socket.h"

/* Nothing listens there: a port below 1024 that no test machine serves. */
static const char nowhere[] = "tcp://127.0.0.1:1";

static struct progress_access access_to(const char *endpoint)
{
    struct progress_access access = {0};
    struct wire_key_pair server;
    snprintf(access.endpoint, sizeof access.endpoint, "%s", endpoint);
    assert_int_equal(wire_key_pair_draw(&server), STATUS_OK);
    assert_int_equal(wire_key_pair_draw(&access.key.own), STATUS_OK);
    memcpy(access.key.server_key, server.public_key, WIRE_KEY_BYTES);
    return access;
}

static void test_sending_to_nobody_never_waits(void **state)
{
    enum { EVENTS = 100000 };
    struct progress_access access = access_to(nowhere);
    struct progress_sender *sender;
    double start = machine_monotonic();
    (void)state;
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_OK);
    for (int i = 0; i < EVENTS; i++)
        send_event(sender, log_event("nobody hears me"));
    progress_sender_destroy(&sender);
    assert_null(sender);
    assert_true(machine_monotonic() - start < PATIENCE);
}

/* A server that takes what the test lets it take. */
struct taker {
    void *context, *socket;
    struct admission *admission;
};

static struct taker taker_make(struct progress_access *access)
{
    struct taker taker;
    struct wire_key_pair server;
    struct admission_rule rule = {.domain = "taker"};
    size_t bytes = sizeof access->endpoint;
    *access = access_to(nowhere);
    assert_int_equal(wire_key_pair_draw(&server), STATUS_OK);
    memcpy(access->key.server_key, server.public_key, WIRE_KEY_BYTES);
    memcpy(rule.public_key, access->key.own.public_key, WIRE_KEY_BYTES);
    assert_int_equal(wire_context_create(&taker.context), STATUS_OK);
    assert_int_equal(admission_start(taker.context, &rule, 1, &taker.admission), STATUS_OK);
    assert_int_equal(
        wire_socket_create(taker.context,
                           &(struct wire_socket_options){.type = ZMQ_PULL,
                                                         .receive_queue = 1,
                                                         .message_bytes_max = EVENT_BATCH_BYTES_MAX,
                                                         .server = &server,
                                                         .domain = "taker"},
                           &taker.socket),
        STATUS_OK);
    assert_int_equal(wire_socket_bind(taker.socket, "tcp://127.0.0.1:*"), STATUS_OK);
    assert_int_equal(zmq_getsockopt(taker.socket, ZMQ_LAST_ENDPOINT, access->endpoint, &bytes), 0);
    return taker;
}

/* Takes messages until none comes for a second; returns how many events they had, the last of them in *last.
 */
static int taker_take(struct taker *taker, struct event *last)
{
    static char message[EVENT_BATCH_BYTES_MAX];
    struct wire_frame frame = {message, sizeof message, 0};
    zmq_pollitem_t item = {taker->socket, 0, ZMQ_POLLIN, 0};
    int events = 0;
    while (zmq_poll(&item, 1, 1000) == 1) {
        const char *line;
        size_t length, at = 0;
        assert_int_equal(wire_socket_receive(taker->socket, &frame, 1), WIRE_MESSAGE);
        for (; event_line_next(message, frame.bytes, &at, &line, &length); events++)
            assert_int_equal(event_decode(line, length, last), STATUS_OK);
    }
    return events;
}

static void taker_destroy(struct taker *taker)
{
    wire_socket_close(&taker->socket);
    admission_stop(&taker->admission);
    wire_context_destroy(&taker->context);
}

static void test_what_finds_no_room_is_dropped_counted_and_told(void **state)
{
    enum { EVENTS = 150000 }; /* of 390 bytes: more than all queues of both sides take */
    struct progress_access access;
    struct progress_sender *sender;
    struct event event = log_event(""), last;
    (void)state;
    memset(event.text, 'x', sizeof event.text - 1);
    struct taker taker = taker_make(&access);
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_OK);
    for (int i = 0; i < EVENTS; i++)
        send_event(sender, event);
    int arrived = taker_take(&taker, &last);
    assert_in_range(arrived, 1, EVENTS - 1);
    send_event(sender, rank_event(0, -1, 1, 1));
    assert_int_equal(taker_take(&taker, &last), 1);
    assert_int_equal(last.kind, EVENT_RANK);
    assert_int_equal(last.dropped, EVENTS - arrived);
    progress_sender_destroy(&sender);
    taker_destroy(&taker);
}

static void test_at_most_ten_messages_a_second_leave_a_rank(void **state)
{
    struct progress_access access;
    struct progress_sender *sender;
    struct event last;
    int messages = 0;
    (void)state;
    struct taker taker = taker_make(&access);
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_OK);
    double start = machine_monotonic();
    while (machine_monotonic() - start < 1.5) {
        zmq_pollitem_t item = {taker.socket, 0, ZMQ_POLLIN, 0};
        char message[4096];
        struct wire_frame frame = {message, sizeof message, 0};
        send_event(sender, class_event(0, STATE_RUNNING));
        send_event(sender, rank_event(0, -1, 1, 1));
        if (zmq_poll(&item, 1, 5) == 1 && wire_socket_receive(taker.socket, &frame, 1) != WIRE_NONE)
            messages++;
    }
    double elapsed = machine_monotonic() - start;
    assert_in_range(messages, 2, 1 + (int)(10 * elapsed));
    taker_take(&taker, &last);
    progress_sender_destroy(&sender);
    taker_destroy(&taker);
}

static void test_destroying_waits_a_second_at_most(void **state)
{
    struct progress_access access = access_to(nowhere);
    struct progress_sender *sender;
    (void)state;
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_OK);
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
    assert_true(event.energy_joules < 1e-9); /* nobody measures it here */
    assert_string_equal(event.text, "hello");
}

static void energy_of_a_node(void *context, double *joules, bool *counted)
{
    *joules = *(const double *)context;
    *counted = true;
}

static void test_energy_is_told_as_it_was_measured(void **state)
{
    struct run run;
    double joules = 42.5;
    const struct progress_energy energy = {energy_of_a_node, &joules};
    struct progress_sender *sender;
    run_begin(state, 1, 0, &run);
    assert_int_equal(progress_sender_create(&run.ranks, 0, &energy, &sender), STATUS_OK);
    send_event(sender, log_event("hello"));
    progress_sender_destroy(&sender);
    run_finish(&run);
    struct event event = run_recorded(state).newest[EVENT_LOG];
    assert_true(fabs(event.energy_joules - joules) < 1e-9);
    assert_int_equal(event.energy_counted, 1);
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
    progress_sender_destroy(&sender);
    double elapsed = machine_monotonic() - start;
    run_finish(&run);
    struct record record = run_recorded(state);
    /* the newest at the end, ten a second before */
    assert_in_range(record.count[EVENT_RANK], 1, 2 + (int)(10 * elapsed) + 1);
    assert_int_equal(record.newest[EVENT_RANK].done, EVENTS);
}

static void test_a_waiting_rank_event_goes_when_its_time_has_come(void **state)
{
    struct run run;
    run_begin(state, 1, 0, &run);
    struct progress_sender *sender = sender_for(&run, 0);
    send_event(sender, rank_event(0, -1, 1, 9));
    send_event(sender, rank_event(0, -1, 2, 9)); /* waits */
    usleep(400000);                              /* goes without another call */
    send_event(sender, rank_event(0, -1, 3, 9));
    send_event(sender, rank_event(0, -1, 4, 9)); /* goes when the sender is destroyed */
    progress_sender_destroy(&sender);
    run_finish(&run);
    struct record record = run_recorded(state);
    assert_in_range(record.count[EVENT_RANK], 2, 4);
    assert_int_equal(record.newest[EVENT_RANK].done, 4);
}

static void test_a_missing_sender_does_nothing(void **state)
{
    struct event event = log_event("x");
    struct progress_sender *none = NULL;
    (void)state;
    progress_send(NULL, &event);
    progress_sender_destroy(&none);
}

static void test_wrong_arguments_are_refused(void **state)
{
    struct progress_access access = access_to("nonsense");
    struct progress_sender *sender;
    (void)state;
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_FORMAT);
    assert_null(sender);
    access = access_to(nowhere);
    assert_int_equal(progress_sender_create(&access, -1, NULL, &sender), STATUS_USAGE);
    assert_int_equal(progress_sender_create(&access, EVENT_RANKS_MAX, NULL, &sender), STATUS_USAGE);
    assert_null(sender);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sending_to_nobody_never_waits),
        cmocka_unit_test(test_destroying_waits_a_second_at_most),
        cmocka_unit_test(test_at_most_ten_messages_a_second_leave_a_rank),
        cmocka_unit_test(test_what_finds_no_room_is_dropped_counted_and_told),
        FOLDER_TEST(test_events_sent_before_the_connection_stands_arrive),
        FOLDER_TEST(test_time_rank_host_and_memory_are_filled_in),
        FOLDER_TEST(test_energy_is_told_as_it_was_measured),
        FOLDER_TEST(test_rank_events_are_coalesced_to_ten_a_second_and_the_newest_wins),
        FOLDER_TEST(test_a_waiting_rank_event_goes_when_its_time_has_come),
        cmocka_unit_test(test_a_missing_sender_does_nothing),
        cmocka_unit_test(test_wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
