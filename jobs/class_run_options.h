/* Options of every command that works class by class over ranks (mpi/classes/class_run.h) and can be
 * resumed. */
#ifndef FACET_JOBS_CLASS_RUN_OPTIONS_H
#define FACET_JOBS_CLASS_RUN_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "jobs/console.h"
#include "jobs/job.h"
#include "mpi/classes/class_run.h"

/* Add `{.argp = &class_run_argp}` to the argp's children with one of these as input; start from
 * class_run_options_default(). */
struct class_run_options {
    bool resume, keep_parts;
    int32_t ranks_per_class; /* 0: auto */
    double checkpoint_seconds;
};
struct class_run_options class_run_options_default(void);
extern const struct argp class_run_argp;

/* Work as these options have it, of a job in its run directory; notes go to the console. The caller fills in
 * what is made, of what. */
struct class_work class_run_work(const struct class_run_options *options, const struct job *job,
                                 const char *run_directory, struct run_progress *progress,
                                 struct console *console);

#endif
