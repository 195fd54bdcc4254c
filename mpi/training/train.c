#include "mpi/training/train.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/softmax.h"
#include "modules/judgement.h"
#include "mpi/evaluate.h"
#include "mpi/ranks.h"
#include "mpi/training/checkpoint.h"
#include "mpi/training/trainer.h"

/* Streams of random numbers (compute/base/random.h). */
enum { STREAM_SHUFFLE = 0x5348 };

/* What the loss adds up: the trainer's sums. */
enum { SUM_LOSS, SUM_CORRECT };

/* One thread's own, for the slice it loads. */
struct worker {
    uint8_t *augmented; /* (H, W, C) */
    int32_t *labels;    /* (slice images) */
};

struct train_run {
    const struct training *run;
    struct network *network;
    struct training_position position;

    int64_t batches; /* an epoch */
    uint32_t *order; /* the epoch's permutation of the training images */
    struct trainer *trainer;
    int worker_count;
    struct worker *workers;

    int64_t batch_first; /* the present batch: order[batch_first …] */
    int32_t batch_images;

    struct classifier view; /* of the network, for the test set; owns nothing */
    struct joined_dataset test_set;
    struct dataset_join test_join; /* of the test set alone */
    struct joined_run *test_run;
    double epoch_started;
    int64_t epoch_images; /* trained since epoch_started */
};

static enum status damaged_checkpoint(const struct train_run *train, const char *what)
{
    return error_set(STATUS_FORMAT, "%s: %s; the checkpoint is damaged, start afresh without --resume",
                     train->run->checkpoint_path, what);
}

/* What was learned, into this run's network: in all else they must be the same. */
static enum status take_learned(struct train_run *train, const struct network *saved)
{
    struct network *network = train->network;
    uint8_t digest[DIGEST_BYTES], saved_digest[DIGEST_BYTES];
    bool same = network->parameter_count == saved->parameter_count &&
                network->statistic_count == saved->statistic_count;
    if (same) {
        memcpy(network->parameters, saved->parameters, network->parameter_count * sizeof(float));
        memcpy(network->statistics, saved->statistics, network->statistic_count * sizeof(float));
        network_digest(network, digest);
        network_digest(saved, saved_digest);
        same = memcmp(digest, saved_digest, sizeof digest) == 0;
    }
    return same ? STATUS_OK : damaged_checkpoint(train, "its network is not the one that is trained");
}

/* *velocity: the checkpoint's, the caller's to free. */
static enum status start_from_checkpoint(struct train_run *train, float **velocity)
{
    struct network *saved = NULL;
    enum status status =
        checkpoint_read(train->run->checkpoint_path, train->run->records, &saved, velocity, &train->position);
    if (status == STATUS_OK)
        status = take_learned(train, saved);
    network_destroy(&saved);
    return status;
}

/* How many batches an epoch has is known by now. */
static enum status check_position(const struct train_run *train)
{
    const struct training_position *position = &train->position;
    const struct training *run = train->run;
    int64_t images = position->batch < train->batches ? position->batch * run->options->batch_images
                                                      : run->train->image_count;
    if (position->epoch > run->options->epochs || position->batch > train->batches ||
        position->image_sum != images || position->correct_sum > images)
        return damaged_checkpoint(train, "its place is none in this training");
    return STATUS_OK;
}

/* Collective. */
static enum status create_trainer(struct train_run *train)
{
    int64_t images = train->run->train->image_count;
    int32_t batch = train->run->options->batch_images;
    if (batch > images)
        batch = (int32_t)images;
    struct trainer_options options = {.batch_images = batch,
                                      .rest_images = (int32_t)(images % batch),
                                      .sgd = train->run->options->sgd,
                                      .stop = train->run->stop};
    train->batches = images / batch + (options.rest_images > 0);
    return trainer_create(train->run->comm, train->network, &options, &train->trainer);
}

static enum status create_workers(struct train_run *train)
{
    size_t image = shape_count(train->run->train->shape);
    size_t slice = (size_t)trainer_slice_images(train->trainer);
    train->worker_count = trainer_worker_count(train->trainer);
    enum status status = memory_allocate(&train->order, (size_t)train->run->train->image_count,
                                         sizeof(uint32_t), "order of images");
    if (status == STATUS_OK)
        status =
            memory_allocate(&train->workers, (size_t)train->worker_count, sizeof(struct worker), "workers");
    for (int i = 0; i < train->worker_count && status == STATUS_OK; i++) {
        status = memory_allocate(&train->workers[i].augmented, image, 1, "augmented image");
        if (status == STATUS_OK)
            status = memory_allocate(&train->workers[i].labels, slice, sizeof(int32_t), "labels of a slice");
    }
    return status;
}

static enum status create_test_run(struct train_run *train)
{
    if (train->run->test == NULL)
        return STATUS_OK;
    train->view = (struct classifier){.kind = "network",
                                      .label_count = train->network->class_count,
                                      .labels = train->network->class_names,
                                      .network = train->network};
    train->test_join = dataset_join_of(train->run->test, "the test set", &train->test_set);
    return joined_run_create(&train->view, &train->test_join, &train->test_run);
}

/* How many epochs there will be, and how many are behind a resumed run: no point of the learning curve. */
static void announce_epochs(const struct train_run *train)
{
    struct event event = event_make(EVENT_EPOCH);
    event.state = train->position.epoch > 0 ? STATE_RESUMED : STATE_NONE;
    event.done = train->position.epoch;
    event.total = train->run->options->epochs;
    run_progress_send(train->run->progress, &event);
}

/* Collective: all ranks learn of anybody's failure. */
static enum status prepare(struct train_run *train)
{
    MPI_Comm comm = train->run->comm;
    float *velocity = NULL;
    enum status status = STATUS_OK;
    if (train->run->resume)
        status = start_from_checkpoint(train, &velocity);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = create_trainer(train);
    if (status == STATUS_OK && velocity != NULL)
        memcpy(trainer_velocity(train->trainer), velocity, train->network->parameter_count * sizeof(float));
    memory_free(&velocity);
    if (status != STATUS_OK)
        return status;
    status = check_position(train);
    if (status == STATUS_OK)
        status = create_workers(train);
    if (status == STATUS_OK)
        status = create_test_run(train);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK && ranks_rank(comm) == 0)
        announce_epochs(train);
    return status;
}

static void clear(struct train_run *train)
{
    trainer_destroy(&train->trainer);
    joined_run_destroy(&train->test_run);
    for (int i = 0; train->workers != NULL && i < train->worker_count; i++) {
        memory_free(&train->workers[i].augmented);
        memory_free(&train->workers[i].labels);
    }
    memory_free(&train->workers);
    memory_free(&train->order);
}

/* --- one batch --- */

/* Fetches, augments and scales a slice of the batch. */
static void load_slice(void *context, int thread, struct share slice, float *inputs)
{
    struct train_run *train = context;
    const struct training *run = train->run;
    struct worker *worker = &train->workers[thread];
    struct shape shape = run->train->shape;
    size_t image_floats = shape_count(shape);
    for (int64_t i = 0; i < slice.count; i++) {
        uint32_t image = train->order[train->batch_first + slice.first + i];
        augment(&run->options->augmentation, shape, run->options->seed, (uint64_t)train->position.epoch,
                image, dataset_image(run->train, image), worker->augmented);
        scaling_apply(&train->network->scaling, (size_t)shape.h * (size_t)shape.w, shape.c, worker->augmented,
                      inputs + (size_t)i * image_floats);
        worker->labels[i] = dataset_label(run->train, image);
    }
}

static void slice_loss(void *context, int thread, struct share slice, const float *output,
                       float *output_gradient, double sums[TRAINER_SUMS])
{
    const struct train_run *train = context;
    int64_t correct = 0;
    sums[SUM_LOSS] = softmax_cross_entropy((int32_t)slice.count, train->network->class_count, output,
                                           train->workers[thread].labels, (float)(1.0 / train->batch_images),
                                           output_gradient, &correct);
    sums[SUM_CORRECT] = (double)correct;
}

/* --- the run --- */

static enum status save_checkpoint(const struct train_run *train)
{
    enum status status = STATUS_OK;
    if (ranks_rank(train->run->comm) == 0)
        status = checkpoint_write(train->run->checkpoint_path, train->network,
                                  trainer_velocity(train->trainer), &train->position, train->run->records);
    return ranks_agree(train->run->comm, status);
}

static enum status stop_here(const struct train_run *train)
{
    enum status status = save_checkpoint(train);
    if (status != STATUS_OK)
        return status;
    return error_set(
        STATUS_STOPPED,
        "stopped by a signal in epoch %lld after %lld of %lld batches; saved in %s, go on with --resume",
        (long long)train->position.epoch + 1, (long long)train->position.batch, (long long)train->batches,
        train->run->checkpoint_path);
}

static void tell_progress(const struct train_run *train)
{
    char activity[64];
    const struct train_options *options = train->run->options;
    double elapsed = seconds_now() - train->epoch_started;
    int64_t images = train->run->train->image_count;
    snprintf(activity, sizeof activity, "training, epoch %lld of %d", (long long)train->position.epoch + 1,
             (int)options->epochs);
    /* The images/s of the whole run, shared equally, so that the sum over ranks is right. */
    run_progress_rank(train->run->progress, activity, -1,
                      train->position.epoch * images + train->position.image_sum, options->epochs * images,
                      elapsed > 0 ? (double)train->epoch_images / elapsed / ranks_count(train->run->comm)
                                  : 0);
}

/* Collective. One batch, one step. *stop: whether any rank was asked to stop. */
static enum status train_batch(struct train_run *train, bool *stop)
{
    const struct training *run = train->run;
    const struct train_options *options = run->options;
    int64_t left = run->train->image_count - train->position.batch * options->batch_images;
    int64_t step = train->position.epoch * train->batches + train->position.batch;
    train->batch_first = train->position.batch * options->batch_images;
    train->batch_images = left < options->batch_images ? (int32_t)left : options->batch_images;
    struct trainer_batch batch = {
        .images = train->batch_images, .load = load_slice, .loss = slice_loss, .context = train};
    struct trainer_result result;
    float rate = schedule_rate(options->schedule, options->rate, step, options->epochs * train->batches);
    enum status status = trainer_step(train->trainer, &batch, rate, &result);
    if (status != STATUS_OK)
        return error_set(status,
                         "training diverged in epoch %lld, batch %lld: the loss is %g; use a smaller --rate",
                         (long long)train->position.epoch + 1, (long long)train->position.batch + 1,
                         (double)result.sums[SUM_LOSS]);

    train->position.batch++;
    train->position.loss_sum += (double)result.sums[SUM_LOSS];
    train->position.correct_sum += (int64_t)result.sums[SUM_CORRECT];
    train->position.image_sum += train->batch_images;
    train->epoch_images += train->batch_images;
    *stop = result.stop;
    tell_progress(train);
    return STATUS_OK;
}

/* Collective. */
static enum status test_accuracy(struct train_run *train, double *top1)
{
    struct judgement *judgement = NULL;
    enum status status = ranks_agree(
        train->run->comm, judgement_create(&train->view, "the network", &train->test_join, NULL, &judgement));
    if (status == STATUS_OK)
        status = evaluate_classifier(train->run->comm, &train->view, train->test_run, &train->test_join,
                                     judgement, train->run->stop, train->run->progress);
    if (status == STATUS_OK)
        *top1 = judgement_top1(judgement);
    judgement_destroy(&judgement);
    return status;
}

static void tell_epoch(const struct train_run *train, const struct epoch_result *result)
{
    struct event event = event_make(EVENT_EPOCH);
    event.done = result->epoch;
    event.total = train->run->options->epochs;
    event.loss = result->loss;
    event.train_top1 = result->train_top1;
    event.value = result->test_top1;
    if (ranks_rank(train->run->comm) == 0)
        run_progress_send(train->run->progress, &event);
    if (train->run->on_epoch != NULL)
        train->run->on_epoch(train->run->context, result);
}

/* Collective. Finishes the epoch's books, measures, saves. */
static enum status finish_epoch(struct train_run *train)
{
    struct training_position *position = &train->position;
    struct epoch_result result = {.epoch = (int32_t)position->epoch + 1,
                                  .loss = position->loss_sum / (double)position->image_sum,
                                  .train_top1 = (double)position->correct_sum / (double)position->image_sum,
                                  .test_top1 = -1,
                                  .seconds = seconds_now() - train->epoch_started};
    /* Saved with all its batches done but not yet counted as an epoch: stopped while testing, a resumed run
     * tests it. */
    enum status status = save_checkpoint(train);
    if (status == STATUS_OK && train->test_run != NULL)
        status = test_accuracy(train, &result.test_top1);
    if (status == STATUS_STOPPED)
        error_set(STATUS_STOPPED, "stopped by a signal after epoch %lld; saved in %s, go on with --resume",
                  (long long)position->epoch + 1, train->run->checkpoint_path);
    if (status != STATUS_OK)
        return status;
    *position = (struct training_position){.epoch = position->epoch + 1};
    tell_epoch(train, &result);
    return STATUS_OK;
}

/* Collective. One epoch, or what a checkpoint left of it. */
static enum status train_epoch(struct train_run *train)
{
    const struct train_options *options = train->run->options;
    random_permutation(options->seed, STREAM_SHUFFLE + (uint64_t)train->position.epoch, train->order,
                       (size_t)train->run->train->image_count);
    train->epoch_started = seconds_now();
    train->epoch_images = 0;
    while (train->position.batch < train->batches) {
        bool stop = false;
        enum status status = train_batch(train, &stop);
        if (status == STATUS_OK && stop)
            status = stop_here(train);
        if (status != STATUS_OK)
            return status;
    }
    return finish_epoch(train);
}

enum status train_network(const struct training *training, struct network *network)
{
    struct train_run train = {.run = training, .network = network};
    enum status status = prepare(&train);
    while (status == STATUS_OK && train.position.epoch < training->options->epochs)
        status = train_epoch(&train);
    clear(&train);
    return status;
}
