#include "mpi/training/one_vs_rest.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/data/held_back.h"
#include "compute/data/image_adapt.h"
#include "compute/network/pass.h"
#include "mpi/training/trainer.h"

/* Streams of random numbers (compute/base/random.h). */
enum { STREAM_CLASS_SEED = 0x4f56, STREAM_CLASS = 0x4f57, STREAM_PLACE = 0x4f58 };
enum { FROZEN_MAX = 2 };

/* One thread's own. */
struct worker {
    uint8_t *adapted, *augmented;    /* (input shape) of the first network */
    float *scaled;                   /* (slice images, input shape) */
    struct pass *passes[FROZEN_MAX]; /* of the frozen networks */
};

struct teacher {
    const struct one_vs_rest *work;
    const struct network *first; /* the network that images reach first */
    struct shape shape;          /* which it takes */
    struct image_adapt **adapts; /* by dataset; NULL where images fit as they are */
    int32_t negative_count;
    struct joined_class *negatives; /* those with images to train on */
    uint64_t seed;                  /* of this class */
    int64_t step;
    struct trainer *trainer;
    int worker_count;
    struct worker *workers;
};

int64_t trainable_images(int64_t images)
{
    return images - held_back_count(images);
}

/* Where in its class the image is that is number `index` of those not held back. */
static int64_t trainable_place(int64_t index)
{
    enum { BETWEEN = HELD_BACK_STRIDE - 1 };
    return index / BETWEEN * HELD_BACK_STRIDE + 1 + index % BETWEEN;
}

/* --- preparing --- */

static int64_t trainable_of(const struct teacher *teacher, struct joined_class class)
{
    return trainable_images(dataset_join_class_images(teacher->work->join, class));
}

static enum status choose_negatives(struct teacher *teacher)
{
    const struct one_vs_rest *work = teacher->work;
    const struct dataset *own = work->join->sets[work->positive.dataset].dataset;
    const char *name = own->class_names[work->positive.class_index];
    if (trainable_of(teacher, work->positive) == 0)
        return error_set(STATUS_NOT_FOUND,
                         "%s: class \"%s\" has %lld images; at least 2 are needed, of which one is held back",
                         work->where, name, (long long)dataset_join_class_images(work->join, work->positive));
    enum status status = memory_allocate(&teacher->negatives, (size_t)work->negative_count,
                                         sizeof(struct joined_class), "other classes");
    for (int32_t i = 0; i < work->negative_count && status == STATUS_OK; i++) {
        struct joined_class class = work->negatives[i];
        bool self =
            class.dataset == work->positive.dataset && class.class_index == work->positive.class_index;
        if (!self && trainable_of(teacher, class) > 0)
            teacher->negatives[teacher->negative_count++] = class;
    }
    if (status == STATUS_OK && teacher->negative_count == 0)
        status =
            error_set(STATUS_NOT_FOUND,
                      "%s: there are no images of any other class to tell \"%s\" from; give data that has "
                      "some",
                      work->where, name);
    return status;
}

static enum status plan_adapting(struct teacher *teacher)
{
    const struct dataset_join *join = teacher->work->join;
    enum status status = memory_allocate(&teacher->adapts, (size_t)join->count, sizeof(struct image_adapt *),
                                         "image adaptations");
    for (int32_t i = 0; i < join->count && status == STATUS_OK; i++) {
        struct shape shape = join->sets[i].dataset->shape;
        if (!image_adapt_is_identity(shape, teacher->shape))
            status = image_adapt_create(shape, teacher->shape, &teacher->adapts[i]);
    }
    return status;
}

static enum status worker_create(const struct teacher *teacher, struct worker *worker)
{
    const struct one_vs_rest *work = teacher->work;
    int32_t images = trainer_slice_images(teacher->trainer);
    size_t pixels = shape_count(teacher->shape);
    enum status status = memory_allocate(&worker->adapted, pixels, 1, "an adapted image");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->augmented, pixels, 1, "an augmented image");
    if (status == STATUS_OK)
        status = memory_allocate(&worker->scaled, (size_t)images * pixels, sizeof(float), "scaled images");
    for (int32_t i = 0; i < work->frozen_count && status == STATUS_OK; i++)
        status = pass_create(work->frozen[i], images, PASS_INFER, &worker->passes[i]);
    return status;
}

static enum status prepare_workers(struct teacher *teacher)
{
    teacher->worker_count = trainer_worker_count(teacher->trainer);
    enum status status = memory_allocate(&teacher->workers, (size_t)teacher->worker_count,
                                         sizeof(struct worker), "training threads");
    for (int i = 0; i < teacher->worker_count && status == STATUS_OK; i++)
        status = worker_create(teacher, &teacher->workers[i]);
    return status;
}

static enum status prepare(struct teacher *teacher)
{
    const struct one_vs_rest *work = teacher->work;
    teacher->first = work->frozen_count > 0 ? work->frozen[0] : work->network;
    teacher->shape = network_input_shape(teacher->first);
    teacher->seed =
        random_bits(work->options->seed, STREAM_CLASS_SEED,
                    ((uint64_t)work->positive.dataset << 32) + (uint64_t)work->positive.class_index);
    if (work->frozen_count > FROZEN_MAX)
        return error_set(STATUS_INTERNAL, "%d networks before the one that is trained",
                         (int)work->frozen_count);
    if (work->options->batch_images < 2)
        return error_set(STATUS_USAGE,
                         "batches of %d images; at least 2 are needed, one of the class and one not",
                         (int)work->options->batch_images);
    enum status status = choose_negatives(teacher);
    if (status == STATUS_OK)
        status = plan_adapting(teacher);
    return status;
}

static void teacher_clear(struct teacher *teacher)
{
    for (int i = 0; teacher->workers != NULL && i < teacher->worker_count; i++) {
        struct worker *worker = &teacher->workers[i];
        memory_free(&worker->adapted);
        memory_free(&worker->augmented);
        memory_free(&worker->scaled);
        for (int k = 0; k < FROZEN_MAX; k++)
            pass_destroy(&worker->passes[k]);
    }
    for (int32_t i = 0; teacher->adapts != NULL && i < teacher->work->join->count; i++)
        image_adapt_destroy(&teacher->adapts[i]);
    memory_free(&teacher->workers);
    memory_free(&teacher->adapts);
    memory_free(&teacher->negatives);
    trainer_destroy(&teacher->trainer);
}

/* --- a batch --- */

/* Every second image is of the class, so that every slice has as many of it as of others. */
static bool is_positive(int64_t index)
{
    return index % 2 == 0;
}

/* Image `index` of the step's batch. */
static const uint8_t *choose_image(const struct teacher *teacher, int64_t index, int32_t *dataset)
{
    const struct one_vs_rest *work = teacher->work;
    uint64_t number = (uint64_t)(teacher->step * work->options->batch_images + index);
    struct joined_class class = work->positive;
    if (!is_positive(index))
        class = teacher->negatives[random_below(teacher->seed, STREAM_CLASS, number,
                                                (uint64_t)teacher->negative_count)];
    uint64_t among = (uint64_t)trainable_of(teacher, class);
    int64_t place = trainable_place((int64_t)random_below(teacher->seed, STREAM_PLACE, number, among));
    const struct dataset *of = work->join->sets[class.dataset].dataset;
    *dataset = class.dataset;
    return dataset_image(of, of->class_start[class.class_index] + place);
}

static void load_image(const struct teacher *teacher, struct worker *worker, int64_t index, float *scaled)
{
    const struct train_options *options = teacher->work->options;
    struct shape shape = teacher->shape;
    int32_t dataset = 0;
    const uint8_t *pixels = choose_image(teacher, index, &dataset);
    if (teacher->adapts[dataset] != NULL) {
        image_adapt_run(teacher->adapts[dataset], 1, pixels, worker->adapted);
        pixels = worker->adapted;
    }
    augment(&options->augmentation, shape, teacher->seed, (uint64_t)teacher->step, (uint64_t)index, pixels,
            worker->augmented);
    scaling_apply(&teacher->first->scaling, (size_t)shape.h * (size_t)shape.w, shape.c, worker->augmented,
                  scaled);
}

static void load_slice(void *context, int worker_number, struct share slice, float *inputs)
{
    const struct teacher *teacher = context;
    const struct one_vs_rest *work = teacher->work;
    struct worker *worker = &teacher->workers[worker_number];
    size_t image = shape_count(teacher->shape);
    float *scaled = work->frozen_count > 0 ? worker->scaled : inputs;
    for (int64_t i = 0; i < slice.count; i++)
        load_image(teacher, worker, slice.first + i, scaled + (size_t)i * image);
    if (work->frozen_count == 0)
        return;
    const float *values = scaled;
    for (int32_t i = 0; i < work->frozen_count; i++)
        values = pass_forward(worker->passes[i], (int32_t)slice.count, values);
    memcpy(inputs, values,
           (size_t)slice.count * shape_count(network_input_shape(work->network)) * sizeof(float));
}

/* Binary cross-entropy of σ(output), which is log(1 + e^z) − y·z. */
static void slice_loss(void *context, int worker, struct share slice, const float *output,
                       float *output_gradient, double sums[TRAINER_SUMS])
{
    const struct teacher *teacher = context;
    double images = (double)teacher->work->options->batch_images;
    (void)worker;
    for (int64_t i = 0; i < slice.count; i++) {
        double z = (double)output[i], truth = is_positive(slice.first + i) ? 1.0 : 0.0;
        sums[0] += (z > 0 ? z : 0) + log1p(exp(-fabs(z))) - truth * z;
        output_gradient[i] = (float)((1 / (1 + exp(-z)) - truth) / images);
    }
}

/* Collective. */
static enum status save(const struct teacher *teacher, int64_t steps)
{
    const struct one_vs_rest *work = teacher->work;
    return work->checkpoint == NULL ? STATUS_OK
                                    : step_checkpoint_save(work->checkpoint, work->network,
                                                           trainer_velocity(teacher->trainer), steps);
}

/* Collective. After so many steps: saves if it is time to. */
static enum status save_if_due(const struct teacher *teacher, int64_t steps, double *saved)
{
    const struct one_vs_rest *work = teacher->work;
    if (work->checkpoint == NULL || steps == work->steps || !step_checkpoint_due(work->checkpoint, saved))
        return STATUS_OK;
    return save(teacher, steps);
}

/* Collective. */
static enum status stop_here(const struct teacher *teacher, int64_t steps)
{
    enum status status = save(teacher, steps);
    return status != STATUS_OK
               ? status
               : error_set(STATUS_STOPPED, "stopped by a signal while %s", teacher->work->activity);
}

static enum status take_steps(struct teacher *teacher)
{
    const struct one_vs_rest *work = teacher->work;
    const struct train_options *options = work->options;
    int64_t first = teacher->step;
    const struct trainer_batch batch = {
        .images = options->batch_images, .load = load_slice, .loss = slice_loss, .context = teacher};
    struct run_curve curve = {.progress = ranks_rank(work->comm) == 0 ? work->progress : NULL,
                              .class_index = work->progress_number,
                              .total = work->steps};
    double started = seconds_now(), saved = started;
    enum status status = STATUS_OK;
    for (; teacher->step < work->steps && status == STATUS_OK; teacher->step++) {
        struct trainer_result result;
        float rate = schedule_rate(options->schedule, options->rate, teacher->step, work->steps);
        status = trainer_step(teacher->trainer, &batch, rate, &result);
        if (status == STATUS_OK && result.stop)
            return stop_here(teacher, teacher->step + 1);
        if (status == STATUS_OK && work->progress_number >= 0)
            run_curve_add(&curve, teacher->step + 1, (double)result.sums[0] / options->batch_images);
        if (status == STATUS_OK)
            status = save_if_due(teacher, teacher->step + 1, &saved);
        double elapsed = seconds_now() - started;
        int64_t done = (teacher->step + 1) * options->batch_images;
        int64_t now = (teacher->step + 1 - first) * options->batch_images;
        run_progress_rank(work->progress, work->activity, work->progress_number, done,
                          work->steps * options->batch_images,
                          elapsed > 0 ? (double)now / elapsed / ranks_count(work->comm) : 0);
    }
    return status;
}

enum status one_vs_rest_train(const struct one_vs_rest *work)
{
    struct teacher teacher = {.work = work};
    const struct trainer_options options = {
        .batch_images = work->options->batch_images, .sgd = work->options->sgd, .stop = work->stop};
    enum status status = ranks_agree(work->comm, prepare(&teacher));
    if (status == STATUS_OK)
        status = trainer_create(work->comm, work->network, &options, &teacher.trainer);
    if (status == STATUS_OK)
        status = ranks_agree(work->comm, prepare_workers(&teacher));
    if (status == STATUS_OK && work->checkpoint != NULL)
        status = step_checkpoint_resume(work->checkpoint, work->network, trainer_velocity(teacher.trainer),
                                        &teacher.step);
    if (status == STATUS_OK)
        status = take_steps(&teacher);
    teacher_clear(&teacher);
    return status;
}
