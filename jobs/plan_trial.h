/* The short measurement that `facet plan` takes itself: a class-by-class command, run for a few classes. */
#ifndef FACET_JOBS_PLAN_TRIAL_H
#define FACET_JOBS_PLAN_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/job.h"

struct plan_trial {
    char **words; /* (count): a subcommand and its arguments; borrowed */
    int count;
    int32_t classes; /* so many, the first ones, unless the words say which; 0: 3, or one a rank */
};

/* Whether it goes class by class, so that a few classes say what many will take. */
bool plan_trial_knows(const char *subcommand);

/* Its run directory, as -o or --output names it; NULL without one. Part of the words. */
const char *plan_trial_run(const struct plan_trial *trial);

/* Collective. Runs it on the ranks and threads of `job`; what it prints goes nowhere. */
enum status plan_trial_make(struct job *job, const struct plan_trial *trial);

#endif
