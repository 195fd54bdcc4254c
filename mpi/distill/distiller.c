#include "mpi/distill/distiller.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/losses.h"

enum {
    SETTLE_STEPS = 40,     /* at most: without learning, for the running statistics of images as they come */
    STREAM_CLASS = 0x4443, /* of random numbers (compute/base/random.h) */
};

static const double NO_LOSS = 1e300; /* no state is worse */

/* --- steps --- */

int32_t distiller_round_steps(const struct distill_options *options)
{
    int32_t steps = options->steps / 2 / DISTILLER_ROUNDS;
    return steps > 0 ? steps : 1;
}

int32_t distiller_measuring_steps(const struct distill_options *options)
{
    return options->steps / 4 > 0 ? options->steps / 4 : 1;
}

static int32_t settle_steps(const struct distill_options *options)
{
    return options->steps < SETTLE_STEPS ? options->steps : SETTLE_STEPS;
}

/* Of all phases, at most: tuning may end early. */
static int64_t steps_of(const struct distill_options *options)
{
    int64_t learning = options->frozen ? options->steps
                                       : (int64_t)distiller_round_steps(options) * DISTILLER_ROUNDS +
                                             options->steps - options->steps / 2;
    return learning + settle_steps(options);
}

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
    int64_t step = distiller->place.step;
    double images = (double)(step - distiller->first_step) * options->batch_images;
    run_progress_rank(distiller->task->progress, "distilling", distiller->task->row,
                      step * options->batch_images, steps_of(options) * options->batch_images,
                      elapsed > 0 ? images / elapsed / ranks_count(distiller->task->group) : 0);
}

enum status distiller_step(struct distiller *distiller, distiller_draw *draw, float rate,
                           void (*observe)(struct distiller *distiller, const float *gradient))
{
    const struct distill_options *options = distiller->classes->options;
    struct distiller_place *place = &distiller->place;
    for (int32_t i = 0; i < options->batch_images; i++)
        distiller->drawn[i] = draw(&distiller->sampling, place->step, i);
    const struct trainer_batch batch = {
        .images = options->batch_images, .load = load_slice, .loss = slice_loss, .context = distiller};
    struct trainer_result result;
    const float *gradient = trainer_gradient(distiller->trainer, &batch, &result);
    if (!(result.sums[0] < 1e30F))
        return error_set(STATUS_MISMATCH,
                         "distilling class %d diverged in step %lld: the loss is %g; use a smaller --rate",
                         (int)distiller->task->class_index, (long long)place->step + 1,
                         (double)result.sums[0]);
    if (observe != NULL)
        observe(distiller, gradient);
    trainer_apply(distiller->trainer, rate);
    place->step++;
    place->done++;
    distiller->stop = result.stop;
    run_curve_add(&distiller->curve, place->step, (double)result.sums[0] / options->batch_images);
    tell_progress(distiller);
    return STATUS_OK;
}

enum status distiller_begin_steps(struct distiller *distiller, struct network *network)
{
    const struct trainer_options options = {
        .batch_images = distiller->classes->options->batch_images,
        .sgd = {.momentum = 0.9F, .nesterov = true, .weight_decay = 1e-4F},
        .stop = distiller->task->stop};
    trainer_destroy(&distiller->trainer);
    enum status status = trainer_create(distiller->task->group, network, &options, &distiller->trainer);
    if (status == STATUS_OK && distiller->velocity != NULL)
        memcpy(trainer_velocity(distiller->trainer), distiller->velocity,
               network->parameter_count * sizeof(float));
    memory_free(&distiller->velocity);
    return status;
}

void distiller_end_steps(struct distiller *distiller)
{
    trainer_destroy(&distiller->trainer);
}

bool distiller_has_best(const struct distiller *distiller)
{
    return distiller->place.best_loss < NO_LOSS;
}

void distiller_enter(struct distiller *distiller, enum distiller_phase phase)
{
    distiller->place =
        (struct distiller_place){.phase = phase, .step = distiller->place.step, .best_loss = NO_LOSS};
}

enum status distiller_settle(struct distiller *distiller)
{
    int32_t steps = settle_steps(distiller->classes->options);
    enum status status = distiller_begin_steps(distiller, pruning_network(distiller->pruning));
    while (status == STATUS_OK && distiller->place.done < steps) {
        status = distiller_step(distiller, sampling_draw_any, 0, NULL);
        if (status == STATUS_OK)
            status = distiller_rest(distiller);
    }
    distiller_end_steps(distiller);
    return status;
}

/* --- saving --- */

static struct step_checkpoint checkpoint_of(const struct distiller *distiller)
{
    const struct class_task *task = distiller->task;
    return (struct step_checkpoint){.comm = task->group,
                                    .path = task->checkpoint_path,
                                    .seconds = task->checkpoint_seconds,
                                    .identity = {task->class_index, distiller->classes->records}};
}

/* What is on disk of a phase. Weights do not move while gates are learned, so that the optimiser has nothing
 * to remember. */
static void count_values(const struct distiller *distiller, enum distiller_phase phase,
                         const struct network *network, struct distiller_state *state)
{
    size_t groups = phase == DISTILLER_GATES ? (size_t)distiller->gates.groups.count : 0;
    state->velocity_count = phase == DISTILLER_GATES ? 0 : network->parameter_count;
    state->best_count = phase == DISTILLER_TUNING ? network->parameter_count + network->statistic_count : 0;
    state->score_count = state->open_count = groups;
}

static enum status write_state(const char *path, const void *content)
{
    const struct distiller *distiller = content;
    const struct pruning_state left = pruning_state_of(distiller->pruning);
    struct network *network = pruning_network(distiller->pruning);
    struct distiller_state state = {.place = distiller->place,
                                    .network = network,
                                    .layer_of = left.layer_of,
                                    .channel_of = left.channel_of,
                                    .importance = left.importance,
                                    .velocity = trainer_velocity(distiller->trainer),
                                    .best = distiller->best,
                                    .scores = distiller->scores,
                                    .layer_count = (size_t)network->layer_count,
                                    .channel_count = left.channel_count,
                                    .importance_count = (size_t)left.group_count};
    uint8_t *open = NULL;
    count_values(distiller, distiller->place.phase, network, &state);
    enum status status = memory_allocate(&open, state.open_count, 1, "gates");
    for (size_t g = 0; status == STATUS_OK && g < state.open_count; g++)
        open[g] = distiller->open[g];
    state.open = open;
    if (status == STATUS_OK)
        status = distiller_file_write(path, &state);
    memory_free(&open);
    return status;
}

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* Collective. Numbers can be beyond all bounds a step before the loss is; no file takes them. */
static enum status save(const struct distiller *distiller, const struct step_checkpoint *checkpoint)
{
    const struct network *network = pruning_network(distiller->pruning);
    if (!all_finite(network->parameters, network->parameter_count) ||
        !all_finite(network->statistics, network->statistic_count))
        return error_set(STATUS_MISMATCH,
                         "distilling class %d diverged in step %lld: its network has numbers that are not "
                         "finite; use a smaller --rate",
                         (int)distiller->task->class_index, (long long)distiller->place.step);
    return step_checkpoint_replace(checkpoint, write_state, distiller);
}

enum status distiller_rest(struct distiller *distiller)
{
    const struct step_checkpoint checkpoint = checkpoint_of(distiller);
    enum status status = STATUS_OK;
    if (step_checkpoint_due(&checkpoint, &distiller->saved) || distiller->stop)
        status = save(distiller, &checkpoint);
    if (status == STATUS_OK && distiller->stop)
        status = error_set(STATUS_STOPPED, "stopped by a signal while distilling class %d",
                           (int)distiller->task->class_index);
    return status;
}

/* --- going on --- */

static enum status misfit(const struct distiller *distiller, const char *what)
{
    return error_set(STATUS_FORMAT,
                     "%s: its %s does not fit the class that is distilled; remove the file to begin the "
                     "class anew",
                     distiller->task->checkpoint_path, what);
}

static bool is_place(const struct distiller *distiller, const struct distiller_place *place)
{
    const struct distill_options *options = distiller->classes->options;
    bool of_gates = place->phase == DISTILLER_GATES;
    return (place->phase == DISTILLER_SETTLING || of_gates == options->frozen) &&
           place->round < DISTILLER_ROUNDS && place->done <= options->steps &&
           place->step <= steps_of(options);
}

/* The arrays are as long as `state` says; the network is the pruning's. */
static enum status check_values(const struct distiller *distiller, const struct distiller_state *state)
{
    enum distiller_phase phase = state->place.phase;
    struct distiller_state wanted;
    count_values(distiller, phase, state->network, &wanted);
    if (state->velocity_count != wanted.velocity_count)
        return misfit(distiller, "velocity");
    if (state->best_count != wanted.best_count)
        return misfit(distiller, "best state");
    if (state->score_count != wanted.score_count || state->open_count != wanted.open_count ||
        (phase == DISTILLER_GATES &&
         pruning_group_count(distiller->pruning) != distiller->gates.groups.count))
        return misfit(distiller, "gates");
    /* They are sorted; and sums of squares, of which the root is taken, until all is measured. */
    bool sums = state->place.done <= distiller_measuring_steps(distiller->classes->options);
    for (size_t g = 0; g < state->score_count; g++)
        if (!isfinite(state->scores[g]) || (sums && state->scores[g] < 0))
            return misfit(distiller, "score of a gate");
    return STATUS_OK;
}

/* *state loses what the distiller keeps. */
static enum status take_values(struct distiller *distiller, struct distiller_state *state)
{
    enum status status = STATUS_OK;
    distiller->place = state->place;
    if (state->best_count > 0) {
        status =
            memory_allocate(&distiller->best, state->best_count, sizeof(float), "the best state of a module");
        if (status == STATUS_OK)
            memcpy(distiller->best, state->best, state->best_count * sizeof(float));
    }
    if (state->score_count > 0) {
        memcpy(distiller->scores, state->scores, state->score_count * sizeof(double));
        for (size_t g = 0; g < state->open_count; g++)
            distiller->open[g] = state->open[g] != 0;
        gates_set(&distiller->gates, distiller->open);
    }
    distiller->velocity = state->velocity;
    state->velocity = NULL;
    return status;
}

static enum status take_state(struct distiller *distiller, struct distiller_state *state)
{
    const struct pruning_state left = {.network = state->network,
                                       .layer_of = state->layer_of,
                                       .channel_of = state->channel_of,
                                       .channel_count = state->channel_count,
                                       .importance = state->importance,
                                       .group_count = (int32_t)state->importance_count};
    enum status status = is_place(distiller, &state->place) ? STATUS_OK : misfit(distiller, "place");
    if (status == STATUS_OK) {
        status = pruning_resume(distiller->whole, &left, &distiller->pruning);
        if (status == STATUS_FORMAT)
            error_message_prefix("%s does not fit the class that is distilled; remove the file to begin the "
                                 "class anew: ",
                                 distiller->task->checkpoint_path);
    }
    if (status == STATUS_OK)
        status = check_values(distiller, state);
    return status == STATUS_OK ? take_values(distiller, state) : status;
}

/* Collective. A pruning that is new, or where the checkpoint is. */
static enum status begin_or_go_on(struct distiller *distiller)
{
    const struct step_checkpoint checkpoint = checkpoint_of(distiller);
    struct distiller_state state = {.network = NULL};
    bool whole;
    enum status status = step_checkpoint_find(&checkpoint, &whole);
    if (status != STATUS_OK)
        return status;
    if (whole) {
        status = distiller_file_read(checkpoint.path, &state);
        if (status == STATUS_OK)
            status = take_state(distiller, &state);
        distiller_state_clear(&state);
    } else
        status = pruning_create(distiller->whole, &distiller->pruning);
    distiller->first_step = distiller->place.step;
    return ranks_agree(checkpoint.comm, status);
}

/* --- making ready --- */

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

static enum status prepare_gates(struct distiller *distiller)
{
    enum status status = gates_create(distiller->whole, &distiller->gates);
    size_t groups = (size_t)distiller->gates.groups.count;
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->scores, groups, sizeof(double), "scores of gates");
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->effect, groups, sizeof(double), "effects of gates");
    if (status == STATUS_OK)
        status = memory_allocate(&distiller->open, groups, sizeof(bool), "gates");
    for (size_t g = 0; status == STATUS_OK && g < groups; g++)
        distiller->open[g] = true; /* as gates_create makes them */
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
    if (status == STATUS_OK)
        status =
            teacher_class_network(classes->teacher, class_index, options->temperature, &distiller->whole);
    if (status == STATUS_OK && options->frozen)
        status = prepare_gates(distiller);
    return status;
}

enum status distiller_begin(struct distiller *distiller, const struct distill_classes *classes,
                            const struct class_task *task)
{
    const struct distill_options *options = classes->options;
    distiller->classes = classes;
    distiller->task = task;
    distiller->started = distiller->saved = seconds_now();
    distiller->curve = (struct run_curve){.progress = ranks_rank(task->group) == 0 ? task->progress : NULL,
                                          .class_index = task->row,
                                          .total = steps_of(options)};
    distiller_enter(distiller, options->frozen ? DISTILLER_GATES : DISTILLER_CUTTING);
    enum status status = ranks_agree(task->group, prepare(distiller));
    return status == STATUS_OK ? begin_or_go_on(distiller) : status;
}

void distiller_clear(struct distiller *distiller)
{
    trainer_destroy(&distiller->trainer);
    pruning_destroy(&distiller->pruning);
    sampling_clear(&distiller->sampling);
    network_destroy(&distiller->whole);
    memory_free(&distiller->targets);
    memory_free(&distiller->held_targets);
    memory_free(&distiller->held_margins);
    memory_free(&distiller->drawn);
    memory_free(&distiller->best);
    memory_free(&distiller->velocity);
    gates_clear(&distiller->gates);
    memory_free(&distiller->scores);
    memory_free(&distiller->effect);
    memory_free(&distiller->open);
}
