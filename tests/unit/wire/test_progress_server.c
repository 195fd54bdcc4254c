#include "run_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <zmq.h>

#include "mpi/wire/event_batch.h"
#include "mpi/wire/snapshot.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

/* A peer of the test's own, without the manners of progress_sender and subscriber. */
struct peer {
    void *context, *socket;
};

static struct peer peer_make(int type, const char *endpoint, const struct wire_client_key *key)
{
    struct peer peer;
    assert_int_equal(wire_context_create(&peer.context), STATUS_OK);
    assert_int_equal(wire_socket_create(peer.context,
                                        &(struct wire_socket_options){.type = type,
                                                                      .linger_ms = 1000,
                                                                      .message_bytes_max = SNAPSHOT_BYTES_MAX,
                                                                      .client = key},
                                        &peer.socket),
                     STATUS_OK);
    assert_int_equal(wire_socket_connect(peer.socket, endpoint), STATUS_OK);
    return peer;
}

static void peer_destroy(struct peer *peer)
{
    wire_socket_close(&peer->socket);
    wire_context_destroy(&peer->context);
}

static void peer_say(const struct peer *peer, const char *text)
{
    assert_int_equal(zmq_send(peer->socket, text, strlen(text), 0), strlen(text));
}

/* The header of a snapshot asked for by hand. */
static struct snapshot_header snapshot_ask(const struct run *run)
{
    struct peer peer = peer_make(ZMQ_DEALER, run->description.snapshot, &run->key);
    zmq_pollitem_t item = {peer.socket, 0, ZMQ_POLLIN, 0};
    struct snapshot_header header;
    struct picture *picture;
    zmq_msg_t message;
    peer_say(&peer, WIRE_SNAPSHOT_REQUEST);
    assert_int_equal(zmq_poll(&item, 1, (long)(1000 * PATIENCE)), 1);
    assert_int_equal(zmq_msg_init(&message), 0);
    assert_true(zmq_msg_recv(&message, peer.socket, 0) > 0);
    assert_int_equal(snapshot_decode(zmq_msg_data(&message), zmq_msg_size(&message), &header, &picture),
                     STATUS_OK);
    zmq_msg_close(&message);
    picture_destroy(&picture);
    peer_destroy(&peer);
    return header;
}

static void test_stopping_drains_what_the_ranks_sent(void **state)
{
    enum { RANKS = 4, EVENTS = 4000 };
    struct run run;
    struct progress_sender *senders[RANKS];
    run_begin(state, RANKS, 0, &run);
    for (int32_t rank = 0; rank < RANKS; rank++)
        senders[rank] = sender_for(&run, rank);
    for (int i = 0; i < EVENTS; i++)
        for (int rank = 0; rank < RANKS; rank++)
            send_event(senders[rank], log_event("line"));
    for (int rank = 0; rank < RANKS; rank++)
        progress_sender_destroy(&senders[rank]);
    run_finish(&run);
    struct record record = run_recorded(state);
    assert_int_equal(record.count[EVENT_LOG], RANKS * EVENTS);
    assert_int_equal(record.count[EVENT_RUN_START], 1);
    assert_int_equal(record.count[EVENT_RUN_END], 1);
    assert_int_equal(record.sequence, RANKS * EVENTS + 2);
    assert_string_equal(record.newest[EVENT_RUN_END].text, "all written");
}

static void test_monitor_json_tells_how_the_run_is(void **state)
{
    static const enum event_state states[] = {STATE_DONE, STATE_FAILED, STATE_STOPPED};
    struct endpoint_description after;
    struct run run;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct event end = end_event(states[i]);
        run_begin(state, 1, 0, &run);
        assert_int_equal(run.description.state, STATE_RUNNING);
        assert_int_equal(run.description.process, getpid());
        assert_int_equal(strlen(run.description.run), RUN_IDENTITY_BYTES - 1);
        assert_int_equal(progress_server_stop(&run.server, &end), STATUS_OK);
        assert_int_equal(endpoint_file_read(*state, &after), STATUS_OK);
        assert_int_equal(after.state, states[i]);
        assert_string_equal(after.run, run.description.run);
    }
}

static void test_an_end_without_words_is_a_failure(void **state)
{
    struct endpoint_description after;
    struct run run;
    run_begin(state, 1, 0, &run);
    assert_int_equal(progress_server_stop(&run.server, NULL), STATUS_OK);
    assert_int_equal(endpoint_file_read(*state, &after), STATUS_OK);
    assert_int_equal(after.state, STATE_FAILED);
    assert_int_equal(progress_server_stop(&run.server, NULL), STATUS_OK); /* twice is harmless */
}

static void test_a_resumed_run_continues_the_file_and_begins_anew(void **state)
{
    struct run first, second;
    run_begin(state, 1, 3, &first);
    struct progress_sender *sender = sender_for(&first, 0);
    send_event(sender, class_event(0, STATE_DONE));
    progress_sender_destroy(&sender);
    struct event stopped = end_event(STATE_STOPPED);
    assert_int_equal(progress_server_stop(&first.server, &stopped), STATUS_OK);
    run_begin(state, 1, 3, &second);
    assert_string_not_equal(first.description.run, second.description.run);
    sender = sender_for(&second, 0);
    send_event(sender, class_event(0, STATE_RESUMED));
    send_event(sender, class_event(1, STATE_DONE));
    progress_sender_destroy(&sender);
    run_finish(&second);
    struct record record = run_recorded(state);
    assert_int_equal(record.count[EVENT_CLASS], 2);
    assert_int_equal(record.newest[EVENT_RUN_END].state, STATE_DONE);
    char path[FIXTURE_PATH_BYTES], line[EVENT_MESSAGE_BYTES_MAX];
    int starts = 0;
    fixture_path(state, "events.jsonl", path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        starts += strstr(line, "\"run_start\"") != NULL;
    fclose(file);
    assert_int_equal(starts, 2);
}

static void test_nonsense_is_counted_and_ignored(void **state)
{
    static char scrap[EVENT_BATCH_BYTES_MAX]; /* one line without an end */
    struct run run;
    run_begin(state, 2, 4, &run);
    struct peer peer = peer_make(ZMQ_PUSH, run.ranks.endpoint, &run.ranks.key);
    peer_say(&peer, "garbage");
    peer_say(&peer, "");
    peer_say(&peer, "{\"v\":1,\"kind\":\"run_end\",\"state\":\"done\"}"); /* not a rank's to say */
    peer_say(&peer, "{\"v\":1,\"kind\":\"run_start\",\"total\":1}");      /* the same */
    peer_say(&peer, "{\"v\":1,\"kind\":\"rank\",\"rank\":2}");            /* a rank the run has not */
    peer_say(&peer, "{\"v\":1,\"kind\":\"class\",\"class\":4,\"state\":\"done\"}"); /* nor that class */
    assert_int_equal(zmq_send(peer.socket, scrap, sizeof scrap, 0), sizeof scrap);
    assert_int_equal(zmq_send(peer.socket, "{\"v\":1,\"kind\":\"log\"}", 20, ZMQ_SNDMORE), 20);
    peer_say(&peer, "a second frame");
    peer_say(&peer, "{\"v\":1,\"kind\":\"log\",\"text\":\"good\"}");
    peer_destroy(&peer);
    double give_up = machine_monotonic() + PATIENCE;
    struct snapshot_header header = snapshot_ask(&run);
    while (header.sequence < 2 && machine_monotonic() < give_up)
        header = snapshot_ask(&run);
    assert_int_equal(header.sequence, 2);
    assert_int_equal(header.ignored, 8);
    run_finish(&run);
    struct record record = run_recorded(state);
    assert_int_equal(record.sequence, 3);
    assert_string_equal(record.newest[EVENT_LOG].text, "good");
}

static void test_huge_messages_and_strange_requests_do_no_harm(void **state)
{
    enum { BYTES = 1 << 20 }; /* more than a message may have */
    struct run run;
    char *huge = calloc(1, BYTES);
    assert_non_null(huge);
    run_begin(state, 1, 0, &run);
    struct peer flood = peer_make(ZMQ_PUSH, run.ranks.endpoint, &run.ranks.key);
    struct peer curious = peer_make(ZMQ_DEALER, run.description.snapshot, &run.key);
    assert_int_equal(zmq_send(flood.socket, huge, BYTES, 0), BYTES);
    assert_int_equal(zmq_send(curious.socket, huge, BYTES, 0), BYTES);
    peer_say(&curious, "facet-snapshot 9");
    assert_int_equal(zmq_send(curious.socket, WIRE_SNAPSHOT_REQUEST, 16, ZMQ_SNDMORE), 16);
    peer_say(&curious, "");
    assert_string_equal(snapshot_ask(&run).run, run.description.run);
    peer_destroy(&flood);
    peer_destroy(&curious);
    free(huge);
    run_finish(&run);
}

static void test_a_second_server_in_the_directory_is_refused(void **state)
{
    struct event start = start_event(1, 0);
    struct progress_server *second;
    struct endpoint_description after;
    struct progress_access access;
    struct run run;
    run_begin(state, 1, 0, &run);
    assert_int_equal(progress_server_start(*state, NULL, &start, &second, &access), STATUS_MISMATCH);
    assert_null(second);
    assert_int_equal(endpoint_file_read(*state, &after), STATUS_OK);
    assert_string_equal(after.run, run.description.run);
    run_finish(&run);
}

static void test_the_address_may_be_an_interface(void **state)
{
    struct event start = start_event(1, 0);
    struct run run;
    assert_int_equal(progress_server_start(*state, "lo", &start, &run.server, &run.ranks), STATUS_OK);
    assert_ptr_equal(strstr(run.ranks.endpoint, "tcp://127.0.0.1:"), run.ranks.endpoint);
    run_finish(&run);
}

static void test_everywhere_is_announced_by_host_name(void **state)
{
    struct event start = start_event(1, 0);
    char expected[ENDPOINT_BYTES], host[EVENT_HOST_BYTES];
    struct run run;
    machine_host(host, sizeof host);
    snprintf(expected, sizeof expected, "tcp://%s:", host);
    assert_int_equal(progress_server_start(*state, "0.0.0.0", &start, &run.server, &run.ranks), STATUS_OK);
    assert_ptr_equal(strstr(run.ranks.endpoint, expected), run.ranks.endpoint);
    run_finish(&run);
}

static void test_wrong_addresses_and_directories_are_refused(void **state)
{
    struct event start = start_event(1, 0);
    struct progress_server *server;
    struct progress_access access;
    char path[FIXTURE_PATH_BYTES];
    assert_int_equal(progress_server_start(*state, "no-such-interface", &start, &server, &access),
                     STATUS_USAGE);
    assert_null(server);
    assert_int_equal(progress_server_start(*state, "203.0.113.7", &start, &server, &access), STATUS_IO);
    assert_null(server);
    fixture_path(state, "nowhere", path);
    assert_int_equal(progress_server_start(path, NULL, &start, &server, &access), STATUS_IO);
    assert_null(server);
}

/* The mask of blocked signals of each thread but the first, from /proc. */
static void test_no_thread_of_the_wire_takes_signals(void **state)
{
    char path[64 + 256], line[256];
    int threads = 0;
    struct run run;
    run_begin(state, 1, 0, &run);
    struct progress_sender *sender = sender_for(&run, 0);
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        long number = strtol(task->d_name, NULL, 10);
        if (number == 0 || number == syscall(SYS_gettid))
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        while (fgets(line, sizeof line, file) != NULL)
            if (strncmp(line, "SigBlk:", 7) == 0) {
                unsigned long long blocked = strtoull(line + 7, NULL, 16);
                unsigned long long wanted =
                    1ULL << (SIGINT - 1) | 1ULL << (SIGTERM - 1) | 1ULL << (SIGUSR1 - 1);
                assert_true((blocked & wanted) == wanted);
                threads++;
            }
        fclose(file);
    }
    closedir(tasks);
    assert_in_range(threads, 7, 64); /* server, admission, sender, and two of each context */
    progress_sender_destroy(&sender);
    run_finish(&run);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_stopping_drains_what_the_ranks_sent),
        FOLDER_TEST(test_monitor_json_tells_how_the_run_is),
        FOLDER_TEST(test_an_end_without_words_is_a_failure),
        FOLDER_TEST(test_a_resumed_run_continues_the_file_and_begins_anew),
        FOLDER_TEST(test_nonsense_is_counted_and_ignored),
        FOLDER_TEST(test_huge_messages_and_strange_requests_do_no_harm),
        FOLDER_TEST(test_a_second_server_in_the_directory_is_refused),
        FOLDER_TEST(test_the_address_may_be_an_interface),
        FOLDER_TEST(test_everywhere_is_announced_by_host_name),
        FOLDER_TEST(test_wrong_addresses_and_directories_are_refused),
        FOLDER_TEST(test_no_thread_of_the_wire_takes_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
