/* The last step of class_run: the parts become one modules file. Private to class_run. */
#ifndef FACET_MPI_CLASS_RUN_MERGE_H
#define FACET_MPI_CLASS_RUN_MERGE_H

#include "mpi/class_run.h"

/* Writes the module as the part of task->class_index; one rank. */
enum status class_part_write(const struct class_work *work, const char *parts, int32_t class_index,
                             const struct module *module);

/* Collective. Reads all parts, each rank its share of the rows, and writes work->output_path. */
enum status class_run_merge(const struct class_work *work, const char *parts);

#endif
