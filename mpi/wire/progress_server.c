#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <zmq.h>

#include "compute/base/memory.h"
#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/event_batch.h"
#include "mpi/wire/events_file.h"
#include "mpi/wire/key_file.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/picture.h"
#include "mpi/wire/progress.h"
#include "mpi/wire/server_doors.h"
#include "mpi/wire/snapshot.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

enum {
    EVENTS_A_TURN = 4096, /* then snapshot requests get their turn, and the file is written */
    REQUESTS_A_TURN = 64,
    DRAIN_QUIET_MS = 250 /* so long without an event is taken for the last one */
};

static const double DRAIN_SECONDS_MAX = 10;
static const double MESSAGES_A_SECOND = 1000; /* from all ranks together: a few per cent of a processor */
static const double ODDITIES_SECONDS = 60;    /* between two lines that tell of strangers and nonsense */

struct progress_server {
    struct server_doors doors;
    int stop_descriptor; /* eventfd: readable when the server shall stop; −1: none */
    pthread_t thread;
    char run_directory[RUN_FILE_PATH_BYTES];
    struct endpoint_description description;
    char message[EVENT_BATCH_BYTES_MAX]; /* received */
    struct picture *picture;
    struct events_file *file;
    uint64_t ignored;
    uint64_t ignored_told, refused_told; /* in the last line about them */
    double oddities_due;
    double heartbeat_due;
    zmq_msg_t snapshot;                     /* of the picture when snapshot_header was made */
    struct snapshot_header snapshot_header; /* its sequence is 0: there is no snapshot */
    _Atomic bool stopping;                  /* set before stop_descriptor is written */
    struct event end;                       /* set before stopping */
    struct error_carried ending;            /* read after the thread was joined */
};

static void frames_publish(struct progress_server *server, const char *message, size_t length)
{
    char sequence[32];
    const char *run = server->description.run;
    int digits = snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)server->picture->sequence);
    zmq_send(server->doors.publish, run, strlen(run), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(server->doors.publish, sequence, (size_t)digits, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(server->doors.publish, message, length, ZMQ_DONTWAIT);
}

/* Gives the event its number, puts it into the picture and the file; `message` becomes its encoding. */
static enum status event_record(struct progress_server *server, struct event *event,
                                char message[EVENT_MESSAGE_BYTES_MAX], size_t *length)
{
    uint64_t sequence = server->picture->sequence;
    event->sequence = sequence + 1;
    *length = event_encode(event, message, EVENT_MESSAGE_BYTES_MAX);
    if (*length == 0)
        return error_set(STATUS_NO_MEMORY, "no memory to encode an event");
    enum status status = picture_apply(server->picture, event);
    if (status == STATUS_OK)
        events_file_append(server->file, event, message, *length);
    return status;
}

static void event_take(struct progress_server *server, struct event *event)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    size_t length;
    if (event_record(server, event, message, &length) == STATUS_OK)
        frames_publish(server, message, length);
    else
        server->ignored++;
}

/* A line of the server's own for people. */
static void line_take(struct progress_server *server, const char *text)
{
    struct event event = event_make(EVENT_LOG);
    event.time = machine_time();
    memcpy(event.host, server->description.host, sizeof event.host);
    snprintf(event.text, sizeof event.text, "%s", text);
    event_take(server, &event);
}

/* What is wrong with events.jsonl is news for people, too. */
static void notice_take(struct progress_server *server)
{
    const char *notice = events_file_notice(server->file);
    if (notice != NULL)
        line_take(server, notice);
}

/* And so are strangers at the door and nonsense from those inside, once a minute at most. */
static void oddities_tell(struct progress_server *server, double now)
{
    char text[EVENT_TEXT_BYTES];
    uint64_t refused = admission_refused(server->doors.admission);
    if (now < server->oddities_due)
        return;
    server->oddities_due = now + ODDITIES_SECONDS;
    if (server->ignored == server->ignored_told && refused == server->refused_told)
        return;
    snprintf(text, sizeof text,
             "progress server: so far %llu messages ignored that made no sense, %llu connections refused "
             "whose key is not on the list",
             (unsigned long long)server->ignored, (unsigned long long)refused);
    server->ignored_told = server->ignored;
    server->refused_told = refused;
    line_take(server, text);
}

/* Start and end are the server's to tell; a rank that sends them is mistaken or an impostor. */
static bool event_is_from_a_rank(const struct event *event)
{
    return event->kind != EVENT_RUN_START && event->kind != EVENT_RUN_END;
}

/* The events of one message; returns how many lines it had. */
static int message_take(struct progress_server *server, size_t bytes)
{
    struct event event;
    const char *line;
    size_t length;
    size_t at = 0;
    int lines = 0;
    for (; event_line_next(server->message, bytes, &at, &line, &length); lines++) {
        if (event_decode(line, length, &event) == STATUS_OK && event_is_from_a_rank(&event))
            event_take(server, &event);
        else
            server->ignored++;
    }
    server->ignored += lines == 0;
    return lines;
}

static void events_collect(struct progress_server *server)
{
    struct wire_frame frame = {server->message, sizeof server->message, 0};
    for (int events = 0; events < EVENTS_A_TURN;) {
        enum wire_received received = wire_socket_receive(server->doors.collect, &frame, 1);
        if (received == WIRE_NONE)
            break;
        if (received == WIRE_MESSAGE)
            events += message_take(server, frame.bytes);
        else
            server->ignored++;
        events++;
    }
    events_file_flush(server->file);
    notice_take(server);
}

static void message_free(void *data, void *hint)
{
    (void)hint;
    memory_free(&data);
}

/* Brings server->snapshot up to date; false when there is no memory for it. */
static bool snapshot_renew(struct progress_server *server)
{
    char *message;
    size_t length;
    struct snapshot_header header = {.sequence = server->picture->sequence,
                                     .ignored = server->ignored,
                                     .refused = admission_refused(server->doors.admission)};
    if (server->snapshot_header.sequence == header.sequence &&
        server->snapshot_header.ignored == header.ignored &&
        server->snapshot_header.refused == header.refused)
        return true;
    memcpy(header.run, server->description.run, sizeof header.run);
    memcpy(header.publish, server->description.publish, sizeof header.publish);
    if (snapshot_encode(&header, server->picture, &message, &length) != STATUS_OK)
        return false;
    zmq_msg_close(&server->snapshot);
    if (zmq_msg_init_data(&server->snapshot, message, length, message_free, NULL) != 0) {
        memory_free(&message);
        zmq_msg_init(&server->snapshot);
        server->snapshot_header.sequence = 0;
        return false;
    }
    server->snapshot_header = header;
    return true;
}

static void snapshot_send(struct progress_server *server, const char *peer, size_t peer_bytes)
{
    zmq_msg_t copy; /* shares the bytes */
    if (!snapshot_renew(server) || zmq_msg_init(&copy) != 0)
        return;
    if (zmq_msg_copy(&copy, &server->snapshot) != 0 ||
        zmq_send(server->doors.snapshots, peer, peer_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&copy, server->doors.snapshots, ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&copy);
}

static void requests_answer(struct progress_server *server)
{
    char peer[256];
    char request[WIRE_REQUEST_BYTES_MAX];
    struct wire_frame frames[] = {{peer, sizeof peer, 0}, {request, sizeof request, 0}};
    for (int i = 0; i < REQUESTS_A_TURN; i++) {
        enum wire_received received = wire_socket_receive(server->doors.snapshots, frames, 2);
        if (received == WIRE_NONE)
            return;
        if (received == WIRE_MESSAGE && frames[1].bytes == sizeof WIRE_SNAPSHOT_REQUEST - 1 &&
            memcmp(request, WIRE_SNAPSHOT_REQUEST, sizeof WIRE_SNAPSHOT_REQUEST - 1) == 0)
            snapshot_send(server, peer, frames[0].bytes);
        else
            server->ignored++;
    }
}

/* One round: waits at most until the next heartbeat is due. True when the server shall stop. */
static bool server_turn(struct progress_server *server)
{
    zmq_pollitem_t items[] = {
        {server->doors.collect, 0, ZMQ_POLLIN, 0},
        {server->doors.snapshots, 0, ZMQ_POLLIN, 0},
        {NULL, server->stop_descriptor, ZMQ_POLLIN, 0},
    };
    double now = machine_monotonic();
    if (now >= server->heartbeat_due) {
        frames_publish(server, "", 0);
        server->heartbeat_due = now + WIRE_HEARTBEAT_SECONDS;
    }
    oddities_tell(server, now);
    zmq_poll(items, 3, 1 + (long)(1000 * (server->heartbeat_due - now)));
    if (items[0].revents != 0)
        events_collect(server);
    if (items[1].revents != 0)
        requests_answer(server);
    return server->stopping;
}

static void server_drain(struct progress_server *server)
{
    zmq_pollitem_t item = {server->doors.collect, 0, ZMQ_POLLIN, 0};
    double give_up = machine_monotonic() + DRAIN_SECONDS_MAX;
    while (machine_monotonic() < give_up && zmq_poll(&item, 1, DRAIN_QUIET_MS) > 0)
        events_collect(server);
}

/* The files first: a monitor that hears of the end may read them at once. */
static enum status server_end(struct progress_server *server)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    size_t length;
    struct event *end = &server->end;
    end->time = machine_time();
    enum status status = event_record(server, end, message, &length);
    enum status synced = events_file_sync(server->file);
    server->description.state = end->state;
    enum status described = endpoint_file_write(server->run_directory, &server->description);
    key_file_remove(server->run_directory);
    if (status == STATUS_OK)
        frames_publish(server, message, length);
    requests_answer(server);
    return status != STATUS_OK ? status : synced != STATUS_OK ? synced : described;
}

static void *server_run(void *argument)
{
    struct progress_server *server = argument;
    while (!server_turn(server))
        continue;
    server_drain(server);
    error_keep_first(&server->ending, server_end(server));
    return NULL;
}

static enum status identity_draw(char run[RUN_IDENTITY_BYTES])
{
    unsigned char bytes[(RUN_IDENTITY_BYTES - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return error_set(STATUS_IO, "the system gives no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(run + 2 * i, 3, "%02x", bytes[i]);
    return STATUS_OK;
}

static enum status thread_start(struct progress_server *server)
{
    enum status status = machine_thread_start(&server->thread, server_run, server, "progress server");
    if (status == STATUS_OK)
        return STATUS_OK;
    struct error_carried failure = {STATUS_OK, ""};
    error_keep_first(&failure, status);
    server->description.state = STATE_FAILED; /* monitor.json must not go on promising a server */
    endpoint_file_write(server->run_directory, &server->description);
    key_file_remove(server->run_directory);
    return error_raise(&failure);
}

static void server_release(struct progress_server **server)
{
    struct progress_server *old = *server;
    zmq_msg_close(&old->snapshot);
    server_doors_close(&old->doors);
    events_file_close(&old->file);
    picture_destroy(&old->picture);
    if (old->stop_descriptor >= 0)
        close(old->stop_descriptor);
    memory_free(server);
}

static enum status server_prepare(struct progress_server *server, const char *run_directory,
                                  const char *bind_address, const struct event *run_start,
                                  struct progress_access *ranks)
{
    struct endpoint_description *description = &server->description;
    struct event start = *run_start;
    struct wire_client_key monitors;
    char message[EVENT_MESSAGE_BYTES_MAX];
    size_t length;
    int path = snprintf(server->run_directory, RUN_FILE_PATH_BYTES, "%s", run_directory);
    if (path < 0 || path >= RUN_FILE_PATH_BYTES)
        return error_set(STATUS_USAGE, "%.64s…: the run directory's name has more than %d bytes",
                         run_directory, RUN_FILE_PATH_BYTES);
    machine_host(description->host, sizeof description->host);
    description->process = getpid();
    description->started = machine_time();
    description->state = STATE_RUNNING;
    start.kind = EVENT_RUN_START;
    start.time = description->started;
    memcpy(start.host, description->host, sizeof start.host);
    server->oddities_due = machine_monotonic() + ODDITIES_SECONDS;
    server->stop_descriptor = eventfd(0, EFD_CLOEXEC);
    if (server->stop_descriptor < 0)
        return error_set(STATUS_IO, "progress server: eventfd: %s", strerror(errno));
    enum status status = identity_draw(description->run);
    if (status == STATUS_OK)
        status = picture_create(&server->picture);
    if (status == STATUS_OK)
        status = events_file_open(run_directory, EVENTS_FILE_BYTES_MAX, &server->file);
    if (status == STATUS_OK)
        status = server_doors_open(bind_address, description, &server->doors, &monitors, ranks);
    if (status == STATUS_OK)
        status = event_record(server, &start, message, &length);
    if (status == STATUS_OK)
        status = events_file_sync(server->file);
    if (status == STATUS_OK)
        status = key_file_write(run_directory, &monitors);
    if (status == STATUS_OK)
        status = endpoint_file_write(run_directory, description);
    wire_key_forget(&monitors, sizeof monitors);
    return status;
}

enum status progress_server_start(const char *run_directory, const char *bind_address,
                                  const struct event *run_start, struct progress_server **server,
                                  struct progress_access *ranks)
{
    memset(ranks, 0, sizeof *ranks);
    ranks->interval = (double)run_start->total / MESSAGES_A_SECOND;
    enum status status = memory_allocate(server, 1, sizeof **server, "progress server");
    if (status != STATUS_OK)
        return status;
    (*server)->stop_descriptor = -1;
    zmq_msg_init(&(*server)->snapshot);
    status = server_prepare(*server, run_directory, bind_address != NULL ? bind_address : "127.0.0.1",
                            run_start, ranks);
    if (status == STATUS_OK)
        status = thread_start(*server);
    if (status != STATUS_OK) {
        wire_key_forget(ranks, sizeof *ranks);
        server_release(server);
    }
    return status;
}

enum status progress_server_stop(struct progress_server **server, const struct event *run_end)
{
    static const uint64_t one = 1;
    struct error_carried ending;
    if (*server == NULL)
        return STATUS_OK;
    struct event *end = &(*server)->end;
    *end = run_end != NULL ? *run_end : event_make(EVENT_RUN_END);
    end->kind = EVENT_RUN_END;
    if (end->state != STATE_DONE && end->state != STATE_STOPPED)
        end->state = STATE_FAILED;
    memcpy(end->host, (*server)->description.host, sizeof end->host);
    (*server)->stopping = true;
    /* an eventfd takes a first 1 always */
    if (write((*server)->stop_descriptor, &one, sizeof one) != (ssize_t)sizeof one)
        return error_set(STATUS_INTERNAL, "progress server: cannot be told to stop: %s", strerror(errno));
    pthread_join((*server)->thread, NULL);
    ending = (*server)->ending;
    server_release(server);
    return error_raise(&ending);
}
