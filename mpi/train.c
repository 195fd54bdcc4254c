#include "mpi/train.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/network/pass.h"
#include "modules/judgement.h"
#include "mpi/checkpoint.h"
#include "mpi/evaluate.h"
#include "mpi/ranks.h"
#include "mpi/slice_sum.h"
#include "mpi/slices.h"

/* Streams of random numbers (compute/base/random.h). */
enum { STREAM_SHUFFLE = 0x5348 };

/* A slice's vector: the gradient, the batch-norm statistics weighted by the slice's part of the batch, and
 * sums. */
enum { SUM_LOSS, SUM_CORRECT, SUM_STOP, SUM_COUNT };

/* One thread's own: it runs whole slices. */
struct worker {
    struct pass *pass;
    float *images;      /* (slice images, H, W, C), scaled */
    uint8_t *augmented; /* (H, W, C) */
    int32_t *labels;    /* (slice images) */
};

struct trainer {
    const struct training *run;
    struct network *network;
    float *velocity;
    struct training_position position;

    int64_t batches; /* an epoch */
    int32_t slice_images_max;
    uint32_t *order; /* the epoch's permutation of the training images */
    struct slice_sum *sum;
    float *total; /* the batch's summed vector */
    int worker_count;
    struct worker *workers;

    struct classifier view; /* of the network, for the test set; owns nothing */
    struct classifier_run *test_run;
    double epoch_started;
    int64_t epoch_images; /* trained since epoch_started */
};

static size_t vector_length(const struct network *network)
{
    return network->parameter_count + network->statistic_count + SUM_COUNT;
}

static enum status worker_create(const struct trainer *trainer, struct worker *worker)
{
    size_t image = shape_count(network_input_shape(trainer->network));
    size_t images = (size_t)trainer->slice_images_max;
    enum status status = pass_create(trainer->network, trainer->slice_images_max, PASS_TRAIN, &worker->pass);
    if (status == STATUS_OK)
        status = memory_allocate(&worker->images, images * image, sizeof(float), "images of a slice");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->augmented, image, 1, "augmented image");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->labels, images, sizeof(int32_t), "labels of a slice");
    return status;
}

static void worker_destroy(struct worker *worker)
{
    pass_destroy(&worker->pass);
    memory_free(&worker->images);
    memory_free(&worker->augmented);
    memory_free(&worker->labels);
}

static enum status start_from_checkpoint(struct trainer *trainer)
{
    struct network *network = NULL;
    enum status status = checkpoint_read(trainer->run->checkpoint_path, trainer->run->records, &network,
                                         &trainer->velocity, &trainer->position);
    if (status != STATUS_OK)
        return status;
    network_destroy(&trainer->network);
    trainer->network = network;
    return STATUS_OK;
}

static enum status create_workers(struct trainer *trainer)
{
    int64_t images = trainer->run->train->image_count;
    int32_t batch = trainer->run->options->batch_images;
    if (batch > images)
        batch = (int32_t)images;
    /* The last batch of an epoch may be smaller, and cut into slices of another size. */
    int32_t rest = (int32_t)(images % batch);
    trainer->slice_images_max = (int32_t)share_of(batch, slice_count(batch), 0).count;
    if (rest > 0) {
        int32_t rest_images = (int32_t)share_of(rest, slice_count(rest), 0).count;
        if (rest_images > trainer->slice_images_max)
            trainer->slice_images_max = rest_images;
    }
    trainer->batches = images / batch + (rest > 0);
    enum status status =
        memory_allocate(&trainer->order, (size_t)images, sizeof(uint32_t), "order of images");
    if (status == STATUS_OK)
        status = memory_allocate(&trainer->total, vector_length(trainer->network), sizeof(float),
                                 "summed gradient");
    /* No more than the slices a rank can have: a pass is memory. */
    int64_t slices = share_of(slice_count(batch), ranks_count(trainer->run->comm), 0).count;
    trainer->worker_count = omp_get_max_threads() < slices ? omp_get_max_threads() : (int)slices;
    if (status == STATUS_OK)
        status = memory_allocate(&trainer->workers, (size_t)trainer->worker_count, sizeof(struct worker),
                                 "workers");
    for (int i = 0; i < trainer->worker_count && status == STATUS_OK; i++)
        status = worker_create(trainer, &trainer->workers[i]);
    return status;
}

static enum status create_test_run(struct trainer *trainer)
{
    if (trainer->run->test == NULL)
        return STATUS_OK;
    trainer->view = (struct classifier){.kind = "network",
                                        .label_count = trainer->network->class_count,
                                        .labels = trainer->network->class_names,
                                        .network = trainer->network};
    return classifier_run_create(&trainer->view, trainer->run->test->shape, &trainer->test_run, NULL);
}

/* How many epochs there will be, and how many are behind a resumed run: no point of the learning curve. */
static void announce_epochs(const struct trainer *trainer)
{
    struct event event = event_make(EVENT_EPOCH);
    event.state = trainer->position.epoch > 0 ? STATE_RESUMED : STATE_NONE;
    event.done = trainer->position.epoch;
    event.total = trainer->run->options->epochs;
    run_progress_send(trainer->run->progress, &event);
}

/* Collective: all ranks learn of anybody's failure. */
static enum status trainer_prepare(struct trainer *trainer)
{
    MPI_Comm comm = trainer->run->comm;
    enum status status = STATUS_OK;
    if (trainer->run->resume)
        status = start_from_checkpoint(trainer);
    else
        status =
            memory_allocate(&trainer->velocity, trainer->network->parameter_count, sizeof(float), "velocity");
    if (status == STATUS_OK)
        status = create_workers(trainer);
    if (status == STATUS_OK)
        status = create_test_run(trainer);
    status = ranks_agree(comm, status);
    if (status != STATUS_OK)
        return status;
    if (ranks_rank(comm) == 0)
        announce_epochs(trainer);
    return slice_sum_create(comm, slice_count(trainer->run->options->batch_images),
                            (int64_t)vector_length(trainer->network), &trainer->sum);
}

static void trainer_clear(struct trainer *trainer)
{
    slice_sum_destroy(&trainer->sum);
    classifier_run_destroy(&trainer->test_run);
    for (int i = 0; trainer->workers != NULL && i < trainer->worker_count; i++)
        worker_destroy(&trainer->workers[i]);
    memory_free(&trainer->workers);
    memory_free(&trainer->total);
    memory_free(&trainer->order);
    memory_free(&trainer->velocity);
}

/* --- one batch --- */

/* Fetches, augments and scales images order[first …] into the worker. */
static void load_slice(const struct trainer *trainer, struct worker *worker, int64_t first, int32_t count)
{
    const struct training *run = trainer->run;
    struct shape shape = run->train->shape;
    size_t image_floats = shape_count(shape);
    for (int32_t i = 0; i < count; i++) {
        uint32_t image = trainer->order[first + i];
        augment(&run->options->augmentation, shape, run->options->seed, (uint64_t)trainer->position.epoch,
                image, dataset_image(run->train, image), worker->augmented);
        scaling_apply(&trainer->network->scaling, (size_t)shape.h * (size_t)shape.w, shape.c,
                      worker->augmented, worker->images + (size_t)i * image_floats);
        worker->labels[i] = dataset_label(run->train, image);
    }
}

static void run_slice(const struct trainer *trainer, struct worker *worker, int64_t batch_first,
                      int32_t batch_images, struct share slice, float *vector)
{
    const struct network *network = trainer->network;
    float *statistics = vector + network->parameter_count, *sums = statistics + network->statistic_count;
    struct slice_result result = {.gradient = vector, .statistics = statistics};
    int32_t count = (int32_t)slice.count;
    load_slice(trainer, worker, batch_first + slice.first, count);
    pass_train(worker->pass, count, worker->images, worker->labels, batch_images, &result);
    float part = (float)count / (float)batch_images;
    for (size_t i = 0; i < network->statistic_count; i++)
        statistics[i] *= part;
    sums[SUM_LOSS] = (float)result.loss;
    sums[SUM_CORRECT] = (float)result.correct;
    sums[SUM_STOP] = *trainer->run->stop ? 1.0F : 0.0F;
}

/* Collective. Leaves the batch's summed vector in trainer->total. */
static void run_batch(struct trainer *trainer, int64_t first, int32_t images)
{
    int32_t slices = slice_count(images);
    struct share own = slice_sum_share(trainer->sum, slices);
#pragma omp parallel for schedule(dynamic, 1) num_threads(trainer->worker_count)
    for (int64_t i = 0; i < own.count; i++)
        run_slice(trainer, &trainer->workers[omp_get_thread_num()], first, images,
                  share_of(images, slices, own.first + i), slice_sum_vector(trainer->sum, (int32_t)i));
    slice_sum_run(trainer->sum, slices, trainer->total);

    /* Ranks without a slice of this batch have no vector to put their signal into. */
    if (ranks_count(trainer->run->comm) > slices) {
        int stop = *trainer->run->stop != 0;
        MPI_Allreduce(MPI_IN_PLACE, &stop, 1, MPI_INT, MPI_MAX, trainer->run->comm);
        if (stop)
            trainer->total[trainer->network->parameter_count + trainer->network->statistic_count + SUM_STOP] =
                1.0F;
    }
}

/* --- the run --- */

static enum status save_checkpoint(const struct trainer *trainer)
{
    enum status status = STATUS_OK;
    if (ranks_rank(trainer->run->comm) == 0)
        status = checkpoint_write(trainer->run->checkpoint_path, trainer->network, trainer->velocity,
                                  &trainer->position, trainer->run->records);
    return ranks_agree(trainer->run->comm, status);
}

static enum status stop_here(const struct trainer *trainer)
{
    enum status status = save_checkpoint(trainer);
    if (status != STATUS_OK)
        return status;
    return error_set(
        STATUS_STOPPED,
        "stopped by a signal in epoch %lld after %lld of %lld batches; saved in %s, go on with --resume",
        (long long)trainer->position.epoch + 1, (long long)trainer->position.batch,
        (long long)trainer->batches, trainer->run->checkpoint_path);
}

static void tell_progress(const struct trainer *trainer)
{
    char activity[64];
    const struct train_options *options = trainer->run->options;
    double elapsed = seconds_now() - trainer->epoch_started;
    int64_t images = trainer->run->train->image_count;
    snprintf(activity, sizeof activity, "training, epoch %lld of %d", (long long)trainer->position.epoch + 1,
             (int)options->epochs);
    /* The images/s of the whole run, shared equally, so that the sum over ranks is right. */
    run_progress_rank(
        trainer->run->progress, activity, -1, trainer->position.epoch * images + trainer->position.image_sum,
        options->epochs * images,
        elapsed > 0 ? (double)trainer->epoch_images / elapsed / ranks_count(trainer->run->comm) : 0);
}

/* Collective. One batch, one step. *stop: whether any rank was asked to stop. */
static enum status train_batch(struct trainer *trainer, bool *stop)
{
    const struct training *run = trainer->run;
    const struct train_options *options = run->options;
    struct network *network = trainer->network;
    int64_t first = trainer->position.batch * options->batch_images;
    int64_t left = run->train->image_count - first;
    int32_t images = left < options->batch_images ? (int32_t)left : options->batch_images;
    int64_t step = trainer->position.epoch * trainer->batches + trainer->position.batch;

    run_batch(trainer, first, images);
    const float *statistics = trainer->total + network->parameter_count;
    const float *sums = statistics + network->statistic_count;
    if (!(sums[SUM_LOSS] < 1e30F))
        return error_set(STATUS_MISMATCH,
                         "training diverged in epoch %lld, batch %lld: the loss is %g; use a smaller --rate",
                         (long long)trainer->position.epoch + 1, (long long)trainer->position.batch + 1,
                         (double)sums[SUM_LOSS]);
    float rate = schedule_rate(options->schedule, options->rate, step, options->epochs * trainer->batches);
    sgd_step(network, &options->sgd, rate, trainer->total, trainer->velocity);
    statistics_step(network, statistics);

    trainer->position.batch++;
    trainer->position.loss_sum += (double)sums[SUM_LOSS];
    trainer->position.correct_sum += (int64_t)sums[SUM_CORRECT];
    trainer->position.image_sum += images;
    trainer->epoch_images += images;
    *stop = sums[SUM_STOP] > 0;
    tell_progress(trainer);
    return STATUS_OK;
}

/* Collective. */
static enum status test_accuracy(struct trainer *trainer, double *top1)
{
    struct judgement *judgement = NULL;
    enum status status =
        ranks_agree(trainer->run->comm, judgement_create(&trainer->view, "the network", trainer->run->test,
                                                         "the test set", NULL, &judgement));
    if (status == STATUS_OK)
        status = evaluate_classifier(trainer->run->comm, trainer->test_run, trainer->view.label_count,
                                     trainer->run->test, NULL, judgement, trainer->run->stop, NULL);
    if (status == STATUS_OK)
        *top1 = judgement_top1(judgement);
    judgement_destroy(&judgement);
    return status;
}

static void tell_epoch(const struct trainer *trainer, const struct epoch_result *result)
{
    struct event event = event_make(EVENT_EPOCH);
    event.done = result->epoch;
    event.total = trainer->run->options->epochs;
    event.loss = result->loss;
    event.train_top1 = result->train_top1;
    event.value = result->test_top1;
    if (ranks_rank(trainer->run->comm) == 0)
        run_progress_send(trainer->run->progress, &event);
    if (trainer->run->on_epoch != NULL)
        trainer->run->on_epoch(trainer->run->context, result);
}

/* Collective. Finishes the epoch's books, measures, saves. */
static enum status finish_epoch(struct trainer *trainer)
{
    struct training_position *position = &trainer->position;
    struct epoch_result result = {.epoch = (int32_t)position->epoch + 1,
                                  .loss = position->loss_sum / (double)position->image_sum,
                                  .train_top1 = (double)position->correct_sum / (double)position->image_sum,
                                  .test_top1 = -1,
                                  .seconds = seconds_now() - trainer->epoch_started};
    /* Saved with all its batches done but not yet counted as an epoch: stopped while testing, a resumed run
     * tests it. */
    enum status status = save_checkpoint(trainer);
    if (status == STATUS_OK && trainer->test_run != NULL)
        status = test_accuracy(trainer, &result.test_top1);
    if (status == STATUS_STOPPED)
        error_set(STATUS_STOPPED, "stopped by a signal after epoch %lld; saved in %s, go on with --resume",
                  (long long)position->epoch + 1, trainer->run->checkpoint_path);
    if (status != STATUS_OK)
        return status;
    *position = (struct training_position){.epoch = position->epoch + 1};
    tell_epoch(trainer, &result);
    return STATUS_OK;
}

/* Collective. One epoch, or what a checkpoint left of it. */
static enum status train_epoch(struct trainer *trainer)
{
    const struct train_options *options = trainer->run->options;
    random_permutation(options->seed, STREAM_SHUFFLE + (uint64_t)trainer->position.epoch, trainer->order,
                       (size_t)trainer->run->train->image_count);
    trainer->epoch_started = seconds_now();
    trainer->epoch_images = 0;
    while (trainer->position.batch < trainer->batches) {
        bool stop = false;
        enum status status = train_batch(trainer, &stop);
        if (status == STATUS_OK && stop)
            status = stop_here(trainer);
        if (status != STATUS_OK)
            return status;
    }
    return finish_epoch(trainer);
}

enum status train_network(const struct training *training, struct network **network)
{
    struct trainer trainer = {.run = training, .network = *network};
    enum status status = trainer_prepare(&trainer);
    while (status == STATUS_OK && trainer.position.epoch < training->options->epochs)
        status = train_epoch(&trainer);
    *network = trainer.network;
    trainer_clear(&trainer);
    return status;
}
