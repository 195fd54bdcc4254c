/* The digest of a dataset file, read by all ranks together: what --resume compares. */
#ifndef FACET_MPI_DATA_DIGEST_H
#define FACET_MPI_DATA_DIGEST_H

#include <mpi.h>

#include "compute/data/dataset.h"

/* Collective. A digest over shape, class names, class sizes and all pixels of the file that `dataset` was
 * opened from; the same for any number of ranks. (It is a digest of the classes' digests: not dataset_digest,
 * which needs all images in one memory.) Each rank reads its share of the classes, at most some 64 MB at a
 * time; what was loaded is released. */
enum status data_digest(MPI_Comm comm, struct dataset *dataset, const char *path,
                        uint8_t digest[DIGEST_BYTES]);

#endif
