/* The last step of class_run: the parts become one modules file. Private to class_run. */
#ifndef FACET_MPI_CLASSES_CLASS_RUN_MERGE_H
#define FACET_MPI_CLASSES_CLASS_RUN_MERGE_H

#include "mpi/classes/class_run.h"

/* Writes the module as a modules file of its own, with what it stands on; one rank. */
enum status class_module_write(const struct class_work *work, const char *path, const struct module *module);

/* Collective. Reads all parts, each rank its share of the rows, and writes work->output_path. */
enum status class_run_merge(const struct class_work *work);

#endif
