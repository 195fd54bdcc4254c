/* A whole run as one structure, built by applying its events in order: what the server on rank 0 keeps, what
 * a snapshot carries, and what a monitor shows. */
#ifndef FACET_MPI_WIRE_PICTURE_H
#define FACET_MPI_WIRE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "compute/base/names.h"
#include "mpi/wire/event.h"

enum {
    PICTURE_EPOCHS_MAX = 4096, /* when full, the oldest quarter goes */
    PICTURE_LOG_LINES = 64     /* the last ones */
};

struct picture_rank {
    bool heard;       /* false: the other members say nothing yet */
    double last_time; /* of the newest event of any kind from that rank, by the rank's clock */
    enum event_state state;
    int32_t class_index; /* −1: none */
    int64_t done, total; /* images; see EVENT_RANK */
    double images_per_second;
    uint64_t memory_bytes;
    double energy_joules; /* 0: not known */
    bool energy_counted;  /* see struct event */
    int64_t dropped;      /* events that never left the rank */
    char host[EVENT_HOST_BYTES];
    char text[EVENT_TEXT_BYTES];
};

struct picture_class {
    enum event_state state; /* STATE_NONE: nothing heard of it yet */
    int32_t rank;           /* who said so */
    double time;            /* when */
    double value;           /* −1: none */
    char name[CLASS_NAME_BYTES];
};

struct picture_epoch {
    double time;
    int32_t rank, class_index;
    int64_t done, total;
    double loss, train_top1, test_top1; /* −1: not measured */
};

struct picture {
    uint64_t sequence; /* of the newest event in the picture */
    bool started, ended;
    struct event start, end;    /* the EVENT_RUN_START and EVENT_RUN_END */
    struct picture_rank *ranks; /* (rank_count) */
    int32_t rank_count;         /* highest rank heard + 1 */
    int32_t rank_capacity;
    struct picture_class *classes; /* (class_count) */
    int32_t class_count;           /* highest class heard + 1; what the run has is start.class_count */
    int32_t class_capacity;
    bool epochs_announced;
    struct event epochs_start;    /* its done: epochs a resumed run found finished; its total */
    struct picture_epoch *epochs; /* (epoch_count), oldest first: the learning curve */
    int32_t epoch_count, epoch_capacity;
    struct event *log; /* (log_count), oldest first; allocated with the first line */
    int32_t log_count;
};

/* An empty picture; the caller owns it. */
enum status picture_create(struct picture **picture);
void picture_destroy(struct picture **picture);

/* Applies one event. EVENT_RUN_START begins a new picture. Memory grows with the ranks and classes that are
 * heard, never beyond those the EVENT_RUN_START announced (nor EVENT_RANKS_MAX, EVENT_CLASSES_MAX).
 * STATUS_FORMAT, and the picture as it was, for an event that does not fit the run (before its start, after
 * its end, a rank or class it does not have); STATUS_NO_MEMORY likewise. */
enum status picture_apply(struct picture *picture, const struct event *event);

/* Calls `visit` with events that, applied to an empty picture, build this one again. Stops at the first
 * failure of `visit` and returns it. */
enum status picture_replay(const struct picture *picture,
                           enum status (*visit)(void *data, const struct event *event), void *data);

#endif
