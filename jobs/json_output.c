#include "jobs/json_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/wire/text.h"

json_t *json_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *clean = malloc(bytes);
    if (clean == NULL)
        return NULL;
    text_clean(clean, bytes, text);
    json_t *string = json_string(clean);
    free(clean);
    return string;
}

void json_add_cost(json_t *object, const struct energy_cost *cost)
{
    json_object_set_new(object, "seconds", json_real(cost->seconds));
    json_object_set_new(object, "processor_seconds", json_real(cost->processor_seconds));
    json_object_set_new(object, "energy_joules", json_real(cost->joules));
    json_object_set_new(object, "co2e_grams", json_real(cost->co2e_grams));
    json_object_set_new(object, "energy_source", json_string(cost->source));
    json_object_set_new(object, "grid_intensity", json_real(cost->grid_intensity));
    json_object_set_new(object, "pue", json_real(cost->pue));
}

static json_t **kept;

void json_keep(json_t **object)
{
    kept = object;
}

void json_print(json_t *object)
{
    if (kept != NULL) {
        json_decref(*kept);
        *kept = object;
        return;
    }
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(object);
}
