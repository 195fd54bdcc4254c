/* The one engine that trains networks: a batch is cut into slices (mpi/training/slices.h), slices run forward
 * and backward on the threads of all ranks of a communicator, their gradients and batch-norm statistics are
 * summed in a fixed order (mpi/training/slice_sum.h), and every rank takes the same optimiser step. The
 * result is the same bytes for any number of ranks and threads; on a communicator of one rank (MPI_COMM_SELF)
 * it is local training with threads.
 *
 * Loss and input are the caller's: it says how a slice is loaded and what its output costs. */
#ifndef FACET_MPI_TRAINING_TRAINER_H
#define FACET_MPI_TRAINING_TRAINER_H

#include <mpi.h>
#include <signal.h>

#include "compute/network/optimiser.h"
#include "mpi/ranks.h"

struct trainer;

enum { TRAINER_SUMS = 4 }; /* numbers a loss adds up beside the gradient; the first is the loss itself */

struct trainer_options {
    int32_t batch_images; /* ≥ 1: images of a batch */
    int32_t rest_images;  /* of the one smaller size that may come too, as at an epoch's end; 0: none */
    struct sgd_options sgd;
    bool hold; /* for trainer_forward and trainer_backward: one pass a slice instead of one a thread */
    const volatile sig_atomic_t *stop; /* set by a signal handler of any rank; may be NULL */
};

/* Collective. For `network`, which is borrowed, the same on every rank, and changed by the steps; its layers
 * must stay. The velocity starts at 0. */
enum status trainer_create(MPI_Comm comm, struct network *network, const struct trainer_options *options,
                           struct trainer **trainer);
void trainer_destroy(struct trainer **trainer);

/* How many threads may call a batch's functions at once: their `worker` is 0 … that − 1. */
int trainer_worker_count(const struct trainer *trainer);
/* Images of the largest slice. */
int32_t trainer_slice_images(const struct trainer *trainer);
/* The momentum's memory (parameter_count of the network), for checkpoints; owned by the trainer. */
float *trainer_velocity(struct trainer *trainer);

/* One batch. The functions are called once a slice of this rank (images slice.first … of the batch), by
 * several threads at once, each with a `worker` of its own. */
struct trainer_batch {
    int32_t images;      /* of the whole batch: batch_images or rest_images */
    const float *inputs; /* (images, input shape), scaled; borrowed. NULL: `load` is asked */
    /* Fills inputs (slice.count, input shape). */
    void (*load)(void *context, int worker, struct share slice, float *inputs);
    /* From output (slice.count, output shape): output_gradient, of the same size, of the batch's mean loss
     * (so: divided by the images of the batch), and the sums over the slice's images, at first 0. */
    void (*loss)(void *context, int worker, struct share slice, const float *output, float *output_gradient,
                 double sums[TRAINER_SUMS]);
    void *context;
};

/* What a batch came to, the same on every rank. */
struct trainer_result {
    float sums[TRAINER_SUMS]; /* over all images of the batch */
    bool stop;                /* any rank was asked to stop */
};

/* Collective. Forward and backward of a batch: returns the summed gradient (parameter_count), owned by the
 * trainer, which the caller may change before trainer_apply. */
float *trainer_gradient(struct trainer *trainer, const struct trainer_batch *batch,
                        struct trainer_result *result);

/* Takes the step of the last gradient, and that of the running statistics. */
void trainer_apply(struct trainer *trainer, float rate);

/* Collective. Both. STATUS_MISMATCH, on every rank, when the loss is no number or beyond 1e30: no step is
 * taken then. */
enum status trainer_step(struct trainer *trainer, const struct trainer_batch *batch, float rate,
                         struct trainer_result *result);

/* --- a loss that needs other networks' outputs too (options.hold) --- */

/* Runs this rank's slices of batch->inputs (needed; load and loss are not called): outputs (images, output
 * shape) receives the rows of those slices. */
void trainer_forward(struct trainer *trainer, const struct trainer_batch *batch, float *outputs);

/* Collective. After trainer_forward of the same batch: backward from output_gradient (images, output shape),
 * as trainer_gradient. */
float *trainer_backward(struct trainer *trainer, const struct trainer_batch *batch,
                        const float *output_gradient);

#endif
