/* Events on their way from a rank to the server: many a message, each a line. The queue of messages that a
 * rank fills and its sending thread empties; whoever uses it locks it. */
#ifndef FACET_MPI_WIRE_EVENT_BATCH_H
#define FACET_MPI_WIRE_EVENT_BATCH_H

#include <stdbool.h>

#include "mpi/wire/event.h"

enum {
    EVENT_BATCH_BYTES_MAX = 256 << 10, /* of a message */
    EVENT_BATCHES_MAX = 64             /* in the queue */
};

struct event_batch {
    struct event_batch *next;
    size_t bytes;
    char lines[EVENT_BATCH_BYTES_MAX]; /* encoded events, each ended by a line feed */
};

struct event_batches {
    struct event_batch *first, *last, *spare; /* first NULL: empty */
    int count;
};

/* Adds an event's line. False when the queue is full or there is no memory. */
bool event_batches_add(struct event_batches *batches, const char *line, size_t length);

/* The oldest message, now the caller's; NULL when there is none. */
struct event_batch *event_batches_take(struct event_batches *batches);

/* Gives a message back, to be filled again. */
void event_batches_return(struct event_batches *batches, struct event_batch *batch);

void event_batches_clear(struct event_batches *batches);

/* The next line of a message, from *at on, which moves behind it; false at its end. The last line needs no
 * line feed. */
bool event_line_next(const char *message, size_t bytes, size_t *at, const char **line, size_t *length);

#endif
