/* How far a long training of one class has got, on disk: the network, the optimiser's velocity and the number
 * of steps taken. A checkpoint is sealed as parts are (mpi/classes/parts.h), so that nothing but a whole one
 * of the same class, options, network and data is gone on from: the result is the same bytes as without the
 * interruption. */
#ifndef FACET_MPI_TRAINING_STEP_CHECKPOINT_H
#define FACET_MPI_TRAINING_STEP_CHECKPOINT_H

#include <mpi.h>
#include <stdbool.h>

#include "compute/network/network.h"
#include "mpi/classes/parts.h"

struct step_checkpoint {
    MPI_Comm comm;    /* the ranks that train together; the first one writes */
    const char *path; /* class_task.checkpoint_path */
    double seconds;   /* between two saves */
    struct part_identity identity;
};

/* Collective. What was saved becomes that of `network` and `velocity` (parameter_count), on every rank; *step
 * is 0, and nothing changed, when there is nothing whole. STATUS_MISMATCH for other options. Without network
 * and velocity (NULL) the step alone is read. */
enum status step_checkpoint_resume(const struct step_checkpoint *checkpoint, struct network *network,
                                   float *velocity, int64_t *step);

/* Collective. Whether it is time to save by the first rank's clock: `seconds` after *last (seconds_now()),
 * which then becomes now. */
bool step_checkpoint_due(const struct step_checkpoint *checkpoint, double *last);

/* Collective. Replaces what was saved before. */
enum status step_checkpoint_save(const struct step_checkpoint *checkpoint, const struct network *network,
                                 const float *velocity, int64_t step);

/* --- of any other content: steps too, but more of a state --- */

/* Collective. *whole: there is a whole one of that identity, for every rank to read. STATUS_MISMATCH for
 * other options; one that is damaged is as good as none. */
enum status step_checkpoint_find(const struct step_checkpoint *checkpoint, bool *whole);

/* Collective. The first rank has `write` make a file and seals it in place of what was saved before. */
enum status step_checkpoint_replace(const struct step_checkpoint *checkpoint,
                                    enum status (*write)(const char *path, const void *content),
                                    const void *content);

#endif
