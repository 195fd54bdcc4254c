/* Classes handed to ranks one at a time, first come first served, so that a slow node takes fewer.
 *
 * Rank 0 has the counter, and a thread that answers the others while rank 0 computes: MPI_THREAD_MULTIPLE is
 * needed. (One-sided counters make no progress over TCP while the target computes.) The other ranks have a
 * thread that listens for the queue's being closed: who computes for an hour then learns of it at once. */
#ifndef FACET_MPI_CLASSES_CLASS_QUEUE_H
#define FACET_MPI_CLASSES_CLASS_QUEUE_H

#include <mpi.h>
#include <signal.h>
#include <stdint.h>

#include "compute/base/error.h"

struct class_queue;

/* Collective. Hands out 0 … item_count−1 in order, each once. `stop` is this rank's own (class_queue_stop).
 * STATUS_INTERNAL when MPI was not started with MPI_THREAD_MULTIPLE. */
enum status class_queue_create(MPI_Comm comm, int32_t item_count, const volatile sig_atomic_t *stop,
                               struct class_queue **queue);

/* Becomes other than 0 within a fraction of a second after this rank's own stop does, or after any rank
 * closed the queue. Valid until class_queue_destroy. */
const volatile sig_atomic_t *class_queue_stop(const struct class_queue *queue);

/* The next item for this rank; −1 when there are no more. Not collective; waits for rank 0's answering thread
 * alone. After −1 do not call again. */
int32_t class_queue_next(struct class_queue *queue);

/* Drops what has not been drawn, for everybody, and tells everybody to stop: a rank that failed spares the
 * others work that nobody will use. Not collective. */
void class_queue_close(struct class_queue *queue);

/* Collective; every rank has drawn −1 or gives up drawing (remaining items are dropped). NULL is fine on all.
 */
void class_queue_destroy(struct class_queue **queue);

#endif
