#include "mpi/parallel_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/ranks.h"

enum { HINTS_BYTES = 2048 };

static const char hints_variable[] = "FACET_IO_HINTS";

/* --- hints --- */

/* Collective: the first rank's text, on all. */
static enum status share_hints(MPI_Comm comm, char text[HINTS_BYTES])
{
    const char *own = getenv(hints_variable);
    enum status status = STATUS_OK;
    memset(text, 0, HINTS_BYTES);
    if (ranks_rank(comm) == 0 && own != NULL) {
        size_t bytes = strlen(own);
        if (bytes >= HINTS_BYTES)
            status = error_set(STATUS_USAGE, "%s has %zu bytes, at most %d fit", hints_variable, bytes,
                               HINTS_BYTES - 1);
        else
            snprintf(text, HINTS_BYTES, "%s", own);
    }
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        MPI_Bcast(text, HINTS_BYTES, MPI_CHAR, 0, comm);
    return status;
}

/* One "KEY=VALUE"; takes it apart. */
static enum status add_hint(char *pair, MPI_Info info)
{
    char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair || equals[1] == '\0' ||
        (size_t)(equals - pair) > MPI_MAX_INFO_KEY - 1 || strlen(equals + 1) > MPI_MAX_INFO_VAL - 1)
        return error_set(STATUS_USAGE,
                         "%s: '%s' given, expected KEY=VALUE pairs between semicolons, as in "
                         "striping_factor=8;cb_nodes=4",
                         hints_variable, pair);
    *equals = '\0';
    MPI_Info_set(info, pair, equals + 1);
    return STATUS_OK;
}

/* Changes the text. */
static enum status add_hints(char *text, MPI_Info info)
{
    enum status status = STATUS_OK;
    char *rest = text;
    for (char *pair = strsep(&rest, ";"); pair != NULL && status == STATUS_OK; pair = strsep(&rest, ";"))
        if (*pair != '\0')
            status = add_hint(pair, info);
    return status;
}

/* --- property lists --- */

static enum status refused(void)
{
    return error_set(STATUS_IO,
                     "HDF5 refuses MPI-IO; is it built for the MPI library that runs this program?");
}

enum status parallel_file_access(MPI_Comm comm, hid_t *access)
{
    char text[HINTS_BYTES];
    MPI_Info info = MPI_INFO_NULL;
    *access = H5I_INVALID_HID;
    enum status status = share_hints(comm, text);
    if (status != STATUS_OK)
        return status;
    MPI_Info_create(&info);
    MPI_Info_set(info, "romio_ds_write", "disable");
    status = add_hints(text, info);
    if (status == STATUS_OK) {
        *access = H5Pcreate(H5P_FILE_ACCESS);
        if (*access < 0 || H5Pset_fapl_mpio(*access, comm, info) < 0)
            status = refused();
    }
    status = ranks_agree(comm, status);
    if (status != STATUS_OK && *access >= 0) {
        H5Pclose(*access);
        *access = H5I_INVALID_HID;
    }
    MPI_Info_free(&info);
    return status;
}

enum status parallel_file_transfer(hid_t *transfer)
{
    *transfer = H5Pcreate(H5P_DATASET_XFER);
    if (*transfer >= 0 && H5Pset_dxpl_mpio(*transfer, H5FD_MPIO_COLLECTIVE) >= 0)
        return STATUS_OK;
    if (*transfer >= 0)
        H5Pclose(*transfer);
    *transfer = H5I_INVALID_HID;
    return refused();
}
