/* Making a composition and, with --calibrate, calibrating it: what compose and replace share. Calibrating
 * runs on ranks; without it one process works. */
#ifndef FACET_JOBS_COMPOSITION_JOB_H
#define FACET_JOBS_COMPOSITION_JOB_H

#include "jobs/data_arguments.h"
#include "jobs/job.h"
#include "mpi/adapt/calibrate.h"

/* Options of calibrating: an argp child whose input is one of these, zeroed. */
struct calibrate_arguments {
    struct data_arguments data; /* none: not asked for */
    bool by_network, each_given;
};
extern const struct argp calibrate_argp;

struct composition_job {
    const struct job_options *options;
    const struct calibrate_arguments *calibrate;
    const char *output; /* file to write */
    /* Makes the same set on every rank. */
    enum status (*make)(void *input, struct module_set **set);
    /* Writes it to `output` in another form; NULL: a composition file. On one rank, as the next. */
    enum status (*write)(void *input, const struct module_set *set);
    /* Prints what was made. */
    void (*announce)(void *input, const struct module_set *set);
    void *input;
};

/* STATUS_IO when `output` is the file `input` and that is no composition, which alone may be replaced by one
 * made of it. */
enum status composition_check_output(const char *output, const char *input);

/* Makes, calibrates, writes and announces; returns the exit code. */
int composition_job_run(struct composition_job *composition);

/* Collective. Calibrates *set, which will be `output`, on the datasets given; shows progress and notes of
 * images that are resized. After a failure *set is destroyed and NULL. */
enum status calibrate_on_ranks(struct job *job, const struct calibrate_arguments *arguments,
                               const char *output, struct module_set **set,
                               struct calibration_result *result);

/* A line of what came of it, on standard output. */
void calibration_print(const char *output, const struct calibration_result *result);

#endif
