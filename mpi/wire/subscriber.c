#include "mpi/wire/subscriber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "compute/base/memory.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/snapshot.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

enum { UPDATE_QUEUE = 131072, SNAPSHOT_QUEUE = 4 };

static const double REQUEST_INTERVAL = 0.2; /* at least, between two requests */
static const double ANSWER_SECONDS = 2;     /* then the request is sent again */
static const double UPDATE_SECONDS = 2.5; /* without updates or heartbeats: ask, perhaps only they are lost */

struct subscriber {
    void *context, *requests, *updates; /* updates NULL until the first snapshot said where they come from */
    char endpoint[ENDPOINT_BYTES];
    char run[RUN_IDENTITY_BYTES]; /* "" until known */
    struct wire_client_key key;
    struct snapshot_header header;
    uint64_t gaps;
    struct picture *picture;
    bool wanted;                      /* a snapshot is needed */
    bool awaiting;                    /* and was asked for; updates wait in their queue meanwhile */
    double requested, updated, heard; /* when last: monotonic */
};

enum status subscriber_create(const char *snapshot_endpoint, const char *run,
                              const struct wire_client_key *key, struct subscriber **subscriber)
{
    const struct wire_socket_options requests = {.type = ZMQ_DEALER,
                                                 .send_queue = SNAPSHOT_QUEUE,
                                                 .receive_queue = SNAPSHOT_QUEUE,
                                                 .linger_ms = 0,
                                                 .message_bytes_max = SNAPSHOT_BYTES_MAX,
                                                 .client = key};
    *subscriber = NULL;
    enum status status = endpoint_check(snapshot_endpoint);
    if (status == STATUS_OK)
        status = memory_allocate(subscriber, 1, sizeof **subscriber, "subscriber");
    if (status != STATUS_OK)
        return status;
    struct subscriber *made = *subscriber;
    snprintf(made->endpoint, sizeof made->endpoint, "%s", snapshot_endpoint);
    snprintf(made->run, sizeof made->run, "%s", run != NULL ? run : "");
    made->key = *key;
    made->heard = made->updated = machine_monotonic();
    made->requested = made->heard - REQUEST_INTERVAL;
    made->wanted = true;
    status = wire_context_create(&made->context);
    if (status == STATUS_OK)
        status = wire_socket_create(made->context, &requests, &made->requests);
    if (status == STATUS_OK)
        status = wire_socket_connect(made->requests, snapshot_endpoint);
    if (status != STATUS_OK)
        subscriber_destroy(subscriber);
    return status;
}

void subscriber_destroy(struct subscriber **subscriber)
{
    if (*subscriber == NULL)
        return;
    wire_socket_close(&(*subscriber)->requests);
    wire_socket_close(&(*subscriber)->updates);
    wire_context_destroy(&(*subscriber)->context);
    picture_destroy(&(*subscriber)->picture);
    wire_key_forget(&(*subscriber)->key, sizeof(*subscriber)->key);
    memory_free(subscriber);
}

static enum status updates_open(struct subscriber *subscriber, const char *publish)
{
    const struct wire_socket_options updates = {.type = ZMQ_SUB,
                                                .receive_queue = UPDATE_QUEUE,
                                                .linger_ms = 0,
                                                .message_bytes_max = EVENT_MESSAGE_BYTES_MAX,
                                                .client = &subscriber->key};
    enum status status = wire_socket_create(subscriber->context, &updates, &subscriber->updates);
    if (status == STATUS_OK &&
        zmq_setsockopt(subscriber->updates, ZMQ_SUBSCRIBE, subscriber->run, strlen(subscriber->run)) != 0)
        status = error_set(STATUS_INTERNAL, "cannot subscribe: %s", zmq_strerror(zmq_errno()));
    if (status == STATUS_OK)
        status = wire_socket_connect(subscriber->updates, publish);
    return status;
}

static enum status snapshot_adopt(struct subscriber *subscriber, const struct snapshot_header *header,
                                  struct picture **picture, enum subscriber_news *news)
{
    enum status status = STATUS_OK;
    if (subscriber->run[0] == '\0')
        memcpy(subscriber->run, header->run, sizeof subscriber->run);
    if (strcmp(subscriber->run, header->run) != 0)
        return error_set(STATUS_MISMATCH, "%s: serves another run (%s, expected %s)", subscriber->endpoint,
                         header->run, subscriber->run);
    if (subscriber->picture != NULL && header->sequence < subscriber->picture->sequence)
        return STATUS_OK; /* the late answer to a request that was repeated */
    picture_destroy(&subscriber->picture);
    subscriber->header = *header;
    subscriber->picture = *picture;
    *picture = NULL;
    *news = SUBSCRIBER_PICTURE;
    if (subscriber->updates == NULL)
        status = updates_open(subscriber, header->publish);
    return status;
}

static enum status answer_receive(struct subscriber *subscriber, enum subscriber_news *news)
{
    zmq_msg_t message;
    struct snapshot_header header = {0};
    struct picture *picture = NULL;
    enum status status = STATUS_OK;
    if (zmq_msg_init(&message) != 0)
        return error_set(STATUS_NO_MEMORY, "no memory to receive a snapshot");
    if (zmq_msg_recv(&message, subscriber->requests, ZMQ_DONTWAIT) >= 0) {
        subscriber->heard = subscriber->updated = machine_monotonic();
        subscriber->wanted = subscriber->awaiting = false;
        if (zmq_msg_more(&message) != 0)
            status = error_set(STATUS_FORMAT, "snapshot: of more than one frame");
        else
            status = snapshot_decode(zmq_msg_data(&message), zmq_msg_size(&message), &header, &picture);
        if (status == STATUS_OK)
            status = snapshot_adopt(subscriber, &header, &picture, news);
        else
            error_prefix(status, "%s: what answers there is no server of Facet: ", subscriber->endpoint);
    }
    picture_destroy(&picture);
    zmq_msg_close(&message);
    return status;
}

struct update {
    char run[RUN_IDENTITY_BYTES];
    uint64_t sequence;
    char event[EVENT_MESSAGE_BYTES_MAX];
    size_t event_bytes; /* 0: a heartbeat */
};

/* False when there is none, or it is none. */
static bool update_receive(struct subscriber *subscriber, struct update *update)
{
    char sequence[24];
    char *end;
    struct wire_frame frames[] = {
        {update->run, sizeof update->run, 0},
        {sequence, 16, 0},
        {update->event, sizeof update->event, 0},
    };
    if (wire_socket_receive(subscriber->updates, frames, 3) != WIRE_MESSAGE)
        return false;
    if (frames[0].bytes != strlen(subscriber->run) ||
        memcmp(update->run, subscriber->run, frames[0].bytes) != 0)
        return false;
    sequence[frames[1].bytes] = '\0';
    update->sequence = strtoull(sequence, &end, 10);
    update->event_bytes = frames[2].bytes;
    return *end == '\0' && sequence[0] >= '0' && sequence[0] <= '9';
}

static void update_apply(struct subscriber *subscriber, const struct update *update,
                         enum subscriber_news *news, struct event *event)
{
    struct picture *picture = subscriber->picture;
    if (update->sequence <= picture->sequence)
        return; /* it is in the snapshot already */
    if (update->sequence != picture->sequence + 1 || update->event_bytes == 0) {
        subscriber->gaps++;
        subscriber->wanted = true;
        return;
    }
    if (event_decode(update->event, update->event_bytes, event) != STATUS_OK) {
        picture->sequence = update->sequence; /* of a kind that only newer programs know */
        return;
    }
    event->sequence = update->sequence;
    if (picture_apply(picture, event) == STATUS_OK)
        *news = SUBSCRIBER_EVENT;
    else
        subscriber->wanted = true;
}

static void request_send(struct subscriber *subscriber, double now)
{
    static const char request[] = WIRE_SNAPSHOT_REQUEST;
    zmq_send(subscriber->requests, request, sizeof request - 1, ZMQ_DONTWAIT);
    subscriber->requested = now;
    subscriber->awaiting = true;
}

/* Sends and repeats requests as they are due. Returns when to look again. */
static double requests_tend(struct subscriber *subscriber, double now)
{
    if (subscriber->awaiting && now - subscriber->requested >= ANSWER_SECONDS)
        subscriber->awaiting = false;
    if (subscriber->picture != NULL && now - subscriber->updated >= UPDATE_SECONDS)
        subscriber->wanted = true;
    if (subscriber->wanted && !subscriber->awaiting && now - subscriber->requested >= REQUEST_INTERVAL)
        request_send(subscriber, now);
    if (subscriber->awaiting)
        return subscriber->requested + ANSWER_SECONDS;
    return subscriber->wanted ? subscriber->requested + REQUEST_INTERVAL
                              : subscriber->updated + UPDATE_SECONDS;
}

enum status subscriber_next(struct subscriber *subscriber, int timeout_ms, enum subscriber_news *news,
                            struct event *event)
{
    double give_up = machine_monotonic() + 1e-3 * timeout_ms;
    enum status status = STATUS_OK;
    struct update update;
    *news = SUBSCRIBER_QUIET;
    for (;;) {
        double now = machine_monotonic();
        double until = requests_tend(subscriber, now);
        if (until > give_up)
            until = give_up;
        /* while a snapshot is wanted the updates wait: those after it must not be lost */
        int sockets = subscriber->updates != NULL && !subscriber->wanted ? 2 : 1;
        zmq_pollitem_t items[] = {
            {subscriber->requests, 0, ZMQ_POLLIN, 0},
            {subscriber->updates, 0, ZMQ_POLLIN, 0},
        };
        int ready = zmq_poll(items, sockets, until > now ? 1 + (long)(1e3 * (until - now)) : 0);
        if (ready < 0) /* a signal */
            return STATUS_OK;
        if (items[0].revents != 0)
            status = answer_receive(subscriber, news);
        else if (sockets == 2 && items[1].revents != 0 && update_receive(subscriber, &update)) {
            subscriber->heard = subscriber->updated = machine_monotonic();
            update_apply(subscriber, &update, news, event);
        }
        if (status != STATUS_OK || *news != SUBSCRIBER_QUIET ||
            (ready == 0 && machine_monotonic() >= give_up))
            return status;
    }
}

const struct picture *subscriber_picture(const struct subscriber *subscriber)
{
    return subscriber->picture;
}

const struct snapshot_header *subscriber_header(const struct subscriber *subscriber)
{
    return &subscriber->header;
}

uint64_t subscriber_gaps(const struct subscriber *subscriber)
{
    return subscriber->gaps;
}

double subscriber_silence(const struct subscriber *subscriber)
{
    return machine_monotonic() - subscriber->heard;
}
