#include "mpi/distill/distill_joint.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/digest.h"
#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/losses.h"
#include "modules/file/modules_file.h"
#include "mpi/classes/class_run.h"
#include "mpi/distill/distill_checkpoint.h"
#include "mpi/distill/distill_held.h"
#include "mpi/modules_store.h"
#include "mpi/training/trainer.h"

enum {
    LOOKS = 10,            /* at held-back images */
    ASKED_BLOCK = 4,       /* images that pass the parent together: few, since many ranks share a batch */
    STREAM_JOINT = 0x4a4f, /* of random numbers (compute/base/random.h) */
};

/* One of this rank's modules. */
struct pupil {
    struct module module;
    struct trainer *trainer;
    struct network *best; /* its best state, owned */
};

struct joint {
    const struct distill_joint *job;
    MPI_Comm comm;
    int32_t k, classes;   /* modules of all ranks; classes of the parent */
    struct share own;     /* rows of this rank */
    struct pupil *pupils; /* (own.count) */
    struct network *stem; /* read back from the file, to be written again */
    int32_t *rows;        /* (own.count) */

    int32_t batch;
    uint32_t *order;                       /* the epoch's permutation of the training images */
    int64_t epoch;                         /* of `order`; −1: none yet */
    struct shown_image *shown;             /* (batch) */
    float *features;                       /* (batch, features) */
    float *sent, *received;                /* see exchange */
    int *counts, *offsets;                 /* (ranks): floats of `received` */
    int *feature_counts, *feature_offsets; /* (ranks): floats of `features` */
    float *scores, *dscores, *targets;     /* (batch, k) */
    float *logits;                         /* (batch, classes) */
    float *column;                         /* (batch) */
    float *held_margins, *held_scores;     /* (held images), (held images, k) */
    double best_loss, best_top1;
    double exchange_seconds, feature_seconds, started;

    char *parts; /* RUN/parts */
    struct distill_checkpoint checkpoint;
    struct distill_state *states; /* (own.count) */
    double saved;                 /* when, seconds_now() */
    int64_t first_step;           /* steps made before this run */
};

/* --- making ready --- */

/* Parts are read back from files: a network of another input would read past the features. */
static enum status check_module(const struct joint *joint, const struct module *module, int64_t row)
{
    const struct distill_joint *job = joint->job;
    if (module->kind == MODULE_NETWORK && (module->parent >= 0) == (job->teacher->stem != NULL) &&
        shape_equals(network_input_shape(module->network), teacher_features(job->teacher)))
        return STATUS_OK;
    return error_set(STATUS_FORMAT,
                     "%s: module %lld does not stand on this run's stem; run again without --resume",
                     job->modules_path, (long long)row);
}

static enum status load_modules(struct joint *joint)
{
    const struct distill_joint *job = joint->job;
    struct module_set *set = NULL;
    enum status status = modules_file_load(job->modules_path, "modules", &set);
    if (status != STATUS_OK)
        return status;
    if (set->module_count != joint->k)
        status = error_set(STATUS_MISMATCH, "%s: %d modules, expected %d; run again without --resume",
                           job->modules_path, (int)set->module_count, (int)joint->k);
    if (status == STATUS_OK)
        status = memory_allocate(&joint->pupils, (size_t)joint->own.count, sizeof *joint->pupils, "modules");
    if (status == STATUS_OK)
        status = memory_allocate(&joint->rows, (size_t)joint->own.count, sizeof *joint->rows, "modules");
    for (int64_t i = 0; status == STATUS_OK && i < joint->own.count; i++) {
        struct module *from = &set->modules[joint->own.first + i];
        status = check_module(joint, from, joint->own.first + i);
        if (status != STATUS_OK)
            break;
        joint->rows[i] = (int32_t)(joint->own.first + i);
        joint->pupils[i].module = *from;
        memset(from, 0, sizeof *from);
    }
    if (status == STATUS_OK && set->parent_count > 0) {
        joint->stem = set->parents[0];
        set->parents[0] = NULL;
    }
    module_set_destroy(&set);
    return status;
}

static enum status prepare_pupils(struct joint *joint)
{
    const struct trainer_options options = {
        .batch_images = joint->batch,
        .sgd = {.momentum = 0.9F, .nesterov = true, .weight_decay = 1e-4F},
        .hold = true};
    enum status status = STATUS_OK;
    for (int64_t i = 0; status == STATUS_OK && i < joint->own.count; i++) {
        struct pupil *pupil = &joint->pupils[i];
        status = trainer_create(MPI_COMM_SELF, pupil->module.network, &options, &pupil->trainer);
        if (status == STATUS_OK)
            status = network_copy(pupil->module.network, &pupil->best);
    }
    return status;
}

static enum status prepare_checkpoint(struct joint *joint)
{
    const struct class_work *work = joint->job->work;
    size_t bytes = strlen(work->run_directory) + sizeof "/parts";
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX_BYTES];
    struct digest_state classes;
    struct option_records *records = &joint->checkpoint.records;
    joint->checkpoint.comm = joint->comm;
    *records = *work->records;
    distill_options_record_joint(joint->job->options, records);
    digest_begin(&classes);
    digest_add(&classes, work->classes, (size_t)work->class_count * sizeof *work->classes);
    digest_end(&classes, digest);
    digest_to_hex(digest, hex);
    option_records_add(records, "classes (digest)", "%s", hex);
    enum status status = memory_allocate(&joint->parts, bytes, 1, "folder of parts");
    if (status == STATUS_OK)
        status = memory_allocate(&joint->states, (size_t)joint->own.count, sizeof *joint->states, "modules");
    if (status != STATUS_OK)
        return status;
    snprintf(joint->parts, bytes, "%s/parts", work->run_directory);
    joint->checkpoint.parts = joint->parts;
    for (int64_t i = 0; i < joint->own.count; i++) {
        const struct pupil *pupil = &joint->pupils[i];
        joint->states[i] = (struct distill_state){work->classes[joint->own.first + i], pupil->module.network,
                                                  pupil->best, trainer_velocity(pupil->trainer)};
    }
    return STATUS_OK;
}

/* The images of a batch that a rank asks the parent about. */
static struct share asked_share(const struct joint *joint, int rank)
{
    int64_t blocks = (joint->batch + ASKED_BLOCK - 1) / ASKED_BLOCK;
    struct share share = share_of(blocks, ranks_count(joint->comm), rank);
    int64_t first = share.first * ASKED_BLOCK, end = (share.first + share.count) * ASKED_BLOCK;
    first = first < joint->batch ? first : joint->batch;
    end = end < joint->batch ? end : joint->batch;
    return (struct share){first, end - first};
}

static enum status prepare_buffers(struct joint *joint)
{
    const struct distill_joint *job = joint->job;
    size_t batch = (size_t)joint->batch, k = (size_t)joint->k, held = (size_t)job->held->count;
    size_t floats = shape_count(teacher_features(job->teacher));
    size_t ranks = (size_t)ranks_count(joint->comm), all = batch * (k + (size_t)joint->classes) + ranks;
    const struct {
        void *buffer;
        size_t count, bytes;
    } buffers[] = {
        {&joint->order, (size_t)job->images->train_count, sizeof *joint->order},
        {&joint->shown, batch, sizeof *joint->shown},
        {&joint->features, batch * floats, sizeof(float)},
        {&joint->sent, all, sizeof(float)},
        {&joint->received, all, sizeof(float)},
        {&joint->counts, ranks, sizeof(int)},
        {&joint->offsets, ranks, sizeof(int)},
        {&joint->feature_counts, ranks, sizeof(int)},
        {&joint->feature_offsets, ranks, sizeof(int)},
        {&joint->scores, batch * k, sizeof(float)},
        {&joint->dscores, batch * k, sizeof(float)},
        {&joint->targets, batch * k, sizeof(float)},
        {&joint->logits, batch * (size_t)joint->classes, sizeof(float)},
        {&joint->column, batch, sizeof(float)},
        {&joint->held_margins, held, sizeof(float)},
        {&joint->held_scores, held * k, sizeof(float)},
    };
    enum status status = STATUS_OK;
    size_t given = job->teacher->stem != NULL ? floats : 0; /* of an image, see make_features */
    size_t most = all > batch * given ? all : batch * given;
    if (most > INT_MAX)
        status =
            error_set(STATUS_USAGE,
                      "--joint-batch %d of %d classes: %zu numbers to exchange at once, at most %d can be "
                      "sent by MPI; use a smaller one",
                      (int)joint->batch, (int)joint->classes, most, INT_MAX);
    for (size_t i = 0; status == STATUS_OK && i < sizeof buffers / sizeof *buffers; i++)
        status = memory_allocate(buffers[i].buffer, buffers[i].count, buffers[i].bytes,
                                 "distilling modules together");
    int at = 0;
    for (int r = 0; status == STATUS_OK && r < (int)ranks; r++) {
        joint->counts[r] = (int)(share_of(joint->k, (int64_t)ranks, r).count * joint->batch +
                                 asked_share(joint, r).count * joint->classes + 1);
        joint->offsets[r] = at;
        at += joint->counts[r];
        joint->feature_counts[r] = (int)((size_t)asked_share(joint, r).count * given);
        joint->feature_offsets[r] = (int)((size_t)asked_share(joint, r).first * given);
    }
    return status;
}

static void clear(struct joint *joint)
{
    for (int64_t i = 0; joint->pupils != NULL && i < joint->own.count; i++) {
        trainer_destroy(&joint->pupils[i].trainer);
        module_clear(&joint->pupils[i].module);
        network_destroy(&joint->pupils[i].best);
    }
    memory_free(&joint->pupils);
    network_destroy(&joint->stem);
    memory_free(&joint->rows);
    memory_free(&joint->order);
    memory_free(&joint->shown);
    memory_free(&joint->features);
    memory_free(&joint->sent);
    memory_free(&joint->received);
    memory_free(&joint->counts);
    memory_free(&joint->offsets);
    memory_free(&joint->feature_counts);
    memory_free(&joint->feature_offsets);
    memory_free(&joint->scores);
    memory_free(&joint->dscores);
    memory_free(&joint->targets);
    memory_free(&joint->logits);
    memory_free(&joint->column);
    memory_free(&joint->held_margins);
    memory_free(&joint->held_scores);
    memory_free(&joint->parts);
    memory_free(&joint->states);
}

/* --- held-back images --- */

/* Collective. held_scores on every rank, of the modules as they are or at their best. */
static enum status score_held(struct joint *joint, bool best)
{
    const struct feature_set *held = joint->job->held;
    enum status status = STATUS_OK;
    memset(joint->held_scores, 0, (size_t)held->count * (size_t)joint->k * sizeof(float));
    for (int64_t i = 0; status == STATUS_OK && i < joint->own.count; i++) {
        const struct pupil *pupil = &joint->pupils[i];
        status = feature_set_outputs(held, best ? pupil->best : pupil->module.network, joint->held_margins);
        for (int64_t n = 0; n < held->count; n++)
            joint->held_scores[n * joint->k + joint->own.first + i] = joint->held_margins[n];
    }
    status = ranks_agree(joint->comm, status);
    /* Each number is one rank's, to which zeros are added. */
    if (status == STATUS_OK)
        for (int64_t n = 0; n < held->count; n += 4096) {
            int64_t rows = held->count - n < 4096 ? held->count - n : 4096;
            MPI_Allreduce(MPI_IN_PLACE, joint->held_scores + n * joint->k, (int)(rows * joint->k), MPI_FLOAT,
                          MPI_SUM, joint->comm);
        }
    return status;
}

/* Collective. */
static enum status measure_held(struct joint *joint, bool best, double *loss, double *top1)
{
    enum status status = score_held(joint, best);
    if (status == STATUS_OK)
        status = ranks_agree(joint->comm, distill_held_measure(joint->job->held, joint->job->work->classes,
                                                               joint->k, joint->held_scores,
                                                               joint->job->options->temperature, top1, loss));
    return status;
}

/* Of networks with the same layers. */
static void copy_state(const struct network *from, struct network *to)
{
    memcpy(to->parameters, from->parameters, from->parameter_count * sizeof(float));
    memcpy(to->statistics, from->statistics, from->statistic_count * sizeof(float));
}

/* Collective. */
static enum status look(struct joint *joint)
{
    double loss, top1;
    enum status status = measure_held(joint, false, &loss, &top1);
    if (status != STATUS_OK || !(loss < joint->best_loss))
        return status;
    joint->best_loss = loss;
    joint->best_top1 = top1;
    for (int64_t i = 0; i < joint->own.count; i++)
        copy_state(joint->pupils[i].module.network, joint->pupils[i].best);
    return STATUS_OK;
}

static void go_back_to_best(struct joint *joint)
{
    for (int64_t i = 0; i < joint->own.count; i++)
        copy_state(joint->pupils[i].best, joint->pupils[i].module.network);
}

/* --- a step --- */

static void draw_batch(struct joint *joint, int64_t step)
{
    const struct distill_images *images = joint->job->images;
    for (int32_t i = 0; i < joint->batch; i++) {
        int64_t place = step * joint->batch + i, epoch = place / images->train_count;
        if (epoch != joint->epoch) {
            random_permutation(joint->job->options->seed, STREAM_JOINT + (uint64_t)epoch, joint->order,
                               (size_t)images->train_count);
            joint->epoch = epoch;
        }
        joint->shown[i] = (struct shown_image){images->train[joint->order[place % images->train_count]],
                                               (int32_t)(epoch & 0x3fffffff)};
    }
}

/* Collective. Features of the whole batch, and logits of this rank's share of it. Features behind a stem are
 * made by the ranks that ask for the logits, and given to all; without one they are the images, which every
 * rank has. */
static void make_features(struct joint *joint, float *logits)
{
    double started = seconds_now();
    const struct distill_joint *job = joint->job;
    struct share mine = asked_share(joint, ranks_rank(joint->comm));
    size_t floats = shape_count(teacher_features(job->teacher));
    int64_t end = mine.first + mine.count;
    feature_maker_run(job->maker, joint->shown + mine.first, mine.count, ASKED_BLOCK,
                      joint->features + (size_t)mine.first * floats, logits);
    if (job->teacher->stem == NULL) {
        feature_maker_run(job->maker, joint->shown, mine.first, ASKED_BLOCK, joint->features, NULL);
        feature_maker_run(job->maker, joint->shown + end, joint->batch - end, ASKED_BLOCK,
                          joint->features + (size_t)end * floats, NULL);
    }
    joint->feature_seconds += seconds_now() - started;
    if (job->teacher->stem == NULL || ranks_count(joint->comm) == 1)
        return;
    MPI_Barrier(joint->comm); /* so that waiting for others is not counted as exchanging */
    started = seconds_now();
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, joint->features, joint->feature_counts,
                   joint->feature_offsets, MPI_FLOAT, joint->comm);
    joint->exchange_seconds += seconds_now() - started;
}

/* Collective. A rank sends the scores of its modules (module by module), its share of the parent's logits,
 * and whether it was asked to stop; all put everything in its place. Returns whether any was. */
static bool exchange(struct joint *joint, const struct trainer_batch *batch)
{
    float *logits = joint->sent + (size_t)joint->own.count * (size_t)joint->batch;
    size_t logits_count = (size_t)asked_share(joint, ranks_rank(joint->comm)).count * (size_t)joint->classes;
    for (int64_t i = 0; i < joint->own.count; i++)
        trainer_forward(joint->pupils[i].trainer, batch, joint->sent + i * joint->batch);
    logits[logits_count] = *joint->job->work->stop ? 1.0F : 0.0F;
    MPI_Barrier(joint->comm); /* so that waiting for others is not counted as exchanging */
    double started = seconds_now();
    MPI_Allgatherv(joint->sent, joint->counts[ranks_rank(joint->comm)], MPI_FLOAT, joint->received,
                   joint->counts, joint->offsets, MPI_FLOAT, joint->comm);
    joint->exchange_seconds += seconds_now() - started;

    bool stop = false;
    for (int r = 0; r < ranks_count(joint->comm); r++) {
        const float *from = joint->received + joint->offsets[r];
        struct share rows = share_of(joint->k, ranks_count(joint->comm), r), images = asked_share(joint, r);
        for (int64_t j = 0; j < rows.count; j++, from += joint->batch)
            for (int32_t n = 0; n < joint->batch; n++)
                joint->scores[(int64_t)n * joint->k + rows.first + j] = from[n];
        size_t count = (size_t)images.count * (size_t)joint->classes;
        memcpy(joint->logits + (size_t)images.first * (size_t)joint->classes, from, count * sizeof(float));
        stop = stop || from[count] > 0;
    }
    return stop;
}

/* The loss of the batch and its gradient, the same on every rank. */
static double batch_loss(struct joint *joint)
{
    float temperature = joint->job->options->temperature;
    for (int32_t n = 0; n < joint->batch; n++)
        for (int32_t j = 0; j < joint->k; j++)
            joint->targets[(int64_t)n * joint->k + j] =
                joint->logits[(int64_t)n * joint->classes + joint->job->work->classes[j]];
    softmax_at_temperature(joint->batch, joint->k, joint->targets, temperature, joint->targets);
    return softmax_distillation(joint->batch, joint->k, joint->scores, joint->targets, temperature,
                                1.0F / (float)joint->batch, joint->dscores);
}

/* What of its time so far a rank spent on asking the parent, and what a single block of it is, less than
 * which no rank that has any can spend. */
static void tell_shares(const struct joint *joint, double elapsed, struct event *event)
{
    int64_t mine = asked_share(joint, ranks_rank(joint->comm)).count;
    event->split_share = joint->feature_seconds / elapsed;
    if (mine > ASKED_BLOCK)
        event->fixed_share = event->split_share * ASKED_BLOCK / (double)mine;
    else
        event->fixed_share = event->split_share;
}

static void tell_progress(struct joint *joint, int64_t step)
{
    double elapsed = seconds_now() - joint->started;
    int64_t made = (step + 1 - joint->first_step) * joint->batch;
    struct event event = event_make(EVENT_RANK);
    event.state = STATE_RUNNING;
    event.done = (step + 1) * joint->batch;
    event.total = (int64_t)joint->job->options->joint_steps * joint->batch;
    if (elapsed > 0) {
        event.images_per_second = (double)made / elapsed / ranks_count(joint->comm);
        tell_shares(joint, elapsed, &event);
    }
    snprintf(event.text, sizeof event.text, "distilling together");
    run_progress_send(joint->job->work->progress, &event);
}

/* Collective. *stop: a rank was asked to. */
static enum status make_step(struct joint *joint, int64_t step, bool *stop)
{
    const struct distill_options *options = joint->job->options;
    draw_batch(joint, step);
    make_features(joint, joint->sent + (size_t)joint->own.count * (size_t)joint->batch);
    const struct trainer_batch batch = {.images = joint->batch, .inputs = joint->features};
    *stop = exchange(joint, &batch);
    double loss = batch_loss(joint);
    if (!(loss < 1e30))
        return error_set(STATUS_MISMATCH,
                         "distilling together diverged in step %lld: the loss is %g; use a smaller "
                         "--joint-rate",
                         (long long)step + 1, loss);
    float rate = schedule_rate(SCHEDULE_COSINE, options->joint_rate, step, options->joint_steps);
    for (int64_t i = 0; i < joint->own.count; i++) {
        for (int32_t n = 0; n < joint->batch; n++)
            joint->column[n] = joint->dscores[(int64_t)n * joint->k + joint->own.first + i];
        trainer_backward(joint->pupils[i].trainer, &batch, joint->column);
        trainer_apply(joint->pupils[i].trainer, rate);
    }
    return STATUS_OK;
}

/* Collective. The best state's figures after a checkpoint. One whose loss is no number was never the best of
 * any: it was there before a first look that counted. */
static enum status look_back(struct joint *joint)
{
    double loss, top1;
    enum status status = measure_held(joint, true, &loss, &top1);
    if (status == STATUS_OK && loss < joint->best_loss) {
        joint->best_loss = loss;
        joint->best_top1 = top1;
    }
    return status;
}

/* Collective. Goes on where an earlier run was; or begins, with a look. */
static enum status begin(struct joint *joint)
{
    enum status status = STATUS_OK;
    if (joint->job->work->resume)
        status = distill_checkpoint_resume(&joint->checkpoint, joint->states, joint->own.count,
                                           &joint->first_step);
    if (status != STATUS_OK)
        return status;
    return joint->first_step > 0 ? look_back(joint) : look(joint);
}

/* Collective. Whether it is time to save by the first rank's clock. */
static bool save_is_due(struct joint *joint)
{
    double now = seconds_now();
    int due = now - joint->saved >= joint->job->work->checkpoint_seconds;
    MPI_Bcast(&due, 1, MPI_INT, 0, joint->comm);
    if (due)
        joint->saved = now;
    return due;
}

/* Collective. After `made` steps, not the last. */
static enum status save_or_stop(struct joint *joint, int64_t made, bool stop)
{
    enum status status = STATUS_OK;
    if (save_is_due(joint) || stop)
        status = distill_checkpoint_save(&joint->checkpoint, joint->states, joint->own.count, made);
    if (status == STATUS_OK && stop)
        status = error_set(STATUS_STOPPED,
                           "stopped by a signal after step %lld of %d of distilling together; go on with "
                           "--resume",
                           (long long)made, (int)joint->job->options->joint_steps);
    return status;
}

static enum status run_steps(struct joint *joint)
{
    int64_t steps = joint->job->options->joint_steps, stride = steps / LOOKS > 0 ? steps / LOOKS : 1;
    bool stop = false;
    enum status status = begin(joint);
    joint->started = joint->saved = seconds_now();
    for (int64_t step = joint->first_step; step < steps && status == STATUS_OK; step++) {
        status = make_step(joint, step, &stop);
        if (status == STATUS_OK && ((step + 1) % stride == 0 || step + 1 == steps))
            status = look(joint);
        if (status == STATUS_OK)
            tell_progress(joint, step);
        if (status == STATUS_OK && step + 1 < steps)
            status = save_or_stop(joint, step + 1, stop);
    }
    return status;
}

/* Collective. */
static enum status store(struct joint *joint)
{
    struct module *modules = NULL;
    enum status status = ranks_agree(
        joint->comm, memory_allocate(&modules, (size_t)joint->own.count, sizeof *modules, "modules"));
    for (int64_t i = 0; status == STATUS_OK && i < joint->own.count; i++)
        modules[i] = joint->pupils[i].module;
    if (status == STATUS_OK)
        status = modules_store(joint->comm, joint->job->work->output_path, joint->stem, joint->k, modules,
                               joint->rows, (int32_t)joint->own.count);
    memory_free(&modules);
    return status;
}

enum status distill_joint_run(const struct distill_joint *job, struct distill_result *result)
{
    MPI_Comm comm = job->work->comm;
    struct joint joint = {.job = job,
                          .comm = comm,
                          .k = job->work->class_count,
                          .classes = job->teacher->tail->class_count,
                          .own = share_of(job->work->class_count, ranks_count(comm), ranks_rank(comm)),
                          .batch = job->options->joint_batch_images,
                          .epoch = -1,
                          .best_loss = 1e300};
    enum status status = load_modules(&joint);
    if (status == STATUS_OK)
        status = prepare_buffers(&joint);
    if (status == STATUS_OK)
        status = prepare_pupils(&joint);
    if (status == STATUS_OK)
        status = prepare_checkpoint(&joint);
    status = ranks_agree(comm, status);
    if (status == STATUS_OK)
        status = run_steps(&joint);
    double seconds[2] = {seconds_now() - joint.started, joint.exchange_seconds};
    if (status == STATUS_OK) {
        go_back_to_best(&joint);
        status = store(&joint);
    }
    if (status == STATUS_OK) {
        MPI_Allreduce(MPI_IN_PLACE, seconds, 2, MPI_DOUBLE, MPI_MAX, comm);
        result->joint_seconds = seconds[0];
        result->exchange_seconds = seconds[1];
        result->held_top1 = joint.best_top1;
    }
    clear(&joint);
    return status;
}
