#include "compute/formats/class_names_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "compute/base/memory.h"

enum { CLASS_NAMES_MAX = 100000 };

static enum status add_name(const char *path, const char *line, size_t length, class_name *names,
                            int32_t *count)
{
    if (length >= CLASS_NAME_BYTES)
        return error_set(STATUS_FORMAT, "%s: line %d has %zu bytes, a class name has at most %d; shorten it",
                         path, (int)*count + 1, length, CLASS_NAME_BYTES - 1);
    memcpy(names[*count], line, length);
    names[*count][length] = '\0';
    ++*count;
    return STATUS_OK;
}

static enum status read_lines(FILE *file, const char *path, class_name *names, int32_t *count)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (length = getline(&line, &capacity, file)) >= 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            length--;
        if (*count == CLASS_NAMES_MAX)
            status = error_set(STATUS_FORMAT, "%s: more than %d lines, expected one class name a line", path,
                               CLASS_NAMES_MAX);
        else
            status = add_name(path, line, (size_t)length, names, count);
    }
    if (status == STATUS_OK && ferror(file))
        status = error_set(STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    free(line);
    return status;
}

enum status class_names_file_read(const char *path, class_name **names, int32_t *count)
{
    *names = NULL;
    *count = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: cannot be opened: %s; name a text file with one class name a line",
                         path, strerror(errno));
    enum status status = memory_allocate(names, CLASS_NAMES_MAX, sizeof(class_name), "class names");
    if (status == STATUS_OK)
        status = read_lines(file, path, *names, count);
    fclose(file);
    while (status == STATUS_OK && *count > 0 && (*names)[*count - 1][0] == '\0')
        --*count;
    if (status == STATUS_OK && *count == 0)
        status = error_set(STATUS_FORMAT, "%s: empty, expected one class name a line", path);
    if (status == STATUS_OK)
        status = class_names_check((const class_name *)*names, *count, path);
    if (status != STATUS_OK)
        memory_free(names);
    return status;
}
