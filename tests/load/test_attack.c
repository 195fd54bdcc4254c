/* Strangers and mad peers at a run's sockets: the run and its monitors go on, and nothing is left behind.
 *
 *   test_attack [FRAMES]
 *
 * FRAMES random messages are sent through each door (default: 20,000). */
#include "../unit/wire/run_fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zmq.h>

#include "mpi/wire/event_batch.h"
#include "mpi/wire/subscriber.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

enum { CONNECTIONS = 500, RECORD_BYTES = 1 << 16 };

static int frames_wanted = 20000;

static uint64_t random_state = 88172645463325252U;

static uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

static int tcp_connect(const char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(connection >= 0);
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    return connection;
}

static struct subscriber *subscriber_for(const struct run *run)
{
    struct subscriber *subscriber;
    assert_int_equal(subscriber_create(run->description.snapshot, NULL, &run->key, &subscriber), STATUS_OK);
    return subscriber;
}

/* Follows until the log has that line; a monitor that sees what a rank says. */
static void await_line(struct subscriber *subscriber, const char *text)
{
    double give_up = machine_monotonic() + PATIENCE;
    enum subscriber_news news;
    struct event event;
    while (machine_monotonic() < give_up) {
        assert_int_equal(subscriber_next(subscriber, 100, &news, &event), STATUS_OK);
        const struct picture *picture = subscriber_picture(subscriber);
        for (int i = 0; picture != NULL && i < picture->log_count; i++)
            if (strcmp(picture->log[i].text, text) == 0)
                return;
    }
    fail_msg("\"%s\" was never heard", text);
}

/* A rank still reaches a monitor that comes now. */
static void run_goes_on(const struct run *run)
{
    static int number;
    char text[64];
    struct progress_sender *sender = sender_for(run, 0);
    struct subscriber *subscriber = subscriber_for(run);
    snprintf(text, sizeof text, "still here, %d", ++number);
    send_event(sender, log_event(text));
    await_line(subscriber, text);
    progress_sender_destroy(&sender);
    subscriber_destroy(&subscriber);
}

static int open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

struct peer {
    void *context, *socket;
};

static struct peer peer_make(int type, const char *endpoint, const struct wire_client_key *key, int queue)
{
    struct peer peer;
    assert_int_equal(wire_context_create(&peer.context), STATUS_OK);
    assert_int_equal(wire_socket_create(peer.context,
                                        &(struct wire_socket_options){.type = type,
                                                                      .send_queue = queue,
                                                                      .receive_queue = queue,
                                                                      .linger_ms = 5000,
                                                                      .message_bytes_max = 1 << 20,
                                                                      .client = key},
                                        &peer.socket),
                     STATUS_OK);
    if (type == ZMQ_SUB)
        assert_int_equal(zmq_setsockopt(peer.socket, ZMQ_SUBSCRIBE, "", 0), 0);
    assert_int_equal(wire_socket_connect(peer.socket, endpoint), STATUS_OK);
    return peer;
}

static void peer_destroy(struct peer *peer)
{
    wire_socket_close(&peer->socket);
    wire_context_destroy(&peer->context);
}

/* Noise, or an event with a few bytes of noise in it. */
static size_t frame_draw(char frame[512])
{
    static const char event[] =
        "{\"v\":1,\"kind\":\"class\",\"class\":3,\"state\":\"done\",\"value\":0.5,\"text\":\"x\"}\n";
    size_t length = random_next() % 512;
    for (size_t i = 0; i < length; i++)
        frame[i] = (char)random_next();
    if (random_next() % 2 != 0)
        return length;
    length = sizeof event - 1;
    memcpy(frame, event, length);
    for (uint32_t i = random_next() % 4 + 1; i > 0; i--)
        frame[random_next() % length] = (char)random_next();
    return length;
}

/* By those who are let in: a rank gone mad, and a monitor. */
static void test_random_frames_from_inside_are_counted_and_ignored(void **state)
{
    char frame[512];
    struct run run;
    run_begin(state, 1, 10, &run);
    struct peer rank = peer_make(ZMQ_PUSH, run.ranks.endpoint, &run.ranks.key, 1000);
    struct peer monitor = peer_make(ZMQ_DEALER, run.description.snapshot, &run.key, 1000);
    for (int i = 0; i < frames_wanted; i++) {
        size_t length = frame_draw(frame);
        assert_true(zmq_send(rank.socket, frame, length, random_next() % 8 == 0 ? ZMQ_SNDMORE : 0) >= 0);
        if (i % 16 == 0)
            zmq_send(monitor.socket, frame, length % WIRE_REQUEST_BYTES_MAX, ZMQ_DONTWAIT);
    }
    assert_int_equal(zmq_send(rank.socket, "", 0, 0), 0);
    peer_destroy(&rank);
    peer_destroy(&monitor);
    run_goes_on(&run);
    struct subscriber *subscriber = subscriber_for(&run);
    double give_up = machine_monotonic() + PATIENCE;
    enum subscriber_news news = SUBSCRIBER_QUIET;
    struct event event;
    while (news != SUBSCRIBER_PICTURE && machine_monotonic() < give_up)
        assert_int_equal(subscriber_next(subscriber, 100, &news, &event), STATUS_OK);
    assert_true(subscriber_header(subscriber)->ignored > (uint64_t)frames_wanted / 4);
    subscriber_destroy(&subscriber);
    run_finish(&run);
}

/* By those who are not: noise instead of a handshake, and after half of one. */
static void test_random_bytes_from_outside_do_no_harm(void **state)
{
    static const char greeting[] = "\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01"
                                   "CURVE"; /* ZMTP 3.1 */
    char frame[512];
    struct run run;
    run_begin(state, 1, 10, &run);
    const char *doors[] = {run.ranks.endpoint, run.description.snapshot, run.description.publish};
    for (int sent = 0, door = 0; sent < frames_wanted; door++) {
        int connection = tcp_connect(doors[door % 3]);
        char start[64] = {0};
        memcpy(start, greeting, sizeof greeting - 1);
        if (door % 2 == 0)
            send(connection, start, sizeof start, MSG_NOSIGNAL);
        for (int i = 0; i < 100; i++, sent++) {
            size_t length = frame_draw(frame);
            if (send(connection, frame, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                frame[0] = 0; /* hung up on: the next connection tries again */
        }
        close(connection);
    }
    run_goes_on(&run);
    run_finish(&run);
    assert_int_equal(run_recorded(state).count[EVENT_CLASS], 0);
}

static void test_five_hundred_silent_connections_are_closed(void **state)
{
    int connections[CONNECTIONS];
    struct run run;
    run_begin(state, 1, 10, &run);
    const char *doors[] = {run.ranks.endpoint, run.description.snapshot, run.description.publish};
    for (int i = 0; i < CONNECTIONS; i++)
        connections[i] = tcp_connect(doors[i % 3]);
    run_goes_on(&run);
    double give_up = machine_monotonic() + PATIENCE;
    for (int i = 0; i < CONNECTIONS; i++) { /* each is sent a greeting, and then hung up on */
        char scrap[256];
        ssize_t bytes = 1;
        while (bytes > 0 && machine_monotonic() < give_up) {
            struct pollfd item = {connections[i], POLLIN, 0};
            if (poll(&item, 1, 1000) == 1)
                bytes = recv(connections[i], scrap, sizeof scrap, 0);
        }
        assert_true(bytes <= 0);
        close(connections[i]);
    }
    run_goes_on(&run);
    run_finish(&run);
}

static void test_a_monitor_that_never_reads_holds_nobody_back(void **state)
{
    enum { EVENTS = 40000 }; /* more than the server keeps for it */
    struct run run;
    run_begin(state, 1, 10, &run);
    struct peer listener = peer_make(ZMQ_SUB, run.description.publish, &run.key, 1);
    struct peer curious = peer_make(ZMQ_DEALER, run.description.snapshot, &run.key, 1);
    struct subscriber *subscriber = subscriber_for(&run);
    struct progress_sender *sender = sender_for(&run, 0);
    for (int i = 0; i < EVENTS; i++) {
        send_event(sender, log_event("one of many"));
        if (i % 100 == 0)
            zmq_send(curious.socket, WIRE_SNAPSHOT_REQUEST, sizeof WIRE_SNAPSHOT_REQUEST - 1, ZMQ_DONTWAIT);
    }
    send_event(sender, log_event("the last"));
    await_line(subscriber, "the last");
    progress_sender_destroy(&sender);
    subscriber_destroy(&subscriber);
    run_finish(&run);
    peer_destroy(&listener);
    peer_destroy(&curious);
    assert_int_equal(run_recorded(state).count[EVENT_LOG], EVENTS + 1);
}

/* Somebody on the way between a rank and the server, who keeps what goes by. */
struct tap {
    int listener, rank, server;
    char endpoint[ENDPOINT_BYTES];
    char record[RECORD_BYTES]; /* from the rank */
    size_t recorded, last;     /* bytes in all, and of the last piece */
};

static void tap_make(struct tap *tap)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    memset(tap, 0, sizeof *tap);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tap->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(tap->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(tap->listener, 1), 0);
    assert_int_equal(getsockname(tap->listener, (struct sockaddr *)&address, &bytes), 0);
    snprintf(tap->endpoint, sizeof tap->endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

/* Passes on what comes from both sides until it is quiet for half a second. */
static void tap_pass(struct tap *tap)
{
    char piece[4096];
    struct pollfd items[] = {{tap->rank, POLLIN, 0}, {tap->server, POLLIN, 0}};
    while (poll(items, 2, 500) > 0) {
        for (int i = 0; i < 2; i++) {
            if ((items[i].revents & (POLLIN | POLLHUP)) == 0)
                continue;
            ssize_t bytes = recv(items[i].fd, piece, sizeof piece, 0);
            if (bytes <= 0)
                return;
            send(items[1 - i].fd, piece, (size_t)bytes, MSG_NOSIGNAL);
            if (i != 0 || tap->recorded + (size_t)bytes > sizeof tap->record)
                continue;
            memcpy(tap->record + tap->recorded, piece, (size_t)bytes);
            tap->recorded += (size_t)bytes;
            tap->last = (size_t)bytes;
        }
    }
}

static void test_recorded_frames_are_not_taken_again(void **state)
{
    static struct tap tap;
    struct progress_access access;
    struct progress_sender *sender;
    struct run run;
    char scrap[256];
    run_begin(state, 1, 10, &run);
    access = run.ranks;
    tap_make(&tap);
    memcpy(access.endpoint, tap.endpoint, sizeof access.endpoint);
    assert_int_equal(progress_sender_create(&access, 0, NULL, &sender), STATUS_OK);
    tap.rank = accept(tap.listener, NULL, NULL);
    tap.server = tcp_connect(run.ranks.endpoint);
    tap_pass(&tap); /* the handshake */
    size_t handshake = tap.recorded;
    send_event(sender, log_event("said once"));
    tap_pass(&tap);
    assert_true(handshake > 0 && tap.recorded > handshake);
    assert_null(memmem(tap.record, tap.recorded, "said once", 9)); /* and nobody can read it */
    /* the same piece again on the same connection … */
    send(tap.server, tap.record + tap.recorded - tap.last, tap.last, MSG_NOSIGNAL);
    tap_pass(&tap);
    /* … and all of it on a new one */
    int again = tcp_connect(run.ranks.endpoint);
    send(again, tap.record, tap.recorded, MSG_NOSIGNAL);
    struct pollfd item = {again, POLLIN, 0};
    while (poll(&item, 1, 1000) == 1 && recv(again, scrap, sizeof scrap, 0) > 0)
        continue;
    close(again);
    run_goes_on(&run);
    shutdown(tap.rank, SHUT_RDWR);
    close(tap.rank);
    close(tap.server);
    close(tap.listener);
    progress_sender_destroy(&sender);
    run_finish(&run);
    assert_int_equal(run_recorded(state).count[EVENT_LOG], 2); /* "said once", and that it goes on */
}

static void test_nothing_is_left_open(void **state)
{
    struct run run;
    run_begin(state, 1, 10, &run);
    run_goes_on(&run);
    run_finish(&run);
    int before = open_files();
    run_begin(state, 1, 10, &run);
    for (int i = 0; i < 10; i++)
        close(tcp_connect(run.description.snapshot));
    run_goes_on(&run);
    run_finish(&run);
    assert_int_equal(open_files(), before);
}

int main(int count, char **words)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_random_frames_from_inside_are_counted_and_ignored),
        FOLDER_TEST(test_random_bytes_from_outside_do_no_harm),
        FOLDER_TEST(test_five_hundred_silent_connections_are_closed),
        FOLDER_TEST(test_a_monitor_that_never_reads_holds_nobody_back),
        FOLDER_TEST(test_recorded_frames_are_not_taken_again),
        FOLDER_TEST(test_nothing_is_left_open),
    };
    struct rlimit files;
    if (count > 1)
        frames_wanted = atoi(words[1]);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* both ends of all connections are in this process */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
