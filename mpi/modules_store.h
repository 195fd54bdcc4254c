/* The parallel HDF5 store of modules: all ranks write one file through MPI-IO. */
#ifndef FACET_MPI_MODULES_STORE_H
#define FACET_MPI_MODULES_STORE_H

#include <mpi.h>

#include "modules/module_set.h"

/* Collective. Writes a modules file of `total` modules over one parent, of which this rank has `count`: rows
 * rows[i], ascending. All rows are some rank's. Beside and renamed; on a failure nothing is left. */
enum status modules_store(MPI_Comm comm, const char *path, const struct network *parent, int32_t total,
                          const struct module *modules, const int32_t *rows, int32_t count);

#endif
