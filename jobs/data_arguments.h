/* An option that takes a dataset and may be given several times: datasets to be joined
 * (compute/formats/dataset_join.h). */
#ifndef FACET_JOBS_DATA_ARGUMENTS_H
#define FACET_JOBS_DATA_ARGUMENTS_H

#include <argp.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "jobs/console.h"
#include "modules/classifier/joined_run.h"

enum { DATA_ARGUMENTS_MAX = 256 };

struct data_arguments {
    int32_t count;
    char *texts[DATA_ARGUMENTS_MAX]; /* "[NAME=]FILE", borrowed from argv */
};

/* Adds a value of the option; argp_error when there are too many. */
void data_arguments_add(struct data_arguments *arguments, const struct argp_state *state, const char *option,
                        char *text);

/* Says, once a dataset, which images are brought to another shape for `taker`. */
void data_arguments_tell_adapted(struct console *console, const struct dataset_join *join,
                                 const struct joined_run *run, const char *taker);

/* STATUS_IO when `output` is one of the datasets: it would be written over. */
enum status data_arguments_check_output(const struct dataset_join *join, const char *output);

#endif
