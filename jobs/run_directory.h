/* The run directory: where a run leaves what it was asked (run.json), its events, its checkpoint and its
 * results. */
#ifndef FACET_JOBS_RUN_DIRECTORY_H
#define FACET_JOBS_RUN_DIRECTORY_H

#include <jansson.h>

#include "jobs/console.h"
#include "jobs/job.h"
#include "mpi/energy/energy.h"
#include "mpi/option_records.h"

/* Collective. Makes the folder if it is not there (its parent must be). */
enum status run_directory_make(const struct job *job, const char *path);

/* Collective. Writes RUN/run.json: the command line, the options, versions, ranks, threads and host names.
 * After run_progress_open, which refuses a directory that another run is using: its run.json stays. */
enum status run_directory_describe(const struct job *job, const char *path, const char *command_line,
                                   const struct option_records *records);

/* A run that monitors can follow, from its directory. */
struct published_run {
    const struct job *job;
    const char *directory, *bind, *command_line; /* as run_progress_open wants them */
    int32_t class_count;                         /* 0: it does not go by classes */
    const struct option_records *records;        /* what it was asked, for run.json */
    const char *choice;                          /* as struct finished_run has it */
    struct run_progress *progress;
    struct console *console;
    bool resume, json;
    /* Collective, with the context of `work`: whether it can go on from what is there. NULL: nothing is gone
     * on from. A refusal leaves the earlier run's run.json and events. */
    enum status (*check)(void *context);
    const char *result;         /* the file that it makes */
    const char *command;        /* "facet train": in its row of emissions.csv */
    struct energy_meter *meter; /* started with the command */
    /* Rank 0, with the context of `work`, after it: what came of it but its cost, for --json (the caller
     * releases the object) and for people. */
    json_t *(*describe)(void *context);
    void (*print)(void *context, double seconds);
};

/* Collective. Makes the directory and works, with its progress published; then adds a row to
 * RUN/emissions.csv, keeps what came of it in RUN/result.json, and prints that. With `resume`, a run that
 * finished with the same options (and whose result is still there) is told of again, and STATUS_MISMATCH
 * refuses one of other options. What of the directory cannot be written when all is done is told on standard
 * error, and is no failure of the run. */
enum status run_publish(const struct published_run *run, enum status (*work)(void *context), void *context);

/* Rank 0 adds a row to RUN/emissions.csv: what `command` ("facet train") cost. That it cannot be written is
 * told on standard error, and is no failure of the run. */
void run_directory_add_cost(const struct job *job, const char *path, const char *command,
                            const struct energy_cost *cost);

/* "DIRECTORY/NAME"; the caller releases it with memory_free. */
enum status run_directory_path(const char *directory, const char *name, char **path);

#endif
