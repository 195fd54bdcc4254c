/* What the events of a finished class-by-class run (RUN/events.jsonl) tell of its costs: the measurement
 * behind `facet plan`. */
#ifndef FACET_MPI_CLASSES_RECORDED_RUN_H
#define FACET_MPI_CLASSES_RECORDED_RUN_H

#include <stdint.h>

#include "compute/base/error.h"

struct recorded_run {
    int32_t ranks, class_count;
    int32_t groups;        /* of ranks that made classes: as many as first ranks were seen */
    double elapsed;        /* seconds from its start to its end */
    double idle_share;     /* of all ranks' time from the first class's beginning to the last one's end */
    int32_t timed_count;   /* classes that this run made itself */
    double *class_seconds; /* (timed_count) in class order: what one rank would need (owned) */
    double before;         /* seconds until the first class began, */
    double before_shared;  /* of which: on images that the ranks shared (the parent's answers, say) */
    double besides;        /* from the last class on: of work on classes that no module was asked of */
    double making;         /* seconds from then to when the modules' figures were known */
    struct {
        double ready;                    /* seconds to its first step: for the classes of a rank */
        double seconds;                  /* all its steps at the pace of those seen; 0: there were none */
        double fixed_share, split_share; /* of them, as in struct event */
    } together;                          /* work on all classes together, when they were done */
    double storing;                      /* the rest, to the end */
    uint64_t memory_bytes_max;           /* resident, of the rank with the most */
};

/* A group of g ranks that needed t for a class counts as t·g/(1 + sharing_loss·(g − 1)) of one rank. The
 * caller releases *run with recorded_run_clear, also after a failure. STATUS_NOT_FOUND when there are no
 * events, no class was made, or the run did not end well. */
enum status recorded_run_read(const char *run_directory, double sharing_loss, struct recorded_run *run);
void recorded_run_clear(struct recorded_run *run);

#endif
