/* The parallel HDF5 store of modules: all ranks write one file through MPI-IO. */
#ifndef FACET_MPI_MODULES_STORE_H
#define FACET_MPI_MODULES_STORE_H

#include <mpi.h>

#include "modules/module_set.h"

/* How long the arrays of module `index` of this rank are. Asked of all modules before the first is read. */
typedef enum status module_measure(void *context, int32_t index, struct module_lengths *lengths);

/* Gives module `index` of this rank, for the store to clear; it is as long as was said. *module is
 * overwritten; a failure leaves nothing. */
typedef enum status module_read(void *context, int32_t index, struct module *module);

/* What one rank has of a modules file. All rows are some rank's. */
struct modules_to_store {
    const struct network *const *parents; /* at most one (module_set.parents), identical on all ranks */
    int32_t parent_count;
    int32_t total; /* modules of the file */

    int32_t count;                /* of this rank: */
    const int32_t *rows;          /* (count) ascending */
    const struct module *modules; /* (count), or NULL: they are read when they are needed */
    module_measure *measure;
    module_read *read;
    void *context;
};

/* Collective. Writes a modules file, beside and renamed; on a failure nothing is left. Ranks tell one another
 * how long the modules' arrays are, then write some 4 MB each at a time; no more than that is read or copied
 * at once. STATUS_MISMATCH when a module that is read is not as long as was said. */
enum status modules_store_all(MPI_Comm comm, const char *path, const struct modules_to_store *what);

/* The same for modules in memory over one parent or stem (NULL: none). */
enum status modules_store(MPI_Comm comm, const char *path, const struct network *parent, int32_t total,
                          const struct module *modules, const int32_t *rows, int32_t count);

#endif
