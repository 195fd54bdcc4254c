/* Names of the wire's files in a run directory. */
#ifndef FACET_MPI_WIRE_RUN_FILE_H
#define FACET_MPI_WIRE_RUN_FILE_H

#include "compute/base/error.h"

enum { RUN_FILE_PATH_BYTES = 4096 };

/* "RUN_DIRECTORY/NAME"; STATUS_USAGE when that is too long. */
enum status run_file_path(const char *run_directory, const char *name, char path[RUN_FILE_PATH_BYTES]);

#endif
