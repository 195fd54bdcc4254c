/* Following one run from wherever it is: not begun, running, ended, or lost. */
#ifndef FACET_JOBS_MONITOR_FOLLOW_H
#define FACET_JOBS_MONITOR_FOLLOW_H

#include <stdbool.h>

#include "jobs/monitor/view.h"

struct follow_options {
    const char *run;               /* a run directory, or tcp://HOST:PORT */
    const char *key_file;          /* NULL: RUN/monitor.key */
    bool once;                     /* one picture, then return */
    double timeout;                /* seconds to wait for a run that has not begun; negative: for ever */
    void (*say)(const char *line); /* tells people something aside from the picture */
};

/* Shows the run until it ends; *state is how it ended (STATE_RUNNING: not yet, with `once`).
 * STATUS_STOPPED: a signal came. STATUS_NOT_FOUND, STATUS_IO, STATUS_MISMATCH, STATUS_FORMAT: there is no
 * such run, or contact to it was lost. */
enum status follow_run(const struct follow_options *options, struct view *view, enum event_state *state);

#endif
