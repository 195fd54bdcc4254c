/* Which runs a command line means: run directories, endpoints, or folders of run directories. */
#ifndef FACET_JOBS_MONITOR_RUN_NAMES_H
#define FACET_JOBS_MONITOR_RUN_NAMES_H

#include "compute/base/error.h"

enum { RUN_NAMES_MAX = 256 };

struct run_names {
    char *names[RUN_NAMES_MAX]; /* owned */
    int count;
};

/* Adds what `argument` means: itself, or, when it is a folder that is no run directory but has some in it,
 * these in the order of their names. STATUS_USAGE when they are too many. */
enum status run_names_add(struct run_names *names, const char *argument);

void run_names_clear(struct run_names *names);

#endif
