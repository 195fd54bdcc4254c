/* Data-parallel training: every rank holds the network and the training images, and computes its share of
 * each batch's slices; gradients and batch-norm statistics are summed in a fixed order
 * (mpi/training/slice_sum.h), so the result is the same bytes for any number of ranks and threads. */
#ifndef FACET_MPI_TRAINING_TRAIN_H
#define FACET_MPI_TRAINING_TRAIN_H

#include <mpi.h>
#include <signal.h>

#include "compute/data/augment.h"
#include "compute/data/dataset.h"
#include "compute/network/optimiser.h"
#include "mpi/option_records.h"
#include "mpi/run_progress.h"

struct train_options {
    int32_t epochs;
    int32_t batch_images;
    enum schedule_kind schedule;
    float rate; /* peak learning rate */
    struct sgd_options sgd;
    struct augmentation augmentation;
    uint64_t seed;
};

/* What one epoch came to. */
struct epoch_result {
    int32_t epoch; /* 1 … epochs */
    double loss;   /* mean cross-entropy over the epoch's images, while training */
    double train_top1;
    double test_top1; /* −1 without a test set */
    double seconds;
};

struct training {
    MPI_Comm comm;
    const struct dataset *train; /* all images loaded, at least one; classes in the network's order */
    struct dataset *test;        /* likewise, or NULL */
    const struct train_options *options;
    const struct option_records *records; /* all that must not change between a run and its resumption */
    const char *checkpoint_path;          /* written after each epoch and when stopped */
    bool resume;                          /* go on from the checkpoint, which must be there */
    const volatile sig_atomic_t *stop;    /* set by a signal handler of any rank */
    struct run_progress *progress;
    void (*on_epoch)(void *context, const struct epoch_result *result); /* on every rank; may be NULL */
    void *context;
};

/* Collective. Trains the network (initialised, the same on every rank; when resuming it gets what the
 * checkpoint's has learned). STATUS_STOPPED when a signal ended it: the checkpoint is then written.
 * STATUS_FORMAT for a checkpoint that is not one of this training. The checkpoint stays; removing it after
 * the result is written is the caller's. */
enum status train_network(const struct training *training, struct network *network);

#endif
