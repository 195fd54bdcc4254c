#include "mpi/adapt/adapt_network.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/losses.h"
#include "compute/network/network_cut.h"
#include "modules/classifier/network_groups.h"
#include "modules/distill/pruning.h"
#include "mpi/distill/distill_features.h"
#include "mpi/distill/distill_held.h"
#include "mpi/training/trainer.h"

enum {
    ROUNDS = 8,                  /* in which a network is cut to its budget */
    LOOKS = 8,                   /* at held-back images */
    STREAM_ADAPT_POOL = 0x4150,  /* of random numbers (compute/base/random.h) */
    STREAM_ADAPT_EPOCH = 0x4151, /* and those after it: of each epoch */
};

struct adapter {
    const struct network_adapting *job;
    const struct network *network; /* as it came */
    struct pruning *pruning;       /* of it: the network as it is now */
    int32_t classes;               /* of the network */
    int32_t *own;                  /* 0 … classes − 1 */
    struct network *teacher_of;    /* the parent with these classes alone */
    struct teacher teacher;
    struct distill_images images;
    struct feature_maker *maker;
    struct feature_set pool, held;
    float *targets;     /* (pool images, classes) */
    float *held_scores; /* (held images, classes) */
    uint32_t *order;    /* (pool images): of the epoch */
    int64_t epoch;      /* of `order`; −1: none yet */
    uint32_t *drawn;    /* (batch images): of the pool */
    struct trainer *trainer;
    int64_t step; /* steps made */
    double started;
    bool looked;
    float *best; /* parameters and statistics of the best state */
};

/* --- making ready --- */

/* The parent with the network's classes alone, in the network's order. */
static enum status select_classes(struct adapter *adapter)
{
    const struct network *parent = adapter->job->parent, *network = adapter->network;
    int32_t layer, *classes = NULL;
    enum status status =
        memory_allocate(&classes, (size_t)network->class_count, sizeof *classes, "classes of a union");
    for (int32_t c = 0; c < network->class_count && status == STATUS_OK; c++)
        status = class_names_find((const class_name *)parent->class_names, parent->class_count,
                                  network->class_names[c], "the parent", &classes[c]);
    if (status == STATUS_OK)
        status = network_logits_layer(parent, &layer);
    if (status == STATUS_OK)
        status = network_select_outputs(parent, layer, classes, network->class_count, &adapter->teacher_of);
    memory_free(&classes);
    return status;
}

static enum status check_inputs(const struct adapter *adapter)
{
    if (!networks_take_alike(adapter->network, adapter->job->parent))
        return error_set(STATUS_MISMATCH,
                         "%s: takes images of another shape or scaling than --parent; give the network that "
                         "it was cut out of",
                         adapter->job->where);
    return STATUS_OK;
}

static enum status prepare_teacher(struct adapter *adapter)
{
    const struct network_adapting *job = adapter->job;
    enum status status = check_inputs(adapter);
    if (status == STATUS_OK)
        status = select_classes(adapter);
    if (status == STATUS_OK)
        status = teacher_create(adapter->teacher_of, "none", &adapter->teacher);
    if (status == STATUS_OK)
        status =
            distill_images_create(adapter->teacher_of, job->dataset, job->dataset_path, &adapter->images);
    if (status == STATUS_OK)
        status = feature_maker_create(&adapter->teacher, &adapter->images, &job->options->augmentation,
                                      job->options->seed, &adapter->maker);
    return status;
}

static enum status prepare_buffers(struct adapter *adapter)
{
    const struct network *network = adapter->network;
    size_t pool = (size_t)adapter->pool.count, held = (size_t)adapter->held.count;
    size_t classes = (size_t)adapter->classes;
    enum status status = memory_allocate(&adapter->targets, pool * classes, sizeof(float), "posteriors");
    if (status == STATUS_OK)
        status = memory_allocate(&adapter->held_scores, held * classes, sizeof(float), "scores");
    if (status == STATUS_OK)
        status = memory_allocate(&adapter->own, classes, sizeof *adapter->own, "classes");
    if (status == STATUS_OK)
        status = memory_allocate(&adapter->order, pool, sizeof *adapter->order, "order of images");
    if (status == STATUS_OK)
        status = memory_allocate(&adapter->drawn, (size_t)adapter->job->options->batch_images,
                                 sizeof *adapter->drawn, "images of a batch");
    if (status == STATUS_OK)
        status = memory_allocate(&adapter->best, network->parameter_count + network->statistic_count,
                                 sizeof(float), "the best state of a network");
    if (status == STATUS_OK)
        status = pruning_create(network, &adapter->pruning);
    for (int32_t c = 0; status == STATUS_OK && c < adapter->classes; c++)
        adapter->own[c] = c;
    if (status == STATUS_OK)
        softmax_at_temperature((int32_t)adapter->pool.count, adapter->classes, adapter->pool.logits,
                               adapter->job->temperature, adapter->targets);
    return status;
}

/* Collective. */
static enum status prepare(struct adapter *adapter)
{
    const struct network_adapting *job = adapter->job;
    enum status status = ranks_agree(job->comm, prepare_teacher(adapter));
    if (status == STATUS_OK)
        status = feature_set_of_pool(job->comm, adapter->maker, &adapter->images, job->pool_images,
                                     job->options->seed, STREAM_ADAPT_POOL, job->progress, &adapter->pool);
    if (status == STATUS_OK)
        status =
            feature_set_of_held(job->comm, adapter->maker, &adapter->images, job->progress, &adapter->held);
    if (status == STATUS_OK)
        status = ranks_agree(job->comm, prepare_buffers(adapter));
    return status;
}

static void clear(struct adapter *adapter)
{
    trainer_destroy(&adapter->trainer);
    pruning_destroy(&adapter->pruning);
    feature_set_clear(&adapter->pool);
    feature_set_clear(&adapter->held);
    feature_maker_destroy(&adapter->maker);
    distill_images_clear(&adapter->images);
    teacher_clear(&adapter->teacher);
    network_destroy(&adapter->teacher_of);
    memory_free(&adapter->targets);
    memory_free(&adapter->held_scores);
    memory_free(&adapter->own);
    memory_free(&adapter->order);
    memory_free(&adapter->drawn);
    memory_free(&adapter->best);
}

/* --- held-back images --- */

static enum status measure(struct adapter *adapter, const float *scores, double *top1, double *loss)
{
    return distill_held_measure(&adapter->held, adapter->own, adapter->classes, scores,
                                adapter->job->temperature, top1, loss);
}

/* Collective. Remembers the state when its loss is finite and better than *loss, which with *top1 then is
 * its.
 */
static enum status look(struct adapter *adapter, double *top1, double *loss)
{
    const struct network *network = pruning_network(adapter->pruning);
    double now_top1 = -1, now_loss = 0;
    enum status status = feature_set_outputs(&adapter->held, network, adapter->held_scores);
    if (status == STATUS_OK)
        status = measure(adapter, adapter->held_scores, &now_top1, &now_loss);
    status = ranks_agree(adapter->job->comm, status);
    if (status != STATUS_OK || !isfinite(now_loss) || (adapter->looked && !(now_loss < *loss)))
        return status;
    adapter->looked = true;
    *top1 = now_top1;
    *loss = now_loss;
    memcpy(adapter->best, network->parameters, network->parameter_count * sizeof(float));
    memcpy(adapter->best + network->parameter_count, network->statistics,
           network->statistic_count * sizeof(float));
    return STATUS_OK;
}

static void go_back_to_best(struct adapter *adapter)
{
    struct network *network = pruning_network(adapter->pruning);
    memcpy(network->parameters, adapter->best, network->parameter_count * sizeof(float));
    memcpy(network->statistics, adapter->best + network->parameter_count,
           network->statistic_count * sizeof(float));
}

/* --- steps --- */

static void draw_batch(struct adapter *adapter, int64_t step)
{
    const struct train_options *options = adapter->job->options;
    for (int32_t i = 0; i < options->batch_images; i++) {
        int64_t place = step * options->batch_images + i, epoch = place / adapter->pool.count;
        if (epoch != adapter->epoch) {
            random_permutation(options->seed, STREAM_ADAPT_EPOCH + (uint64_t)epoch, adapter->order,
                               (size_t)adapter->pool.count);
            adapter->epoch = epoch;
        }
        adapter->drawn[i] = adapter->order[place % adapter->pool.count];
    }
}

static void load_slice(void *context, int worker, struct share slice, float *inputs)
{
    const struct adapter *adapter = context;
    size_t floats = shape_count(adapter->pool.shape);
    (void)worker;
    for (int64_t i = 0; i < slice.count; i++)
        memcpy(inputs + (size_t)i * floats,
               adapter->pool.features + (size_t)adapter->drawn[slice.first + i] * floats,
               floats * sizeof(float));
}

static void slice_loss(void *context, int worker, struct share slice, const float *output,
                       float *output_gradient, double sums[TRAINER_SUMS])
{
    const struct adapter *adapter = context;
    float factor = 1.0F / (float)adapter->job->options->batch_images;
    size_t classes = (size_t)adapter->classes;
    (void)worker;
    for (int64_t i = 0; i < slice.count; i++)
        sums[0] +=
            softmax_distillation(1, adapter->classes, output + (size_t)i * classes,
                                 adapter->targets + adapter->drawn[slice.first + i] * classes,
                                 adapter->job->temperature, factor, output_gradient + (size_t)i * classes);
}

/* Collective. One batch; with `observes` the pruning is told of its gradient. */
static enum status make_step(struct adapter *adapter, float rate, bool observes)
{
    const struct network_adapting *job = adapter->job;
    const struct trainer_batch batch = {
        .images = job->options->batch_images, .load = load_slice, .loss = slice_loss, .context = adapter};
    struct trainer_result made;
    draw_batch(adapter, adapter->step);
    const float *gradient = trainer_gradient(adapter->trainer, &batch, &made);
    if (!(made.sums[0] < 1e30F))
        return error_set(STATUS_MISMATCH,
                         "adapting %s diverged in step %lld: the loss is %g; use a smaller --rate",
                         job->where, (long long)adapter->step + 1, (double)made.sums[0]);
    if (observes)
        pruning_observe(adapter->pruning, gradient);
    trainer_apply(adapter->trainer, rate);
    adapter->step++;
    double elapsed = seconds_now() - adapter->started;
    int64_t images = adapter->step * job->options->batch_images;
    run_progress_rank(job->progress, "adapting a union", -1, images, job->steps * job->options->batch_images,
                      elapsed > 0 ? (double)images / elapsed / ranks_count(job->comm) : 0);
    return made.stop ? error_set(STATUS_STOPPED, "stopped by a signal while adapting %s; nothing was written",
                                 job->where)
                     : STATUS_OK;
}

/* Collective. For the network as it is now. */
static enum status start_trainer(struct adapter *adapter)
{
    const struct network_adapting *job = adapter->job;
    const struct trainer_options options = {
        .batch_images = job->options->batch_images, .sgd = job->options->sgd, .stop = job->stop};
    return trainer_create(job->comm, pruning_network(adapter->pruning), &options, &adapter->trainer);
}

/* Collective. In the first half of the steps. */
static enum status cut_in_rounds(struct adapter *adapter)
{
    const struct network_adapting *job = adapter->job;
    uint64_t whole = network_multiply_adds(pruning_network(adapter->pruning));
    int64_t steps = job->steps / 2 / ROUNDS;
    enum status status = STATUS_OK;
    if (steps == 0)
        return error_set(STATUS_USAGE, "%lld steps to adapt %s; to cut it to its budget takes at least %d",
                         (long long)job->steps, job->where, 2 * ROUNDS);
    for (int32_t round = 1; round <= ROUNDS && status == STATUS_OK; round++) {
        uint64_t left = pruning_round_budget(whole, job->multiply_adds, round, ROUNDS);
        status = start_trainer(adapter);
        for (int64_t i = 0; i < steps && status == STATUS_OK; i++)
            status = make_step(adapter, job->options->rate, true);
        trainer_destroy(&adapter->trainer); /* before its network changes */
        if (status == STATUS_OK)
            status = ranks_agree(job->comm, pruning_cut(adapter->pruning, left));
    }
    adapter->looked = false; /* what was best has other layers */
    return status;
}

/* Collective. */
static enum status tune(struct adapter *adapter, struct network_adapted *result)
{
    const struct train_options *options = adapter->job->options;
    int64_t total = adapter->job->steps - adapter->step, stride = total / LOOKS > 0 ? total / LOOKS : 1;
    enum status status = start_trainer(adapter);
    for (int64_t i = 0; i < total && status == STATUS_OK; i++) {
        status = make_step(adapter, schedule_rate(options->schedule, options->rate, i, total), false);
        if (status == STATUS_OK && ((i + 1) % stride == 0 || i + 1 == total))
            status = look(adapter, &result->after_top1, &result->after_loss);
    }
    trainer_destroy(&adapter->trainer);
    if (status == STATUS_OK && !adapter->looked)
        status = error_set(STATUS_MISMATCH,
                           "adapting %s diverged: at no look was its loss on held-back images finite; use a "
                           "smaller --rate",
                           adapter->job->where);
    return status;
}

static void replace_network(struct adapter *adapter, struct network **network)
{
    go_back_to_best(adapter);
    network_destroy(network);
    *network = pruning_take(adapter->pruning);
}

enum status adapt_network(const struct network_adapting *adapting, struct network **network,
                          struct network_adapted *result)
{
    struct adapter adapter = {.job = adapting,
                              .network = *network,
                              .classes = (*network)->class_count,
                              .epoch = -1,
                              .started = seconds_now()};
    double parent_loss;
    *result = (struct network_adapted){0};
    enum status status = prepare(&adapter);
    result->held_images = adapter.held.count;
    if (status == STATUS_OK)
        status = ranks_agree(adapting->comm,
                             measure(&adapter, adapter.held.logits, &result->parent_top1, &parent_loss));
    if (status == STATUS_OK)
        status = look(&adapter, &result->after_top1, &result->after_loss);
    if (status == STATUS_OK && !adapter.looked)
        status =
            error_set(STATUS_MISMATCH,
                      "%s: its loss on held-back images is not finite, so that its weights overflow; give "
                      "a network whose outputs are numbers",
                      adapting->where);
    result->before_top1 = result->after_top1;
    result->before_loss = result->after_loss;
    if (status == STATUS_OK && network_multiply_adds(*network) > adapting->multiply_adds)
        status = cut_in_rounds(&adapter);
    if (status == STATUS_OK)
        status = tune(&adapter, result);
    if (status == STATUS_OK)
        replace_network(&adapter, network);
    clear(&adapter);
    return status;
}
