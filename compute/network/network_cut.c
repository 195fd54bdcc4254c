#include "compute/network/network_cut.h"

#include <string.h>

#include "compute/base/memory.h"

/* Layers first … last of a network as a network of their own: what they read from before `first` is the
 * input. */
struct part {
    const struct network *from;
    int32_t first, last;
    struct network *made;
    int32_t *inputs; /* scratch for one layer */
};

/* Adds the layer behind the others, where it keeps its place relative to them. */
static enum status part_add(struct part *part, int32_t layer, const struct layer_options *options)
{
    const struct layer *added = &part->from->layers[layer];
    int32_t before = part->first - 1, index;
    for (int32_t i = 0; i < added->input_count; i++) {
        if (added->inputs[i] < before)
            return error_set(
                STATUS_SHAPE,
                "network %s cannot be cut behind layer \"%s\": layer \"%s\" reads \"%s\", which lies before",
                part->from->architecture, part->from->layers[before].name, added->name,
                part->from->layers[added->inputs[i]].name);
        part->inputs[i] = added->inputs[i] - before;
    }
    return network_add_layer(part->made, added->kind, added->name, options, part->inputs, added->input_count,
                             &index);
}

/* Adds all layers but the last, which is added with other options. */
static enum status part_build(struct part *part, const struct layer_options *last_options)
{
    const struct network *from = part->from;
    int32_t most = 1;
    for (int32_t i = part->first; i <= part->last; i++)
        if (from->layers[i].input_count > most)
            most = from->layers[i].input_count;
    enum status status = memory_allocate(&part->inputs, (size_t)most, sizeof(int32_t), "inputs of a layer");
    if (status == STATUS_OK)
        status = network_create(from->architecture, from->layers[part->first - 1].shape, &part->made);
    for (int32_t i = part->first; status == STATUS_OK && i <= part->last; i++)
        status = part_add(part, i, i == part->last ? last_options : &from->layers[i].options);
    if (status == STATUS_OK)
        status = network_finish(part->made);
    memory_free(&part->inputs);
    if (status != STATUS_OK)
        network_destroy(&part->made);
    return status;
}

/* Copies the numbers of the first `count` layers behind the input. */
static void part_copy_numbers(const struct part *part, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const struct layer *from = &part->from->layers[part->first + i], *to = &part->made->layers[1 + i];
        memcpy(part->made->parameters + to->parameter_offset, part->from->parameters + from->parameter_offset,
               from->parameter_count * sizeof(float));
        memcpy(part->made->statistics + to->statistic_offset, part->from->statistics + from->statistic_offset,
               from->statistic_count * sizeof(float));
    }
}

/* Layers first … last as they are. */
static enum status part_make(const struct network *network, int32_t first, int32_t last,
                             struct network **made)
{
    struct part part = {.from = network, .first = first, .last = last};
    enum status status = part_build(&part, &network->layers[last].options);
    if (status == STATUS_OK)
        part_copy_numbers(&part, last - first + 1);
    *made = part.made;
    return status;
}

bool network_can_cut_behind(const struct network *network, int32_t layer)
{
    for (int32_t i = layer + 1; i < network->layer_count; i++)
        for (int32_t k = 0; k < network->layers[i].input_count; k++)
            if (network->layers[i].inputs[k] < layer)
                return false;
    return layer > 0 && layer < network->layer_count - 1;
}

enum status network_split(const struct network *network, int32_t layer, struct network **stem,
                          struct network **tail)
{
    int32_t last = network->layer_count - 1;
    *stem = *tail = NULL;
    if (layer < 1 || layer >= last)
        return error_set(STATUS_USAGE,
                         "network %s cannot be cut behind its layer %d; it has layers 0 (the input) to %d, "
                         "and something must be left on both sides",
                         network->architecture, (int)layer, (int)last);
    enum status status = part_make(network, layer + 1, last, tail);
    if (status == STATUS_OK)
        status = part_make(network, 1, layer, stem);
    if (status != STATUS_OK) {
        network_destroy(tail);
        return status;
    }
    (*stem)->scaling = network->scaling;
    memcpy((*tail)->class_names, network->class_names,
           (size_t)network->class_count * sizeof *network->class_names);
    return STATUS_OK;
}

enum status network_logits_layer(const struct network *network, int32_t *layer)
{
    int32_t found = network->layer_count - 1;
    enum layer_kind last = network->layers[found].kind;
    if (last == LAYER_SOFTMAX || last == LAYER_LOG_SOFTMAX)
        found = network->layers[found].inputs[0];
    if (network->layers[found].kind != LAYER_DENSE)
        return error_set(STATUS_SHAPE,
                         "network %s ends in the %s layer \"%s\"; its last layer must be dense, or a softmax "
                         "of a dense layer",
                         network->architecture, layer_kind_name(network->layers[found].kind),
                         network->layers[found].name);
    *layer = found;
    return STATUS_OK;
}

enum status network_replace_outputs(const struct network *network, int32_t layer, const float *weights,
                                    const float *bias, const class_name *names, int32_t count,
                                    struct network **replaced)
{
    struct part part = {.from = network, .first = 1, .last = layer};
    *replaced = NULL;
    if (layer < 1 || layer >= network->layer_count || network->layers[layer].kind != LAYER_DENSE ||
        weights == NULL)
        return error_set(STATUS_SHAPE,
                         "network %s: layer %d is no dense layer; only such a one gets other "
                         "outputs",
                         network->architecture, (int)layer);
    const struct layer_options options = {.out_c = count, .bias = bias != NULL};
    enum status status = part_build(&part, &options);
    if (status != STATUS_OK)
        return status;
    if (names != NULL)
        status = network_set_class_names(part.made, names, count);
    if (status != STATUS_OK) {
        network_destroy(&part.made);
        return status;
    }
    part_copy_numbers(&part, layer - 1);
    const struct layer *output = &part.made->layers[layer];
    float *to = part.made->parameters + output->parameter_offset;
    memcpy(to, weights, output->weight_count * sizeof(float));
    if (bias != NULL)
        memcpy(to + output->weight_count, bias, (size_t)count * sizeof(float));
    part.made->scaling = network->scaling;
    *replaced = part.made;
    return STATUS_OK;
}

enum status network_select_outputs(const struct network *network, int32_t layer, const int32_t *outputs,
                                   int32_t count, struct network **selected)
{
    float *weights = NULL;
    class_name *names = NULL;
    const struct layer *output = &network->layers[layer];
    *selected = NULL;
    if (output->kind != LAYER_DENSE || output->shape.c != network->class_count || count < 1)
        return error_set(STATUS_USAGE, "network %s: %d outputs cannot be chosen from layer \"%s\"",
                         network->architecture, (int)count, output->name);
    for (int32_t k = 0; k < count; k++)
        if (outputs[k] < 0 || outputs[k] >= network->class_count)
            return error_set(STATUS_USAGE, "network %s has outputs 0 to %d; %d was chosen",
                             network->architecture, (int)network->class_count - 1, (int)outputs[k]);
    size_t all = (size_t)output->shape.c, features = output->weight_count / all, chosen = (size_t)count;
    enum status status =
        memory_allocate(&weights, (features + 1) * chosen, sizeof(float), "weights of outputs");
    if (status == STATUS_OK)
        status = memory_allocate(&names, chosen, sizeof *names, "names of outputs");
    if (status == STATUS_OK) {
        const float *from = network->parameters + output->parameter_offset;
        size_t rows = features + (output->options.bias ? 1 : 0); /* the bias is one more row */
        for (size_t f = 0; f < rows; f++)
            for (size_t k = 0; k < chosen; k++)
                weights[f * chosen + k] = from[f * all + (size_t)outputs[k]];
        for (size_t k = 0; k < chosen; k++)
            memcpy(names[k], network->class_names[outputs[k]], sizeof *names);
        status = network_replace_outputs(network, layer, weights,
                                         output->options.bias ? weights + features * chosen : NULL,
                                         (const class_name *)names, count, selected);
    }
    memory_free(&weights);
    memory_free(&names);
    return status;
}
