#include "jobs/network_bench.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/gemm.h"
#include "compute/network/optimiser.h"
#include "compute/network/pass.h"
#include "mpi/ranks.h"
#include "mpi/run_progress.h"
#include "mpi/training/slice_sum.h"
#include "mpi/training/slices.h"

/* The product that stands for what BLIS can do at all: large enough to reach its best, small enough to take
 * no longer than a batch. */
enum { GEMM_SIZE = 1024 };

/* Streams of random numbers (compute/base/random.h). */
enum { STREAM_IMAGES = 0x424d, STREAM_LABELS, BENCH_SEED = 1 };

/* One thread's own. */
struct worker {
    struct pass *pass;
    double *seconds;  /* (2, layer_count): forward, backward */
    float *a, *b, *c; /* of the sgemm, GEMM_SIZE² each */
};

struct runner {
    const struct network_bench *bench;
    bool training;
    struct share slices; /* this rank's */
    int32_t slice_total;
    float *images;   /* of this rank's slices (rank images, H, W, C) */
    int32_t *labels; /* (rank images) */
    int64_t first_image;
    int worker_count;
    struct worker *workers;

    struct slice_sum *sum; /* training alone, as the next two */
    float *total, *velocity;

    double *layer_seconds;              /* (repeats, 2, layer_count), all ranks */
    double *batch_seconds, *gemm_flops; /* (repeats) */
};

static size_t layer_times(const struct runner *runner)
{
    return 2 * (size_t)runner->bench->network->layer_count;
}

/* --- making --- */

static enum status worker_create(const struct runner *runner, struct worker *worker)
{
    const struct network_bench *bench = runner->bench;
    int32_t images = (int32_t)share_of(bench->batch_images, runner->slice_total, 0).count;
    enum status status =
        pass_create(bench->network, images, runner->training ? PASS_TRAIN : PASS_INFER, &worker->pass);
    if (status == STATUS_OK)
        status = memory_allocate(&worker->seconds, layer_times(runner), sizeof(double), "times of layers");
    if (status == STATUS_OK)
        pass_set_timing(worker->pass, worker->seconds, worker->seconds + bench->network->layer_count);
    return status;
}

static enum status make_images(struct runner *runner)
{
    const struct network_bench *bench = runner->bench;
    size_t image = shape_count(network_input_shape(bench->network)), floats = 0;
    int64_t images = 0;
    for (int64_t i = 0; i < runner->slices.count; i++)
        images += share_of(bench->batch_images, runner->slice_total, runner->slices.first + i).count;
    if (images > 0)
        runner->first_image = share_of(bench->batch_images, runner->slice_total, runner->slices.first).first;
    if (!size_multiply((size_t)images, image, &floats))
        return error_set(STATUS_NO_MEMORY, "%lld images are more than memory can address", (long long)images);
    enum status status = memory_allocate(&runner->images, floats, sizeof(float), "images");
    if (status == STATUS_OK)
        status = memory_allocate(&runner->labels, (size_t)images, sizeof(int32_t), "labels");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < floats; i++)
        runner->images[i] =
            random_normal(BENCH_SEED, STREAM_IMAGES, (uint64_t)runner->first_image * image + i);
    for (int64_t i = 0; i < images; i++)
        runner->labels[i] =
            (int32_t)random_below(BENCH_SEED, STREAM_LABELS, (uint64_t)(runner->first_image + i),
                                  (uint64_t)bench->network->class_count);
    return STATUS_OK;
}

static size_t vector_length(const struct network *network)
{
    return network->parameter_count + network->statistic_count;
}

static enum status make_own(struct runner *runner)
{
    const struct network_bench *bench = runner->bench;
    size_t repeats = (size_t)bench->repeats, length = vector_length(bench->network);
    runner->worker_count = bench->job->threads;
    enum status status = make_images(runner);
    if (status == STATUS_OK)
        status = memory_allocate(&runner->workers, (size_t)runner->worker_count, sizeof *runner->workers,
                                 "workers");
    for (int i = 0; i < runner->worker_count && status == STATUS_OK; i++)
        status = worker_create(runner, &runner->workers[i]);
    if (status == STATUS_OK)
        status = memory_allocate(&runner->layer_seconds, repeats * layer_times(runner), sizeof(double),
                                 "times of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&runner->batch_seconds, repeats, sizeof(double), "times of batches");
    if (status == STATUS_OK)
        status = memory_allocate(&runner->gemm_flops, repeats, sizeof(double), "speeds of sgemm");
    if (status == STATUS_OK && runner->training)
        status = memory_allocate(&runner->total, length, sizeof(float), "summed gradient");
    if (status == STATUS_OK && runner->training)
        status =
            memory_allocate(&runner->velocity, bench->network->parameter_count, sizeof(float), "velocity");
    return status;
}

static enum status runner_make(struct runner *runner)
{
    const struct network_bench *bench = runner->bench;
    MPI_Comm comm = bench->job->comm;
    runner->slice_total = slice_count(bench->batch_images);
    runner->slices = share_of(runner->slice_total, bench->job->rank_count, bench->job->rank);
    enum status status = ranks_agree(comm, make_own(runner));
    if (status == STATUS_OK && runner->training)
        status =
            slice_sum_create(comm, runner->slice_total, (int64_t)vector_length(bench->network), &runner->sum);
    return status;
}

static void runner_clear(struct runner *runner)
{
    for (int i = 0; runner->workers != NULL && i < runner->worker_count; i++) {
        struct worker *worker = &runner->workers[i];
        pass_destroy(&worker->pass);
        memory_free(&worker->seconds);
        memory_free(&worker->a);
        memory_free(&worker->b);
        memory_free(&worker->c);
    }
    memory_free(&runner->workers);
    memory_free(&runner->images);
    memory_free(&runner->labels);
    memory_free(&runner->layer_seconds);
    memory_free(&runner->batch_seconds);
    memory_free(&runner->gemm_flops);
    memory_free(&runner->total);
    memory_free(&runner->velocity);
    slice_sum_destroy(&runner->sum);
}

/* --- running --- */

static void run_slice(struct runner *runner, struct worker *worker, int32_t local)
{
    const struct network_bench *bench = runner->bench;
    struct share images = share_of(bench->batch_images, runner->slice_total, runner->slices.first + local);
    int64_t first = images.first - runner->first_image;
    const float *x = runner->images + (size_t)first * shape_count(network_input_shape(bench->network));
    if (!runner->training) {
        pass_forward(worker->pass, (int32_t)images.count, x);
        return;
    }
    float *vector = slice_sum_vector(runner->sum, local);
    struct slice_result result = {.gradient = vector, .statistics = vector + bench->network->parameter_count};
    pass_train(worker->pass, (int32_t)images.count, x, runner->labels + first, bench->batch_images, &result);
}

/* Collective. */
static void run_batch(struct runner *runner)
{
    const struct sgd_options sgd = {.momentum = 0.9F, .nesterov = true, .weight_decay = 1e-4F};
    struct network *network = runner->bench->network;
#pragma omp parallel for schedule(dynamic, 1) num_threads(runner->worker_count)
    for (int32_t i = 0; i < (int32_t)runner->slices.count; i++)
        run_slice(runner, &runner->workers[omp_get_thread_num()], i);
    if (!runner->training)
        return;
    slice_sum_run(runner->sum, runner->slice_total, runner->total);
    sgd_step(network, &sgd, 1e-3F, runner->total, runner->velocity);
}

/* All threads multiply matrices of their own at once; FLOP/s of this rank. */
static double run_gemm(struct runner *runner)
{
    double started = seconds_now();
#pragma omp parallel num_threads(runner->worker_count)
    {
        struct worker *worker = &runner->workers[omp_get_thread_num()];
        gemm(GEMM_SIZE, GEMM_SIZE, GEMM_SIZE, matrix_rows(worker->a, GEMM_SIZE),
             matrix_rows(worker->b, GEMM_SIZE), 0.0F, worker->c, GEMM_SIZE);
    }
    double flops = 2.0 * GEMM_SIZE * GEMM_SIZE * GEMM_SIZE * runner->worker_count;
    return flops / (seconds_now() - started);
}

static enum status make_gemm(struct runner *runner)
{
    const size_t count = (size_t)GEMM_SIZE * GEMM_SIZE;
    enum status status = STATUS_OK;
    for (int i = 0; i < runner->worker_count && status == STATUS_OK; i++) {
        struct worker *worker = &runner->workers[i];
        status = memory_allocate(&worker->a, count, sizeof(float), "sgemm");
        if (status == STATUS_OK)
            status = memory_allocate(&worker->b, count, sizeof(float), "sgemm");
        if (status == STATUS_OK)
            status = memory_allocate(&worker->c, count, sizeof(float), "sgemm");
        for (size_t j = 0; j < count && status == STATUS_OK; j++)
            worker->a[j] = worker->b[j] = random_uniform(BENCH_SEED, STREAM_IMAGES, j);
    }
    return ranks_agree(runner->bench->job->comm, status);
}

/* Collective. Both the product and the batch in turn, so that whatever slows the machine slows both. */
static void measure(struct runner *runner, int32_t repeat)
{
    MPI_Comm comm = runner->bench->job->comm;
    size_t times = layer_times(runner);
    double *layers = runner->layer_seconds + (size_t)repeat * times;
    MPI_Barrier(comm);
    runner->gemm_flops[repeat] = run_gemm(runner);
    for (int i = 0; i < runner->worker_count; i++)
        memset(runner->workers[i].seconds, 0, times * sizeof(double));
    MPI_Barrier(comm);
    double started = seconds_now();
    run_batch(runner);
    MPI_Barrier(comm);
    runner->batch_seconds[repeat] = seconds_now() - started;
    for (int i = 0; i < runner->worker_count; i++)
        for (size_t j = 0; j < times; j++)
            layers[j] += runner->workers[i].seconds[j];
    MPI_Allreduce(MPI_IN_PLACE, layers, (int)times, MPI_DOUBLE, MPI_SUM, comm);
    MPI_Allreduce(MPI_IN_PLACE, &runner->gemm_flops[repeat], 1, MPI_DOUBLE, MPI_SUM, comm);
}

/* --- the result --- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static double median(double *values, int32_t count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void find_flops(const struct runner *runner, struct network_speed *speed, bool *trained)
{
    const struct network *network = runner->bench->network;
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        double products = 2.0 * (double)layer_multiply_adds(network, i) * runner->bench->batch_images;
        bool input_trained = false;
        for (int32_t k = 0; k < layer->input_count; k++)
            input_trained = input_trained || trained[layer->inputs[k]];
        trained[i] = input_trained || layer->parameter_count > 0;
        speed->forward[i].flops = products;
        if (runner->training) /* for the weights, and for the input where something before it learns */
            speed->backward[i].flops = input_trained ? 2 * products : products;
        speed->flops += speed->forward[i].flops + speed->backward[i].flops;
    }
}

/* seconds (repeats) is for sorting. */
static void find_medians(struct runner *runner, double *seconds, struct network_speed *speed)
{
    size_t layers = (size_t)runner->bench->network->layer_count;
    int32_t repeats = runner->bench->repeats;
    for (size_t j = 0; j < 2 * layers; j++) {
        for (int32_t r = 0; r < repeats; r++)
            seconds[r] = runner->layer_seconds[(size_t)r * 2 * layers + j];
        *(j < layers ? &speed->forward[j].seconds : &speed->backward[j - layers].seconds) =
            median(seconds, repeats);
    }
    speed->batch_seconds = median(runner->batch_seconds, repeats);
    speed->gemm_flops = median(runner->gemm_flops, repeats);
}

static enum status summarise(struct runner *runner, struct network_speed *speed)
{
    size_t layers = (size_t)runner->bench->network->layer_count;
    bool *trained = NULL;
    double *seconds = NULL;
    enum status status = memory_allocate(&trained, layers, sizeof *trained, "speeds of layers");
    if (status == STATUS_OK)
        status =
            memory_allocate(&seconds, (size_t)runner->bench->repeats, sizeof *seconds, "speeds of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&speed->forward, layers, sizeof *speed->forward, "speeds of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&speed->backward, layers, sizeof *speed->backward, "speeds of layers");
    if (status == STATUS_OK) {
        find_flops(runner, speed, trained);
        find_medians(runner, seconds, speed);
    }
    memory_free(&trained);
    memory_free(&seconds);
    return status;
}

/* Collective. */
static void measure_memory(const struct runner *runner, struct network_speed *speed)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t bytes[2] = {0, (int64_t)usage.ru_maxrss * 1024};
    for (int i = 0; i < runner->worker_count; i++)
        bytes[0] += (int64_t)pass_memory_bytes(runner->workers[i].pass);
    MPI_Allreduce(MPI_IN_PLACE, bytes, 2, MPI_INT64_T, MPI_SUM, runner->bench->job->comm);
    speed->pass_bytes = bytes[0];
    speed->peak_bytes = bytes[1];
}

static enum status run(const struct network_bench *bench, bool training, struct network_speed *speed)
{
    struct runner runner = {.bench = bench, .training = training};
    *speed = (struct network_speed){0};
    enum status status = runner_make(&runner);
    if (status == STATUS_OK) {
        run_batch(&runner);
        measure_memory(&runner, speed);
        status = make_gemm(&runner);
    }
    for (int32_t i = 0; i < bench->repeats && status == STATUS_OK; i++)
        measure(&runner, i);
    if (status == STATUS_OK)
        status = ranks_agree(bench->job->comm, summarise(&runner, speed));
    runner_clear(&runner);
    return status;
}

enum status network_bench_training(const struct network_bench *bench, struct network_speed *speed)
{
    return run(bench, true, speed);
}

enum status network_bench_inference(const struct network_bench *bench, struct network_speed *speed)
{
    return run(bench, false, speed);
}

void network_speed_clear(struct network_speed *speed)
{
    memory_free(&speed->forward);
    memory_free(&speed->backward);
}
