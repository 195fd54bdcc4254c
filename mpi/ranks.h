/* What every rank needs to know of the others, and how they agree that all is well.
 *
 * MPI keeps its default error handler: a failing MPI call (a lost node) ends the whole job with MPI's own
 * message, so calls are not checked one by one. */
#ifndef FACET_MPI_RANKS_H
#define FACET_MPI_RANKS_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

/* A block of [0, total): the share of `part` of `parts`; shares differ by at most one and follow one another.
 */
struct share {
    int64_t first, count;
};
struct share share_of(int64_t total, int64_t parts, int64_t part);

/* Collective. STATUS_OK when `mine` is STATUS_OK everywhere. Else every rank gets the status and message of
 * the lowest failing rank (with its number in front unless all failed). Call it before anything collective
 * that a failed rank would not join. */
enum status ranks_outcome(MPI_Comm comm, enum status mine);
static inline enum status ranks_agree(MPI_Comm comm, enum status mine)
{
    enum status outcome = ranks_outcome(comm, mine);
    return outcome == STATUS_OK ? mine : outcome; /* the same; but analyzers see that a failure stays one */
}

/* How many nodes the ranks of the communicator are on; those that share memory are on one. Collective. */
int ranks_nodes(MPI_Comm comm);

/* Collective. numbers (count) = their sums over all ranks, piece by piece: MPI's own counts are ints. */
void ranks_sum(MPI_Comm comm, void *numbers, size_t count, MPI_Datatype type);

int ranks_rank(MPI_Comm comm);
int ranks_count(MPI_Comm comm);

#endif
