/* Summing one vector a slice over all ranks, in the fixed order of slices.h: the data-parallel gradient.
 *
 * Every rank holds the vectors of its share of the slices. It adds up its tree nodes, sends each rank that
 * rank's part of them, finishes the tree for its own part, and all parts are gathered everywhere. With ranks
 * that divide the slices evenly this moves what a reduce-scatter and an allgather move. */
#ifndef FACET_MPI_TRAINING_SLICE_SUM_H
#define FACET_MPI_TRAINING_SLICE_SUM_H

#include <mpi.h>

#include "compute/base/error.h"
#include "mpi/ranks.h"

struct slice_sum;

/* Collective. For vectors of `length` floats and batches of up to max_slices slices. */
enum status slice_sum_create(MPI_Comm comm, int32_t max_slices, int64_t length, struct slice_sum **sum);
void slice_sum_destroy(struct slice_sum **sum);

/* This rank's slices of a batch of `slices`. */
struct share slice_sum_share(const struct slice_sum *sum, int32_t slices);

/* The vector (length floats, owned by the sum) for this rank's slice number share.first + local. */
float *slice_sum_vector(struct slice_sum *sum, int32_t local);

/* Collective. total (length) = Σ over all slices of the batch, the same bytes on every rank; vectors are used
 * up. */
void slice_sum_run(struct slice_sum *sum, int32_t slices, float *total);

#endif
