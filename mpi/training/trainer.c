#include "mpi/training/trainer.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/pass.h"
#include "mpi/training/slice_sum.h"
#include "mpi/training/slices.h"

/* One thread's own, or one slice's when passes are held: what a slice needs to run. */
struct worker {
    struct pass *pass;
    float *inputs;          /* (slice images, input shape) */
    float *output_gradient; /* (slice images, output shape) */
};

struct trainer {
    MPI_Comm comm;
    struct network *network;
    struct trainer_options options;
    size_t input_floats, output_floats; /* of one image */
    int32_t slice_images_max;
    int thread_count;
    int worker_count; /* threads; slices of this rank when passes are held */
    struct worker *workers;
    struct slice_sum *sum;
    float *total; /* the batch's summed vector: gradient, statistics, sums, stop */
    float *velocity;
};

/* A slice's vector: the gradient, the batch-norm statistics weighted by the slice's part of the batch, the
 * loss's sums, and whether to stop. */
static size_t vector_length(const struct network *network)
{
    return network->parameter_count + network->statistic_count + TRAINER_SUMS + 1;
}

static int32_t largest_slice(int32_t images)
{
    return images > 0 ? (int32_t)share_of(images, slice_count(images), 0).count : 0;
}

static enum status worker_create(const struct trainer *trainer, struct worker *worker)
{
    size_t images = (size_t)trainer->slice_images_max;
    enum status status = pass_create(trainer->network, trainer->slice_images_max, PASS_TRAIN, &worker->pass);
    if (status == STATUS_OK && !trainer->options.hold)
        status = memory_allocate(&worker->inputs, images * trainer->input_floats, sizeof(float),
                                 "images of a slice");
    if (status == STATUS_OK && !trainer->options.hold)
        status = memory_allocate(&worker->output_gradient, images * trainer->output_floats, sizeof(float),
                                 "gradient of a slice's output");
    return status;
}

static void worker_destroy(struct worker *worker)
{
    pass_destroy(&worker->pass);
    memory_free(&worker->inputs);
    memory_free(&worker->output_gradient);
}

static enum status allocate(struct trainer *trainer)
{
    const struct network *network = trainer->network;
    int32_t rest = trainer->options.rest_images;
    trainer->input_floats = shape_count(network_input_shape(network));
    trainer->output_floats = shape_count(network->layers[network->layer_count - 1].shape);
    trainer->slice_images_max = largest_slice(trainer->options.batch_images);
    if (largest_slice(rest) > trainer->slice_images_max)
        trainer->slice_images_max = largest_slice(rest);
    /* No more passes than slices a rank can have: a pass is memory. */
    int slices =
        (int)share_of(slice_count(trainer->options.batch_images), ranks_count(trainer->comm), 0).count;
    trainer->thread_count = omp_get_max_threads() < slices ? omp_get_max_threads() : slices;
    trainer->worker_count = trainer->options.hold ? slices : trainer->thread_count;
    enum status status =
        memory_allocate(&trainer->total, vector_length(network), sizeof(float), "summed gradient");
    if (status == STATUS_OK)
        status = memory_allocate(&trainer->velocity, network->parameter_count, sizeof(float), "velocity");
    if (status == STATUS_OK)
        status = memory_allocate(&trainer->workers, (size_t)trainer->worker_count, sizeof(struct worker),
                                 "workers");
    for (int i = 0; i < trainer->worker_count && status == STATUS_OK; i++)
        status = worker_create(trainer, &trainer->workers[i]);
    return status;
}

enum status trainer_create(MPI_Comm comm, struct network *network, const struct trainer_options *options,
                           struct trainer **trainer)
{
    struct trainer *made = NULL;
    *trainer = NULL;
    enum status status = memory_allocate(&made, 1, sizeof *made, "trainer");
    if (status == STATUS_OK) {
        made->comm = comm;
        made->network = network;
        made->options = *options;
        status = allocate(made);
    }
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = slice_sum_create(comm, slice_count(options->batch_images), (int64_t)vector_length(network),
                                  &made->sum);
    if (status != STATUS_OK)
        trainer_destroy(&made);
    *trainer = made;
    return status;
}

void trainer_destroy(struct trainer **trainer)
{
    struct trainer *gone = *trainer;
    if (gone == NULL)
        return;
    slice_sum_destroy(&gone->sum);
    for (int i = 0; gone->workers != NULL && i < gone->worker_count; i++)
        worker_destroy(&gone->workers[i]);
    memory_free(&gone->workers);
    memory_free(&gone->total);
    memory_free(&gone->velocity);
    memory_free(trainer);
}

int trainer_worker_count(const struct trainer *trainer)
{
    return trainer->thread_count;
}

int32_t trainer_slice_images(const struct trainer *trainer)
{
    return trainer->slice_images_max;
}

float *trainer_velocity(struct trainer *trainer)
{
    return trainer->velocity;
}

/* --- one batch --- */

static float *sums_of(const struct trainer *trainer, float *vector)
{
    return vector + trainer->network->parameter_count + trainer->network->statistic_count;
}

/* The backward half of a slice: fills its vector. */
static void finish_slice(const struct trainer *trainer, struct worker *worker, struct share slice,
                         int32_t batch_images, const float *inputs, const float *output_gradient,
                         float *vector)
{
    const struct network *network = trainer->network;
    float *statistics = vector + network->parameter_count;
    pass_backward(worker->pass, (int32_t)slice.count, inputs, output_gradient, vector, statistics);
    float part = (float)slice.count / (float)batch_images;
    for (size_t i = 0; i < network->statistic_count; i++)
        statistics[i] *= part;
    memset(sums_of(trainer, vector), 0, (TRAINER_SUMS + 1) * sizeof(float));
    if (trainer->options.stop != NULL)
        sums_of(trainer, vector)[TRAINER_SUMS] = *trainer->options.stop ? 1.0F : 0.0F;
}

static void run_slice(const struct trainer *trainer, int thread, const struct trainer_batch *batch,
                      struct share slice, float *vector)
{
    struct worker *worker = &trainer->workers[thread];
    double sums[TRAINER_SUMS] = {0};
    const float *inputs = worker->inputs;
    if (batch->inputs != NULL)
        inputs = batch->inputs + (size_t)slice.first * trainer->input_floats;
    else
        batch->load(batch->context, thread, slice, worker->inputs);
    const float *output = pass_forward(worker->pass, (int32_t)slice.count, inputs);
    batch->loss(batch->context, thread, slice, output, worker->output_gradient, sums);
    finish_slice(trainer, worker, slice, batch->images, inputs, worker->output_gradient, vector);
    for (int i = 0; i < TRAINER_SUMS; i++)
        sums_of(trainer, vector)[i] = (float)sums[i];
}

/* Collective. Ranks without a slice of this batch have no vector to put their signal into. */
static void share_stop(struct trainer *trainer, int32_t slices)
{
    if (trainer->options.stop == NULL || ranks_count(trainer->comm) <= slices)
        return;
    int stop = *trainer->options.stop != 0;
    MPI_Allreduce(MPI_IN_PLACE, &stop, 1, MPI_INT, MPI_MAX, trainer->comm);
    if (stop)
        sums_of(trainer, trainer->total)[TRAINER_SUMS] = 1.0F;
}

float *trainer_gradient(struct trainer *trainer, const struct trainer_batch *batch,
                        struct trainer_result *result)
{
    assert(!trainer->options.hold);
    int32_t slices = slice_count(batch->images);
    struct share own = slice_sum_share(trainer->sum, slices);
#pragma omp parallel for schedule(dynamic, 1) num_threads(trainer->thread_count)
    for (int64_t i = 0; i < own.count; i++)
        run_slice(trainer, omp_get_thread_num(), batch, share_of(batch->images, slices, own.first + i),
                  slice_sum_vector(trainer->sum, (int32_t)i));
    slice_sum_run(trainer->sum, slices, trainer->total);
    share_stop(trainer, slices);
    const float *sums = sums_of(trainer, trainer->total);
    memcpy(result->sums, sums, sizeof result->sums);
    result->stop = sums[TRAINER_SUMS] > 0;
    return trainer->total;
}

void trainer_apply(struct trainer *trainer, float rate)
{
    sgd_step(trainer->network, &trainer->options.sgd, rate, trainer->total, trainer->velocity);
    statistics_step(trainer->network, trainer->total + trainer->network->parameter_count);
}

enum status trainer_step(struct trainer *trainer, const struct trainer_batch *batch, float rate,
                         struct trainer_result *result)
{
    trainer_gradient(trainer, batch, result);
    if (!(result->sums[0] < 1e30F))
        return error_set(STATUS_MISMATCH, "training diverged: the loss is %g; use a smaller learning rate",
                         (double)result->sums[0]);
    trainer_apply(trainer, rate);
    return STATUS_OK;
}

void trainer_forward(struct trainer *trainer, const struct trainer_batch *batch, float *outputs)
{
    assert(trainer->options.hold && batch->inputs != NULL);
    int32_t slices = slice_count(batch->images);
    struct share own = slice_sum_share(trainer->sum, slices);
#pragma omp parallel for schedule(dynamic, 1) num_threads(trainer->thread_count)
    for (int64_t i = 0; i < own.count; i++) {
        struct share slice = share_of(batch->images, slices, own.first + i);
        const float *output = pass_forward(trainer->workers[i].pass, (int32_t)slice.count,
                                           batch->inputs + (size_t)slice.first * trainer->input_floats);
        memcpy(outputs + (size_t)slice.first * trainer->output_floats, output,
               (size_t)slice.count * trainer->output_floats * sizeof(float));
    }
}

float *trainer_backward(struct trainer *trainer, const struct trainer_batch *batch,
                        const float *output_gradient)
{
    int32_t slices = slice_count(batch->images);
    struct share own = slice_sum_share(trainer->sum, slices);
#pragma omp parallel for schedule(dynamic, 1) num_threads(trainer->thread_count)
    for (int64_t i = 0; i < own.count; i++) {
        struct share slice = share_of(batch->images, slices, own.first + i);
        finish_slice(trainer, &trainer->workers[i], slice, batch->images,
                     batch->inputs + (size_t)slice.first * trainer->input_floats,
                     output_gradient + (size_t)slice.first * trainer->output_floats,
                     slice_sum_vector(trainer->sum, (int32_t)i));
    }
    slice_sum_run(trainer->sum, slices, trainer->total);
    return trainer->total;
}
