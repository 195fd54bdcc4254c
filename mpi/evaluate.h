/* Judging a classifier on test sets, images shared among ranks. */
#ifndef FACET_MPI_EVALUATE_H
#define FACET_MPI_EVALUATE_H

#include <mpi.h>
#include <signal.h>

#include "modules/classifier/joined_run.h"
#include "modules/judgement.h"
#include "mpi/run_progress.h"

/* Collective. Adds to `judgement` all images of its classes in the joined datasets, each judged by one rank;
 * afterwards every rank has the whole count. Images are read piece by piece unless they are loaded. `run` is
 * of the classifier and the join. `stop` (may be NULL) is looked at between pieces: STATUS_STOPPED. */
enum status evaluate_classifier(MPI_Comm comm, const struct classifier *classifier, struct joined_run *run,
                                struct dataset_join *join, struct judgement *judgement,
                                const volatile sig_atomic_t *stop, struct run_progress *progress);

#endif
