/* Following runs with one view until they end or the user has seen enough. */
#ifndef FACET_JOBS_MONITOR_WATCH_H
#define FACET_JOBS_MONITOR_WATCH_H

#include "jobs/monitor/metrics.h"
#include "jobs/monitor/view.h"

struct watch_options {
    bool once;                      /* one picture of each, then return */
    struct metrics_server *metrics; /* NULL: nobody asks */
    void (*say)(const char *line);  /* tells people something aside from the view */
};

enum watch_result {
    WATCH_GOOD,  /* all runs ended well; with `once`: or go on */
    WATCH_BAD,   /* at least one failed, was stopped or cannot be followed */
    WATCH_LEFT,  /* the user left before the end */
    WATCH_SIGNAL /* a signal came */
};

enum watch_result watch_runs(const struct watch_options *options, struct view_runs *runs, struct view *view);

#endif
