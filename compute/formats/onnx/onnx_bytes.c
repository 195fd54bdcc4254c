#include "compute/formats/onnx/onnx_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"

/* Opens a regular file; *bytes receives its size. */
static enum status open_file(const char *path, int *file, int64_t *bytes)
{
    struct stat about;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0)
        return error_set(STATUS_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(*file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(*file);
        return error_set(STATUS_IO, "%s: is not a regular file", path);
    }
    *bytes = about.st_size;
    return STATUS_OK;
}

static enum status read_at(const char *path, int file, int64_t offset, size_t bytes, uint8_t *data)
{
    while (bytes > 0) {
        ssize_t got = pread(file, data, bytes, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(STATUS_IO, "%s: reading %zu bytes from byte %lld on: %s", path, bytes,
                             (long long)offset, got < 0 ? strerror(errno) : "the file has become shorter");
        data += got;
        offset += got;
        bytes -= (size_t)got;
    }
    return STATUS_OK;
}

enum status onnx_bytes_read_all(const char *path, uint8_t **data, size_t *bytes)
{
    int file;
    int64_t size;
    *data = NULL;
    enum status status = open_file(path, &file, &size);
    if (status != STATUS_OK)
        return status;
    if (size > INT32_MAX)
        status =
            error_set(STATUS_FORMAT,
                      "%s: %lld bytes; an ONNX file has at most 2^31 - 1, larger models keep their weights "
                      "in files beside it",
                      path, (long long)size);
    if (status == STATUS_OK)
        status = memory_allocate(data, (size_t)size, 1, path);
    if (status == STATUS_OK)
        status = read_at(path, file, 0, (size_t)size, *data);
    if (status != STATUS_OK)
        memory_free(data);
    *bytes = (size_t)size;
    close(file);
    return status;
}

/* Whether a location is relative and stays in its folder by its own words. */
static bool location_is_plain(const char *location)
{
    if (*location == '\0' || *location == '/' || strchr(location, '\\') != NULL)
        return false;
    for (const char *part = location; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

/* The real path (for free) of the folder a file lies in; NULL with errno set. */
static char *folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (length >= sizeof folder) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    return realpath(length == 0 ? "." : folder, NULL);
}

/* The real path (for free) of a location, which must lie in the model's folder. */
static enum status resolve(const char *model_path, const char *location, char **resolved)
{
    char path[PATH_MAX];
    *resolved = NULL;
    if (!location_is_plain(location))
        return error_set(
            STATUS_FORMAT,
            "its data are said to be in \"%s\"; only files in the model's own folder are read (no absolute "
            "path, no \"..\")",
            location);
    char *folder = folder_of(model_path);
    if (folder == NULL)
        return error_set(STATUS_IO, "the model's folder: %s", strerror(errno));
    enum status status = STATUS_OK;
    int length = snprintf(path, sizeof path, "%s/%s", folder, location);
    if (length < 0 || (size_t)length >= sizeof path)
        status = error_set(STATUS_FORMAT, "the path of its data is too long");
    else if ((*resolved = realpath(path, NULL)) == NULL)
        status = error_set(STATUS_IO, "its data are in %s: %s", path, strerror(errno));
    size_t inside = strlen(folder);
    if (status == STATUS_OK && inside > 1 && /* not the root folder */
        (strncmp(*resolved, folder, inside) != 0 || (*resolved)[inside] != '/'))
        status =
            error_set(STATUS_FORMAT, "its data in \"%s\" are a link out of the model's folder", location);
    if (status != STATUS_OK) {
        free(*resolved);
        *resolved = NULL;
    }
    free(folder);
    return status;
}

enum status onnx_bytes_read_external(const char *model_path, const char *location, int64_t offset,
                                     size_t bytes, uint8_t **data)
{
    char *path;
    int file;
    int64_t size;
    *data = NULL;
    enum status status = resolve(model_path, location, &path);
    if (path == NULL)
        return status;
    status = open_file(path, &file, &size);
    if (status == STATUS_OK) {
        if (offset < 0 || offset > size || bytes > (uint64_t)(size - offset))
            status = error_set(STATUS_FORMAT,
                               "%s: %zu bytes from byte %lld on are needed; it has %lld: truncated?", path,
                               bytes, (long long)offset, (long long)size);
        else
            status = memory_allocate(data, bytes, 1, path);
        if (status == STATUS_OK)
            status = read_at(path, file, offset, bytes, *data);
        if (status != STATUS_OK)
            memory_free(data);
        close(file);
    }
    free(path);
    return status;
}
