/* What every --json shares. */
#ifndef FACET_JOBS_JSON_OUTPUT_H
#define FACET_JOBS_JSON_OUTPUT_H

#include <jansson.h>

#include "mpi/energy.h"

/* A JSON string of any bytes: what is no UTF-8 (a file name may be anything) becomes "?". */
json_t *json_text(const char *text);

/* Adds seconds, processor_seconds, energy_joules, co2e_grams and energy_source. */
void json_add_cost(json_t *object, const struct energy_cost *cost);

/* Prints the object on standard output, indented, and releases it. */
void json_print(json_t *object);

#endif
