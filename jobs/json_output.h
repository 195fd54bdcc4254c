/* What every --json shares, and JSON files. */
#ifndef FACET_JOBS_JSON_OUTPUT_H
#define FACET_JOBS_JSON_OUTPUT_H

#include <jansson.h>

#include "mpi/energy/energy.h"

/* A JSON string of any bytes: what is no UTF-8 (a file name may be anything) becomes "?". */
json_t *json_text(const char *text);

/* Adds seconds, processor_seconds, energy_joules, co2e_grams, energy_source, grid_intensity and pue. */
void json_add_cost(json_t *object, const struct energy_cost *cost);

/* Writes the object, indented, beside and renamed, and releases it (also after a failure). */
enum status json_file_write(const char *path, json_t *object);

/* Reads a file that holds one object; the caller releases it. STATUS_IO or STATUS_FORMAT, *object then NULL.
 */
enum status json_file_read(const char *path, json_t **object);

/* From now on, until called with NULL, json_print keeps what it is given in *object (NULL or an object
 * before) instead: the caller releases it. For a subcommand inside another's job. */
void json_keep(json_t **object);

/* Prints the object on standard output, indented, and releases it. */
void json_print(json_t *object);

#endif
