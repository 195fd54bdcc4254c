#include "jobs/json_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/output_file.h"
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

static enum status write_json(void *context, FILE *file)
{
    bool encoded =
        json_dumpf(context, file, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) == 0;
    return encoded || ferror(file) != 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory to encode JSON");
}

enum status json_file_write(const char *path, json_t *object)
{
    enum status status = object == NULL ? error_set(STATUS_NO_MEMORY, "%s: no memory to encode it", path)
                                        : output_file_write(path, write_json, object);
    json_decref(object);
    return status;
}

enum status json_file_read(const char *path, json_t **object)
{
    json_error_t reason;
    *object = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    *object = json_loadf(file, 0, &reason);
    fclose(file);
    if (json_is_object(*object))
        return STATUS_OK;
    enum status status = error_set(STATUS_FORMAT, "%s: is no JSON object: %s", path,
                                   *object == NULL ? reason.text : "another value");
    json_decref(*object);
    *object = NULL;
    return status;
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
