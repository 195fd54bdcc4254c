#include "compute/base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"

static const char part_suffix[] = ".part";

/* The folder `path` is in ("." when it names none), for memory_free. */
static enum status folder_of(const char *path, char **folder)
{
    const char *slash = strrchr(path, '/');
    size_t bytes = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    enum status status = memory_allocate(folder, bytes + 1, 1, path);
    if (status == STATUS_OK)
        memcpy(*folder, slash == NULL ? "." : path, bytes);
    return status;
}

static enum status check_folder(const char *path)
{
    char *folder = NULL;
    struct stat found;
    enum status status = folder_of(path, &folder);
    if (status != STATUS_OK)
        return status;
    if (stat(folder, &found) != 0)
        status = error_set(STATUS_IO, "%s: cannot write there: folder %s: %s; create it first", path, folder,
                           strerror(errno));
    else if (!S_ISDIR(found.st_mode))
        status = error_set(STATUS_IO, "%s: cannot write there: %s is not a folder", path, folder);
    memory_free(&folder);
    return status;
}

/* Nothing but creating a file tells whether one can be created: permissions, read-only and special file
 * systems, names that are too long. */
static enum status try_creating(const char *path)
{
    char *beside = NULL;
    enum status status = output_file_beside(path, &beside);
    if (status != STATUS_OK)
        return status;
    int file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) {
        close(file);
        unlink(beside);
    } else if (errno != EEXIST || access(beside, W_OK) != 0) {
        status =
            error_set(STATUS_IO, "%s: cannot write there: creating %s: %s; choose a folder you may write to",
                      path, beside, strerror(errno));
    }
    memory_free(&beside);
    return status;
}

enum status output_file_check(const char *path)
{
    struct stat found;
    if (path[0] == '\0')
        return error_set(STATUS_IO, "the output has an empty name; name a file");
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode))
        return error_set(STATUS_IO, "%s: is a %s; name a file to write", path,
                         S_ISDIR(found.st_mode) ? "folder" : "device or pipe");
    if (path[strlen(path) - 1] == '/')
        return error_set(STATUS_IO, "%s: names a folder; name a file to write", path);
    enum status status = check_folder(path);
    return status == STATUS_OK ? try_creating(path) : status;
}

enum status output_file_check_input(const char *path, const char *input)
{
    struct stat output_found, input_found;
    if (input == NULL || stat(path, &output_found) != 0 || stat(input, &input_found) != 0 ||
        output_found.st_dev != input_found.st_dev || output_found.st_ino != input_found.st_ino)
        return STATUS_OK;
    return error_set(STATUS_IO, "%s: is the input %s itself; name another output", path, input);
}

enum status output_file_beside(const char *path, char **beside)
{
    size_t bytes = strlen(path) + sizeof part_suffix;
    enum status status = memory_allocate(beside, bytes, 1, path);
    if (status == STATUS_OK)
        snprintf(*beside, bytes, "%s%s", path, part_suffix);
    return status;
}

/* Forces a file, or a folder's list of names, to disk. */
static enum status flush_to_disk(const char *path, int flags)
{
    int file = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(STATUS_IO, "%s: cannot open to flush: %s", path, strerror(errno));
    /* some network file systems have no fsync of folders and say so */
    bool flushed = fsync(file) == 0 || ((flags & O_DIRECTORY) != 0 && (errno == EINVAL || errno == ENOTSUP));
    int reason = errno;
    close(file);
    if (!flushed)
        return error_set(STATUS_IO, "%s: cannot flush to disk: %s", path, strerror(reason));
    return STATUS_OK;
}

enum status output_file_rename(const char *beside, const char *path)
{
    if (rename(beside, path) != 0)
        return error_set(STATUS_IO, "%s: cannot rename to %s: %s", beside, path, strerror(errno));
    return STATUS_OK;
}

void output_file_flush_begin(const char *path)
{
#ifdef SYNC_FILE_RANGE_WRITE
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    (void)sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE); /* a request: no harm when it is refused */
    close(file);
#else
    (void)path;
#endif
}

enum status output_file_commit(const char *beside, const char *path)
{
    char *folder = NULL;
    enum status status = flush_to_disk(beside, 0);
    if (status == STATUS_OK)
        status = folder_of(path, &folder);
    if (status == STATUS_OK)
        status = output_file_rename(beside, path);
    if (status == STATUS_OK)
        status = flush_to_disk(folder, O_DIRECTORY);
    memory_free(&folder);
    return status;
}

void output_file_discard(const char *beside)
{
    unlink(beside);
}

static enum status cannot_write(const char *path, int reason)
{
    return error_set(STATUS_IO, "%s: cannot be written: %s; make room or name another folder", path,
                     strerror(reason));
}

enum status output_file_write(const char *path, output_file_writer *write, void *context)
{
    char *beside = NULL;
    enum status status = output_file_beside(path, &beside);
    if (status != STATUS_OK)
        return status;
    FILE *file = fopen(beside, "wbe");
    if (file == NULL) {
        status = cannot_write(beside, errno);
        memory_free(&beside);
        return status;
    }
    errno = 0;
    status = write(context, file);
    int reason = errno;
    bool written = ferror(file) == 0;
    if (fclose(file) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (status == STATUS_OK && !written)
        status = cannot_write(beside, reason);
    if (status == STATUS_OK)
        status = output_file_commit(beside, path);
    if (status != STATUS_OK)
        output_file_discard(beside);
    memory_free(&beside);
    return status;
}
