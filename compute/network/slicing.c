#include "compute/network/slicing.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/channel_liveness.h"

enum { GONE = -1 };

struct slicer {
    const struct network *from;
    struct channel_liveness liveness;
    int32_t *place;  /* by layer of `from`: its layer in the sliced network, or GONE; a concatenation of which
                        one operand is left is that operand */
    int32_t *inputs; /* scratch for one layer */
    struct slicing made;
};

static const bool *kept_of(const struct slicer *slicer, int32_t layer)
{
    return slicer->liveness.kept + slicer->liveness.first[layer];
}

static int32_t kept_among(const bool *kept, int32_t count)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < count; c++)
        sum += kept[c];
    return sum;
}

/* The kept channels of a layer of `from` that became one of the sliced network, ascending, and how many. */
static const int32_t *channels_of(const struct slicer *slicer, int32_t layer, int32_t *count)
{
    const size_t *first = slicer->made.first_channel + slicer->place[layer];
    *count = (int32_t)(first[1] - first[0]);
    return slicer->made.channels + first[0];
}

/* --- the graph --- */

/* Groups of a convolution stay whole; of a shuffle's matrix whole rows stay. */
static int32_t groups_left(const bool *kept_in, int32_t in_c, int32_t groups)
{
    int32_t left = 0, each = in_c / groups;
    for (int32_t g = 0; g < groups; g++)
        left += kept_among(kept_in + (size_t)g * (size_t)each, each) > 0;
    return left;
}

static struct layer_options options_left(const struct slicer *slicer, int32_t index)
{
    const struct layer *layer = &slicer->from->layers[index];
    const bool *in = kept_of(slicer, layer->inputs[0]), *out = kept_of(slicer, index);
    int32_t in_c = slicer->from->layers[layer->inputs[0]].shape.c;
    struct layer_options options = layer->options;
    switch (layer->kind) {
    case LAYER_CONVOLUTION:
        options.groups = options.groups == 1 ? 1 : groups_left(in, in_c, options.groups);
        options.out_c = kept_among(out, layer->shape.c);
        break;
    case LAYER_SHUFFLE:
        options.groups = groups_left(in, in_c, options.groups);
        break;
    case LAYER_DENSE:
        options.out_c = kept_among(out, layer->shape.c);
        break;
    case LAYER_WINDOW:
        options.from_c =
            options.from_c < 0 ? -kept_among(out, -options.from_c) : kept_among(in, options.from_c);
        options.out_c = kept_among(out, layer->shape.c);
        break;
    default:
        break;
    }
    return options;
}

/* The places of what the layer still reads. Returns how many. */
static int32_t inputs_left(const struct slicer *slicer, int32_t index)
{
    const struct layer *layer = &slicer->from->layers[index];
    const bool *out = kept_of(slicer, index);
    int32_t count = 0;
    for (int32_t i = 0; i < layer->input_count; i++) {
        int32_t channels = slicer->from->layers[layer->inputs[i]].shape.c;
        if (layer->kind != LAYER_CONCAT || kept_among(out, channels) > 0)
            slicer->inputs[count++] = slicer->place[layer->inputs[i]];
        if (layer->kind == LAYER_CONCAT)
            out += channels;
    }
    return count;
}

/* Notes where a layer just added comes from. */
static void note_origin(struct slicer *slicer, int32_t index, int32_t place)
{
    struct slicing *made = &slicer->made;
    const bool *kept = kept_of(slicer, index);
    size_t end = made->first_channel[place];
    for (int32_t c = 0; c < slicer->from->layers[index].shape.c; c++)
        if (kept[c])
            made->channels[end++] = c;
    made->first_channel[place + 1] = end;
    made->origin[place] = index;
    slicer->place[index] = place;
}

static enum status add_layer_left(struct slicer *slicer, int32_t index)
{
    const struct layer *layer = &slicer->from->layers[index];
    slicer->place[index] = GONE;
    if (kept_among(kept_of(slicer, index), layer->shape.c) == 0)
        return STATUS_OK;
    int32_t count = inputs_left(slicer, index), place;
    if (layer->kind == LAYER_CONCAT && count == 1) {
        slicer->place[index] = slicer->inputs[0];
        return STATUS_OK;
    }
    const struct layer_options options = options_left(slicer, index);
    enum status status = network_add_layer(slicer->made.network, layer->kind, layer->name, &options,
                                           slicer->inputs, count, &place);
    if (status == STATUS_OK)
        note_origin(slicer, index, place);
    return status;
}

/* --- the numbers --- */

static void gather(const float *from, const int32_t *channels, int32_t count, float *to)
{
    for (int32_t c = 0; c < count; c++)
        to[c] = from[channels[c]];
}

/* Kernels of a convolution (R, S, C/G, K), or the (C, K) of a dense layer: rows of the input channels left
 * (all those of a group, when there are several), in each the columns of the output channels left. */
static void gather_kernels(const struct slicer *slicer, int32_t index, float *to)
{
    const struct layer *layer = &slicer->from->layers[index];
    const float *from = slicer->from->parameters + layer->parameter_offset;
    int32_t taps = layer->kind == LAYER_CONVOLUTION ? layer->options.kernel_h * layer->options.kernel_w : 1;
    int32_t groups = layer->kind == LAYER_CONVOLUTION ? layer->options.groups : 1;
    int32_t in_each = slicer->from->layers[layer->inputs[0]].shape.c / groups;
    const bool *kept_in = kept_of(slicer, layer->inputs[0]);
    int32_t out_count;
    const int32_t *out = channels_of(slicer, index, &out_count);
    for (int32_t tap = 0; tap < taps; tap++)
        for (int32_t c = 0; c < in_each; c++) {
            if (groups == 1 && !kept_in[c])
                continue;
            size_t row = (size_t)tap * (size_t)in_each + (size_t)c;
            gather(from + row * (size_t)layer->shape.c, out, out_count, to);
            to += out_count;
        }
}

static void gather_layer(const struct slicer *slicer, int32_t place)
{
    int32_t index = slicer->made.origin[place], count;
    const struct layer *layer = &slicer->from->layers[index], *made = &slicer->made.network->layers[place];
    const int32_t *channels = channels_of(slicer, index, &count);
    const float *parameters = slicer->from->parameters + layer->parameter_offset;
    const float *statistics = slicer->from->statistics + layer->statistic_offset;
    float *to = slicer->made.network->parameters + made->parameter_offset;
    float *statistics_to = slicer->made.network->statistics + made->statistic_offset;
    switch (layer->kind) {
    case LAYER_CONVOLUTION:
    case LAYER_DENSE:
        gather_kernels(slicer, index, to);
        if (layer->options.bias)
            gather(parameters + layer->weight_count, channels, count, to + made->weight_count);
        break;
    case LAYER_BATCHNORM:
        gather(statistics, channels, count, statistics_to);
        gather(statistics + layer->shape.c, channels, count, statistics_to + count);
        gather(parameters, channels, count, to);
        gather(parameters + layer->shape.c, channels, count, to + count);
        break;
    case LAYER_UNIT_SCALE: /* factors, then summands: a row a pixel */
        for (size_t from = 0; from < layer->parameter_count; from += (size_t)layer->shape.c, to += count)
            gather(parameters + from, channels, count, to);
        break;
    case LAYER_SCALE:
        gather(parameters, channels, count, to);
        gather(parameters + layer->shape.c, channels, count, to + count);
        break;
    default:
        break;
    }
}

/* --- */

static enum status slicer_prepare(struct slicer *slicer, const bool *const *alive)
{
    const struct network *from = slicer->from;
    size_t layers = (size_t)from->layer_count, most = 1;
    for (size_t i = 0; i < layers; i++)
        if ((size_t)from->layers[i].input_count > most)
            most = (size_t)from->layers[i].input_count;
    enum status status = channel_liveness_find(from, alive, &slicer->liveness);
    if (status != STATUS_OK)
        return status;
    size_t channels = slicer->liveness.first[layers];
    status = memory_allocate(&slicer->place, layers, sizeof(int32_t), "layers of a sliced network");
    if (status == STATUS_OK)
        status = memory_allocate(&slicer->inputs, most, sizeof(int32_t), "inputs of a layer");
    if (status == STATUS_OK)
        status = memory_allocate(&slicer->made.origin, layers, sizeof(int32_t), "layers of a sliced network");
    if (status == STATUS_OK)
        status = memory_allocate(&slicer->made.first_channel, layers + 1, sizeof(size_t),
                                 "channels of a sliced network");
    if (status == STATUS_OK)
        status = memory_allocate(&slicer->made.channels, channels, sizeof(int32_t),
                                 "channels of a sliced network");
    return status;
}

static enum status slicer_run(struct slicer *slicer)
{
    const struct network *from = slicer->from;
    enum status status = network_create(from->architecture, network_input_shape(from), &slicer->made.network);
    if (status != STATUS_OK)
        return status;
    note_origin(slicer, 0, 0);
    for (int32_t i = 1; status == STATUS_OK && i < from->layer_count; i++)
        status = add_layer_left(slicer, i);
    if (status == STATUS_OK)
        status = network_finish(slicer->made.network);
    if (status != STATUS_OK)
        return error_prefix(status, "slicing network %s: ", from->architecture);
    for (int32_t i = 1; i < slicer->made.network->layer_count; i++)
        gather_layer(slicer, i);
    slicer->made.network->scaling = from->scaling;
    memcpy(slicer->made.network->class_names, from->class_names,
           (size_t)from->class_count * sizeof *from->class_names);
    return STATUS_OK;
}

enum status network_slice(const struct network *network, const bool *const *alive, struct slicing *slicing)
{
    struct slicer slicer = {.from = network};
    enum status status = slicer_prepare(&slicer, alive);
    if (status == STATUS_OK)
        status = slicer_run(&slicer);
    if (status != STATUS_OK)
        slicing_clear(&slicer.made);
    *slicing = slicer.made;
    channel_liveness_clear(&slicer.liveness);
    memory_free(&slicer.place);
    memory_free(&slicer.inputs);
    return status;
}

void slicing_clear(struct slicing *slicing)
{
    network_destroy(&slicing->network);
    memory_free(&slicing->origin);
    memory_free(&slicing->first_channel);
    memory_free(&slicing->channels);
}

bool slicing_keeps_dead(const struct slicing *slicing, const bool *const *alive)
{
    for (int32_t i = 0; alive != NULL && i < slicing->network->layer_count; i++) {
        const bool *of_layer = alive[slicing->origin[i]];
        if (of_layer == NULL || !layer_has_units(&slicing->network->layers[i]))
            continue;
        for (size_t c = slicing->first_channel[i]; c < slicing->first_channel[i + 1]; c++)
            if (!of_layer[slicing->channels[c]])
                return true;
    }
    return false;
}
