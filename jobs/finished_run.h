/* RUN/result.json: what a finished run was asked, which file it made (by digest) and what it tells with
 * --json. It is there exactly while the directory's last run is one that finished, so that --resume knows
 * when there is nothing to do. */
#ifndef FACET_JOBS_FINISHED_RUN_H
#define FACET_JOBS_FINISHED_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "mpi/option_records.h"

/* The records as an object of texts. */
json_t *option_records_json(const struct option_records *records);

struct finished_run {
    const char *directory;
    const struct option_records *records; /* what it was asked */
    const char *choice; /* which part of all that there is, where any part goes on from another;
                           NULL: all of it */
    const char *file;   /* what it makes */
};

/* `result` (the caller's) is what it tells. STATUS_IO. */
enum status finished_run_write(const struct finished_run *run, const json_t *result);

/* Another run begins. */
enum status finished_run_forget(const char *directory);

/* Whether the directory's last run is this one, and the file still what it made: *result is then what it
 * told, with "already_finished": true, and the caller's; else NULL. STATUS_MISMATCH: it had other options,
 * the first named with both values. A result.json that cannot be read is none. */
enum status finished_run_find(const struct finished_run *run, json_t **result);

#endif
