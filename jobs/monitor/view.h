/* The ways to show runs: a full screen, plain lines, JSON. */
#ifndef FACET_JOBS_MONITOR_VIEW_H
#define FACET_JOBS_MONITOR_VIEW_H

#include <stdbool.h>

#include "jobs/monitor/follower.h"

enum { VIEW_RUNS_MAX = 256 };

/* The runs that are followed, in the order they were named. */
struct view_runs {
    struct follower *followers[VIEW_RUNS_MAX];
    int count;
};

struct view {
    int input; /* a descriptor that has something to read when tick is wanted at once; −1: none */
    /* The follower of that place has news; `event` is what FOLLOWER_EVENT applied. */
    void (*news)(struct view *view, const struct view_runs *runs, int place, enum follower_news news,
                 const struct event *event);
    /* Time passes; called some twenty times a second. False: the user has seen enough. */
    bool (*tick)(struct view *view, const struct view_runs *runs);
    /* The last that will be shown; `whole`: all runs are known, none was given up. Ends the view: the
     * terminal is as it was. */
    void (*end)(struct view *view, const struct view_runs *runs, bool whole);
};

/* Views live as long as the program; there is one of each. */
struct view *view_plain(void);

/* A full screen on standard input and output. stay: also when all runs are over. */
struct view *view_screen(bool stay, bool ascii);

/* stream: every event a line; otherwise the last picture as one object a run. */
struct view *view_json(bool stream);

#endif
