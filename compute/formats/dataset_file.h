/* Dataset files (facet.kind "dataset"): pixels sorted by class. Layout in docs/file-formats.md. */
#ifndef FACET_COMPUTE_FORMATS_DATASET_FILE_H
#define FACET_COMPUTE_FORMATS_DATASET_FILE_H

#include "compute/data/dataset.h"

/* Writes a dataset whose images are all loaded (STATUS_USAGE otherwise), beside and renamed. */
enum status dataset_file_write(const struct dataset *dataset, const char *path);

/* Reads and checks everything but the pixels (loaded = 0). The caller owns *dataset; NULL on failure. */
enum status dataset_file_open(const char *path, struct dataset **dataset);

/* Reads everything. */
enum status dataset_file_load(const char *path, struct dataset **dataset);

/* Replaces the loaded range by images first … first+count−1 of the file the dataset was opened from (one
 * contiguous slab; count 0: none). STATUS_SHAPE for a range outside the file, STATUS_MISMATCH when the file
 * now has other images. The old pixels are released before the new are read: on failure nothing is loaded. */
enum status dataset_file_load_range(struct dataset *dataset, const char *path, int64_t first, int64_t count);

#endif
