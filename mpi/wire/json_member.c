#include "mpi/wire/json_member.h"

#include <string.h>

#include "mpi/wire/event.h"
#include "mpi/wire/text.h"

enum status json_object_parse(const char *text, size_t length, const char *what, json_t **object)
{
    json_error_t error;
    *object = NULL;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL && json_error_code(&error) == json_error_out_of_memory)
        return error_set(STATUS_NO_MEMORY, "%s: no memory to read %zu bytes of JSON", what, length);
    if (value == NULL) {
        char reason[sizeof error.text];
        text_clean(reason, sizeof reason, error.text);
        return error_set(STATUS_FORMAT, "%s: not JSON (%s at byte %d of %zu)", what, reason, error.position,
                         length);
    }
    if (!json_is_object(value)) {
        json_decref(value);
        return error_set(STATUS_FORMAT, "%s: expected a JSON object, found another JSON value", what);
    }
    *object = value;
    return STATUS_OK;
}

enum status json_member_integer(const json_t *object, const char *name, int64_t least, int64_t most,
                                int64_t *value)
{
    const json_t *member = json_object_get(object, name);
    if (member == NULL)
        return STATUS_OK;
    if (!json_is_integer(member))
        return error_set(STATUS_FORMAT, "member \"%s\": expected an integer", name);
    int64_t number = json_integer_value(member);
    if (number < least || number > most)
        return error_set(STATUS_FORMAT, "member \"%s\" is %lld, expected %lld to %lld", name,
                         (long long)number, (long long)least, (long long)most);
    *value = number;
    return STATUS_OK;
}

enum status json_member_real(const json_t *object, const char *name, double least, double most, double *value)
{
    const json_t *member = json_object_get(object, name);
    if (member == NULL)
        return STATUS_OK;
    if (!json_is_number(member))
        return error_set(STATUS_FORMAT, "member \"%s\": expected a number", name);
    double number = json_number_value(member);
    if (!(number >= least && number <= most))
        return error_set(STATUS_FORMAT, "member \"%s\" is %g, expected %g to %g", name, number, least, most);
    *value = number;
    return STATUS_OK;
}

enum status json_member_string(const json_t *object, const char *name, char *value, size_t bytes)
{
    const json_t *member = json_object_get(object, name);
    if (member == NULL)
        return STATUS_OK;
    if (!json_is_string(member))
        return error_set(STATUS_FORMAT, "member \"%s\": expected a string", name);
    if (json_string_length(member) >= bytes)
        return error_set(STATUS_FORMAT, "member \"%s\" has %zu bytes, expected at most %zu", name,
                         json_string_length(member), bytes - 1);
    text_clean(value, bytes, json_string_value(member));
    return STATUS_OK;
}

enum status json_member_choice(const json_t *object, const char *name, const char *const *names, int count,
                               int *value)
{
    char text[32] = "";
    if (json_object_get(object, name) == NULL)
        return STATUS_OK;
    enum status status = json_member_string(object, name, text, sizeof text);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *value = i;
            return STATUS_OK;
        }
    return error_set(STATUS_FORMAT, "member \"%s\" is \"%s\", which this version does not know", name, text);
}

enum status json_version_check(const json_t *object, const char *what)
{
    int64_t version = 0;
    enum status status = json_member_integer(object, "v", 1, INT32_MAX, &version);
    if (status != STATUS_OK)
        return error_prefix(status, "%s: ", what);
    if (version == EVENT_WIRE_VERSION)
        return STATUS_OK;
    if (version == 0)
        return error_set(STATUS_FORMAT, "%s: no version member \"v\"; this is not a message of Facet", what);
    return error_set(STATUS_FORMAT,
                     "%s: version %lld of the progress format, this program reads version %d; use programs "
                     "of the same release",
                     what, (long long)version, EVENT_WIRE_VERSION);
}
