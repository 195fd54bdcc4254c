/* How far phase two of method `distill` has got, on disk: beside the parts of phase one two files a module,
 * what it is now (with the optimiser's velocity) and its best state so far (mpi/training/step_checkpoint.h).
 * Saves go to two places in turn, so that one of them is whole whenever a run is killed: a save counts when
 * the files of all modules are there and of the same step. */
#ifndef FACET_MPI_DISTILL_DISTILL_CHECKPOINT_H
#define FACET_MPI_DISTILL_DISTILL_CHECKPOINT_H

#include <mpi.h>

#include "compute/network/network.h"
#include "mpi/option_records.h"

/* One of this rank's modules; all borrowed. */
struct distill_state {
    int32_t class_index;
    struct network *network, *best;
    float *velocity; /* parameter_count */
};

struct distill_checkpoint {
    MPI_Comm comm;
    const char *parts;             /* RUN/parts, which is there; its files go when the parts go */
    struct option_records records; /* all that the states are a function of, the classes included */
    int place;                     /* where the next save goes: 0 or 1 */
};

/* Collective. Takes up the newest save of all ranks' modules; *step is 0, and nothing changed, when there is
 * none of these options. */
enum status distill_checkpoint_resume(struct distill_checkpoint *checkpoint,
                                      const struct distill_state *states, int64_t count, int64_t *step);

/* Collective. After `step` ≥ 1 steps. */
enum status distill_checkpoint_save(struct distill_checkpoint *checkpoint, const struct distill_state *states,
                                    int64_t count, int64_t step);

#endif
