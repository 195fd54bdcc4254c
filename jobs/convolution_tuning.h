/* Finding a plan of convolutions for a network (facet bench --tune). */
#ifndef FACET_JOBS_CONVOLUTION_TUNING_H
#define FACET_JOBS_CONVOLUTION_TUNING_H

#include "compute/network/network.h"
#include "jobs/job.h"

/* Collective: rank 0 measures while the others wait, writes the plan to `path`, and all take it. The caller
 * frees *entries with memory_free after convolution_use_plan(NULL, 0). */
enum status convolution_tuning(const struct job *job, const struct network *network, const char *path,
                               struct convolution_plan_entry **entries);

#endif
