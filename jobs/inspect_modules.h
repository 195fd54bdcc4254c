/* What facet inspect says of a modules or composition file. */
#ifndef FACET_JOBS_INSPECT_MODULES_H
#define FACET_JOBS_INSPECT_MODULES_H

#include <jansson.h>

#include "modules/module_set.h"

/* {"plan": …, "parents": […], "modules": […], "overlap": …}, for the caller to release. */
enum status inspect_modules_json(const struct module_set *set, json_t **object);

enum status inspect_modules_print(const struct module_set *set);

#endif
