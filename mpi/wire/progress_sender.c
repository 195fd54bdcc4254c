#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <zmq.h>

#include "compute/base/memory.h"
#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/progress.h"
#include "mpi/wire/wire_socket.h"

enum {
    SEND_QUEUE_EVENTS = 131072, /* the names of 100,000 classes at once, and then some */
    LINGER_MS = 1000
};

static const double RANK_INTERVAL = 0.1; /* seconds between two EVENT_RANK */
static const double MEMORY_INTERVAL =
    0.1; /* asking the system for each of 100,000 events would take a second */

struct progress_sender {
    void *context, *socket;
    pthread_mutex_t lock; /* a ZeroMQ socket serves one thread at a time */
    int32_t rank;
    char host[EVENT_HOST_BYTES];
    double rank_sent;   /* monotonic time of the last EVENT_RANK sent */
    double memory_read; /* and of the last look at memory_bytes */
    uint64_t memory_bytes;
    bool pending_set;
    struct event pending; /* the newest EVENT_RANK that came too soon */
    _Atomic uint64_t dropped;
};

enum status progress_sender_create(const char *collect_endpoint, int32_t rank,
                                   struct progress_sender **sender)
{
    *sender = NULL;
    if (rank < 0 || rank >= EVENT_RANKS_MAX)
        return error_set(STATUS_USAGE, "progress of rank %d: expected 0 to %d", (int)rank,
                         EVENT_RANKS_MAX - 1);
    enum status status = endpoint_check(collect_endpoint);
    if (status != STATUS_OK)
        return status;
    status = memory_allocate(sender, 1, sizeof **sender, "progress sender");
    if (status != STATUS_OK)
        return status;
    struct progress_sender *made = *sender;
    pthread_mutex_init(&made->lock, NULL);
    made->rank = rank;
    made->rank_sent = machine_monotonic() - RANK_INTERVAL;
    machine_host(made->host, sizeof made->host);
    status = wire_context_create(&made->context);
    if (status == STATUS_OK)
        status =
            wire_socket_create(made->context,
                               &(struct wire_socket_options){.type = ZMQ_PUSH,
                                                             .send_queue = SEND_QUEUE_EVENTS,
                                                             .linger_ms = LINGER_MS,
                                                             .message_bytes_max = EVENT_MESSAGE_BYTES_MAX},
                               &made->socket);
    if (status == STATUS_OK)
        status = wire_socket_connect(made->socket, collect_endpoint);
    if (status != STATUS_OK)
        progress_sender_destroy(sender);
    return status;
}

/* The lock is held. */
static void event_transmit(struct progress_sender *sender, struct event *event)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    double now = machine_monotonic();
    if (sender->memory_bytes == 0 || now - sender->memory_read >= MEMORY_INTERVAL) {
        sender->memory_bytes = machine_resident_bytes();
        sender->memory_read = now;
    }
    event->memory_bytes = sender->memory_bytes;
    size_t length = event_encode(event, message, sizeof message);
    if (length == 0 || zmq_send(sender->socket, message, length, ZMQ_DONTWAIT) < 0)
        sender->dropped++;
}

/* The lock is held. Sends the EVENT_RANK that waits if it is time for one. */
static void pending_transmit(struct progress_sender *sender, double now)
{
    if (!sender->pending_set || now - sender->rank_sent < RANK_INTERVAL)
        return;
    event_transmit(sender, &sender->pending);
    sender->pending_set = false;
    sender->rank_sent = now;
}

void progress_send(struct progress_sender *sender, struct event *event)
{
    if (sender == NULL)
        return;
    event->rank = sender->rank;
    event->time = machine_time();
    memcpy(event->host, sender->host, sizeof event->host);
    pthread_mutex_lock(&sender->lock);
    double now = machine_monotonic();
    if (event->kind == EVENT_RANK) {
        sender->pending = *event;
        sender->pending_set = true;
    }
    pending_transmit(sender, now);
    if (event->kind != EVENT_RANK)
        event_transmit(sender, event);
    pthread_mutex_unlock(&sender->lock);
}

uint64_t progress_dropped(const struct progress_sender *sender)
{
    return sender == NULL ? 0 : sender->dropped;
}

void progress_sender_destroy(struct progress_sender **sender)
{
    if (*sender == NULL)
        return;
    if ((*sender)->socket != NULL && (*sender)->pending_set)
        event_transmit(*sender, &(*sender)->pending);
    wire_socket_close(&(*sender)->socket);
    wire_context_destroy(&(*sender)->context);
    pthread_mutex_destroy(&(*sender)->lock);
    memory_free(sender);
}
