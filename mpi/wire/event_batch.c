#include "mpi/wire/event_batch.h"

#include <string.h>

#include "compute/base/memory.h"

static bool batch_begin(struct event_batches *batches)
{
    struct event_batch *batch = batches->spare;
    batches->spare = NULL;
    if (batch == NULL && (batches->count >= EVENT_BATCHES_MAX ||
                          memory_allocate(&batch, 1, sizeof *batch, "queue of events") != STATUS_OK))
        return false;
    batch->next = NULL;
    batch->bytes = 0;
    if (batches->last != NULL)
        batches->last->next = batch;
    else
        batches->first = batch;
    batches->last = batch;
    batches->count++;
    return true;
}

bool event_batches_add(struct event_batches *batches, const char *line, size_t length)
{
    bool full = batches->last == NULL || batches->last->bytes + length + 1 > EVENT_BATCH_BYTES_MAX;
    if (full && !batch_begin(batches))
        return false;
    struct event_batch *batch = batches->last;
    memcpy(batch->lines + batch->bytes, line, length);
    batch->lines[batch->bytes + length] = '\n';
    batch->bytes += length + 1;
    return true;
}

struct event_batch *event_batches_take(struct event_batches *batches)
{
    struct event_batch *batch = batches->first;
    if (batch == NULL)
        return NULL;
    batches->first = batch->next;
    if (batches->first == NULL)
        batches->last = NULL;
    batches->count--;
    batch->next = NULL;
    return batch;
}

void event_batches_return(struct event_batches *batches, struct event_batch *batch)
{
    if (batches->spare == NULL)
        batches->spare = batch;
    else
        memory_free(&batch);
}

void event_batches_clear(struct event_batches *batches)
{
    struct event_batch *batch;
    while ((batch = event_batches_take(batches)) != NULL)
        memory_free(&batch);
    memory_free(&batches->spare);
}

bool event_line_next(const char *message, size_t bytes, size_t *at, const char **line, size_t *length)
{
    if (*at >= bytes)
        return false;
    const char *end = memchr(message + *at, '\n', bytes - *at);
    *line = message + *at;
    *length = end != NULL ? (size_t)(end - *line) : bytes - *at;
    *at += *length + 1;
    return true;
}
