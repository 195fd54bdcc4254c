#include "modules/activation/backtracking.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "modules/activation/reading.h"

static const char *const variant_names[VARIANT_COUNT] = {"ci-ti-mc", "bd", "bc"};

const char *module_variant_name(enum module_variant variant)
{
    return (unsigned)variant < VARIANT_COUNT ? variant_names[variant] : NULL;
}

enum module_variant module_variant_from_name(const char *name)
{
    int variant = 0;
    while (variant < VARIANT_COUNT && strcmp(variant_names[variant], name) != 0)
        variant++;
    return (enum module_variant)variant;
}

struct backtracking_options backtracking_options_default(void)
{
    return (struct backtracking_options){.variant = VARIANT_CI_TI_MC};
}

enum status backtracking_options_check(const struct backtracking_options *options)
{
    if (!(options->epsilon >= 0.0f && options->epsilon <= 1.0f))
        return error_set(STATUS_USAGE, "epsilon is %g; it must be between 0 and 1", (double)options->epsilon);
    if (!(options->edges >= 0.0f && options->edges <= 1.0f))
        return error_set(STATUS_USAGE, "the fraction of edges is %g; it must be between 0 and 1",
                         (double)options->edges);
    return STATUS_OK;
}

struct backtracker {
    const struct network *network;
    const struct unit_layout *layout;
    int32_t output; /* the layer that heads replace */
    struct reading *reading;
    bool *of_dense;   /* by layer with units (layout): its units are a dense layer's */
    size_t *element;  /* (layer_count + 1): the elements of layer i are alive[element[i]] … */
    bool *alive;      /* something alive reads that element, and it is not held at zero */
    uint8_t *changed; /* a map, to become the module's */
};

/* Whether the units of the layer are a dense layer's: between them there is nothing but what works channel by
 * channel. */
static bool is_of_dense(const struct network *network, int32_t layer)
{
    enum layer_kind kind;
    do {
        layer = network->layers[layer].inputs[0];
        kind = network->layers[layer].kind;
    } while (kind == LAYER_BATCHNORM || kind == LAYER_SCALE);
    return kind == LAYER_DENSE;
}

static enum status backtracker_fill(struct backtracker *made)
{
    size_t layers = (size_t)made->network->layer_count;
    enum status status = module_output_layer(made->network, &made->output);
    if (status == STATUS_OK)
        status = reading_create(made->network, &made->reading);
    if (status == STATUS_OK)
        status = memory_allocate(&made->element, layers + 1, sizeof(size_t), "elements of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&made->of_dense, (size_t)made->layout->layer_count, sizeof(bool),
                                 "layers with units");
    if (status == STATUS_OK)
        status = memory_allocate(&made->changed, unit_map_bytes(made->layout), 1, "unit map");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < layers; i++)
        made->element[i + 1] = made->element[i] + shape_count(made->network->layers[i].shape);
    for (int32_t i = 0; i < made->layout->layer_count; i++)
        made->of_dense[i] = is_of_dense(made->network, made->layout->layers[i]);
    return memory_allocate(&made->alive, made->element[layers], sizeof(bool), "living units");
}

enum status backtracker_create(const struct network *network, const struct unit_layout *layout,
                               struct backtracker **backtracker)
{
    enum status status = memory_allocate(backtracker, 1, sizeof **backtracker, "backtracking");
    if (status != STATUS_OK)
        return status;
    (*backtracker)->network = network;
    (*backtracker)->layout = layout;
    status = backtracker_fill(*backtracker);
    if (status != STATUS_OK)
        backtracker_destroy(backtracker);
    return status;
}

void backtracker_destroy(struct backtracker **backtracker)
{
    if (*backtracker == NULL)
        return;
    reading_destroy(&(*backtracker)->reading);
    memory_free(&(*backtracker)->of_dense);
    memory_free(&(*backtracker)->element);
    memory_free(&(*backtracker)->alive);
    memory_free(&(*backtracker)->changed);
    memory_free(backtracker);
}

/* The features that tell "c" from "not c". */
static void mark_relevant_features(struct backtracker *backtracker, float epsilon, const float *head)
{
    int32_t features = module_features(backtracker->network, backtracker->output);
    bool *alive = backtracker->alive +
                  backtracker->element[backtracker->network->layers[backtracker->output].inputs[0]];
    float largest = 0;
    for (int32_t f = 0; f < features; f++)
        largest = fmaxf(largest, fabsf(head[2 * f] - head[2 * f + 1]));
    for (int32_t f = 0; f < features; f++)
        alive[f] = fabsf(head[2 * f] - head[2 * f + 1]) > epsilon * largest;
}

/* Of the units that something alive reads, those that the map holds at zero are dead themselves. */
static void drop_held(struct backtracker *backtracker, int32_t in_layout, const uint8_t *map)
{
    const struct unit_layout *layout = backtracker->layout;
    bool *alive = backtracker->alive + backtracker->element[layout->layers[in_layout]];
    size_t first = layout->unit_offset[in_layout], count = layout->unit_offset[in_layout + 1] - first;
    for (size_t u = 0; u < count; u++)
        alive[u] = alive[u] && unit_map_get(map, first + u);
}

static bool any_alive(const struct backtracker *backtracker, int32_t layer)
{
    size_t first = backtracker->element[layer];
    return memchr(backtracker->alive + first, true, backtracker->element[layer + 1] - first) != NULL;
}

/* What lives, from the features to the image. */
static void mark_living(struct backtracker *backtracker, const uint8_t *map)
{
    const struct network *network = backtracker->network;
    int32_t in_layout = backtracker->layout->layer_count - 1;
    for (int32_t i = backtracker->output - 1; i > 0; i--) {
        if (in_layout >= 0 && backtracker->layout->layers[in_layout] > i)
            in_layout--;
        if (in_layout >= 0 && backtracker->layout->layers[in_layout] == i)
            drop_held(backtracker, in_layout, map);
        if (!any_alive(backtracker, i))
            continue;
        const struct layer *layer = &network->layers[i];
        for (int32_t k = 0; k < layer->input_count; k++)
            reading_mark(backtracker->reading, i, k, backtracker->alive + backtracker->element[i],
                         backtracker->alive + backtracker->element[layer->inputs[k]]);
    }
}

/* Nothing lives in the image: the lowest layer that lives tells where the rest was lost. */
static enum status died(const struct backtracker *backtracker, const struct module *module)
{
    int32_t lowest = 1;
    while (lowest < backtracker->output && !any_alive(backtracker, lowest))
        lowest++;
    int32_t dead = backtracker->network->layers[lowest].inputs[0];
    return error_set(STATUS_NOT_FOUND,
                     "the module of class %s is empty: no unit of layer \"%s\" is left that its margin "
                     "depends on; lower tau-plus, epsilon or edges, or raise the number of positives",
                     module->class_name, backtracker->network->layers[dead].name);
}

enum status backtrack_module(struct backtracker *backtracker, const struct backtracking_options *options,
                             struct module *module)
{
    const struct unit_layout *layout = backtracker->layout;
    if (options->variant == VARIANT_CI_TI_MC)
        return STATUS_OK;
    enum status status = backtracking_options_check(options);
    if (status != STATUS_OK)
        return status;
    memset(backtracker->alive, false, backtracker->element[backtracker->network->layer_count]);
    mark_relevant_features(backtracker, options->epsilon, module->head_weights);
    mark_living(backtracker, module->map);
    if (!any_alive(backtracker, 0))
        return died(backtracker, module);
    memset(backtracker->changed, 0, unit_map_bytes(layout));
    for (int32_t i = 0; i < layout->layer_count; i++) {
        bool leaves = options->variant == VARIANT_BC || backtracker->of_dense[i];
        size_t first = layout->unit_offset[i], count = layout->unit_offset[i + 1] - first;
        const bool *alive = backtracker->alive + backtracker->element[layout->layers[i]];
        for (size_t u = 0; u < count; u++)
            if (leaves ? alive[u] : unit_map_get(module->map, first + u))
                unit_map_keep(backtracker->changed, first + u);
    }
    memcpy(module->map, backtracker->changed, unit_map_bytes(layout));
    unit_map_measure(layout, module->map, &module->kept.units, &module->kept.channels);
    return STATUS_OK;
}
