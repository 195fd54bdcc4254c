/* Who worked on what when: the events of a run as pieces of work, rank by rank. */
#ifndef FACET_JOBS_REPORT_TIMELINE_H
#define FACET_JOBS_REPORT_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "mpi/wire/event.h"

/* A stretch of time in which a rank said that it works on one class (or, class_index −1, on none in
 * particular). It lasts from the first such event to the last, by the rank's clock. */
struct timeline_piece {
    int32_t rank, class_index;
    double begin, end;      /* seconds since 1970 */
    enum event_state state; /* how it ended: done, failed, else running (something else came) */
};

struct timeline {
    double begin, end; /* of the run: its start, and its end or what was heard last */
    int32_t rank_count;
    double *busy; /* (rank_count) seconds in pieces; owned, as is the following */
    struct timeline_piece *pieces;
    int32_t piece_count, piece_capacity;
    int32_t *open;  /* (rank_count) the piece that goes on; −1: none */
    double *newest; /* (rank_count) time of the rank's newest event */
};

/* Of a run of so many ranks (≥ 1) that began then. */
enum status timeline_create(int32_t rank_count, double begin, struct timeline **timeline);
void timeline_destroy(struct timeline **timeline);

/* The run's next event. What a rank does is sent seldom and arrives late: of events of one rank those that
 * are older than one already heard say nothing. Ranks beyond rank_count are ignored. */
enum status timeline_add(struct timeline *timeline, const struct event *event);

/* Share of the ranks' time between begin and end in which nobody said that they work: 0 to 1. */
double timeline_idle_share(const struct timeline *timeline);

#endif
