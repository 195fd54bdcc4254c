/* Phase one of method `distill`: one class's module by itself.
 *
 * The module starts as the parent's tail with one output. In the first half of the steps it learns the
 * parent's posterior of its class (binary cross-entropy at a temperature) and is cut to its budget in rounds,
 * by what its channels have shown to matter (modules/distill/pruning.h); in the second half what is left is
 * tuned, and the best state on held-back images stays.
 *
 * With options->frozen (method gradient) no weight changes: which channels stay is learned by gradient
 * descent on a score for each gate (modules/distill/gates.h), from the same start and under the same budget.
 */
#ifndef FACET_MPI_DISTILL_DISTILL_CLASS_H
#define FACET_MPI_DISTILL_DISTILL_CLASS_H

#include "mpi/classes/class_run.h"
#include "mpi/distill/distill.h"
#include "mpi/distill/distill_features.h"

struct distill_classes {
    const struct distill_options *options;
    const struct teacher *teacher;
    const struct feature_set *pool, *held; /* of training images, of images held back */
    uint64_t multiply_adds;                /* of a module beyond its stem, at most */
    const struct option_records *records;  /* all that a module is a function of, for checkpoints */
};

/* A class_make (context: struct distill_classes). The module is the same bytes for any number of ranks in the
 * group and threads, also
 * when it goes on from the task's checkpoint. */
enum status distill_class_make(void *context, const struct class_task *task, struct module *module);

#endif
