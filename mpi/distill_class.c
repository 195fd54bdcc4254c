#include "mpi/distill_class.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/losses.h"
#include "modules/distill/gates.h"
#include "modules/distill/module_channels.h"
#include "modules/distill/pruning.h"
#include "modules/distill/sampling.h"
#include "mpi/trainer.h"

enum {
    ROUNDS = 8,            /* in which a module is cut to its budget */
    LOOKS = 8,             /* at held-back images while tuning */
    PATIENCE = 4,          /* looks without a better one before tuning ends */
    SETTLE_STEPS = 40,     /* at most: without learning, for the running statistics of images as they come */
    STEPS_A_SETTING = 4,   /* of gates */
    STREAM_CLASS = 0x4443, /* of random numbers (compute/base/random.h) */
};

static const double GATE_RATE = 0.2; /* of the scores' gradient descent */

struct distiller {
    const struct distill_classes *classes;
    const struct class_task *task;
    struct pruning *pruning;
    struct sampling sampling;
    struct trainer *trainer;
    float *targets; /* (pool images): the parent's posterior of the class */
    float *held_targets, *held_margins;
    uint32_t *drawn; /* (batch images): of the pool */
    float *best;     /* parameters and statistics of the best state */
    double best_loss;
    int64_t step; /* steps made */
    double started;
    struct run_curve curve;

    struct gates gates; /* of method gradient: */
    double *scores;     /* (groups): how much the loss would fall by opening a group's gate */
    double *effect;     /* (groups): of the last batch */
    bool *open;         /* (groups) */
};

typedef uint32_t draw_function(const struct sampling *sampling, int64_t step, int64_t place);

/* --- a step --- */

static void load_slice(void *context, int worker, struct share slice, float *inputs)
{
    const struct distiller *distiller = context;
    const struct feature_set *pool = distiller->classes->pool;
    size_t floats = shape_count(pool->shape);
    (void)worker;
    for (int64_t i = 0; i < slice.count; i++)
        memcpy(inputs + (size_t)i * floats,
               pool->features + (size_t)distiller->drawn[slice.first + i] * floats, floats * sizeof(float));
}

static void slice_loss(void *context, int worker, struct share slice, const float *output,
                       float *output_gradient, double sums[TRAINER_SUMS])
{
    const struct distiller *distiller = context;
    const struct distill_options *options = distiller->classes->options;
    float factor = 1.0F / (float)options->batch_images;
    (void)worker;
    for (int64_t i = 0; i < slice.count; i++)
        sums[0] += binary_cross_entropy(1, output + i, &distiller->targets[distiller->drawn[slice.first + i]],
                                        options->temperature, factor, output_gradient + i);
}

static void tell_progress(const struct distiller *distiller)
{
    const struct distill_options *options = distiller->classes->options;
    double elapsed = seconds_now() - distiller->started;
    double images = (double)distiller->step * options->batch_images;
    run_progress_rank(distiller->task->progress, "distilling", distiller->task->row,
                      distiller->step * options->batch_images,
                      (int64_t)options->steps * options->batch_images,
                      elapsed > 0 ? images / elapsed / ranks_count(distiller->task->group) : 0);
}

/* Collective. One batch, drawn as `draw` says. `observe` (or NULL) is given the gradient before the step is
 * taken; at rate 0 the running statistics alone move. */
static enum status make_step(struct distiller *distiller, draw_function *draw, float rate,
                             void (*observe)(struct distiller *distiller, const float *gradient))
{
    const struct distill_options *options = distiller->classes->options;
    for (int32_t i = 0; i < options->batch_images; i++)
        distiller->drawn[i] = draw(&distiller->sampling, distiller->step, i);
    const struct trainer_batch batch = {
        .images = options->batch_images, .load = load_slice, .loss = slice_loss, .context = distiller};
    struct trainer_result result;
    const float *gradient = trainer_gradient(distiller->trainer, &batch, &result);
    if (!(result.sums[0] < 1e30F))
        return error_set(STATUS_MISMATCH,
                         "distilling class %d diverged in step %lld: the loss is %g; use a smaller --rate",
                         (int)distiller->task->class_index, (long long)distiller->step + 1,
                         (double)result.sums[0]);
    if (observe != NULL)
        observe(distiller, gradient);
    trainer_apply(distiller->trainer, rate);
    distiller->step++;
    run_curve_add(&distiller->curve, distiller->step, (double)result.sums[0] / options->batch_images);
    tell_progress(distiller);
    return result.stop ? error_set(STATUS_STOPPED, "stopped by a signal while distilling class %d",
                                   (int)distiller->task->class_index)
                       : STATUS_OK;
}

/* Collective. For `network`, which the distiller's trainer borrows. */
static enum status start_trainer(struct distiller *distiller, struct network *network)
{
    const struct trainer_options options = {
        .batch_images = distiller->classes->options->batch_images,
        .sgd = {.momentum = 0.9F, .nesterov = true, .weight_decay = 1e-4F},
        .stop = distiller->task->stop};
    trainer_destroy(&distiller->trainer);
    return trainer_create(distiller->task->group, network, &options, &distiller->trainer);
}

/* --- cutting --- */

static void observe_channels(struct distiller *distiller, const float *gradient)
{
    pruning_observe(distiller->pruning, gradient);
}

/* Collective. */
static enum status cut_in_rounds(struct distiller *distiller)
{
    const struct distill_options *options = distiller->classes->options;
    uint64_t budget = distiller->classes->multiply_adds;
    uint64_t whole = network_multiply_adds(pruning_network(distiller->pruning));
    int32_t steps = options->steps / 2 / ROUNDS;
    enum status status = STATUS_OK;
    for (int32_t round = 1; round <= ROUNDS && status == STATUS_OK; round++) {
        status = start_trainer(distiller, pruning_network(distiller->pruning));
        for (int32_t i = 0; i < (steps > 0 ? steps : 1) && status == STATUS_OK; i++)
            status = make_step(distiller, sampling_draw, options->rate, observe_channels);
        trainer_destroy(&distiller->trainer); /* before its network changes */
        if (status == STATUS_OK)
            status = ranks_agree(
                distiller->task->group,
                pruning_cut(distiller->pruning, pruning_round_budget(whole, budget, round, ROUNDS)));
    }
    return status;
}

/* --- tuning --- */

static enum status held_loss(struct distiller *distiller, double *loss)
{
    const struct feature_set *held = distiller->classes->held;
    enum status status =
        feature_set_outputs(held, pruning_network(distiller->pruning), distiller->held_margins);
    *loss = binary_cross_entropy((int32_t)held->count, distiller->held_margins, distiller->held_targets,
                                 distiller->classes->options->temperature, 1, NULL) /
            (double)(held->count > 0 ? held->count : 1);
    return status;
}

/* Collective. Looks at held-back images and remembers the best state; *better tells whether this is it. */
static enum status look(struct distiller *distiller, bool *better)
{
    struct network *network = pruning_network(distiller->pruning);
    double loss = 0;
    enum status status = ranks_agree(distiller->task->group, held_loss(distiller, &loss));
    *better = loss < distiller->best_loss;
    if (status == STATUS_OK && *better) {
        distiller->best_loss = loss;
        memcpy(distiller->best, network->parameters, network->parameter_count * sizeof(float));
        memcpy(distiller->best + network->parameter_count, network->statistics,
               network->statistic_count * sizeof(float));
    }
    return status;
}

static void go_back_to_best(struct distiller *distiller)
{
    struct network *network = pruning_network(distiller->pruning);
    memcpy(network->parameters, distiller->best, network->parameter_count * sizeof(float));
    memcpy(network->statistics, distiller->best + network->parameter_count,
           network->statistic_count * sizeof(float));
}

/* Collective. Brings the running statistics to images as they come. */
static enum status settle(struct distiller *distiller)
{
    int32_t steps = distiller->classes->options->steps;
    enum status status = start_trainer(distiller, pruning_network(distiller->pruning));
    for (int32_t i = 0; i < (steps < SETTLE_STEPS ? steps : SETTLE_STEPS) && status == STATUS_OK; i++)
        status = make_step(distiller, sampling_draw_any, 0, NULL);
    trainer_destroy(&distiller->trainer);
    return status;
}

/* Collective. */
static enum status tune(struct distiller *distiller)
{
    const struct distill_options *options = distiller->classes->options;
    const struct network *network = pruning_network(distiller->pruning);
    int32_t total = options->steps - options->steps / 2, worse = 0;
    bool better;
    enum status status =
        ranks_agree(distiller->task->group,
                    memory_allocate(&distiller->best, network->parameter_count + network->statistic_count,
                                    sizeof(float), "the best state of a module"));
    if (status == STATUS_OK)
        status = start_trainer(distiller, pruning_network(distiller->pruning));
    for (int32_t i = 0; i < total && status == STATUS_OK && worse < PATIENCE; i++) {
        status = make_step(distiller, sampling_draw, schedule_rate(SCHEDULE_COSINE, options->rate, i, total),
                           NULL);
        if (status == STATUS_OK && ((i + 1) % (total / LOOKS + 1) == 0 || i + 1 == total)) {
            status = look(distiller, &better);
            worse = better ? 0 : worse + 1;
        }
    }
    if (status == STATUS_OK && total > 0)
        go_back_to_best(distiller);
    return status == STATUS_OK ? settle(distiller) : status;
}

/* --- gates (method gradient) --- */

/* The first quarter of the steps, all gates open: the sum of squares. */
static void measure_gates(struct distiller *distiller, const float *gradient)
{
    gates_effect(&distiller->gates, gradient, distiller->effect);
    for (int32_t g = 0; g < distiller->gates.groups.count; g++)
        distiller->scores[g] += distiller->effect[g] * distiller->effect[g];
}

/* Gradient descent on the scores, straight through the gates. */
static void move_gates(struct distiller *distiller, const float *gradient)
{
    gates_effect(&distiller->gates, gradient, distiller->effect);
    for (int32_t g = 0; g < distiller->gates.groups.count; g++)
        distiller->scores[g] -= GATE_RATE * distiller->effect[g];
}

/* Opens the gates of the groups with the best scores a multiply-add, as far as the budget goes. */
static enum status set_gates(struct distiller *distiller, uint64_t budget)
{
    pruning_set_importance(distiller->pruning, distiller->scores);
    enum status status = pruning_choose(distiller->pruning, budget, distiller->open);
    if (status == STATUS_OK)
        gates_set(&distiller->gates, distiller->open);
    return status;
}

static enum status prepare_gates(struct distiller *distiller, const struct network *whole)
{
    enum status status = gates_create(whole, &distiller->gates);
    size_t groups = (size_t)distiller->gates.groups.count;
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->scores, groups, sizeof(double), "scores of gates");
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->effect, groups, sizeof(double), "effects of gates");
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->open, groups, sizeof(bool), "gates");
    return status;
}

/* Collective. A quarter of the steps measures, half lowers the budget in rounds, a quarter keeps it; then the
 * channels behind shut gates are cut away. No weight changes. */
static enum status learn_gates(struct distiller *distiller, const struct network *whole)
{
    const struct class_task *task = distiller->task;
    uint64_t budget = distiller->classes->multiply_adds, all = network_multiply_adds(whole);
    int32_t steps = distiller->classes->options->steps, measuring = steps / 4 > 0 ? steps / 4 : 1;
    int32_t lowering = steps / 2 > 0 ? steps / 2 : 1;
    enum status status = ranks_agree(task->group, prepare_gates(distiller, whole));
    if (status == STATUS_OK)
        status = start_trainer(distiller, distiller->gates.network);
    for (int32_t i = 0; i < measuring && status == STATUS_OK; i++)
        status = make_step(distiller, sampling_draw, 0, measure_gates);
    for (int32_t g = 0; status == STATUS_OK && g < distiller->gates.groups.count; g++)
        distiller->scores[g] = sqrt(distiller->scores[g] / measuring);
    for (int32_t i = 0; i < steps - measuring && status == STATUS_OK; i++) {
        int32_t round = i < lowering ? 1 + (int32_t)((int64_t)i * ROUNDS / lowering) : ROUNDS;
        if (i % STEPS_A_SETTING == 0)
            status = ranks_agree(task->group,
                                 set_gates(distiller, pruning_round_budget(all, budget, round, ROUNDS)));
        if (status == STATUS_OK)
            status = make_step(distiller, sampling_draw, 0, move_gates);
    }
    trainer_destroy(&distiller->trainer);
    if (status == STATUS_OK) {
        pruning_set_importance(distiller->pruning, distiller->scores);
        status = ranks_agree(task->group, pruning_cut(distiller->pruning, budget));
    }
    return status == STATUS_OK ? settle(distiller) : status;
}

/* --- */

static enum status posteriors(const struct feature_set *set, int32_t class_index, float temperature,
                              float **targets)
{
    size_t classes = (size_t)set->class_count;
    float *row = NULL;
    enum status status = memory_allocate(targets, (size_t)set->count, sizeof(float), "posteriors of a class");
    if (status == STATUS_OK)
        status = memory_allocate(&row, classes, sizeof(float), "posteriors");
    for (int64_t i = 0; status == STATUS_OK && i < set->count; i++) {
        softmax_at_temperature(1, set->class_count, set->logits + (size_t)i * classes, temperature, row);
        (*targets)[i] = row[class_index];
    }
    memory_free(&row);
    return status;
}

static enum status prepare(struct distiller *distiller)
{
    const struct distill_classes *classes = distiller->classes;
    const struct distill_options *options = classes->options;
    int32_t class_index = distiller->task->class_index;
    uint64_t seed = random_bits(options->seed, STREAM_CLASS, (uint64_t)class_index);
    enum status status =
        sampling_create(classes->pool->count, classes->pool->class_count, classes->pool->labels,
                        classes->pool->logits, class_index, seed, &distiller->sampling);
    if (status == STATUS_OK)
        status = posteriors(classes->pool, class_index, options->temperature, &distiller->targets);
    if (status == STATUS_OK)
        status = posteriors(classes->held, class_index, options->temperature, &distiller->held_targets);
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->held_margins, (size_t)classes->held->count, sizeof(float),
                                 "margins of held-back images");
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->drawn, (size_t)options->batch_images, sizeof(uint32_t),
                                 "images of a batch");
    return status;
}

static void clear(struct distiller *distiller)
{
    trainer_destroy(&distiller->trainer);
    pruning_destroy(&distiller->pruning);
    sampling_clear(&distiller->sampling);
    memory_free(&distiller->targets);
    memory_free(&distiller->held_targets);
    memory_free(&distiller->held_margins);
    memory_free(&distiller->drawn);
    memory_free(&distiller->best);
    gates_clear(&distiller->gates);
    memory_free(&distiller->scores);
    memory_free(&distiller->effect);
    memory_free(&distiller->open);
}

/* The module around what the pruning has. */
static enum status finish(struct distiller *distiller, struct module *module)
{
    const struct teacher *teacher = distiller->classes->teacher;
    int32_t class_index = distiller->task->class_index;
    struct module_origin origin = module_origin_of(teacher->parent);
    struct module_size whole = module_size_of_network(teacher->parent);
    const struct module_parts parts = {.stem = teacher->stem,
                                       .stem_index = 0,
                                       .origin = &origin,
                                       .whole = &whole,
                                       .class_name = teacher->parent->class_names[class_index],
                                       .class_index = class_index};
    uint8_t *channels = NULL;
    enum status status = module_channels_of(teacher, distiller->pruning, &channels);
    struct network *network = pruning_take(distiller->pruning);
    if (status == STATUS_OK)
        status = module_from_network(network, &parts, module);
    if (status != STATUS_OK) {
        network_destroy(&network);
        memory_free(&channels);
        return status;
    }
    module->channels = channels;
    module->positive_images = (int32_t)distiller->sampling.own_count;
    module->negative_images = (int32_t)(distiller->sampling.count - distiller->sampling.own_count);
    return STATUS_OK;
}

enum status distill_class_make(void *context, const struct class_task *task, struct module *module)
{
    struct distiller distiller = {
        .classes = context, .task = task, .best_loss = 1e300, .started = seconds_now()};
    const struct distill_options *options = distiller.classes->options;
    struct network *whole = NULL;
    distiller.curve = (struct run_curve){.progress = ranks_rank(task->group) == 0 ? task->progress : NULL,
                                         .class_index = task->row,
                                         .total = options->steps};
    enum status status = prepare(&distiller);
    if (status == STATUS_OK)
        status = teacher_class_network(distiller.classes->teacher, task->class_index, options->temperature,
                                       &whole);
    if (status == STATUS_OK)
        status = pruning_create(whole, &distiller.pruning);
    status = ranks_agree(task->group, status);
    if (status == STATUS_OK && options->frozen)
        status = learn_gates(&distiller, whole);
    if (status == STATUS_OK && !options->frozen)
        status = cut_in_rounds(&distiller);
    if (status == STATUS_OK && !options->frozen)
        status = tune(&distiller);
    if (status == STATUS_OK)
        status = ranks_agree(task->group, finish(&distiller, module));
    clear(&distiller);
    network_destroy(&whole);
    return status;
}
