/* RUN/monitor.key: what a monitor needs to be let in. Only its owner can read it; it is there while the run
 * goes on. */
#ifndef FACET_MPI_WIRE_KEY_FILE_H
#define FACET_MPI_WIRE_KEY_FILE_H

#include "mpi/wire/run_file.h"
#include "mpi/wire/wire_key.h"

/* The name of the run directory's key file; STATUS_USAGE when it is too long. */
enum status key_file_path(const char *run_directory, char path[RUN_FILE_PATH_BYTES]);

/* Writes RUN/monitor.key with mode 0600 beside its place and renames it there. STATUS_IO when the system says
 * no. */
enum status key_file_write(const char *run_directory, const struct wire_client_key *key);

/* Reads a key file from anywhere. STATUS_NOT_FOUND when there is none; STATUS_IO when it cannot be read, or
 * when others than its owner can read or write it; STATUS_FORMAT when it is none. */
enum status key_file_read(const char *path, struct wire_client_key *key);

/* Removes RUN/monitor.key if it is there: the keys of a run that is over open nothing. */
void key_file_remove(const char *run_directory);

#endif
