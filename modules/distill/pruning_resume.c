#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "modules/distill/pruning_internal.h"

struct pruning_state pruning_state_of(const struct pruning *pruning)
{
    return (struct pruning_state){.network = pruning->network,
                                  .layer_of = pruning->layer_of,
                                  .channel_of = pruning->channel_of,
                                  .channel_count = pruning->first[pruning->network->layer_count],
                                  .importance = pruning->importance,
                                  .group_count = pruning->groups.count};
}

/* Slicing leaves both ends as they are: whoever feeds and reads the network has sized that by `whole`. */
static bool has_ends_of(const struct network *whole, const struct network *network)
{
    return shape_equals(network_input_shape(network), network_input_shape(whole)) &&
           shape_equals(network->layers[network->layer_count - 1].shape,
                        whole->layers[whole->layer_count - 1].shape);
}

/* Whether layer i of the state can be what is left of one of whole; its channels begin at `first`. */
static bool is_lineage(const struct network *whole, const struct pruning_state *state, int32_t i,
                       size_t first)
{
    const struct layer *layer = &state->network->layers[i];
    if (state->layer_of[i] < 0 || state->layer_of[i] >= whole->layer_count)
        return false;
    const struct layer *was = &whole->layers[state->layer_of[i]];
    size_t channels = (size_t)layer->shape.c;
    if (layer->kind != was->kind || layer->shape.h != was->shape.h || layer->shape.w != was->shape.w ||
        layer->shape.c > was->shape.c || channels > state->channel_count - first)
        return false;
    for (size_t x = first; x < first + channels; x++)
        if (state->channel_of[x] < 0 || state->channel_of[x] >= was->shape.c)
            return false;
    return true;
}

static enum status take_lineage(struct pruning *pruning, const struct pruning_state *state)
{
    const struct network *network = pruning->network;
    size_t layers = (size_t)network->layer_count;
    enum status status =
        memory_allocate(&pruning->layer_of, layers, sizeof *pruning->layer_of, "origins of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&pruning->first, layers + 1, sizeof *pruning->first, "origins of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&pruning->channel_of, state->channel_count, sizeof *pruning->channel_of,
                                 "origins of channels");
    for (int32_t i = 0; status == STATUS_OK && i < network->layer_count; i++) {
        if (!is_lineage(pruning->whole, state, i, pruning->first[i]))
            status = error_set(STATUS_FORMAT, "layer %d of what is left of %s was none of it", (int)i,
                               pruning->whole->architecture);
        pruning->layer_of[i] = state->layer_of[i];
        pruning->first[i + 1] = pruning->first[i] + (size_t)network->layers[i].shape.c;
    }
    if (status == STATUS_OK && pruning->first[layers] != state->channel_count)
        status = error_set(STATUS_FORMAT, "origins of %zu channels of what is left of %s, expected %zu",
                           state->channel_count, pruning->whole->architecture, pruning->first[layers]);
    if (status == STATUS_OK)
        memcpy(pruning->channel_of, state->channel_of, state->channel_count * sizeof *pruning->channel_of);
    return status;
}

static enum status take_importance(struct pruning *pruning, const struct pruning_state *state)
{
    if (state->group_count != pruning->groups.count)
        return error_set(STATUS_FORMAT, "importance of %d groups of channels of %s, expected %d",
                         (int)state->group_count, pruning->whole->architecture, (int)pruning->groups.count);
    for (int32_t g = 0; g < state->group_count; g++)
        if (isnan(state->importance[g])) /* would be sorted in no order */
            return error_set(STATUS_FORMAT, "importance of a group of channels of %s is no number",
                             pruning->whole->architecture);
    pruning_set_importance(pruning, state->importance);
    return STATUS_OK;
}

enum status pruning_resume(const struct network *whole, const struct pruning_state *state,
                           struct pruning **pruning)
{
    struct pruning *made = NULL;
    *pruning = NULL;
    enum status status = memory_allocate(&made, 1, sizeof *made, "pruning");
    if (status != STATUS_OK)
        return status;
    made->whole = whole;
    if (!has_ends_of(whole, state->network))
        status = error_set(STATUS_FORMAT, "what is left of %s takes or gives another shape than it",
                           whole->architecture);
    if (status == STATUS_OK)
        status = network_copy(state->network, &made->network);
    if (status == STATUS_OK)
        status = take_lineage(made, state);
    if (status == STATUS_OK)
        status = pruning_study(made);
    if (status == STATUS_OK)
        status = take_importance(made, state);
    if (status != STATUS_OK)
        pruning_destroy(&made);
    *pruning = made;
    return status;
}
