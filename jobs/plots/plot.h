/* Plots as SVG files, drawn by gnuplot. */
#ifndef FACET_JOBS_PLOTS_PLOT_H
#define FACET_JOBS_PLOTS_PLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"

enum plot_mark { PLOT_POINTS, PLOT_LINES }; /* lines carry points too */

struct plot_series {
    const char *title;
    enum plot_mark mark;
    int32_t count;
    const double *x, *y; /* (count); a point that is not finite is left out */
};

struct plot {
    const char *title, *x_label, *y_label;
    bool x_log, y_log;      /* then only points above 0 can be seen */
    bool x_ticks_at_points; /* at the x of the first series, nowhere else */
    bool y_from_zero;
    int32_t series_count;
    const struct plot_series *series;
};

/* Draws it into the file at `path`, beside and renamed; the same plot gives the same bytes. Texts may hold
 * anything; control characters become blanks. STATUS_NOT_FOUND when gnuplot is not installed, STATUS_IO when
 * it or the disk fails. */
enum status plot_write(const struct plot *plot, const char *path);

#endif
