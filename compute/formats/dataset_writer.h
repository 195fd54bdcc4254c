/* Dataset files written piece by piece, by one process or by many ranks. Layout in docs/file-formats.md. */
#ifndef FACET_COMPUTE_FORMATS_DATASET_WRITER_H
#define FACET_COMPUTE_FORMATS_DATASET_WRITER_H

#include <hdf5.h>

#include "compute/data/dataset.h"

/* The arrays of a dataset file. */
#define DATASET_KIND "dataset"
#define DATASET_PIXELS "pixels"           /* (N, H, W, C) uint8 */
#define DATASET_LABELS "labels"           /* (N) int32 */
#define DATASET_CLASS_START "class_start" /* (classes + 1) int64 */
#define DATASET_CLASS_NAMES "class_names" /* (classes) text */
enum { DATASET_PIXEL_RANK = 4 };

/* Writes everything but the pixels of a dataset, loaded or not, and creates their array, which the caller
 * closes with H5Dclose. Collective in a file with an MPI-IO access list. */
enum status dataset_index_write(hid_t file, const struct dataset *dataset, hid_t *pixels);

struct dataset_writer {
    hid_t file, pixels;
};

/* Creates the file at `beside` (compute/base/output_file.h: the caller renames it when it is whole) with all
 * but the pixels of `index`, a dataset of which nothing need be loaded. With an MPI-IO `access` list
 * collective; every rank gives the same index. On failure the writer is closed, the file left for
 * output_file_discard. */
enum status dataset_writer_open(const char *beside, const struct dataset *index, hid_t access,
                                struct dataset_writer *writer);

/* Writes images first … first+count−1. Not collective; every image is put once, by whoever has it. */
enum status dataset_writer_put(struct dataset_writer *writer, int64_t first, int64_t count,
                               const uint8_t *pixels);

/* Collective as opening was; reports a failed flush. Closing twice is fine. */
enum status dataset_writer_close(struct dataset_writer *writer, const char *beside);

#endif
