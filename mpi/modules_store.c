#include "mpi/modules_store.h"

#include <hdf5.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "modules/file/modules_file.h"
#include "modules/file/modules_writer.h"
#include "mpi/parallel_file.h"
#include "mpi/ranks.h"

/* One rank's side of storing. */
struct storing {
    MPI_Comm comm;
    const struct modules_to_store *what;
    struct module_lengths *lengths;     /* (what->count) of this rank's modules */
    struct module_lengths *all_lengths; /* (what->total) */
    struct module *read;                /* (what->count): those of the batch at hand, when they are read */
    const struct module **pointers;     /* (what->count): to the modules of a batch */
    hid_t access, transfer;
    struct modules_writer *writer;
};

static void storing_clear(struct storing *storing)
{
    modules_writer_close(&storing->writer);
    if (storing->access >= 0)
        H5Pclose(storing->access);
    if (storing->transfer >= 0)
        H5Pclose(storing->transfer);
    memory_free(&storing->lengths);
    memory_free(&storing->all_lengths);
    memory_free(&storing->read);
    memory_free(&storing->pointers);
}

/* --- lengths --- */

static enum status lengths_of(const struct modules_to_store *what, const struct module *module,
                              struct module_lengths *lengths)
{
    if (module->parent >= what->parent_count)
        return error_set(STATUS_INTERNAL, "module %s stands on parent %d of %d", module->label,
                         (int)module->parent, (int)what->parent_count);
    return module_lengths_of(module, module->parent < 0 ? NULL : what->parents[module->parent], lengths);
}

static enum status prepare(struct storing *storing)
{
    const struct modules_to_store *what = storing->what;
    size_t count = (size_t)what->count;
    enum status status =
        memory_allocate(&storing->lengths, count, sizeof *storing->lengths, "lengths of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&storing->all_lengths, (size_t)what->total, sizeof *storing->all_lengths,
                                 "lengths of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&storing->read, count, sizeof *storing->read, "modules to write");
    if (status == STATUS_OK)
        status = memory_allocate(&storing->pointers, count, sizeof *storing->pointers, "modules to write");
    for (int32_t i = 0; status == STATUS_OK && i < what->count; i++) {
        status = what->read != NULL ? what->measure(what->context, i, &storing->lengths[i])
                                    : lengths_of(what, &what->modules[i], &storing->lengths[i]);
        if (status == STATUS_OK)
            storing->all_lengths[what->rows[i]] = storing->lengths[i];
    }
    return status;
}

_Static_assert(sizeof(struct module_lengths) == MODULE_ARRAY_COUNT * sizeof(int64_t),
               "lengths are summed as one array of numbers");

/* Collective. Every row is one rank's, so sums are what that rank says. (A file has so few modules,
 * modules_rows.h, that the numbers can be counted with an int.) */
static void exchange_lengths(const struct storing *storing)
{
    MPI_Allreduce(MPI_IN_PLACE, storing->all_lengths, storing->what->total * MODULE_ARRAY_COUNT, MPI_INT64_T,
                  MPI_SUM, storing->comm);
}

/* --- writing --- */

/* The module has the room that was made for it. */
static enum status read_module(struct storing *storing, int32_t index)
{
    const struct modules_to_store *what = storing->what;
    struct module *module = &storing->read[index];
    struct module_lengths found;
    enum status status = what->read(what->context, index, module);
    if (status == STATUS_OK)
        status = lengths_of(what, module, &found);
    if (status == STATUS_OK && memcmp(&found, &storing->lengths[index], sizeof found) != 0)
        status = error_set(STATUS_MISMATCH,
                           "module %s has other lengths than when it was measured; was its file changed?",
                           module->label);
    return status;
}

/* Modules first … first+count−1 of this rank. */
static enum status gather_batch(struct storing *storing, int32_t first, int32_t count)
{
    const struct modules_to_store *what = storing->what;
    enum status status = STATUS_OK;
    for (int32_t i = first; i < first + count && status == STATUS_OK; i++) {
        storing->pointers[i] = what->read != NULL ? &storing->read[i] : &what->modules[i];
        if (what->read != NULL)
            status = read_module(storing, i);
    }
    return status;
}

/* Collective: all ranks write a batch, as often as the one with the most batches. */
static enum status write_batches(struct storing *storing, const char *beside)
{
    const struct modules_to_store *what = storing->what;
    enum status status = STATUS_OK;
    int32_t first = 0;
    for (int more = 1; status == STATUS_OK && more;) {
        int32_t count = first < what->count ? modules_file_batch(storing->lengths, first, what->count) : 0;
        status = ranks_agree(storing->comm, gather_batch(storing, first, count));
        if (status == STATUS_OK)
            status = ranks_agree(storing->comm, modules_writer_put(storing->writer, storing->pointers + first,
                                                                   what->rows + first, count));
        for (int32_t i = first; i < first + count; i++)
            module_clear(&storing->read[i]);
        output_file_flush_begin(beside); /* the disk works while the next batch is read */
        first += count;
        more = first < what->count;
        MPI_Allreduce(MPI_IN_PLACE, &more, 1, MPI_INT, MPI_MAX, storing->comm);
    }
    return status;
}

/* Collective: each step is collective itself, so all agree before the next. */
static enum status write_file(struct storing *storing, const char *beside)
{
    const struct modules_to_store *what = storing->what;
    MPI_Comm comm = storing->comm;
    hid_t file = H5I_INVALID_HID;
    exchange_lengths(storing);
    enum status status =
        ranks_agree(comm, modules_file_create(beside, "modules", storing->access, what->parents,
                                              what->parent_count, storing->all_lengths, what->total, &file));
    if (status == STATUS_OK)
        status = ranks_agree(comm, hdf5_flush(file, beside));
    if (status == STATUS_OK)
        status = ranks_agree(comm, modules_writer_open(file, storing->transfer, &storing->writer));
    if (status == STATUS_OK)
        status = write_batches(storing, beside);
    modules_writer_close(&storing->writer);
    if (status == STATUS_OK)
        status = ranks_agree(comm, hdf5_flush(file, beside));
    if (status == STATUS_OK)
        status = ranks_agree(comm, hdf5_close(&file, beside));
    /* After a failure the file stays open, on all ranks: closing flushes, which would fail again. It is
     * removed. */
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

enum status modules_store_all(MPI_Comm comm, const char *path, const struct modules_to_store *what)
{
    struct storing storing = {
        .comm = comm, .what = what, .access = H5I_INVALID_HID, .transfer = H5I_INVALID_HID};
    char *beside = NULL;
    enum status status = output_file_beside(path, &beside);
    if (status == STATUS_OK)
        status = prepare(&storing);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = parallel_file_access(comm, &storing.access);
    if (status == STATUS_OK)
        status = ranks_agree(comm, parallel_file_transfer(&storing.transfer));
    if (status == STATUS_OK) {
        status = write_file(&storing, beside);
        status = finish(comm, status, beside, path);
    }
    storing_clear(&storing);
    memory_free(&beside);
    return status;
}

enum status modules_store(MPI_Comm comm, const char *path, const struct network *parent, int32_t total,
                          const struct module *modules, const int32_t *rows, int32_t count)
{
    const struct modules_to_store what = {.parents = &parent,
                                          .parent_count = parent == NULL ? 0 : 1,
                                          .total = total,
                                          .count = count,
                                          .rows = rows,
                                          .modules = modules};
    return modules_store_all(comm, path, &what);
}
