#include "mpi/wire/events_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "mpi/wire/run_file.h"

enum { BUFFER_BYTES = 65536, NOTICE_BYTES = EVENT_TEXT_BYTES };

struct events_file {
    int descriptor; /* −1: none */
    uint64_t bytes, bytes_max;
    bool limited, failed, notice_given;
    char notice[NOTICE_BYTES];
    char path[RUN_FILE_PATH_BYTES];
    size_t buffered;
    char buffer[BUFFER_BYTES];
};

/* Where a network file system knows no locks the file is used without one. */
static enum status file_lock(const struct events_file *file)
{
    if (flock(file->descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return STATUS_OK;
    return error_set(STATUS_MISMATCH,
                     "%s: another run is writing there; wait for its end or choose another directory",
                     file->path);
}

static enum status last_line_close(struct events_file *file)
{
    struct stat found;
    char last = '\n';
    if (fstat(file->descriptor, &found) != 0)
        return error_set(STATUS_IO, "%s: %s", file->path, strerror(errno));
    file->bytes = (uint64_t)found.st_size;
    if (found.st_size > 0 && pread(file->descriptor, &last, 1, found.st_size - 1) != 1)
        return error_set(STATUS_IO, "%s: cannot read its end: %s", file->path, strerror(errno));
    if (last != '\n')
        file->buffer[file->buffered++] = '\n';
    return STATUS_OK;
}

enum status events_file_open(const char *run_directory, uint64_t bytes_max, struct events_file **file)
{
    enum status status = memory_allocate(file, 1, sizeof **file, "events file");
    if (status != STATUS_OK)
        return status;
    struct events_file *opened = *file;
    opened->descriptor = -1;
    opened->bytes_max = bytes_max;
    status = run_file_path(run_directory, "events.jsonl", opened->path);
    if (status == STATUS_OK) {
        opened->descriptor = open(opened->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (opened->descriptor < 0)
            status = error_set(STATUS_IO, "%s: cannot open for appending: %s; is the run directory writable?",
                               opened->path, strerror(errno));
    }
    if (status == STATUS_OK)
        status = file_lock(opened);
    if (status == STATUS_OK)
        status = last_line_close(opened);
    if (status != STATUS_OK)
        events_file_close(file);
    return status;
}

/* What there is no end of goes first; what begins and ends runs is always written. */
static bool event_has_room(const struct events_file *file, const struct event *event)
{
    if (event->kind == EVENT_RUN_START || event->kind == EVENT_RUN_END)
        return true;
    return file->bytes / (event->kind == EVENT_RANK ? 1 : EVENTS_FILE_OTHERS) < file->bytes_max;
}

void events_file_append(struct events_file *file, const struct event *event, const char *line, size_t length)
{
    if (file->failed || length + 1 > BUFFER_BYTES)
        return;
    if (!event_has_room(file, event)) {
        if (!file->limited)
            snprintf(
                file->notice, sizeof file->notice,
                "events.jsonl has reached %llu MiB: what each rank does is no longer recorded there, all "
                "else is",
                (unsigned long long)(file->bytes >> 20));
        file->limited = true;
        return;
    }
    if (file->buffered + length + 1 > BUFFER_BYTES)
        events_file_flush(file);
    memcpy(file->buffer + file->buffered, line, length);
    file->buffer[file->buffered + length] = '\n';
    file->buffered += length + 1;
    file->bytes += length + 1;
}

void events_file_flush(struct events_file *file)
{
    size_t written = 0;
    while (!file->failed && written < file->buffered) {
        ssize_t bytes = write(file->descriptor, file->buffer + written, file->buffered - written);
        if (bytes > 0) {
            written += (size_t)bytes;
        } else if (bytes == 0 || errno != EINTR) {
            file->failed = true;
            file->notice_given = false;
            snprintf(file->notice, sizeof file->notice,
                     "events.jsonl cannot be written: %s; what follows is not recorded",
                     bytes == 0 ? "nothing was taken" : strerror(errno));
        }
    }
    file->buffered = 0;
}

const char *events_file_notice(struct events_file *file)
{
    if (file->notice[0] == '\0' || file->notice_given)
        return NULL;
    file->notice_given = true;
    return file->notice;
}

enum status events_file_sync(struct events_file *file)
{
    events_file_flush(file);
    if (!file->failed && fsync(file->descriptor) != 0 && errno != EINVAL && errno != EROFS) {
        file->failed = true;
        return error_set(STATUS_IO, "%s: %s", file->path, strerror(errno));
    }
    return file->failed ? error_set(STATUS_IO, "%s: %s", file->path, file->notice) : STATUS_OK;
}

void events_file_close(struct events_file **file)
{
    if (*file == NULL)
        return;
    if ((*file)->descriptor >= 0) {
        events_file_flush(*file);
        close((*file)->descriptor);
    }
    memory_free(file);
}

struct line {
    char text[EVENT_MESSAGE_BYTES_MAX];
    size_t length;
    bool whole; /* it was ended and is not too long */
};

/* The next line; false at the end of the file. */
static bool line_read(FILE *file, struct line *line)
{
    int c;
    line->length = 0;
    line->whole = true;
    while ((c = getc_unlocked(file)) != EOF && c != '\n') {
        if (line->length < sizeof line->text)
            line->text[line->length++] = (char)c;
        else
            line->whole = false;
    }
    if (c == EOF)
        line->whole = false; /* cut off, or being written just now */
    return c != EOF || line->length > 0;
}

/* The place of the last run's first line; −1 when there is no run. */
static long last_run_find(FILE *file)
{
    static const char mark[] = "\"run_start\"";
    struct line line;
    struct event event;
    long last = -1;
    long at = ftell(file);
    for (; line_read(file, &line); at = ftell(file))
        if (line.whole && memmem(line.text, line.length, mark, sizeof mark - 1) != NULL &&
            event_decode(line.text, line.length, &event) == STATUS_OK && event.kind == EVENT_RUN_START)
            last = at;
    return last;
}

enum status events_file_read(const char *run_directory,
                             enum status (*visit)(void *data, const struct event *event), void *data,
                             uint64_t *skipped)
{
    char path[RUN_FILE_PATH_BYTES];
    struct line line;
    struct event event;
    *skipped = 0;
    enum status status = run_file_path(run_directory, "events.jsonl", path);
    if (status != STATUS_OK)
        return status;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO,
                         "%s: cannot be opened: %s; expected the directory of a run", path, strerror(errno));
    long start = last_run_find(file);
    if (start < 0)
        status = error_set(STATUS_NOT_FOUND, "%s: no run is recorded there", path);
    else if (fseek(file, start, SEEK_SET) != 0)
        status = error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    while (status == STATUS_OK && line_read(file, &line)) {
        if (line.whole && event_decode(line.text, line.length, &event) == STATUS_OK)
            status = visit(data, &event);
        else
            ++*skipped;
    }
    if (status == STATUS_OK && ferror(file))
        status = error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    fclose(file);
    return status;
}
