/* Strangers at a run's sockets: what they send is not heard, what is said they do not hear. */
#include "run_fixture.h"

#include <zmq.h>

#include "mpi/wire/snapshot.h"
#include "mpi/wire/subscriber.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

enum { DEAF_MS = 500 }; /* so long nothing is heard of a server on this machine */

struct stranger {
    void *context, *socket;
};

static struct stranger stranger_make(int type, const char *endpoint, const struct wire_client_key *key)
{
    struct stranger stranger;
    assert_int_equal(wire_context_create(&stranger.context), STATUS_OK);
    assert_int_equal(wire_socket_create(stranger.context,
                                        &(struct wire_socket_options){.type = type,
                                                                      .message_bytes_max = SNAPSHOT_BYTES_MAX,
                                                                      .client = key},
                                        &stranger.socket),
                     STATUS_OK);
    if (type == ZMQ_SUB)
        assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_SUBSCRIBE, "", 0), 0);
    assert_int_equal(wire_socket_connect(stranger.socket, endpoint), STATUS_OK);
    return stranger;
}

static void stranger_destroy(struct stranger *stranger)
{
    wire_socket_close(&stranger->socket);
    wire_context_destroy(&stranger->context);
}

static const char event[] = "{\"v\":1,\"kind\":\"log\",\"text\":\"forged\"}";

/* One who asks for a snapshot, listens for updates and speaks as a rank, with the key he has (NULL: none). */
static void stranger_gets_nothing(void **state, const struct run *run, const struct wire_client_key *key)
{
    char scrap[16];
    (void)state;
    struct stranger asking = stranger_make(ZMQ_DEALER, run->description.snapshot, key);
    struct stranger listening = stranger_make(ZMQ_SUB, run->description.publish, key);
    struct stranger speaking = stranger_make(ZMQ_PUSH, run->ranks.endpoint, key);
    zmq_send(asking.socket, WIRE_SNAPSHOT_REQUEST, sizeof WIRE_SNAPSHOT_REQUEST - 1, ZMQ_DONTWAIT);
    zmq_send(speaking.socket, event, sizeof event - 1, ZMQ_DONTWAIT);
    zmq_pollitem_t items[] = {{asking.socket, 0, ZMQ_POLLIN, 0}, {listening.socket, 0, ZMQ_POLLIN, 0}};
    int deaf_ms = DEAF_MS + 1000 * WIRE_HEARTBEAT_SECONDS; /* an admitted one has heard a heartbeat by then */
    assert_int_equal(zmq_poll(items, 2, deaf_ms), 0);
    assert_int_equal(zmq_recv(listening.socket, scrap, sizeof scrap, ZMQ_DONTWAIT), -1);
    stranger_destroy(&asking);
    stranger_destroy(&listening);
    stranger_destroy(&speaking);
}

/* The run is as if nobody had been there; how many were refused at the door. */
static uint64_t run_is_untouched(void **state, struct run *run)
{
    struct subscriber *subscriber;
    enum subscriber_news news = SUBSCRIBER_QUIET;
    struct event heard;
    assert_int_equal(subscriber_create(run->description.snapshot, NULL, &run->key, &subscriber), STATUS_OK);
    double give_up = machine_monotonic() + PATIENCE;
    while (news == SUBSCRIBER_QUIET && machine_monotonic() < give_up)
        assert_int_equal(subscriber_next(subscriber, 100, &news, &heard), STATUS_OK);
    assert_int_equal(news, SUBSCRIBER_PICTURE);
    assert_int_equal(subscriber_header(subscriber)->ignored, 0);
    assert_int_equal(subscriber_header(subscriber)->sequence, 1);
    uint64_t refused = subscriber_header(subscriber)->refused;
    subscriber_destroy(&subscriber);
    run_finish(run);
    assert_int_equal(run_recorded(state).count[EVENT_LOG], 0);
    return refused;
}

static void test_without_a_key(void **state)
{
    struct run run;
    run_begin(state, 1, 0, &run);
    stranger_gets_nothing(state, &run, NULL);
    run_is_untouched(state, &run);
}

static void test_with_the_servers_public_key_alone(void **state)
{
    struct wire_client_key key;
    struct run run;
    run_begin(state, 1, 0, &run);
    memcpy(key.server_key, run.description.server_key, WIRE_KEY_BYTES);
    assert_int_equal(wire_key_pair_draw(&key.own), STATUS_OK);
    stranger_gets_nothing(state, &run, &key);
    assert_true(run_is_untouched(state, &run) >= 3);
}

static void test_with_the_key_of_another_run(void **state)
{
    struct wire_client_key key;
    struct run run;
    run_begin(state, 1, 0, &run);
    key = run.key;
    run_finish(&run);
    run_begin(state, 1, 0, &run);
    stranger_gets_nothing(state, &run, &key);
    run_is_untouched(state, &run);
}

/* A secret that does not belong to the listed public key. */
static void test_with_a_public_key_off_the_list(void **state)
{
    struct wire_client_key key;
    struct run run;
    run_begin(state, 1, 0, &run);
    key = run.key;
    struct wire_key_pair other;
    assert_int_equal(wire_key_pair_draw(&other), STATUS_OK);
    memcpy(key.own.secret_key, other.secret_key, WIRE_KEY_BYTES);
    stranger_gets_nothing(state, &run, &key);
    run_is_untouched(state, &run);
}

static void test_a_monitor_may_not_speak_for_a_rank(void **state)
{
    struct run run;
    run_begin(state, 1, 0, &run);
    struct stranger speaking = stranger_make(ZMQ_PUSH, run.ranks.endpoint, &run.key);
    zmq_send(speaking.socket, event, sizeof event - 1, ZMQ_DONTWAIT);
    zmq_poll(NULL, 0, DEAF_MS);
    stranger_destroy(&speaking);
    assert_true(run_is_untouched(state, &run) >= 1);
}

static void test_a_rank_may_not_listen_as_a_monitor(void **state)
{
    struct run run;
    run_begin(state, 1, 0, &run);
    struct stranger asking = stranger_make(ZMQ_DEALER, run.description.snapshot, &run.ranks.key);
    zmq_send(asking.socket, WIRE_SNAPSHOT_REQUEST, sizeof WIRE_SNAPSHOT_REQUEST - 1, ZMQ_DONTWAIT);
    zmq_pollitem_t item = {asking.socket, 0, ZMQ_POLLIN, 0};
    assert_int_equal(zmq_poll(&item, 1, DEAF_MS), 0);
    stranger_destroy(&asking);
    assert_true(run_is_untouched(state, &run) >= 1);
}

/* A rank is not lured to a server that only calls itself the run's. */
static void test_a_sender_does_not_talk_to_an_impostor(void **state)
{
    struct run run, impostor;
    struct progress_sender *sender;
    struct progress_access access;
    run_begin(state, 1, 0, &impostor);
    access = impostor.ranks;
    assert_int_equal(wire_key_pair_draw(&run.ranks.key.own), STATUS_OK);
    memcpy(access.key.server_key, run.ranks.key.own.public_key, WIRE_KEY_BYTES); /* the one it expects */
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_OK);
    send_event(sender, log_event("secret"));
    progress_sender_destroy(&sender);
    run_is_untouched(state, &impostor);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_without_a_key),
        FOLDER_TEST(test_with_the_servers_public_key_alone),
        FOLDER_TEST(test_with_the_key_of_another_run),
        FOLDER_TEST(test_with_a_public_key_off_the_list),
        FOLDER_TEST(test_a_monitor_may_not_speak_for_a_rank),
        FOLDER_TEST(test_a_rank_may_not_listen_as_a_monitor),
        FOLDER_TEST(test_a_sender_does_not_talk_to_an_impostor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
