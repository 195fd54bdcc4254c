#include "compute/network/network.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/shape_inference.h"

static const char *const kind_names[LAYER_KIND_COUNT] = {
    [LAYER_INPUT] = "input",
    [LAYER_CONVOLUTION] = "convolution",
    [LAYER_BATCHNORM] = "batchnorm",
    [LAYER_RELU] = "relu",
    [LAYER_MAXPOOL] = "maxpool",
    [LAYER_AVGPOOL] = "avgpool",
    [LAYER_GLOBAL_AVGPOOL] = "global_avgpool",
    [LAYER_DENSE] = "dense",
    [LAYER_ADD] = "add",
    [LAYER_CONCAT] = "concat",
    [LAYER_FLATTEN] = "flatten",
    [LAYER_WINDOW] = "window",
    [LAYER_CLIP] = "clip",
    [LAYER_LEAKY_RELU] = "leaky_relu",
    [LAYER_SIGMOID] = "sigmoid",
    [LAYER_TANH] = "tanh",
    [LAYER_HARD_SIGMOID] = "hard_sigmoid",
    [LAYER_HARD_SWISH] = "hard_swish",
    [LAYER_SOFTMAX] = "softmax",
    [LAYER_LOG_SOFTMAX] = "log_softmax",
    [LAYER_SCALE] = "scale",
    [LAYER_LRN] = "lrn",
    [LAYER_SHUFFLE] = "shuffle",
    [LAYER_MULTIPLY] = "multiply",
    [LAYER_UNIT_SCALE] = "unit_scale",
};

const char *layer_kind_name(enum layer_kind kind)
{
    return (unsigned)kind < LAYER_KIND_COUNT ? kind_names[kind] : NULL;
}

enum layer_kind layer_kind_from_name(const char *name)
{
    int kind = 0;
    while (kind < LAYER_KIND_COUNT && strcmp(kind_names[kind], name) != 0)
        kind++;
    return (enum layer_kind)kind;
}

bool layer_kind_is_activation(enum layer_kind kind)
{
    return kind == LAYER_RELU || (kind >= LAYER_CLIP && kind <= LAYER_HARD_SWISH);
}

bool layer_has_units(const struct layer *layer)
{
    switch (layer->kind) {
    case LAYER_RELU:
    case LAYER_LEAKY_RELU:
    case LAYER_HARD_SWISH:
        return true;
    case LAYER_CLIP:
        return layer->options.low == 0;
    default:
        return false;
    }
}

/* --- building --- */

enum status network_create(const char *architecture, struct shape input, struct network **network)
{
    struct network *made = NULL;
    struct shape checked;
    *network = NULL;
    enum status status = shape_check("input", input.h, input.w, input.c, &checked);
    if (status == STATUS_OK)
        status = memory_allocate(&made, 1, sizeof *made, "a network");
    if (status == STATUS_OK)
        status = memory_allocate(&made->layers, 1, sizeof *made->layers, "the layers of a network");
    if (status != STATUS_OK) {
        network_destroy(&made);
        return status;
    }
    snprintf(made->architecture, sizeof made->architecture, "%s", architecture);
    made->layer_count = 1;
    made->layers[0] = (struct layer){.kind = LAYER_INPUT, .name = "input", .shape = checked};
    made->scaling = scaling_default();
    *network = made;
    return STATUS_OK;
}

static bool network_finished(const struct network *network)
{
    return network->class_names != NULL;
}

static enum status check_name(const struct network *network, const char *name)
{
    size_t length = strnlen(name, LAYER_NAME_BYTES);
    if (length == 0 || length == LAYER_NAME_BYTES)
        return error_set(STATUS_USAGE, "layer %d: its name has %s bytes; expected 1 to %d",
                         network->layer_count, length == 0 ? "no" : "too many", LAYER_NAME_BYTES - 1);
    if (!text_is_printable(name))
        return error_set(STATUS_USAGE, "layer %d: its name has a control character or is not UTF-8",
                         network->layer_count);
    for (int32_t i = 0; i < network->layer_count; i++)
        if (strcmp(network->layers[i].name, name) == 0)
            return error_set(STATUS_USAGE,
                             "layer %d: its name \"%s\" is that of layer %d already; names are unique",
                             network->layer_count, name, i);
    return STATUS_OK;
}

static enum status check_inputs(const struct network *network, const char *name, const int32_t *inputs,
                                int32_t input_count)
{
    if (input_count < 1 || input_count > NETWORK_LAYERS_MAX)
        return error_set(STATUS_USAGE, "layer \"%s\": it was given %d inputs; 1 to %d are possible", name,
                         input_count, NETWORK_LAYERS_MAX);
    for (int32_t i = 0; i < input_count; i++)
        if (inputs[i] < 0 || inputs[i] >= network->layer_count)
            return error_set(
                STATUS_USAGE,
                "layer \"%s\": input %d is layer %d; it must be one of the %d layers before this one "
                "(0 to %d)",
                name, i, inputs[i], network->layer_count, network->layer_count - 1);
    return STATUS_OK;
}

/* Room for one layer more: the array doubles whenever the count is a power of two, so its capacity needs no
 * field of its own. */
static enum status grow_layers(struct network *network)
{
    size_t count = (size_t)network->layer_count;
    struct layer *grown;
    if ((count & (count - 1)) != 0)
        return STATUS_OK;
    enum status status = memory_allocate(&grown, 2 * count, sizeof *grown, "the layers of a network");
    if (status != STATUS_OK)
        return status;
    memcpy(grown, network->layers, count * sizeof *grown);
    memory_free(&network->layers);
    network->layers = grown;
    return STATUS_OK;
}

enum status network_add_layer(struct network *network, enum layer_kind kind, const char *name,
                              const struct layer_options *options, const int32_t *inputs, int32_t input_count,
                              int32_t *index)
{
    if (network_finished(network))
        return error_set(STATUS_USAGE, "layer \"%s\": the network is finished; layers are added before that",
                         name);
    if (network->layer_count >= NETWORK_LAYERS_MAX)
        return error_set(STATUS_SHAPE, "layer \"%s\": a network has at most %d layers", name,
                         NETWORK_LAYERS_MAX);
    enum status status = check_name(network, name);
    if (status == STATUS_OK)
        status = check_inputs(network, name, inputs, input_count);
    if (status != STATUS_OK)
        return status;

    struct layer layer = {.kind = kind, .input_count = input_count};
    snprintf(layer.name, sizeof layer.name, "%s", name);
    if (options != NULL)
        layer.options = *options;
    status = memory_allocate(&layer.inputs, (size_t)input_count, sizeof *layer.inputs, name);
    if (status != STATUS_OK)
        return status;
    memcpy(layer.inputs, inputs, (size_t)input_count * sizeof *inputs);
    status = layer_infer(network, &layer);
    if (status == STATUS_OK && layer.parameter_count > NETWORK_PARAMETERS_MAX - network->parameter_count)
        status =
            error_set(STATUS_SHAPE,
                      "layer \"%s\": its %zu parameters beside the %zu of the layers before it are more than "
                      "the %d a network can have",
                      name, layer.parameter_count, network->parameter_count, NETWORK_PARAMETERS_MAX);
    if (status == STATUS_OK)
        status = grow_layers(network);
    if (status != STATUS_OK) {
        memory_free(&layer.inputs);
        return status;
    }
    layer.parameter_offset = network->parameter_count;
    layer.statistic_offset = network->statistic_count;
    network->parameter_count += layer.parameter_count;
    network->statistic_count += layer.statistic_count;
    *index = network->layer_count;
    network->layers[network->layer_count++] = layer;
    return STATUS_OK;
}

static enum status check_all_read(const struct network *network)
{
    int32_t last = network->layer_count - 1;
    if (last == 0)
        return error_set(STATUS_USAGE, "network \"%s\" has no layer but its input", network->architecture);
    bool read[NETWORK_LAYERS_MAX] = {false};
    for (int32_t i = 1; i <= last; i++)
        for (int32_t k = 0; k < network->layers[i].input_count; k++)
            read[network->layers[i].inputs[k]] = true;
    for (int32_t i = 0; i < last; i++)
        if (!read[i])
            return error_set(
                STATUS_USAGE,
                "layer \"%s\" is read by no other layer and is not the last one (\"%s\"); leave it out "
                "or connect it",
                network->layers[i].name, network->layers[last].name);
    return STATUS_OK;
}

static int32_t default_output_rank(const struct network *network)
{
    const struct shape shape = network->layers[network->layer_count - 1].shape;
    return shape.h == 1 && shape.w == 1 ? 2 : 4;
}

enum status network_finish(struct network *network)
{
    const struct layer *last = &network->layers[network->layer_count - 1];
    if (network_finished(network))
        return error_set(STATUS_USAGE, "network \"%s\" is finished already", network->architecture);
    enum status status = check_all_read(network);
    if (status == STATUS_OK)
        status = memory_allocate(&network->parameters, network->parameter_count, sizeof(float),
                                 "the parameters of a network");
    if (status == STATUS_OK)
        status = memory_allocate(&network->statistics, network->statistic_count, sizeof(float),
                                 "the statistics of a network");
    if (status == STATUS_OK)
        status = memory_allocate(&network->class_names, (size_t)last->shape.c, sizeof *network->class_names,
                                 "the class names of a network");
    if (status != STATUS_OK) {
        memory_free(&network->parameters);
        memory_free(&network->statistics);
        return status;
    }
    network->class_count = last->shape.c;
    network->output_rank = default_output_rank(network);
    for (int32_t i = 0; i < network->class_count; i++)
        snprintf(network->class_names[i], sizeof network->class_names[i], "%d", i);
    for (int32_t i = 1; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        bool norm = layer->kind == LAYER_BATCHNORM;
        bool first_half = norm || layer->kind == LAYER_SCALE || layer->kind == LAYER_UNIT_SCALE;
        for (size_t j = 0; first_half && j < layer->parameter_count / 2; j++)
            network->parameters[layer->parameter_offset + j] = 1; /* gamma, factor */
        for (size_t j = layer->statistic_count / 2; norm && j < layer->statistic_count; j++)
            network->statistics[layer->statistic_offset + j] = 1; /* variance */
    }
    return STATUS_OK;
}

enum status network_set_output_rank(struct network *network, int32_t rank)
{
    const struct shape shape = network->layers[network->layer_count - 1].shape;
    if (rank < 2 || rank > 4 || (rank < 4 && shape.w != 1) || (rank < 3 && shape.h != 1))
        return error_set(
            STATUS_SHAPE,
            "network \"%s\": outputs of %dx%dx%d as arrays of %d dimensions; expected 2 (N, C) of "
            "vectors, 3 (N, C, H) of columns or 4 (N, C, H, W)",
            network->architecture, shape.h, shape.w, shape.c, rank);
    network->output_rank = rank;
    return STATUS_OK;
}

enum status network_set_class_names(struct network *network, const class_name *names, int32_t count)
{
    if (count != network->class_count)
        return error_set(STATUS_SHAPE, "network \"%s\" has %d classes; %d class names were given",
                         network->architecture, network->class_count, count);
    enum status status = class_names_check(names, count, network->architecture);
    if (status == STATUS_OK)
        memcpy(network->class_names, names, (size_t)count * sizeof *names);
    return status;
}

enum status network_copy(const struct network *network, struct network **copy)
{
    struct network *made = NULL;
    *copy = NULL;
    enum status status = network_create(network->architecture, network_input_shape(network), &made);
    for (int32_t i = 1; status == STATUS_OK && i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        int32_t index;
        status = network_add_layer(made, layer->kind, layer->name, &layer->options, layer->inputs,
                                   layer->input_count, &index);
    }
    if (status == STATUS_OK && network_finished(network))
        status = network_finish(made);
    if (status != STATUS_OK) {
        network_destroy(&made);
        return status;
    }
    made->scaling = network->scaling;
    if (network_finished(network)) {
        made->output_rank = network->output_rank;
        memcpy(made->parameters, network->parameters, network->parameter_count * sizeof(float));
        memcpy(made->statistics, network->statistics, network->statistic_count * sizeof(float));
        memcpy(made->class_names, network->class_names,
               (size_t)network->class_count * sizeof *network->class_names);
    }
    *copy = made;
    return STATUS_OK;
}

void network_destroy(struct network **network)
{
    struct network *gone = *network;
    if (gone == NULL)
        return;
    for (int32_t i = 0; i < gone->layer_count; i++)
        memory_free(&gone->layers[i].inputs);
    memory_free(&gone->layers);
    memory_free(&gone->parameters);
    memory_free(&gone->statistics);
    memory_free(&gone->class_names);
    memory_free(network);
}

/* --- asking --- */

struct shape network_input_shape(const struct network *network)
{
    return network->layers[0].shape;
}

uint64_t layer_multiply_adds(const struct network *network, int32_t layer)
{
    /* Every weight is used once at each output pixel; only convolution and dense have weights. */
    const struct layer *asked = &network->layers[layer];
    return (uint64_t)asked->weight_count * (uint64_t)asked->shape.h * (uint64_t)asked->shape.w;
}

uint64_t network_multiply_adds(const struct network *network)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < network->layer_count; i++)
        sum += layer_multiply_adds(network, i);
    return sum;
}

/* --- digest: field by field, so that neither padding nor what follows a name's end counts --- */

static void digest_integer(struct digest_state *state, int64_t value)
{
    digest_add(state, &value, sizeof value);
}

static void digest_float(struct digest_state *state, float value)
{
    digest_add(state, &value, sizeof value);
}

static void digest_text(struct digest_state *state, const char *text)
{
    digest_integer(state, (int64_t)strlen(text));
    digest_add(state, text, strlen(text));
}

static void digest_options(struct digest_state *state, const struct layer_options *o)
{
    const int32_t integers[] = {
        o->out_c,    o->kernel_h,   o->kernel_w,      o->stride_h,   o->stride_w,   o->pad_top,
        o->pad_left, o->pad_bottom, o->pad_right,     o->dilation_h, o->dilation_w, o->groups,
        o->bias,     o->ceil_mode,  o->count_padding, o->from_h,     o->from_w,     o->from_c,
        o->step_h,   o->step_w,     o->out_h,         o->out_w,      o->size,
    };
    digest_add(state, integers, sizeof integers);
    digest_float(state, o->epsilon);
    digest_float(state, o->momentum);
    digest_float(state, o->low);
    digest_float(state, o->high);
    digest_float(state, o->slope);
    digest_float(state, o->offset);
    digest_float(state, o->alpha);
    digest_float(state, o->beta);
    digest_float(state, o->constant);
}

void network_digest(const struct network *network, uint8_t digest[DIGEST_BYTES])
{
    struct digest_state state;
    digest_begin(&state);
    digest_integer(&state, network->layer_count);
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        digest_integer(&state, layer->kind);
        digest_text(&state, layer->name);
        digest_options(&state, &layer->options);
        digest_integer(&state, layer->shape.h);
        digest_integer(&state, layer->shape.w);
        digest_integer(&state, layer->shape.c);
        digest_integer(&state, layer->input_count);
        digest_add(&state, layer->inputs, (size_t)layer->input_count * sizeof *layer->inputs);
    }
    digest_add(&state, network->parameters, network->parameter_count * sizeof(float));
    digest_add(&state, network->statistics, network->statistic_count * sizeof(float));
    int32_t channels = network_input_shape(network).c;
    size_t scaled = (size_t)(channels < SCALING_CHANNELS_MAX ? channels : SCALING_CHANNELS_MAX);
    digest_float(&state, network->scaling.scale);
    digest_add(&state, network->scaling.mean, scaled * sizeof(float));
    digest_add(&state, network->scaling.std, scaled * sizeof(float));
    digest_integer(&state, network->class_count);
    for (int32_t i = 0; i < network->class_count; i++)
        digest_text(&state, network->class_names[i]);
    digest_end(&state, digest);
}
