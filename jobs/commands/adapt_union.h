/* facet adapt of a union: its options and its run. */
#ifndef FACET_JOBS_COMMANDS_ADAPT_UNION_H
#define FACET_JOBS_COMMANDS_ADAPT_UNION_H

#include <argp.h>

#include "jobs/data_arguments.h"
#include "jobs/job.h"
#include "mpi/training/train.h"

/* An argp child whose input this is. */
struct union_arguments {
    const char *parent; /* network file; NULL: it is no union that is adapted */
    double budget;      /* multiply-adds, as a fraction of the parent's */
    float temperature;
    int64_t pool_images;
    const char *given; /* the last of these options that was given, or NULL */
};
extern const struct argp union_argp;
struct union_arguments union_arguments_default(void);

struct union_adapting {
    const struct union_arguments *arguments;
    const char *network, *output; /* files */
    const struct data_arguments *data;
    const struct train_options *train;
    int64_t steps;
    bool json;
};

/* Collective. Adapts the network and writes it to `output`; reports. */
enum status adapt_union_on_ranks(struct job *job, const struct union_adapting *adapting);

#endif
