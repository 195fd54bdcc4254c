#include "mpi/modules_store.h"

#include <hdf5.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "modules/modules_file.h"
#include "mpi/ranks.h"

static enum status property_lists(MPI_Comm comm, hid_t *access, hid_t *transfer)
{
    *access = H5Pcreate(H5P_FILE_ACCESS);
    *transfer = H5Pcreate(H5P_DATASET_XFER);
    if (*access < 0 || *transfer < 0 || H5Pset_fapl_mpio(*access, comm, MPI_INFO_NULL) < 0 ||
        H5Pset_dxpl_mpio(*transfer, H5FD_MPIO_COLLECTIVE) < 0)
        return error_set(STATUS_IO,
                         "HDF5 refuses MPI-IO; is it built for the MPI library that runs this program?");
    return STATUS_OK;
}

/* Collective: each step is collective itself, so all agree before the next. */
static enum status write_file(MPI_Comm comm, const char *beside, hid_t access, hid_t transfer,
                              const struct network *parent, int32_t total,
                              const struct module *const *modules, const int32_t *rows, int32_t count)
{
    hid_t file = H5I_INVALID_HID;
    int32_t *module_parents = NULL; /* all of parent 0 */
    enum status status = ranks_agree(
        comm, memory_allocate(&module_parents, (size_t)total, sizeof(int32_t), "parents of modules"));
    if (status == STATUS_OK)
        status = ranks_agree(
            comm, modules_file_create(beside, "modules", access, &parent, 1, module_parents, total, &file));
    if (status == STATUS_OK)
        status = ranks_agree(comm, hdf5_flush(file, beside));
    if (status == STATUS_OK)
        status = ranks_agree(comm, modules_file_write(file, transfer, modules, rows, count));
    if (status == STATUS_OK)
        status = ranks_agree(comm, hdf5_flush(file, beside));
    if (status == STATUS_OK)
        status = ranks_agree(comm, hdf5_close(&file, beside));
    /* After a failure the file stays open, on all ranks: closing flushes, which would fail again. It is
     * removed. */
    memory_free(&module_parents);
    return status;
}

/* Collective: rank 0 renames, or removes. */
static enum status finish(MPI_Comm comm, enum status status, const char *beside, const char *path)
{
    if (ranks_rank(comm) == 0) {
        if (status == STATUS_OK)
            status = output_file_commit(beside, path);
        if (status != STATUS_OK)
            output_file_discard(beside);
    }
    return ranks_agree(comm, status);
}

enum status modules_store(MPI_Comm comm, const char *path, const struct network *parent, int32_t total,
                          const struct module *modules, const int32_t *rows, int32_t count)
{
    hid_t access = H5I_INVALID_HID, transfer = H5I_INVALID_HID;
    char *beside = NULL;
    const struct module **pointers = NULL;
    enum status status = output_file_beside(path, &beside);
    if (status == STATUS_OK)
        status = memory_allocate(&pointers, (size_t)count, sizeof *pointers, "modules to write");
    for (int32_t i = 0; status == STATUS_OK && i < count; i++)
        pointers[i] = &modules[i];
    if (status == STATUS_OK)
        status = property_lists(comm, &access, &transfer);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK) {
        status = write_file(comm, beside, access, transfer, parent, total, pointers, rows, count);
        status = finish(comm, status, beside, path);
    }
    if (access >= 0)
        H5Pclose(access);
    if (transfer >= 0)
        H5Pclose(transfer);
    memory_free(&pointers);
    memory_free(&beside);
    return status;
}
