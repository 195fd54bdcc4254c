/* A discrete-event simulation of classes handed out to groups of ranks (mpi/classes/class_queue.h,
 * mpi/classes/class_run.h): a pure function, without MPI, for choosing groups and for planning.
 *
 * The model: a group of g ranks does a class of cost t in t·(1 + sharing_loss·(g − 1))/g. Its first rank asks
 * rank 0 for the next class; the question travels for `latency`, waits until all before it are answered,
 * takes `answer`, travels back for `latency` and is passed on within the group in ⌈log2 g⌉ steps of
 * `latency`. Nothing else is sent while classes are made. */
#ifndef FACET_MPI_CLASSES_CLASS_SIMULATION_H
#define FACET_MPI_CLASSES_CLASS_SIMULATION_H

#include <stdint.h>

#include "compute/base/error.h"

struct class_simulation {
    int32_t ranks, groups; /* groups of sizes that differ by one at most, the larger ones first */
    const double *costs;   /* by row: seconds on one rank; NULL: 1 each */
    const int32_t *rows;   /* (count) in the order they are handed out */
    int32_t count;
    double sharing_loss;    /* what each further rank of a group costs, as a fraction */
    double latency, answer; /* seconds */
};

struct class_simulation_result {
    double seconds;    /* until the last class is done */
    double idle_share; /* of the ranks' time until then: waiting for the queue and for the last class */
};

enum status class_simulation_run(const struct class_simulation *simulation,
                                 struct class_simulation_result *result);

#endif
