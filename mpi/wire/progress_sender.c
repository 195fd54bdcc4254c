#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <zmq.h>

#include "compute/base/memory.h"
#include "mpi/wire/event_batch.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/progress.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

enum {
    SEND_QUEUE_MESSAGES = 2, /* in ZeroMQ; what it does not take stays in the sender's own queue */
    LINGER_MS = 1000         /* when closing: for the sender's queue, and once more for ZeroMQ's */
};

static const double MESSAGE_INTERVAL = 0.1; /* seconds between two messages, at least */
static const double INTERVAL_MAX = 10;      /* who is silent for longer is taken for dead some time */

struct progress_sender {
    void *context, *socket; /* the thread's, once it runs */
    pthread_t thread;
    bool thread_runs;
    int32_t rank;
    double interval; /* seconds between two messages */
    char host[EVENT_HOST_BYTES];
    struct progress_energy energy; /* read NULL: it is not told */

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t changed;
    bool stopping;
    bool pending_set;
    struct event pending; /* the newest EVENT_RANK */
    struct event_batches batches;
    uint64_t memory_bytes;
    double energy_joules;
    bool energy_counted;
    int64_t dropped;
};

/* What the system says: asked for each message, for each event it would cost too much, and without the lock,
 * which a rank may be waiting for. */
static void state_read(struct progress_sender *sender)
{
    uint64_t bytes = machine_resident_bytes();
    double joules = 0;
    bool counted = false;
    if (sender->energy.read != NULL)
        sender->energy.read(sender->energy.context, &joules, &counted);
    pthread_mutex_lock(&sender->lock);
    sender->memory_bytes = bytes;
    sender->energy_joules = joules;
    sender->energy_counted = counted;
    pthread_mutex_unlock(&sender->lock);
}

/* The lock is held. */
static void event_queue(struct progress_sender *sender, struct event *event)
{
    char line[EVENT_MESSAGE_BYTES_MAX];
    event->memory_bytes = sender->memory_bytes;
    event->energy_joules = sender->energy_joules;
    event->energy_counted = sender->energy_counted;
    event->dropped = sender->dropped;
    size_t length = event_encode(event, line, sizeof line);
    if (length == 0 || !event_batches_add(&sender->batches, line, length))
        sender->dropped++;
}

/* The lock is held. The next message; NULL when there is nothing to say. */
static struct event_batch *message_take(struct progress_sender *sender)
{
    if (sender->pending_set)
        event_queue(sender, &sender->pending);
    sender->pending_set = false;
    return event_batches_take(&sender->batches);
}

static struct timespec monotonic_at(double time)
{
    return (struct timespec){(time_t)time, (long)(1e9 * (time - (double)(time_t)time))};
}

/* The lock is held. Waits for something to send, and then until it may be sent. */
static void sending_await(struct progress_sender *sender, double due)
{
    struct timespec until = monotonic_at(due);
    while (!sender->stopping && !sender->pending_set && sender->batches.first == NULL)
        pthread_cond_wait(&sender->changed, &sender->lock);
    while (!sender->stopping && pthread_cond_timedwait(&sender->changed, &sender->lock, &until) != ETIMEDOUT)
        continue;
}

/* Gives the message to ZeroMQ, which copies it; waits until `give_up`. False when it is not taken. */
static bool message_send(struct progress_sender *sender, const struct event_batch *message, double give_up)
{
    double left = give_up - machine_monotonic();
    int timeout_ms = left > 0 ? 1 + (int)(1e3 * left) : 0;
    zmq_setsockopt(sender->socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    while (zmq_send(sender->socket, message->lines, message->bytes, 0) < 0)
        if (zmq_errno() != EINTR)
            return false;
    return true;
}

/* Until the sender is destroyed: a message each interval. One that ZeroMQ does not take waits for the next.
 */
static void *sender_run(void *argument)
{
    struct progress_sender *sender = argument;
    struct event_batch *message = NULL;
    double due = machine_monotonic();
    pthread_mutex_lock(&sender->lock);
    while (!sender->stopping) {
        if (message == NULL) {
            sending_await(sender, due);
            pthread_mutex_unlock(&sender->lock);
            state_read(sender);
            pthread_mutex_lock(&sender->lock);
            message = message_take(sender);
        }
        pthread_mutex_unlock(&sender->lock);
        bool sent = message != NULL && message_send(sender, message, machine_monotonic() + MESSAGE_INTERVAL);
        due = machine_monotonic() + sender->interval;
        pthread_mutex_lock(&sender->lock);
        if (sent) {
            event_batches_return(&sender->batches, message);
            message = NULL;
        }
    }
    double give_up = machine_monotonic() + 1e-3 * LINGER_MS;
    if (message == NULL)
        message = message_take(sender);
    for (; message != NULL && message_send(sender, message, give_up); message = message_take(sender))
        event_batches_return(&sender->batches, message);
    pthread_mutex_unlock(&sender->lock);
    memory_free(&message);
    return NULL;
}

static enum status sender_prepare(struct progress_sender *sender, const struct progress_access *access)
{
    const struct wire_socket_options push = {.type = ZMQ_PUSH,
                                             .send_queue = SEND_QUEUE_MESSAGES,
                                             .buffer_bytes = WIRE_COLLECT_BUFFER_BYTES,
                                             .linger_ms = LINGER_MS,
                                             .message_bytes_max = EVENT_MESSAGE_BYTES_MAX,
                                             .client = &access->key};
    enum status status = wire_context_create(&sender->context);
    if (status == STATUS_OK)
        status = wire_socket_create(sender->context, &push, &sender->socket);
    if (status == STATUS_OK)
        status = wire_socket_connect(sender->socket, access->endpoint);
    if (status == STATUS_OK)
        status = machine_thread_start(&sender->thread, sender_run, sender, "progress sender");
    sender->thread_runs = status == STATUS_OK;
    return status;
}

enum status progress_sender_create(const struct progress_access *access, int32_t rank,
                                   const struct progress_energy *energy, struct progress_sender **sender)
{
    pthread_condattr_t monotonic;
    *sender = NULL;
    if (rank < 0 || rank >= EVENT_RANKS_MAX)
        return error_set(STATUS_USAGE, "progress of rank %d: expected 0 to %d", (int)rank,
                         EVENT_RANKS_MAX - 1);
    enum status status = endpoint_check(access->endpoint);
    if (status == STATUS_OK)
        status = memory_allocate(sender, 1, sizeof **sender, "progress sender");
    if (status != STATUS_OK)
        return status;
    struct progress_sender *made = *sender;
    pthread_mutex_init(&made->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    made->rank = rank;
    made->interval = fmin(fmax(MESSAGE_INTERVAL, access->interval), INTERVAL_MAX);
    if (energy != NULL)
        made->energy = *energy;
    machine_host(made->host, sizeof made->host);
    state_read(made);
    status = sender_prepare(made, access);
    if (status != STATUS_OK)
        progress_sender_destroy(sender);
    return status;
}

void progress_send(struct progress_sender *sender, struct event *event)
{
    if (sender == NULL)
        return;
    event->rank = sender->rank;
    event->time = machine_time();
    memcpy(event->host, sender->host, sizeof event->host);
    pthread_mutex_lock(&sender->lock);
    if (event->kind == EVENT_RANK) {
        sender->pending = *event;
        sender->pending_set = true;
    } else {
        event_queue(sender, event);
    }
    pthread_cond_signal(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

void progress_sender_destroy(struct progress_sender **sender)
{
    struct progress_sender *old = *sender;
    if (old == NULL)
        return;
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    pthread_cond_signal(&old->changed);
    pthread_mutex_unlock(&old->lock);
    if (old->thread_runs)
        pthread_join(old->thread, NULL);
    wire_socket_close(&old->socket);
    wire_context_destroy(&old->context);
    event_batches_clear(&old->batches);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->lock);
    memory_free(sender);
}
