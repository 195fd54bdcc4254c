/* Adapting a union: a network that was cut out of a parent (modules/composition/channel_union.h,
 * modules/composition/composition_union.h) learns to say of its classes what the parent says when it chooses
 * among them alone. No labels are needed: the loss is the softmax of its outputs against the parent's
 * posterior over these classes, both at a temperature. */
#ifndef FACET_MPI_ADAPT_ADAPT_NETWORK_H
#define FACET_MPI_ADAPT_ADAPT_NETWORK_H

#include "compute/data/dataset.h"
#include "mpi/training/train.h"

struct network_adapting {
    MPI_Comm comm;
    const struct network *parent;
    const struct dataset *dataset;       /* training images, all loaded */
    const char *dataset_path, *where;    /* `where` names the network in messages */
    const struct train_options *options; /* but epochs, instead of which: */
    int64_t steps;
    float temperature;
    uint64_t multiply_adds; /* that the network may take, at most */
    int64_t pool_images;    /* augmented images that are kept in memory to learn from */
    const volatile sig_atomic_t *stop;
    struct run_progress *progress; /* may be NULL */
};

/* On held-back images of the network's classes, the same on every rank; −1 when there are none. */
struct network_adapted {
    int64_t held_images;
    double parent_top1; /* of the parent, choosing among these classes alone */
    double before_top1, before_loss, after_top1, after_loss;
};

/* Collective. Tunes all weights of *network (the same on every rank), whose classes are some of the parent's,
 * by name, and replaces it; the best state on the held-back images stays, which may be the first. One that
 * takes more multiply-adds than allowed is cut in the first half of the steps, in rounds, by what its
 * channels show to matter for what it learns (modules/distill/pruning.h); the best state is then one after
 * that. The same bytes for any number of ranks and threads; after a failure *network is as it was.
 * STATUS_USAGE when there are too few steps for that, STATUS_NOT_FOUND when the parent or the data lack a
 * class, STATUS_MISMATCH when the two networks take images of different shape or scaling, STATUS_STOPPED. */
enum status adapt_network(const struct network_adapting *adapting, struct network **network,
                          struct network_adapted *result);

#endif
