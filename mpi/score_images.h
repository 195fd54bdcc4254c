/* Passing images of joined datasets through a classifier, each image by one rank. */
#ifndef FACET_MPI_SCORE_IMAGES_H
#define FACET_MPI_SCORE_IMAGES_H

#include <mpi.h>
#include <signal.h>

#include "modules/classifier/joined_run.h"
#include "mpi/run_progress.h"

/* Images are numbered 0 … image_scoring_total−1, class after class. */
struct image_scoring {
    MPI_Comm comm;
    const struct classifier *classifier;
    struct joined_run *run; /* of the classifier and the join */
    struct dataset_join *join;
    int32_t class_count;
    const struct joined_class *classes; /* (class_count): whose images are passed */
    int64_t stride;                     /* 1: all images of a class; HELD_BACK_STRIDE: those held back */
    int64_t class_most;                 /* no more than the first so many of them; 0: all */
    const char *activity;               /* for progress: "evaluating" */
    const volatile sig_atomic_t *stop;  /* looked at between pieces; may be NULL */
    struct run_progress *progress;
    /* Given n images from number `first` on, all of classes[class], with their scores (n, label_count). */
    void (*take)(void *context, int32_t class, int64_t first, int64_t n, const float *scores);
    void *context;
};

/* How many images are passed, by all ranks together. */
int64_t image_scoring_total(const struct image_scoring *scoring);

/* Collective. Passes this rank's share. Chunks of the classifier are counted from the beginning of each
 * class, so that scores are the same bytes for any number of ranks. STATUS_STOPPED when asked to. All ranks
 * get the status of the first that fails. */
enum status score_images(const struct image_scoring *scoring);

#endif
