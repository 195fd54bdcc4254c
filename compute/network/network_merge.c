#include "compute/network/network_merge.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/kernels/elementwise.h"
#include "compute/network/layer_kernels.h"

/* Layers 1 … head of all networks are merged. Behind them are the pixels of the input that windows of it see,
 * each selection of pixels once. Then come, network by network, its window of layer `head` and its layers
 * behind: layer i ≥ head of network m is layer places[m] + i − head. */
struct merge {
    const struct network *const *networks;
    int32_t count, head;
    int32_t selections_end; /* the layer behind those pixels */
    int32_t *places;        /* (count) */
    int32_t *inputs;        /* scratch for one layer */
    struct network *made;
};

/* --- what is alike --- */

/* Layers i of both, which can be merged, but for their channels. */
static bool layers_alike(const struct network *a, const struct network *b, int32_t i)
{
    const struct layer_options *x = &a->layers[i].options, *y = &b->layers[i].options;
    if (a->layers[i].kind != b->layers[i].kind)
        return false;
    if (a->layers[i].kind == LAYER_BATCHNORM)
        return x->epsilon == y->epsilon;
    if (a->layers[i].kind != LAYER_CONVOLUTION)
        return x->low == y->low && x->high == y->high && x->slope == y->slope && x->offset == y->offset;
    struct convolution one = layer_convolution(a, i), other = layer_convolution(b, i);
    other.out_c = one.out_c;
    return x->bias == y->bias && memcmp(&one, &other, sizeof one) == 0;
}

/* Whether layer i can be merged behind i − 1 layers that are. */
static bool can_merge(const struct network *network, int32_t i)
{
    const struct layer *layer = &network->layers[i];
    if (i >= network->layer_count - 1 || layer->input_count != 1 || layer->inputs[0] != i - 1)
        return false;
    if (i == 1)
        return layer->kind == LAYER_CONVOLUTION && layer->options.groups == 1;
    for (int32_t later = i + 1; later < network->layer_count; later++)
        for (int32_t k = 0; k < network->layers[later].input_count; k++)
            if (network->layers[later].inputs[k] == i - 1)
                return false;
    return layer->kind == LAYER_BATCHNORM || layer_kind_is_activation(layer->kind);
}

int32_t network_common_layers(const struct network *a, const struct network *b)
{
    int32_t count = 0;
    if (!shape_equals(network_input_shape(a), network_input_shape(b)))
        return 0;
    while (can_merge(a, count + 1) && can_merge(b, count + 1) && layers_alike(a, b, count + 1))
        count++;
    return count;
}

/* --- layers --- */

/* Channels of the merged layers: whole vectors; beyond those of the networks they are zeros, or nobody reads
 * them. */
static enum status merged_channels(const struct merge *merge, int32_t *channels)
{
    const int32_t vector = 16;
    int64_t sum = vector - 1;
    for (int32_t m = 0; m < merge->count; m++)
        sum += merge->networks[m]->layers[1].shape.c;
    if (sum > INT32_MAX)
        return error_set(STATUS_SHAPE,
                         "%d networks to merge begin with %lld channels; at most %d are possible",
                         (int)merge->count, (long long)sum, INT32_MAX);
    *channels = (int32_t)(sum - sum % vector);
    return STATUS_OK;
}

static enum status add(struct merge *merge, enum layer_kind kind, const struct layer_options *options,
                       const int32_t *inputs, int32_t input_count)
{
    char name[LAYER_NAME_BYTES];
    int32_t index;
    snprintf(name, sizeof name, "%d", (int)merge->made->layer_count);
    return network_add_layer(merge->made, kind, name, options, inputs, input_count, &index);
}

static enum status add_head(struct merge *merge)
{
    int32_t channels = 0;
    enum status status = merged_channels(merge, &channels);
    for (int32_t i = 1; i <= merge->head && status == STATUS_OK; i++) {
        const struct layer *layer = &merge->networks[0]->layers[i];
        struct layer_options options = layer->options;
        const int32_t input = i - 1;
        if (i == 1)
            options.out_c = channels;
        status = add(merge, layer->kind, &options, &input, 1);
    }
    return status;
}

/* A window of the input that sees some of its pixels, with other channels, too. */
static bool selects_pixels(const struct network *network, int32_t i)
{
    const struct layer *layer = &network->layers[i];
    struct shape in = network_input_shape(network);
    return layer->kind == LAYER_WINDOW && layer->inputs[0] == 0 &&
           (layer->shape.h != in.h || layer->shape.w != in.w || layer->options.from_h != 0 ||
            layer->options.from_w != 0);
}

static bool same_pixels(const struct layer_options *a, const struct layer_options *b)
{
    return a->from_h == b->from_h && a->from_w == b->from_w && a->step_h == b->step_h &&
           a->step_w == b->step_w && a->out_h == b->out_h && a->out_w == b->out_w;
}

/* The merged network's window with the same pixels; selections_end when there is none. */
static int32_t find_selection(const struct merge *merge, const struct layer_options *options)
{
    int32_t i = merge->head + 1;
    while (i < merge->selections_end && !same_pixels(&merge->made->layers[i].options, options))
        i++;
    return i;
}

static enum status add_selections(struct merge *merge)
{
    enum status status = STATUS_OK;
    merge->selections_end = merge->made->layer_count;
    for (int32_t m = 0; m < merge->count; m++)
        for (int32_t i = merge->head + 1; i < merge->networks[m]->layer_count && status == STATUS_OK; i++) {
            struct layer_options options = merge->networks[m]->layers[i].options;
            const int32_t input = 0;
            if (!selects_pixels(merge->networks[m], i) ||
                find_selection(merge, &options) < merge->selections_end)
                continue;
            options.from_c = 0;
            options.out_c = network_input_shape(merge->networks[m]).c;
            status = add(merge, LAYER_WINDOW, &options, &input, 1);
            merge->selections_end = merge->made->layer_count;
        }
    return status;
}

/* Layer i of network m, which is behind the head. */
static enum status add_layer(struct merge *merge, int32_t m, int32_t i)
{
    const struct layer *layer = &merge->networks[m]->layers[i];
    struct layer_options options = layer->options;
    for (int32_t k = 0; k < layer->input_count; k++)
        merge->inputs[k] = layer->inputs[k] == 0 ? 0 : merge->places[m] + layer->inputs[k] - merge->head;
    if (selects_pixels(merge->networks[m], i)) {
        merge->inputs[0] = find_selection(merge, &layer->options);
        options.from_h = options.from_w = 0;
        options.step_h = options.step_w = 1;
    }
    return add(merge, layer->kind, &options, merge->inputs, layer->input_count);
}

/* The layers of network m behind the head, whose channels from first_channel on are its own. */
static enum status add_network(struct merge *merge, int32_t m, int32_t first_channel)
{
    const struct network *network = merge->networks[m];
    const struct shape shape = network->layers[merge->head].shape;
    const struct layer_options window = {.from_c = first_channel,
                                         .step_h = 1,
                                         .step_w = 1,
                                         .out_h = shape.h,
                                         .out_w = shape.w,
                                         .out_c = shape.c};
    merge->places[m] = merge->made->layer_count;
    enum status status = add(merge, LAYER_WINDOW, &window, &merge->head, 1);
    for (int32_t i = merge->head + 1; i < network->layer_count && status == STATUS_OK; i++)
        status = add_layer(merge, m, i);
    return status;
}

static enum status add_outputs(struct merge *merge)
{
    for (int32_t m = 0; m < merge->count; m++)
        merge->inputs[m] = merge->places[m] + merge->networks[m]->layer_count - 1 - merge->head;
    return add(merge, LAYER_CONCAT, NULL, merge->inputs, merge->count);
}

static enum status add_layers(struct merge *merge)
{
    int32_t first_channel = 0;
    enum status status = add_head(merge);
    if (status == STATUS_OK)
        status = add_selections(merge);
    for (int32_t m = 0; m < merge->count && status == STATUS_OK; m++) {
        status = add_network(merge, m, first_channel);
        first_channel += merge->networks[m]->layers[1].shape.c;
    }
    if (status == STATUS_OK)
        status = add_outputs(merge);
    return status == STATUS_OK ? network_finish(merge->made) : status;
}

/* --- numbers --- */

/* Layer i of a network to the channels of the merged layer from first_channel on: weights (taps, C, K) and
 * bias (K), or two numbers a channel. */
static void copy_head_layer(const struct merge *merge, int32_t i, const struct network *network,
                            int32_t first_channel)
{
    const struct layer *from = &network->layers[i], *to = &merge->made->layers[i];
    size_t k = (size_t)from->shape.c, all = (size_t)to->shape.c;
    copy_rows(from->parameter_count / k, k, network->parameters + from->parameter_offset, k,
              merge->made->parameters + to->parameter_offset + first_channel, all, false);
    copy_rows(from->statistic_count / k, k, network->statistics + from->statistic_offset, k,
              merge->made->statistics + to->statistic_offset + first_channel, all, false);
}

static void copy_layer(const struct merge *merge, int32_t m, int32_t i)
{
    const struct network *network = merge->networks[m];
    const struct layer *from = &network->layers[i];
    const struct layer *to = &merge->made->layers[merge->places[m] + i - merge->head];
    memcpy(merge->made->parameters + to->parameter_offset, network->parameters + from->parameter_offset,
           from->parameter_count * sizeof(float));
    memcpy(merge->made->statistics + to->statistic_offset, network->statistics + from->statistic_offset,
           from->statistic_count * sizeof(float));
}

static void copy_numbers(const struct merge *merge)
{
    int32_t first_channel = 0;
    for (int32_t m = 0; m < merge->count; m++) {
        for (int32_t i = 1; i <= merge->head; i++)
            copy_head_layer(merge, i, merge->networks[m], first_channel);
        for (int32_t i = merge->head + 1; i < merge->networks[m]->layer_count; i++)
            copy_layer(merge, m, i);
        first_channel += merge->networks[m]->layers[1].shape.c;
    }
    merge->made->scaling = merge->networks[0]->scaling;
}

/* --- all of it --- */

static int32_t head_of(const struct network *const *networks, int32_t count)
{
    int32_t head = count < 2 ? 0 : network_common_layers(networks[0], networks[1]);
    for (int32_t m = 2; m < count; m++) {
        int32_t common = network_common_layers(networks[0], networks[m]);
        head = common < head ? common : head;
    }
    return head;
}

/* Of a layer of any of the networks, or of the one that joins their outputs. */
static int32_t most_inputs(const struct network *const *networks, int32_t count)
{
    int32_t most = count;
    for (int32_t m = 0; m < count; m++)
        for (int32_t i = 0; i < networks[m]->layer_count; i++)
            most = networks[m]->layers[i].input_count > most ? networks[m]->layers[i].input_count : most;
    return most;
}

enum status network_merge(const struct network *const *networks, int32_t count, struct network **merged)
{
    struct merge merge = {.networks = networks, .count = count, .head = head_of(networks, count)};
    *merged = NULL;
    if (merge.head == 0)
        return error_set(STATUS_USAGE, "%d networks do not begin alike, or are too few to be merged",
                         (int)count);
    enum status status =
        memory_allocate(&merge.places, (size_t)count, sizeof *merge.places, "networks to merge");
    if (status == STATUS_OK)
        status = memory_allocate(&merge.inputs, (size_t)most_inputs(networks, count), sizeof *merge.inputs,
                                 "networks to merge");
    if (status == STATUS_OK)
        status = network_create(networks[0]->architecture, network_input_shape(networks[0]), &merge.made);
    if (status == STATUS_OK)
        status = add_layers(&merge);
    if (status == STATUS_OK)
        copy_numbers(&merge);
    else
        network_destroy(&merge.made);
    memory_free(&merge.places);
    memory_free(&merge.inputs);
    *merged = merge.made;
    return status;
}
