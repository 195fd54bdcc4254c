/* Counts of one class (modules/activation/activation.h) as a file: the parts of a decomposition with method
 * `activation` (facet.kind "counts"). */
#ifndef FACET_MPI_DECOMPOSE_COUNTS_FILE_H
#define FACET_MPI_DECOMPOSE_COUNTS_FILE_H

#include "modules/activation/activation.h"

/* Writes `path` itself, for the caller to rename (a part: mpi/classes/parts.h). images_passed: how many
 * images went through the network for them. */
enum status counts_file_write(const char *path, const struct unit_layout *layout,
                              const struct class_counts *counts, int64_t images_passed);

/* Reads counts over `layout`, whose units must be as many (STATUS_SHAPE). The caller owns *counts. */
enum status counts_file_read(const char *path, const struct unit_layout *layout, struct class_counts **counts,
                             int64_t *images_passed);

#endif
