/* Checkpoints of a training run (facet.kind "checkpoint"): the network as it stands, the optimiser's
 * velocity, the place in the run and the options it was started with. Written by one rank, beside and
 * renamed. */
#ifndef FACET_MPI_TRAINING_CHECKPOINT_H
#define FACET_MPI_TRAINING_CHECKPOINT_H

#include "compute/network/network.h"
#include "mpi/option_records.h"

/* What has been done: `epoch` epochs and `batch` batches of the next, with that unfinished epoch's sums so
 * far. */
struct training_position {
    int64_t epoch, batch;
    double loss_sum;
    int64_t correct_sum, image_sum;
};

enum status checkpoint_write(const char *path, const struct network *network, const float *velocity,
                             const struct training_position *position, const struct option_records *records);

/* Reads it back; STATUS_MISMATCH when its options are not `records`. The caller owns *network and *velocity
 * (parameter_count; memory_free). */
enum status checkpoint_read(const char *path, const struct option_records *records, struct network **network,
                            float **velocity, struct training_position *position);

/* STATUS_MISMATCH when its options are not `records`; only they are read. */
enum status checkpoint_check(const char *path, const struct option_records *records);

#endif
