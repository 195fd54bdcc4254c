/* Judging a classifier on a test set, images shared among ranks. */
#ifndef FACET_MPI_EVALUATE_H
#define FACET_MPI_EVALUATE_H

#include <mpi.h>
#include <signal.h>

#include "modules/judgement.h"
#include "mpi/run_progress.h"

/* Collective. Adds to `judgement` all images of its classes in the dataset, each judged by one rank;
 * afterwards every rank has the whole count. Images are read piece by piece from `dataset_path`, or taken
 * from `dataset` when that is NULL (all must be loaded then). `stop` (may be NULL) is looked at between
 * pieces: STATUS_STOPPED. */
enum status evaluate_classifier(MPI_Comm comm, struct classifier_run *run, int32_t classifier_label_count,
                                struct dataset *dataset, const char *dataset_path,
                                struct judgement *judgement, const volatile sig_atomic_t *stop,
                                struct run_progress *progress);

#endif
