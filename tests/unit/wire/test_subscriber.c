#include "run_fixture.h"

#include <zmq.h>

#include "compute/base/memory.h"
#include "mpi/wire/admission.h"
#include "mpi/wire/snapshot.h"
#include "mpi/wire/subscriber.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

/* Some server's key and a client's of its own. */
static struct wire_client_key key_draw(void)
{
    struct wire_client_key key;
    struct wire_key_pair server;
    assert_int_equal(wire_key_pair_draw(&server), STATUS_OK);
    assert_int_equal(wire_key_pair_draw(&key.own), STATUS_OK);
    memcpy(key.server_key, server.public_key, WIRE_KEY_BYTES);
    return key;
}

static struct subscriber *subscriber_for(const struct run *run)
{
    struct subscriber *subscriber;
    assert_int_equal(
        subscriber_create(run->description.snapshot, run->description.run, &run->key, &subscriber),
        STATUS_OK);
    return subscriber;
}

/* Waits for news of that kind; quiet times in between do not matter. */
static struct event await(struct subscriber *subscriber, enum subscriber_news wanted)
{
    double give_up = machine_monotonic() + PATIENCE;
    enum subscriber_news news = SUBSCRIBER_QUIET;
    struct event event = event_make(EVENT_LOG);
    while (machine_monotonic() < give_up && news != wanted)
        assert_int_equal(subscriber_next(subscriber, 100, &news, &event), STATUS_OK);
    assert_int_equal(news, wanted);
    return event;
}

static void follow_to_the_end(struct subscriber *subscriber)
{
    double give_up = machine_monotonic() + PATIENCE;
    enum subscriber_news news;
    struct event event;
    while (machine_monotonic() < give_up &&
           (subscriber_picture(subscriber) == NULL || !subscriber_picture(subscriber)->ended))
        assert_int_equal(subscriber_next(subscriber, 100, &news, &event), STATUS_OK);
    assert_non_null(subscriber_picture(subscriber));
    assert_true(subscriber_picture(subscriber)->ended);
}

/* Speaks until the subscriber has heard it live: from then on it receives updates. */
static void connect_live(struct subscriber *subscriber, struct progress_sender *sender)
{
    double give_up = machine_monotonic() + PATIENCE;
    enum subscriber_news news = SUBSCRIBER_QUIET;
    struct event event;
    while (machine_monotonic() < give_up && news != SUBSCRIBER_EVENT) {
        send_event(sender, log_event("can you hear me?"));
        assert_int_equal(subscriber_next(subscriber, 20, &news, &event), STATUS_OK);
    }
    assert_int_equal(news, SUBSCRIBER_EVENT);
}

static void assert_pictures_equal(const struct picture *a, const struct picture *b)
{
    static const struct snapshot_header header = {.run = "x", .publish = "tcp://127.0.0.1:1"};
    char *first, *second;
    size_t first_length, second_length;
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(snapshot_encode(&header, a, &first, &first_length), STATUS_OK);
    assert_int_equal(snapshot_encode(&header, b, &second, &second_length), STATUS_OK);
    assert_int_equal(first_length, second_length);
    assert_memory_equal(first, second, first_length);
    memory_free(&first);
    memory_free(&second);
}

static void test_a_late_monitor_sees_what_an_early_one_sees(void **state)
{
    struct run run;
    run_begin(state, 2, 30, &run);
    struct progress_sender *one = sender_for(&run, 0);
    struct progress_sender *two = sender_for(&run, 1);
    struct subscriber *early = subscriber_for(&run);
    connect_live(early, one);
    for (int32_t i = 0; i < 30; i++)
        send_event(one, class_event(i, STATE_WAITING));
    for (int32_t i = 0; i < 15; i++) {
        send_event(two, rank_event(1, i, i, 15));
        send_event(two, class_event(i, STATE_DONE));
        send_event(one, epoch_event(i, 15));
    }
    struct subscriber *late = subscriber_for(&run);
    connect_live(late, one);
    send_event(two, class_event(15, STATE_FAILED));
    progress_sender_destroy(&one);
    progress_sender_destroy(&two);
    run_finish(&run);
    follow_to_the_end(early);
    follow_to_the_end(late);
    assert_int_equal(subscriber_picture(late)->classes[14].state, STATE_DONE);
    assert_int_equal(subscriber_picture(late)->classes[15].state, STATE_FAILED);
    assert_int_equal(subscriber_picture(late)->classes[29].state, STATE_WAITING);
    assert_int_equal(subscriber_picture(late)->epoch_count, 14);
    assert_pictures_equal(subscriber_picture(early), subscriber_picture(late));
    subscriber_destroy(&early);
    subscriber_destroy(&late);
}

static void test_the_snapshot_endpoint_alone_is_enough(void **state)
{
    struct run run;
    struct subscriber *subscriber;
    run_begin(state, 1, 0, &run);
    assert_int_equal(subscriber_create(run.description.snapshot, NULL, &run.key, &subscriber), STATUS_OK);
    await(subscriber, SUBSCRIBER_PICTURE);
    assert_string_equal(subscriber_picture(subscriber)->start.text, "facet decompose n.h5 -o run");
    subscriber_destroy(&subscriber);
    run_finish(&run);
}

static void test_nobody_there_is_silence(void **state)
{
    struct wire_client_key key = key_draw();
    struct subscriber *subscriber;
    enum subscriber_news news;
    struct event event;
    (void)state;
    assert_int_equal(subscriber_create("tcp://127.0.0.1:1", NULL, &key, &subscriber), STATUS_OK);
    double start = machine_monotonic();
    assert_int_equal(subscriber_next(subscriber, 300, &news, &event), STATUS_OK);
    double waited = machine_monotonic() - start;
    assert_int_equal(news, SUBSCRIBER_QUIET);
    assert_null(subscriber_picture(subscriber));
    assert_true(waited > 0.25 && waited < PATIENCE);
    assert_true(subscriber_silence(subscriber) >= waited);
    subscriber_destroy(&subscriber);
    assert_null(subscriber);
    subscriber_destroy(&subscriber);
}

static void test_another_run_at_the_endpoint_is_noticed(void **state)
{
    struct run run;
    struct subscriber *subscriber;
    enum subscriber_news news;
    struct event event;
    enum status status = STATUS_OK;
    run_begin(state, 1, 0, &run);
    assert_int_equal(subscriber_create(run.description.snapshot, "00000000000000000000000000000000", &run.key,
                                       &subscriber),
                     STATUS_OK);
    double give_up = machine_monotonic() + PATIENCE;
    while (status == STATUS_OK && machine_monotonic() < give_up)
        status = subscriber_next(subscriber, 100, &news, &event);
    assert_int_equal(status, STATUS_MISMATCH);
    assert_null(subscriber_picture(subscriber));
    subscriber_destroy(&subscriber);
    run_finish(&run);
}

static void test_what_is_no_endpoint_is_refused(void **state)
{
    struct wire_client_key key = key_draw();
    struct subscriber *subscriber;
    (void)state;
    assert_int_equal(subscriber_create("127.0.0.1:5", NULL, &key, &subscriber), STATUS_FORMAT);
    assert_null(subscriber);
}

/* A server whose every message the test decides. */
struct puppet {
    void *context, *snapshots, *publish;
    struct wire_key_pair server_keys;
    struct wire_client_key key;
    struct admission *admission;
    char snapshot_endpoint[ENDPOINT_BYTES], publish_endpoint[ENDPOINT_BYTES];
    struct picture *picture;
};

static const char puppet_run[] = "abcdefabcdefabcdefabcdefabcdefab";

static void *puppet_socket(struct puppet *puppet, int type, char endpoint[ENDPOINT_BYTES])
{
    void *socket;
    size_t bytes = ENDPOINT_BYTES;
    assert_int_equal(wire_socket_create(puppet->context,
                                        &(struct wire_socket_options){.type = type,
                                                                      .message_bytes_max = 4096,
                                                                      .server = &puppet->server_keys,
                                                                      .domain = "puppet"},
                                        &socket),
                     STATUS_OK);
    assert_int_equal(wire_socket_bind(socket, "tcp://127.0.0.1:*"), STATUS_OK);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &bytes), 0);
    return socket;
}

static void puppet_make(struct puppet *puppet)
{
    struct event start = start_event(1, 0);
    struct admission_rule rule = {.domain = "puppet"};
    assert_int_equal(wire_key_pair_draw(&puppet->server_keys), STATUS_OK);
    puppet->key = key_draw();
    memcpy(puppet->key.server_key, puppet->server_keys.public_key, WIRE_KEY_BYTES);
    memcpy(rule.public_key, puppet->key.own.public_key, WIRE_KEY_BYTES);
    assert_int_equal(wire_context_create(&puppet->context), STATUS_OK);
    assert_int_equal(admission_start(puppet->context, &rule, 1, &puppet->admission), STATUS_OK);
    puppet->snapshots = puppet_socket(puppet, ZMQ_ROUTER, puppet->snapshot_endpoint);
    puppet->publish = puppet_socket(puppet, ZMQ_XPUB, puppet->publish_endpoint);
    assert_int_equal(picture_create(&puppet->picture), STATUS_OK);
    assert_int_equal(picture_apply(puppet->picture, &start), STATUS_OK);
    puppet->picture->sequence = 1;
}

static void puppet_destroy(struct puppet *puppet)
{
    wire_socket_close(&puppet->snapshots);
    wire_socket_close(&puppet->publish);
    admission_stop(&puppet->admission);
    wire_context_destroy(&puppet->context);
    picture_destroy(&puppet->picture);
}

/* One more event in the puppet's picture, published or lost. */
static void puppet_event(struct puppet *puppet, const char *text, bool published)
{
    char message[EVENT_MESSAGE_BYTES_MAX], sequence[32];
    struct event event = log_event(text);
    event.sequence = puppet->picture->sequence + 1;
    assert_int_equal(picture_apply(puppet->picture, &event), STATUS_OK);
    if (!published)
        return;
    size_t length = event_encode(&event, message, sizeof message);
    int digits = snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)event.sequence);
    zmq_send(puppet->publish, puppet_run, strlen(puppet_run), ZMQ_SNDMORE);
    zmq_send(puppet->publish, sequence, (size_t)digits, ZMQ_SNDMORE);
    zmq_send(puppet->publish, message, length, 0);
}

static void puppet_heartbeat(struct puppet *puppet)
{
    char sequence[32];
    int digits = snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)puppet->picture->sequence);
    zmq_send(puppet->publish, puppet_run, strlen(puppet_run), ZMQ_SNDMORE);
    zmq_send(puppet->publish, sequence, (size_t)digits, ZMQ_SNDMORE);
    zmq_send(puppet->publish, "", 0, 0);
}

/* Receives one request, while the subscriber is kept going; false when none comes in time. */
static bool puppet_asked(struct puppet *puppet, struct subscriber *subscriber, double seconds, char peer[256],
                         size_t *peer_bytes)
{
    char request[64];
    struct wire_frame frames[] = {{peer, 256, 0}, {request, sizeof request, 0}};
    double give_up = machine_monotonic() + seconds;
    enum subscriber_news news;
    struct event event;
    while (machine_monotonic() < give_up) {
        assert_int_equal(subscriber_next(subscriber, 20, &news, &event), STATUS_OK);
        if (wire_socket_receive(puppet->snapshots, frames, 2) == WIRE_MESSAGE) {
            assert_int_equal(frames[1].bytes, strlen(WIRE_SNAPSHOT_REQUEST));
            assert_memory_equal(request, WIRE_SNAPSHOT_REQUEST, frames[1].bytes);
            *peer_bytes = frames[0].bytes;
            return true;
        }
    }
    return false;
}

static void puppet_answer(struct puppet *puppet, struct subscriber *subscriber)
{
    struct snapshot_header header = {.sequence = puppet->picture->sequence};
    char peer[256];
    char *message;
    size_t length, peer_bytes;
    memcpy(header.run, puppet_run, sizeof puppet_run);
    memcpy(header.publish, puppet->publish_endpoint, sizeof header.publish);
    assert_true(puppet_asked(puppet, subscriber, PATIENCE, peer, &peer_bytes));
    assert_int_equal(snapshot_encode(&header, puppet->picture, &message, &length), STATUS_OK);
    zmq_send(puppet->snapshots, peer, peer_bytes, ZMQ_SNDMORE);
    zmq_send(puppet->snapshots, message, length, 0);
    memory_free(&message);
    await(subscriber, SUBSCRIBER_PICTURE);
}

/* A subscriber that has its first snapshot and whose subscription has arrived. */
static struct subscriber *puppet_subscriber(struct puppet *puppet)
{
    struct subscriber *subscriber;
    zmq_pollitem_t item = {puppet->publish, 0, ZMQ_POLLIN, 0};
    char subscription[64];
    assert_int_equal(subscriber_create(puppet->snapshot_endpoint, NULL, &puppet->key, &subscriber),
                     STATUS_OK);
    puppet_answer(puppet, subscriber);
    assert_int_equal(zmq_poll(&item, 1, (long)(1000 * PATIENCE)), 1);
    assert_int_equal(zmq_recv(puppet->publish, subscription, sizeof subscription, 0), 1 + strlen(puppet_run));
    return subscriber;
}

static void test_updates_are_applied_in_sequence(void **state)
{
    struct puppet puppet;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    puppet_event(&puppet, "two", true);
    puppet_event(&puppet, "three", true);
    assert_string_equal(await(subscriber, SUBSCRIBER_EVENT).text, "two");
    assert_string_equal(await(subscriber, SUBSCRIBER_EVENT).text, "three");
    assert_pictures_equal(subscriber_picture(subscriber), puppet.picture);
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_a_gap_asks_for_a_snapshot_and_loses_nothing_after_it(void **state)
{
    struct puppet puppet;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    puppet_event(&puppet, "lost", false);
    puppet_event(&puppet, "shows the gap", true);
    puppet_answer(&puppet, subscriber);
    assert_int_equal(subscriber_picture(subscriber)->log_count, 2);
    puppet_event(&puppet, "after", true);
    assert_string_equal(await(subscriber, SUBSCRIBER_EVENT).text, "after");
    assert_pictures_equal(subscriber_picture(subscriber), puppet.picture);
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_updates_between_the_request_and_the_answer_are_kept(void **state)
{
    struct puppet puppet;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    puppet_event(&puppet, "lost", false);
    puppet_heartbeat(&puppet); /* also shows the gap */
    puppet_answer(&puppet, subscriber);
    puppet_event(&puppet, "lost, too", false);
    puppet_event(&puppet, "in the snapshot and on its way", true);
    puppet_event(&puppet, "the same", true);
    puppet_answer(&puppet, subscriber);
    puppet_event(&puppet, "new", true);
    assert_string_equal(await(subscriber, SUBSCRIBER_EVENT).text, "new");
    assert_pictures_equal(subscriber_picture(subscriber), puppet.picture);
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_a_heartbeat_in_sequence_asks_for_nothing(void **state)
{
    struct puppet puppet;
    char peer[256];
    size_t peer_bytes;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    puppet_heartbeat(&puppet);
    assert_false(puppet_asked(&puppet, subscriber, 1, peer, &peer_bytes));
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_without_updates_the_snapshot_is_renewed(void **state)
{
    struct puppet puppet;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    puppet_event(&puppet, "never published", false);
    puppet_answer(&puppet, subscriber); /* asked for after some seconds of silence */
    assert_int_equal(subscriber_picture(subscriber)->log_count, 1);
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_an_event_of_an_unknown_kind_leaves_no_gap(void **state)
{
    struct puppet puppet;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    zmq_send(puppet.publish, puppet_run, strlen(puppet_run), ZMQ_SNDMORE);
    zmq_send(puppet.publish, "2", 1, ZMQ_SNDMORE);
    zmq_send(puppet.publish, "{\"v\":1,\"kind\":\"from the future\"}", 32, 0);
    puppet.picture->sequence = 2;
    puppet_event(&puppet, "known", true);
    assert_string_equal(await(subscriber, SUBSCRIBER_EVENT).text, "known");
    assert_int_equal(subscriber_picture(subscriber)->sequence, 3);
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_nonsense_on_the_update_socket_is_ignored(void **state)
{
    struct puppet puppet;
    (void)state;
    puppet_make(&puppet);
    struct subscriber *subscriber = puppet_subscriber(&puppet);
    zmq_send(puppet.publish, puppet_run, strlen(puppet_run), 0); /* one frame */
    for (int i = 0; i < 4; i++)                                  /* four */
        zmq_send(puppet.publish, puppet_run, strlen(puppet_run), i < 3 ? ZMQ_SNDMORE : 0);
    zmq_send(puppet.publish, puppet_run, strlen(puppet_run), ZMQ_SNDMORE);
    zmq_send(puppet.publish, "-7", 2, ZMQ_SNDMORE);
    zmq_send(puppet.publish, "", 0, 0);
    puppet_event(&puppet, "good", true);
    assert_string_equal(await(subscriber, SUBSCRIBER_EVENT).text, "good");
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

static void test_an_answer_that_is_no_snapshot_is_an_error(void **state)
{
    struct puppet puppet;
    struct subscriber *subscriber;
    enum subscriber_news news;
    struct event event;
    enum status status = STATUS_OK;
    char peer[256];
    size_t peer_bytes;
    (void)state;
    puppet_make(&puppet);
    assert_int_equal(subscriber_create(puppet.snapshot_endpoint, NULL, &puppet.key, &subscriber), STATUS_OK);
    assert_true(puppet_asked(&puppet, subscriber, PATIENCE, peer, &peer_bytes));
    zmq_send(puppet.snapshots, peer, peer_bytes, ZMQ_SNDMORE);
    zmq_send(puppet.snapshots, "HTTP/1.1 400\n", 13, 0);
    double give_up = machine_monotonic() + PATIENCE;
    while (status == STATUS_OK && machine_monotonic() < give_up)
        status = subscriber_next(subscriber, 100, &news, &event);
    assert_int_equal(status, STATUS_FORMAT);
    subscriber_destroy(&subscriber);
    puppet_destroy(&puppet);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_a_late_monitor_sees_what_an_early_one_sees),
        FOLDER_TEST(test_the_snapshot_endpoint_alone_is_enough),
        cmocka_unit_test(test_nobody_there_is_silence),
        FOLDER_TEST(test_another_run_at_the_endpoint_is_noticed),
        cmocka_unit_test(test_what_is_no_endpoint_is_refused),
        cmocka_unit_test(test_updates_are_applied_in_sequence),
        cmocka_unit_test(test_a_gap_asks_for_a_snapshot_and_loses_nothing_after_it),
        cmocka_unit_test(test_updates_between_the_request_and_the_answer_are_kept),
        cmocka_unit_test(test_a_heartbeat_in_sequence_asks_for_nothing),
        cmocka_unit_test(test_without_updates_the_snapshot_is_renewed),
        cmocka_unit_test(test_an_event_of_an_unknown_kind_leaves_no_gap),
        cmocka_unit_test(test_nonsense_on_the_update_socket_is_ignored),
        cmocka_unit_test(test_an_answer_that_is_no_snapshot_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
