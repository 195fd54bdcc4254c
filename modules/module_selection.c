#include "modules/module_selection.h"

#include <string.h>

#include "compute/base/memory.h"

/* Reads from *at up to the first of `stops` that is not escaped, or the end, into text (bytes, terminated);
 * *at then is at what stopped it. */
static enum status read_part(const char *argument, const char **at, const char *stops, const char *what,
                             char *text, size_t bytes)
{
    size_t used = 0;
    while (**at != '\0' && strchr(stops, **at) == NULL) {
        if (**at == '\\' && *++*at == '\0')
            return error_set(STATUS_USAGE, "\"%s\" ends in a backslash; write \\\\ for a backslash",
                             argument);
        if (used + 1 >= bytes)
            return error_set(STATUS_USAGE, "\"%s\": a %s is longer than %zu bytes", argument, what,
                             bytes - 1);
        text[used++] = *(*at)++;
    }
    text[used] = '\0';
    if (used == 0)
        return error_set(STATUS_USAGE, "\"%s\": a %s is empty; write FILE[:class[=label],...]", argument,
                         what);
    return STATUS_OK;
}

static enum status unexpected(const char *argument, char found)
{
    return error_set(STATUS_USAGE,
                     "\"%s\": unexpected \"%c\"; write FILE[:class[=label],...], with a backslash before a "
                     "\":\", \",\" or \"=\" that belongs to a name",
                     argument, found);
}

static enum status parse_classes(const char *argument, const char *at, struct module_selection *selection)
{
    for (;;) {
        char *class = selection->classes[selection->count];
        char *label = selection->labels[selection->count];
        enum status status = read_part(argument, &at, ":,=", "class", class, CLASS_NAME_BYTES);
        if (status == STATUS_OK && *at == '=') {
            at++;
            status = read_part(argument, &at, ":,=", "label", label, CLASS_NAME_BYTES);
        }
        if (status != STATUS_OK)
            return status;
        selection->count++;
        if (*at == '\0')
            return STATUS_OK;
        if (*at != ',')
            return unexpected(argument, *at);
        at++;
    }
}

static enum status parse(const char *argument, struct module_selection *selection)
{
    const char *at = argument;
    size_t bytes = strlen(argument) + 1;
    enum status status = memory_allocate(&selection->path, bytes, 1, "a file name");
    if (status == STATUS_OK)
        status = read_part(argument, &at, ":", "file name", selection->path, bytes);
    if (status != STATUS_OK || *at == '\0')
        return status;
    at++;
    size_t most = 1; /* classes there can be: one more than commas */
    for (const char *comma = at; (comma = strchr(comma, ',')) != NULL; comma++)
        most++;
    status = memory_allocate(&selection->classes, most, sizeof(class_name), "selected classes");
    if (status == STATUS_OK)
        status = memory_allocate(&selection->labels, most, sizeof(class_name), "labels");
    if (status == STATUS_OK)
        status = parse_classes(argument, at, selection);
    return status;
}

enum status module_selection_parse(const char *argument, struct module_selection *selection)
{
    memset(selection, 0, sizeof *selection);
    enum status status = parse(argument, selection);
    if (status != STATUS_OK)
        module_selection_clear(selection);
    return status;
}

void module_selection_clear(struct module_selection *selection)
{
    memory_free(&selection->path);
    memory_free(&selection->classes);
    memory_free(&selection->labels);
    memset(selection, 0, sizeof *selection);
}
