/* Outputs are written beside their final name and renamed into place when they are whole, so that a reader
 * never sees half a file and a failed run leaves what was there before. */
#ifndef FACET_COMPUTE_BASE_OUTPUT_FILE_H
#define FACET_COMPUTE_BASE_OUTPUT_FILE_H

#include <stdio.h>

#include "compute/base/error.h"

/* Checks, before hours of work, that `path` can be written: its folder exists and is writable, and `path`
 * itself is not a folder. STATUS_IO with the reason and the remedy. */
enum status output_file_check(const char *path);

/* The output is not the input under any of its names (the same file by device and inode): a command that
 * makes another kind of file must not replace what it read. STATUS_IO names both. A NULL input is fine. */
enum status output_file_check_input(const char *path, const char *input);

/* The name to write to: "PATH.part", in the same folder. The caller releases it with memory_free. */
enum status output_file_beside(const char *path, char **beside);

/* Asks the system to begin bringing to disk what of the file was written so far, and does not wait for it:
 * output_file_commit then has less to wait for. Does nothing where the system has no such call. */
void output_file_flush_begin(const char *path);

/* Flushes `beside` to disk (fsync of the file and of its folder) and renames it to `path`. */
enum status output_file_commit(const char *beside, const char *path);

/* Renames without the flush: for what is cheap to make again and carries a checksum, so that a file which a
 * power cut swallowed is noticed. */
enum status output_file_rename(const char *beside, const char *path);

/* Writes into the stream; a failing write may be left for output_file_write to notice. */
typedef enum status output_file_writer(void *context, FILE *file);

/* A whole file by one function: beside, flushed, renamed; on a failure nothing is left beside. Returns what
 * `write` returned, or STATUS_IO with the reason and the remedy. */
enum status output_file_write(const char *path, output_file_writer *write, void *context);

/* Removes `beside` if it is there; never fails. */
void output_file_discard(const char *beside);

#endif
