#include "modules/distill/gates.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"

/* A copy under construction. */
struct gating {
    const struct network *whole;
    struct gates *gates;
    int32_t *place;  /* by layer of whole: what reads it reads this layer of the copy: its gate, or itself */
    int32_t *copied; /* by layer of whole: itself in the copy */
    int32_t *inputs; /* scratch for one layer */
};

static enum status add_layer(struct gating *gating, int32_t index)
{
    const struct layer *layer = &gating->whole->layers[index];
    struct network *network = gating->gates->network;
    char name[32];
    for (int32_t k = 0; k < layer->input_count; k++)
        gating->inputs[k] = gating->place[layer->inputs[k]];
    enum status status = network_add_layer(network, layer->kind, layer->name, &layer->options, gating->inputs,
                                           layer->input_count, &gating->copied[index]);
    gating->place[index] = gating->copied[index];
    if (status != STATUS_OK || !layer_has_units(layer))
        return status;
    snprintf(name, sizeof name, "gate %d", (int)index);
    status = network_add_layer(network, LAYER_SCALE, name, NULL, &gating->copied[index], 1,
                               &gating->gates->gate_of[index]);
    gating->place[index] = gating->gates->gate_of[index];
    return status;
}

static void copy_numbers(const struct gating *gating)
{
    const struct network *whole = gating->whole;
    struct network *network = gating->gates->network;
    for (int32_t i = 1; i < whole->layer_count; i++) {
        const struct layer *from = &whole->layers[i], *to = &network->layers[gating->copied[i]];
        memcpy(network->parameters + to->parameter_offset, whole->parameters + from->parameter_offset,
               from->parameter_count * sizeof(float));
        memcpy(network->statistics + to->statistic_offset, whole->statistics + from->statistic_offset,
               from->statistic_count * sizeof(float));
    }
}

static enum status build(struct gating *gating)
{
    const struct network *whole = gating->whole;
    size_t layers = (size_t)whole->layer_count, most = 1;
    for (size_t i = 0; i < layers; i++)
        if ((size_t)whole->layers[i].input_count > most)
            most = (size_t)whole->layers[i].input_count;
    enum status status = memory_allocate(&gating->place, layers, sizeof *gating->place, "layers with gates");
    if (status == STATUS_OK)
        status = memory_allocate(&gating->copied, layers, sizeof *gating->copied, "layers with gates");
    if (status == STATUS_OK)
        status = memory_allocate(&gating->inputs, most, sizeof *gating->inputs, "inputs of a layer");
    if (status == STATUS_OK)
        status = network_create(whole->architecture, network_input_shape(whole), &gating->gates->network);
    for (int32_t i = 1; status == STATUS_OK && i < whole->layer_count; i++)
        status = add_layer(gating, i);
    if (status == STATUS_OK)
        status = network_finish(gating->gates->network);
    if (status == STATUS_OK)
        copy_numbers(gating);
    memory_free(&gating->place);
    memory_free(&gating->copied);
    memory_free(&gating->inputs);
    return status;
}

enum status gates_create(const struct network *whole, struct gates *gates)
{
    struct gating gating = {.whole = whole, .gates = gates};
    *gates = (struct gates){.layer_count = whole->layer_count};
    enum status status = memory_allocate(&gates->gate_of, (size_t)whole->layer_count, sizeof *gates->gate_of,
                                         "gates of layers");
    if (status == STATUS_OK)
        status = channel_groups_find(whole, &gates->groups);
    if (status == STATUS_OK)
        status = build(&gating);
    if (status != STATUS_OK)
        gates_clear(gates);
    return status;
}

void gates_clear(struct gates *gates)
{
    network_destroy(&gates->network);
    memory_free(&gates->gate_of);
    channel_groups_clear(&gates->groups);
}

/* The groups of the gate behind a layer of whole: entry c is that of channel c. */
static const int32_t *groups_behind(const struct gates *gates, int32_t layer)
{
    return gates->groups.group + gates->groups.first[layer];
}

void gates_set(struct gates *gates, const bool *open)
{
    for (int32_t i = 0; i < gates->layer_count; i++) {
        if (gates->gate_of[i] == 0)
            continue;
        const struct layer *gate = &gates->network->layers[gates->gate_of[i]];
        const int32_t *groups = groups_behind(gates, i);
        for (int32_t c = 0; c < gate->shape.c; c++)
            gates->network->parameters[gate->parameter_offset + (size_t)c] =
                groups[c] == NO_GROUP || open[groups[c]] ? 1 : 0;
    }
}

void gates_effect(const struct gates *gates, const float *gradient, double *effect)
{
    for (int32_t g = 0; g < gates->groups.count; g++)
        effect[g] = 0;
    for (int32_t i = 0; i < gates->layer_count; i++) {
        if (gates->gate_of[i] == 0)
            continue;
        const struct layer *gate = &gates->network->layers[gates->gate_of[i]];
        const int32_t *groups = groups_behind(gates, i);
        for (int32_t c = 0; c < gate->shape.c; c++)
            if (groups[c] != NO_GROUP)
                effect[groups[c]] += (double)gradient[gate->parameter_offset + (size_t)c];
    }
}
