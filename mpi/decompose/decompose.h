/* Decomposing a network over ranks with method `activation`: classes come from the queue, each group of ranks
 * passes the images of the classes it draws and leaves their counts as parts (mpi/classes/class_run.h); each
 * rank then takes a share of the classes, the counts of negatives are summed once over all ranks, and every
 * rank writes its modules into one file. */
#ifndef FACET_MPI_DECOMPOSE_DECOMPOSE_H
#define FACET_MPI_DECOMPOSE_DECOMPOSE_H

#include "compute/data/dataset.h"
#include "modules/activation/activation.h"
#include "modules/activation/backtracking.h"
#include "modules/overlap.h"
#include "mpi/classes/class_run.h"

struct decomposition {
    const struct network *network;
    struct dataset *dataset;  /* opened, nothing loaded */
    const char *dataset_path; /* for reading the slabs */
    const struct activation_options *options;
    const struct backtracking_options *backtracking;
    bool slice;             /* store modules as networks of their own, without what they can do without */
    struct class_work work; /* as for class_run: the modules to make are work.classes; of it are not used:
                               parents, class_names, numbers, costs, checkpoint_seconds, make and context */
};

/* What came of it, the same on every rank. */
struct decomposition_result {
    int64_t images;            /* passed through the network by all ranks, in this run or those it resumes */
    double mean_units_kept;    /* fraction of the network's, mean over modules; as are the following */
    double mean_channels_kept; /* with a kept unit */
    double mean_weights_kept, mean_multiply_adds_kept; /* module_size.kept */
    struct overlap *overlap; /* of the modules' weights, in their order; on rank 0, NULL elsewhere. The
                                caller's */
};

/* Collective. The file is the same bytes for any number of ranks. */
enum status decompose_activation(const struct decomposition *decomposition,
                                 struct decomposition_result *result);

/* Collective. class_run_check of it. */
enum status decompose_check(const struct decomposition *decomposition);

#endif
