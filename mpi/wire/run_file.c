#include "mpi/wire/run_file.h"

#include <stdio.h>

enum status run_file_path(const char *run_directory, const char *name, char path[RUN_FILE_PATH_BYTES])
{
    int length = snprintf(path, RUN_FILE_PATH_BYTES, "%s/%s", run_directory, name);
    if (length < 0 || length >= RUN_FILE_PATH_BYTES)
        return error_set(STATUS_USAGE, "%.64s…: the run directory's name has more than %d bytes",
                         run_directory, RUN_FILE_PATH_BYTES);
    return STATUS_OK;
}
