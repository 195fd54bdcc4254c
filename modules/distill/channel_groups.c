#include "modules/distill/channel_groups.h"

#include "compute/base/memory.h"

/* Sets of channels (Galler & Fischer 1964): parent[x] of the same set, a root its own. */
struct ties {
    const struct network *network;
    const size_t *first;
    size_t *parent;
};

static size_t root_of(const struct ties *ties, size_t x)
{
    while (ties->parent[x] != x) {
        ties->parent[x] = ties->parent[ties->parent[x]];
        x = ties->parent[x];
    }
    return x;
}

/* Channel a of one layer with channel b of another; the smaller entry becomes the root. */
static void tie(const struct ties *ties, int32_t layer_a, int32_t a, int32_t layer_b, int32_t b)
{
    size_t x = root_of(ties, ties->first[layer_a] + (size_t)a);
    size_t y = root_of(ties, ties->first[layer_b] + (size_t)b);
    if (x < y)
        ties->parent[y] = x;
    else
        ties->parent[x] = y;
}

/* All channels of each group of a grouped convolution: it is removed whole. */
static void tie_convolution(const struct ties *ties, int32_t index)
{
    const struct layer *layer = &ties->network->layers[index];
    int32_t groups = layer->options.groups, input = layer->inputs[0];
    if (groups == 1)
        return;
    int32_t in_each = ties->network->layers[input].shape.c / groups, out_each = layer->shape.c / groups;
    for (int32_t g = 0; g < groups; g++) {
        for (int32_t c = 0; c < in_each; c++)
            tie(ties, index, g * out_each, input, g * in_each + c);
        for (int32_t c = 0; c < out_each; c++)
            tie(ties, index, g * out_each, index, g * out_each + c);
    }
}

/* Where channel c of a layer that reorders, pads or crops comes from in its first input; −1: from nowhere. */
static int32_t source_channel(const struct layer *layer, int32_t in_c, int32_t c)
{
    int32_t from = c;
    if (layer->kind == LAYER_FLATTEN)
        from = c % in_c;
    else if (layer->kind == LAYER_WINDOW)
        from = c + layer->options.from_c;
    else if (layer->kind == LAYER_SHUFFLE)
        from = c % layer->options.groups * (in_c / layer->options.groups) + c / layer->options.groups;
    return from >= 0 && from < in_c ? from : -1;
}

static void tie_layer(const struct ties *ties, int32_t index)
{
    const struct layer *layer = &ties->network->layers[index];
    int32_t at = 0;
    if (layer->kind == LAYER_DENSE)
        return;
    if (layer->kind == LAYER_CONVOLUTION) {
        tie_convolution(ties, index);
        return;
    }
    for (int32_t k = 0; k < layer->input_count; k++) {
        int32_t input = layer->inputs[k], in_c = ties->network->layers[input].shape.c;
        bool joins = layer->kind == LAYER_CONCAT;
        for (int32_t c = 0; c < (joins ? in_c : layer->shape.c); c++) {
            int32_t from = joins ? c : source_channel(layer, in_c, c);
            if (from >= 0)
                tie(ties, index, at + c, input, from);
        }
        at += joins ? in_c : 0;
    }
}

/* Numbers the sets that can be removed, in the order of their first channels. */
static enum status number_groups(const struct ties *ties, struct channel_groups *groups)
{
    const struct network *network = ties->network;
    int32_t last = network->layer_count - 1, *number = NULL;
    bool *removable = NULL;
    size_t total = ties->first[network->layer_count];
    enum status status = memory_allocate(&removable, total, sizeof *removable, "groups of channels");
    if (status == STATUS_OK)
        status = memory_allocate(&number, total, sizeof *number, "groups of channels");
    for (int32_t i = 0; status == STATUS_OK && i <= last; i++)
        for (size_t x = ties->first[i]; x < ties->first[i + 1]; x++)
            if (layer_has_units(&network->layers[i]))
                removable[root_of(ties, x)] = true;
    for (int32_t i = 0; status == STATUS_OK && i <= last; i++)
        for (size_t x = ties->first[i]; x < ties->first[i + 1]; x++)
            if (i == 0 || i == last)
                removable[root_of(ties, x)] = false;
    for (size_t x = 0; status == STATUS_OK && x < total; x++) {
        size_t root = root_of(ties, x);
        if (root == x)
            number[x] = removable[x] ? groups->count++ : NO_GROUP;
        groups->group[x] = number[root]; /* a root comes before the others of its set */
    }
    memory_free(&removable);
    memory_free(&number);
    return status;
}

enum status channel_groups_find(const struct network *network, struct channel_groups *groups)
{
    size_t layers = (size_t)network->layer_count, *parent = NULL;
    *groups = (struct channel_groups){0};
    enum status status =
        memory_allocate(&groups->first, layers + 1, sizeof *groups->first, "groups of channels");
    for (size_t i = 0; status == STATUS_OK && i < layers; i++)
        groups->first[i + 1] = groups->first[i] + (size_t)network->layers[i].shape.c;
    if (status == STATUS_OK)
        status = memory_allocate(&groups->group, groups->first[layers], sizeof *groups->group,
                                 "groups of channels");
    if (status == STATUS_OK)
        status = memory_allocate(&parent, groups->first[layers], sizeof *parent, "groups of channels");
    if (status == STATUS_OK) {
        const struct ties ties = {network, groups->first, parent};
        for (size_t x = 0; x < groups->first[layers]; x++)
            parent[x] = x;
        for (int32_t i = 1; i < network->layer_count; i++)
            tie_layer(&ties, i);
        status = number_groups(&ties, groups);
    }
    memory_free(&parent);
    if (status != STATUS_OK)
        channel_groups_clear(groups);
    return status;
}

void channel_groups_clear(struct channel_groups *groups)
{
    memory_free(&groups->first);
    memory_free(&groups->group);
    groups->count = 0;
}
