/* The ways to show a run: a block redrawn in a terminal, plain lines, JSON. */
#ifndef FACET_JOBS_MONITOR_VIEW_H
#define FACET_JOBS_MONITOR_VIEW_H

#include <stdbool.h>

#include "mpi/wire/picture.h"

struct view {
    /* The picture is new as a whole: the first one, or after events were missed. */
    void (*picture)(struct view *view, const struct picture *picture);
    /* That event was applied to the picture. */
    void (*event)(struct view *view, const struct picture *picture, const struct event *event);
    /* Time passes; silence: seconds since anything was heard of the run. Called a few times a second. */
    void (*tick)(struct view *view, const struct picture *picture, double silence);
    /* The last picture that will be shown; picture NULL: there never was one. Ends the view: the terminal is
     * as it was. */
    void (*end)(struct view *view, const struct picture *picture);
};

/* Views live as long as the program; there is one of each. */
struct view *view_plain(void);
struct view *view_terminal(void);

/* stream: every event a line; otherwise the last picture as one object. */
struct view *view_json(bool stream);

#endif
