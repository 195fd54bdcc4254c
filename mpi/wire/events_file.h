/* RUN/events.jsonl: every event of the run, one a line, as it was published. A resumed run continues the
 * file: each EVENT_RUN_START in it begins another run. */
#ifndef FACET_MPI_WIRE_EVENTS_FILE_H
#define FACET_MPI_WIRE_EVENTS_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "mpi/wire/event.h"

enum {
    EVENTS_FILE_BYTES_MAX =
        64 << 20,          /* from that size on EVENT_RANK, of which there is no end, is not written */
    EVENTS_FILE_OTHERS = 4 /* and from so many times that size nothing but starts and ends of runs */
};

struct events_file;

/* Opens or creates the file for appending and locks it against a second run in the same directory
 * (STATUS_MISMATCH). A last line that a crash cut off is closed, so that readers skip it alone. */
enum status events_file_open(const char *run_directory, uint64_t bytes_max, struct events_file **file);

/* Notes the event, whose encoding is the line, for writing. */
void events_file_append(struct events_file *file, const struct event *event, const char *line, size_t length);

/* Writes what was noted. After a failed write nothing more is written: see events_file_notice. */
void events_file_flush(struct events_file *file);

/* One line that people should read, once, when the file reached its limit or could not be written; else NULL.
 * Valid as long as the file. */
const char *events_file_notice(struct events_file *file);

/* Writes what was noted, to the disk itself; STATUS_IO when that or anything before it could not be written.
 */
enum status events_file_sync(struct events_file *file);

void events_file_close(struct events_file **file);

/* Calls `visit` with each event of the last run in the file. Lines that are no events are skipped and counted
 * in *skipped. STATUS_NOT_FOUND when there is no file or no run in it; a failure of `visit` ends the reading
 * and is returned. */
enum status events_file_read(const char *run_directory,
                             enum status (*visit)(void *data, const struct event *event), void *data,
                             uint64_t *skipped);

#endif
