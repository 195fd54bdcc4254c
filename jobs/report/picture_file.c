#include "jobs/report/picture_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"

static enum status read_all(FILE *file, const char *path, char **bytes, size_t *count)
{
    struct stat found;
    if (fstat(fileno(file), &found) != 0)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    if (found.st_size > PICTURE_FILE_BYTES_MAX)
        return error_set(STATUS_FORMAT, "%s: has %lld bytes, expected a picture of %d at most", path,
                         (long long)found.st_size, (int)PICTURE_FILE_BYTES_MAX);
    size_t room = (size_t)found.st_size;
    enum status status = memory_allocate(bytes, room + 1, 1, "picture");
    if (status != STATUS_OK)
        return status;
    *count = fread(*bytes, 1, room, file);
    if (*count == room && ferror(file) == 0)
        return STATUS_OK;
    memory_free(bytes);
    return error_set(STATUS_IO, "%s: cannot be read to its end", path);
}

enum status picture_file_read(const char *path, char **bytes, size_t *count)
{
    *bytes = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    enum status status = read_all(file, path, bytes, count);
    fclose(file);
    return status;
}
