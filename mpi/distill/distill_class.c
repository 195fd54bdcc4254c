#include "mpi/distill/distill_class.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/kernels/losses.h"
#include "modules/distill/module_channels.h"
#include "mpi/distill/distill_gates.h"

enum {
    LOOKS = 8,    /* at held-back images while tuning */
    PATIENCE = 4, /* looks without a better one before tuning ends */
};

/* --- cutting --- */

static void observe_channels(struct distiller *distiller, const float *gradient)
{
    pruning_observe(distiller->pruning, gradient);
}

/* Collective. The steps of a round. */
static enum status learn_round(struct distiller *distiller)
{
    const struct distill_options *options = distiller->classes->options;
    int32_t steps = distiller_round_steps(options);
    enum status status = distiller_begin_steps(distiller, pruning_network(distiller->pruning));
    while (status == STATUS_OK && distiller->place.done < steps) {
        status = distiller_step(distiller, sampling_draw, options->rate, observe_channels);
        if (status == STATUS_OK)
            status = distiller_rest(distiller);
    }
    distiller_end_steps(distiller); /* before its network changes */
    return status;
}

/* Collective. */
static enum status cut_in_rounds(struct distiller *distiller)
{
    struct distiller_place *place = &distiller->place;
    uint64_t budget = distiller->classes->multiply_adds, whole = network_multiply_adds(distiller->whole);
    enum status status = STATUS_OK;
    while (place->round < DISTILLER_ROUNDS && status == STATUS_OK) {
        status = learn_round(distiller);
        if (status == STATUS_OK)
            status = ranks_agree(
                distiller->task->group,
                pruning_cut(distiller->pruning,
                            pruning_round_budget(whole, budget, place->round + 1, DISTILLER_ROUNDS)));
        place->round++;
        place->done = 0;
    }
    if (status == STATUS_OK)
        distiller_enter(distiller, DISTILLER_TUNING);
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

/* Collective. Looks at held-back images and remembers the best state. */
static enum status look(struct distiller *distiller)
{
    const struct network *network = pruning_network(distiller->pruning);
    double loss = 0;
    enum status status = ranks_agree(distiller->task->group, held_loss(distiller, &loss));
    if (status == STATUS_OK && loss < distiller->place.best_loss) {
        distiller->place.best_loss = loss;
        distiller->place.worse = 0;
        memcpy(distiller->best, network->parameters, network->parameter_count * sizeof(float));
        memcpy(distiller->best + network->parameter_count, network->statistics,
               network->statistic_count * sizeof(float));
    } else
        distiller->place.worse++;
    return status;
}

static void go_back_to_best(struct distiller *distiller)
{
    struct network *network = pruning_network(distiller->pruning);
    memcpy(network->parameters, distiller->best, network->parameter_count * sizeof(float));
    memcpy(network->statistics, distiller->best + network->parameter_count,
           network->statistic_count * sizeof(float));
}

/* What goes on from a checkpoint has its best state already. */
static enum status prepare_best(struct distiller *distiller)
{
    const struct network *network = pruning_network(distiller->pruning);
    return distiller->best != NULL
               ? STATUS_OK
               : memory_allocate(&distiller->best, network->parameter_count + network->statistic_count,
                                 sizeof(float), "the best state of a module");
}

/* Collective. */
static enum status tune(struct distiller *distiller)
{
    const struct distill_options *options = distiller->classes->options;
    const struct distiller_place *place = &distiller->place;
    int32_t total = options->steps - options->steps / 2;
    enum status status = ranks_agree(distiller->task->group, prepare_best(distiller));
    if (status == STATUS_OK)
        status = distiller_begin_steps(distiller, pruning_network(distiller->pruning));
    while (status == STATUS_OK && place->done < total && place->worse < PATIENCE) {
        status = distiller_step(distiller, sampling_draw,
                                schedule_rate(SCHEDULE_COSINE, options->rate, place->done, total), NULL);
        if (status == STATUS_OK && (place->done % (total / LOOKS + 1) == 0 || place->done == total))
            status = look(distiller);
        if (status == STATUS_OK)
            status = distiller_rest(distiller);
    }
    distiller_end_steps(distiller);
    if (status == STATUS_OK && !distiller_has_best(distiller))
        status =
            error_set(STATUS_MISMATCH,
                      "distilling class %d diverged: at no look was its loss on held-back images finite; "
                      "use a smaller --rate",
                      (int)distiller->task->class_index);
    if (status == STATUS_OK)
        go_back_to_best(distiller);
    if (status == STATUS_OK)
        distiller_enter(distiller, DISTILLER_SETTLING);
    return status;
}

/* --- */

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

/* Collective. The phases that are not behind it. */
static enum status make_network(struct distiller *distiller)
{
    const struct distiller_place *place = &distiller->place;
    enum status status = STATUS_OK;
    if (place->phase == DISTILLER_GATES)
        status = distill_gates(distiller);
    if (status == STATUS_OK && place->phase == DISTILLER_CUTTING)
        status = cut_in_rounds(distiller);
    if (status == STATUS_OK && place->phase == DISTILLER_TUNING)
        status = tune(distiller);
    return status == STATUS_OK ? distiller_settle(distiller) : status;
}

enum status distill_class_make(void *context, const struct class_task *task, struct module *module)
{
    struct distiller distiller = {.task = task};
    enum status status = distiller_begin(&distiller, context, task);
    if (status == STATUS_OK)
        status = make_network(&distiller);
    if (status == STATUS_OK)
        status = ranks_agree(task->group, finish(&distiller, module));
    distiller_clear(&distiller);
    return status;
}
