/* Training a network with one output to tell one class from others: binary cross-entropy, half of each batch
 * images of the class, half of the others, these by class in equal parts. Images held back
 * (compute/data/held_back.h) are never used. */
#ifndef FACET_MPI_TRAINING_ONE_VS_REST_H
#define FACET_MPI_TRAINING_ONE_VS_REST_H

#include <mpi.h>
#include <signal.h>

#include "compute/formats/dataset_join.h"
#include "mpi/training/step_checkpoint.h"
#include "mpi/training/train.h"

struct one_vs_rest {
    MPI_Comm comm;
    const struct dataset_join *join; /* all images loaded */
    struct joined_class positive;
    int32_t negative_count;
    const struct joined_class *negatives; /* the other classes; `positive` is left out if it is among them */
    /* What an image passes before it reaches the network, as it is: 0 to 2 networks one after the other. The
     * first network of all (these, then `network`) says how pixels are scaled and which shape it takes. */
    int32_t frozen_count;
    const struct network *const *frozen;
    struct network *network;             /* trained; one output; the same on every rank */
    const struct train_options *options; /* but epochs, instead of which: */
    int64_t steps;
    const char *where;       /* names the data in messages */
    const char *activity;    /* for progress: "adapting" */
    int32_t progress_number; /* of the class in progress, or −1 */
    const volatile sig_atomic_t *stop;
    struct run_progress *progress; /* may be NULL */
    /* Gone on from if it is there, written now and then and when stopped; of the ranks of `comm`. NULL: none.
     */
    const struct step_checkpoint *checkpoint;
};

/* How many images of a class of so many can be trained on: all but those held back. */
int64_t trainable_images(int64_t images);

/* Collective over comm. A function of the networks, the data, the options and the class: the same bytes for
 * any number of ranks and threads. STATUS_NOT_FOUND when there is no image of the class to train on, or of no
 * other; STATUS_USAGE for batches of one image; STATUS_STOPPED. */
enum status one_vs_rest_train(const struct one_vs_rest *work);

#endif
