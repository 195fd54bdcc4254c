/* The options of facet decompose's methods distill and gradient. */
#ifndef FACET_JOBS_COMMANDS_DECOMPOSE_DISTILL_H
#define FACET_JOBS_COMMANDS_DECOMPOSE_DISTILL_H

#include <argp.h>
#include <jansson.h>

#include "mpi/distill/distill.h"

struct distill_arguments {
    struct distill_options options;
    const char *given; /* the last of these options that was given, or NULL */
};

/* An argp child whose input is a struct distill_arguments. */
extern const struct argp distill_argp;

/* What came of it, added to a JSON object. */
void distill_describe(const struct distill_result *result, json_t *object);

/* The same as lines on stdout. */
void distill_print(const struct distill_result *result, const char *modules, int32_t module_count,
                   double seconds);

#endif
