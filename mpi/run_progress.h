/* The ranks' side of progress: starts the server on rank 0, tells every rank where to send, and sends. */
#ifndef FACET_MPI_RUN_PROGRESS_H
#define FACET_MPI_RUN_PROGRESS_H

#include <mpi.h>

#include "compute/base/clock.h"
#include "mpi/energy/energy.h"
#include "mpi/wire/progress.h"

/* Called on rank 0 for each of its own events, to show a progress line; may be NULL. */
typedef void (*progress_show)(void *context, const struct event *event);

struct run_progress {
    struct progress_server *server; /* rank 0 alone */
    struct progress_sender *sender; /* NULL: progress is not published */
    progress_show show;
    void *show_context;
    double started;
    struct energy_meter energy; /* read by the sender's thread */
};

/* Collective. Publishes from `run_directory`, which exists. *progress stays where it is until
 * run_progress_close. bind_address as in progress_server_start, NULL
 * for the default: the address of rank 0's host name; loopback when all ranks share a node and no batch
 * system gave it to them (or that node has no other address). */
enum status run_progress_open(MPI_Comm comm, const char *run_directory, const char *bind_address,
                              const char *command_line, int32_t class_count, struct run_progress *progress);

/* Sends one event of this rank. Never waits. A NULL progress does nothing. */
void run_progress_send(struct run_progress *progress, struct event *event);

/* This rank does `activity` (printf-free text), on class class_index or −1: done of total images. */
void run_progress_rank(struct run_progress *progress, const char *activity, int32_t class_index, int64_t done,
                       int64_t total, double images_per_second);

/* A class changes its state; value is a figure of it, or −1. */
void run_progress_class(struct run_progress *progress, int32_t class_index, const char *name,
                        enum event_state state, double value);

/* The learning curve of one class's module: mean losses over RUN_CURVE_POINTS stretches of its training. */
enum { RUN_CURVE_POINTS = 20 };
struct run_curve {
    struct run_progress *progress; /* NULL on all but one of the ranks that train it together */
    int32_t class_index;
    int64_t total;   /* steps of the training */
    double loss_sum; /* since the last point; 0 at first, as are the following */
    int64_t loss_count;
};

/* Step `done` (1, 2, …) of the training had that loss: sends a point when a stretch is over. */
void run_curve_add(struct run_curve *curve, int64_t done, double loss);

/* Collective: how the run ended. Also after a failed open. Keeps the message of a failed run; a failure to
 * publish the end of one that went well (STATUS_IO on rank 0) is returned, for a note: the run itself is all
 * right. */
enum status run_progress_close(MPI_Comm comm, struct run_progress *progress, enum status how,
                               const char *words);

/* Seconds on a clock that only goes forward. */
static inline double seconds_now(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

#endif
