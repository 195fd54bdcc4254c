#include "compute/formats/onnx/onnx_network.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_metadata.h"

struct export
{
    struct onnx_writer *writer;
    const struct onnx_part_of_network *part;
    bool *vector; /* by layer: its value is (N, C) */
    bool *needed; /* by layer */

    int32_t index; /* of the layer being written */
    const struct layer *layer;
    char output[ONNX_NAME_BYTES]; /* the value it is */
};

static void fail(struct export *e, enum status status)
{
    if (e->writer->status == STATUS_OK)
        e->writer->status = status;
}

/* --- names --- */

static void value_name(const struct export *e, int32_t layer, char name[ONNX_NAME_BYTES])
{
    if (layer == 0)
        snprintf(name, ONNX_NAME_BYTES, "%s", e->part->input);
    else
        snprintf(name, ONNX_NAME_BYTES, "%s%s", e->part->name_prefix, e->part->network->layers[layer].name);
}

/* Of something that belongs to the layer. */
static void own_name(const struct export *e, const char *what, char name[ONNX_NAME_BYTES])
{
    snprintf(name, ONNX_NAME_BYTES, "%s%s:%s", e->part->name_prefix, e->layer->name, what);
}

static void weight_name(const struct export *e, const char *what, char name[ONNX_NAME_BYTES])
{
    snprintf(name, ONNX_NAME_BYTES, "%s%s:%s", e->part->weights_prefix, e->layer->name, what);
}

/* --- small things --- */

static struct shape input_shape(const struct export *e)
{
    return e->part->network->layers[e->layer->inputs[0]].shape;
}

static const float *parameters_of(const struct export *e)
{
    return e->part->network->parameters + e->layer->parameter_offset;
}

/* A constant of the layer's, `count` floats as a vector. */
static void write_weights(struct export *e, const char *what, int32_t rank, const int64_t *dims,
                          const float *data, char name[ONNX_NAME_BYTES])
{
    weight_name(e, what, name);
    if (!e->part->weights_written)
        onnx_write_floats(e->writer, name, rank, dims, data);
}

static void write_list(struct export *e, const char *what, size_t count, const int64_t *numbers,
                       char name[ONNX_NAME_BYTES])
{
    own_name(e, what, name);
    onnx_write_integers(e->writer, name, count, numbers);
}

static Onnx__NodeProto *write_unary(struct export *e, const char *operator_name, const char *input,
                                    const char *output)
{
    return onnx_write_node(e->writer, operator_name, (const char *[]){input, NULL}, output);
}

static void write_reshape(struct export *e, const char *what, const char *input, size_t rank,
                          const int64_t *dims, const char *output)
{
    char name[ONNX_NAME_BYTES];
    write_list(e, what, rank, dims, name);
    onnx_write_node(e->writer, "Reshape", (const char *[]){input, name, NULL}, output);
}

/* Input k of the layer as (N, C, H, W), or as (N, C) when `vector`. */
static void input_as(struct export *e, int32_t k, bool vector, char name[ONNX_NAME_BYTES])
{
    int32_t input = e->layer->inputs[k];
    struct shape shape = e->part->network->layers[input].shape;
    char from[ONNX_NAME_BYTES], what[32];
    value_name(e, input, from);
    snprintf(name, ONNX_NAME_BYTES, "%s", from);
    if (e->vector[input] == vector)
        return;
    snprintf(what, sizeof what, vector ? "vector%d" : "image%d", k);
    own_name(e, what, name);
    snprintf(what, sizeof what, "dims%d", k);
    const int64_t dims[] = {0, shape.c, 1, 1}; /* 0: as it is */
    if (vector)
        onnx_write_flatten(e->writer, from, name);
    else
        write_reshape(e, what, from, 4, dims, name);
}

/* Inputs that are treated alike become images unless all are vectors. */
static bool all_vectors(const struct export *e)
{
    bool all = true;
    for (int32_t k = 0; k < e->layer->input_count; k++)
        all = all && e->vector[e->layer->inputs[k]];
    return all;
}

/* --- layers --- */

static void write_window_attributes(struct export *e, Onnx__NodeProto *node)
{
    const struct layer_options *o = &e->layer->options;
    onnx_write_ints(e->writer, node, "kernel_shape", 2, (const int64_t[]){o->kernel_h, o->kernel_w});
    onnx_write_ints(e->writer, node, "strides", 2, (const int64_t[]){o->stride_h, o->stride_w});
    onnx_write_ints(e->writer, node, "pads", 4,
                    (const int64_t[]){o->pad_top, o->pad_left, o->pad_bottom, o->pad_right});
}

/* (R, S, C/G, K) to (K, C/G, R, S). */
static void write_convolution_weights(struct export *e, char name[ONNX_NAME_BYTES])
{
    const struct layer_options *o = &e->layer->options;
    size_t taps = (size_t)o->kernel_h * (size_t)o->kernel_w, k_count = (size_t)o->out_c;
    size_t c_count = (size_t)(input_shape(e).c / o->groups);
    const float *from = parameters_of(e);
    float *to;
    enum status status = memory_allocate(&to, e->layer->weight_count, sizeof *to, e->layer->name);
    if (status != STATUS_OK) {
        fail(e, status);
        return;
    }
    for (size_t k = 0; k < k_count; k++)
        for (size_t c = 0; c < c_count; c++)
            for (size_t tap = 0; tap < taps; tap++)
                to[(k * c_count + c) * taps + tap] = from[(tap * c_count + c) * k_count + k];
    const int64_t dims[] = {o->out_c, (int64_t)c_count, o->kernel_h, o->kernel_w};
    write_weights(e, "weight", 4, dims, to, name);
    memory_free(&to);
}

static void write_convolution(struct export *e)
{
    const struct layer_options *o = &e->layer->options;
    char input[ONNX_NAME_BYTES], weight[ONNX_NAME_BYTES], bias[ONNX_NAME_BYTES];
    const int64_t channels = o->out_c;
    input_as(e, 0, false, input);
    write_convolution_weights(e, weight);
    if (o->bias)
        write_weights(e, "bias", 1, &channels, parameters_of(e) + e->layer->weight_count, bias);
    const char *inputs[] = {input, weight, o->bias ? bias : NULL, NULL};
    Onnx__NodeProto *node = onnx_write_node(e->writer, "Conv", inputs, e->output);
    write_window_attributes(e, node);
    onnx_write_ints(e->writer, node, "dilations", 2, (const int64_t[]){o->dilation_h, o->dilation_w});
    onnx_write_int(e->writer, node, "group", o->groups);
}

static void write_pooling(struct export *e)
{
    bool average = e->layer->kind == LAYER_AVGPOOL;
    char input[ONNX_NAME_BYTES];
    input_as(e, 0, false, input);
    Onnx__NodeProto *node = write_unary(e, average ? "AveragePool" : "MaxPool", input, e->output);
    write_window_attributes(e, node);
    onnx_write_int(e->writer, node, "ceil_mode", e->layer->options.ceil_mode);
    if (average)
        onnx_write_int(e->writer, node, "count_include_pad", e->layer->options.count_padding);
}

static void write_global_avgpool(struct export *e)
{
    char input[ONNX_NAME_BYTES];
    input_as(e, 0, false, input);
    write_unary(e, "GlobalAveragePool", input, e->output);
}

static void write_batchnorm(struct export *e)
{
    static const char *const roles[] = {"gamma", "beta", "mean", "variance"};
    const int64_t c = e->layer->shape.c;
    const float *statistics = e->part->network->statistics + e->layer->statistic_offset;
    const float *arrays[] = {parameters_of(e), parameters_of(e) + c, statistics, statistics + c};
    char input[ONNX_NAME_BYTES], names[4][ONNX_NAME_BYTES];
    bool vector = e->vector[e->layer->inputs[0]];
    input_as(e, 0, vector, input);
    for (int i = 0; i < 4; i++)
        write_weights(e, roles[i], 1, &c, arrays[i], names[i]);
    const char *inputs[] = {input, names[0], names[1], names[2], names[3], NULL};
    Onnx__NodeProto *node = onnx_write_node(e->writer, "BatchNormalization", inputs, e->output);
    onnx_write_float(e->writer, node, "epsilon", e->layer->options.epsilon);
    onnx_write_float(e->writer, node, "momentum", 1 - e->layer->options.momentum);
    e->vector[e->index] = vector;
}

/* Factors and summands (1, C, 1, 1), or (1, C). */
static void write_scale(struct export *e)
{
    const int64_t c = e->layer->shape.c, dims[] = {1, c, 1, 1};
    char input[ONNX_NAME_BYTES], factor[ONNX_NAME_BYTES], summand[ONNX_NAME_BYTES], product[ONNX_NAME_BYTES];
    bool vector = e->vector[e->layer->inputs[0]];
    input_as(e, 0, vector, input);
    write_weights(e, "factor", vector ? 2 : 4, dims, parameters_of(e), factor);
    write_weights(e, "summand", vector ? 2 : 4, dims, parameters_of(e) + c, summand);
    own_name(e, "product", product);
    onnx_write_node(e->writer, "Mul", (const char *[]){input, factor, NULL}, product);
    onnx_write_node(e->writer, "Add", (const char *[]){product, summand, NULL}, e->output);
    e->vector[e->index] = vector;
}

/* (H, W, C) to (C, H, W). */
static enum status order_image(struct shape shape, const float *from, float **ordered)
{
    size_t pixels = (size_t)shape.h * (size_t)shape.w, c = (size_t)shape.c;
    enum status status = memory_allocate(ordered, pixels * c, sizeof **ordered, "an image of constants");
    for (size_t p = 0; status == STATUS_OK && p < pixels; p++)
        for (size_t j = 0; j < c; j++)
            (*ordered)[j * pixels + p] = from[p * c + j];
    return status;
}

/* Factors and summands (1, C, H, W), or (1, C). */
static void write_unit_scale(struct export *e)
{
    static const char *const roles[] = {"factor", "summand"};
    struct shape s = e->layer->shape;
    const int64_t dims[] = {1, s.c, s.h, s.w};
    char input[ONNX_NAME_BYTES], names[2][ONNX_NAME_BYTES], product[ONNX_NAME_BYTES];
    bool vector = e->vector[e->layer->inputs[0]];
    input_as(e, 0, vector, input);
    for (size_t i = 0; i < 2; i++) {
        float *ordered;
        enum status status = order_image(s, parameters_of(e) + i * shape_count(s), &ordered);
        if (status == STATUS_OK)
            write_weights(e, roles[i], vector ? 2 : 4, dims, ordered, names[i]);
        else
            fail(e, status);
        memory_free(&ordered);
    }
    own_name(e, "product", product);
    onnx_write_node(e->writer, "Mul", (const char *[]){input, names[0], NULL}, product);
    onnx_write_node(e->writer, "Add", (const char *[]){product, names[1], NULL}, e->output);
    e->vector[e->index] = vector;
}

/* (C, K) to (K, C). */
static void write_dense(struct export *e)
{
    size_t c = (size_t)input_shape(e).c, k = (size_t)e->layer->shape.c;
    char input[ONNX_NAME_BYTES], weight[ONNX_NAME_BYTES], bias[ONNX_NAME_BYTES];
    const int64_t dims[] = {(int64_t)k, (int64_t)c}, outputs = (int64_t)k;
    const float *from = parameters_of(e);
    float *to;
    enum status status = memory_allocate(&to, c * k, sizeof *to, e->layer->name);
    if (status != STATUS_OK) {
        fail(e, status);
        return;
    }
    for (size_t i = 0; i < c; i++)
        for (size_t j = 0; j < k; j++)
            to[j * c + i] = from[i * k + j];
    input_as(e, 0, true, input);
    write_weights(e, "weight", 2, dims, to, weight);
    memory_free(&to);
    if (e->layer->options.bias)
        write_weights(e, "bias", 1, &outputs, from + e->layer->weight_count, bias);
    const char *inputs[] = {input, weight, e->layer->options.bias ? bias : NULL, NULL};
    Onnx__NodeProto *node = onnx_write_node(e->writer, "Gemm", inputs, e->output);
    onnx_write_int(e->writer, node, "transB", 1);
    e->vector[e->index] = true;
}

static void write_joined(struct export *e)
{
    bool join = e->layer->kind == LAYER_CONCAT, vector = all_vectors(e);
    const char *operator_name = join ? "Concat" : e->layer->kind == LAYER_ADD ? "Add" : "Mul";
    size_t count = (size_t)e->layer->input_count;
    char(*names)[ONNX_NAME_BYTES] = NULL;
    const char **inputs = NULL;
    enum status status = memory_allocate(&names, count, sizeof *names, "names");
    if (status == STATUS_OK)
        status = memory_allocate(&inputs, count + 1, sizeof(char *), "names");
    for (size_t k = 0; status == STATUS_OK && k < count; k++) {
        input_as(e, (int32_t)k, vector, names[k]);
        inputs[k] = names[k];
    }
    if (status == STATUS_OK) {
        Onnx__NodeProto *node = onnx_write_node(e->writer, operator_name, inputs, e->output);
        if (join)
            onnx_write_int(e->writer, node, "axis", 1);
    } else {
        fail(e, status);
    }
    memory_free(&inputs);
    memory_free(&names);
    e->vector[e->index] = vector;
}

/* Memory order is (H, W, C). */
static void write_flatten(struct export *e)
{
    struct shape in = input_shape(e);
    char input[ONNX_NAME_BYTES], ordered[ONNX_NAME_BYTES];
    e->vector[e->index] = true;
    if (e->vector[e->layer->inputs[0]]) {
        input_as(e, 0, true, input);
        write_unary(e, "Identity", input, e->output);
        return;
    }
    input_as(e, 0, false, input);
    if (in.c == 1 || (in.h == 1 && in.w == 1)) {
        onnx_write_flatten(e->writer, input, e->output);
        return;
    }
    own_name(e, "ordered", ordered);
    Onnx__NodeProto *node = write_unary(e, "Transpose", input, ordered);
    onnx_write_ints(e->writer, node, "perm", 4, (const int64_t[]){0, 2, 3, 1});
    onnx_write_flatten(e->writer, ordered, e->output);
}

/* One axis of a window as a slice with padding round it. */
struct slice {
    int64_t start, end, step, before, after;
};

static struct slice slice_of(int32_t in, int32_t from, int32_t step, int32_t out)
{
    int64_t first = from < 0 ? (-(int64_t)from + step - 1) / step : 0; /* outputs before the image */
    int64_t last = ((int64_t)in - 1 - from) / step;                    /* the last inside */
    last = last > out - 1 ? out - 1 : last;
    return (struct slice){.start = first * step + from,
                          .end = last * step + from + 1,
                          .step = step,
                          .before = first,
                          .after = out - 1 - last};
}

static void write_window(struct export *e)
{
    const struct layer_options *o = &e->layer->options;
    struct shape in = input_shape(e);
    const struct slice slices[] = {slice_of(in.c, o->from_c, 1, o->out_c),
                                   slice_of(in.h, o->from_h, o->step_h, o->out_h),
                                   slice_of(in.w, o->from_w, o->step_w, o->out_w)};
    int64_t starts[3], ends[3], steps[3], pads[8] = {0};
    const int64_t axes[] = {1, 2, 3};
    char input[ONNX_NAME_BYTES], cut[ONNX_NAME_BYTES], names[5][ONNX_NAME_BYTES];
    bool padded = false;
    for (int i = 0; i < 3; i++) {
        starts[i] = slices[i].start;
        ends[i] = slices[i].end;
        steps[i] = slices[i].step;
        pads[1 + i] = slices[i].before;
        pads[5 + i] = slices[i].after;
        padded = padded || slices[i].before > 0 || slices[i].after > 0;
    }
    input_as(e, 0, false, input);
    write_list(e, "starts", 3, starts, names[0]);
    write_list(e, "ends", 3, ends, names[1]);
    write_list(e, "axes", 3, axes, names[2]);
    write_list(e, "steps", 3, steps, names[3]);
    own_name(e, "cut", cut);
    onnx_write_node(e->writer, "Slice", (const char *[]){input, names[0], names[1], names[2], names[3], NULL},
                    padded ? cut : e->output);
    if (!padded)
        return;
    write_list(e, "pads", 8, pads, names[4]);
    onnx_write_node(e->writer, "Pad", (const char *[]){cut, names[4], NULL}, e->output);
}

static void write_bounded(struct export *e, const char *input)
{
    char low[ONNX_NAME_BYTES], high[ONNX_NAME_BYTES];
    own_name(e, "low", low);
    own_name(e, "high", high);
    onnx_write_floats(e->writer, low, 0, NULL, &e->layer->options.low);
    onnx_write_floats(e->writer, high, 0, NULL, &e->layer->options.high);
    onnx_write_node(e->writer, "Clip", (const char *[]){input, low, high, NULL}, e->output);
}

/* Hard-swish has a node of its own only in later operator sets. */
static void write_hard_sigmoid(struct export *e, const char *input, float slope, float offset,
                               const char *output)
{
    Onnx__NodeProto *node = write_unary(e, "HardSigmoid", input, output);
    onnx_write_float(e->writer, node, "alpha", slope);
    onnx_write_float(e->writer, node, "beta", offset);
}

static void write_simple(struct export *e)
{
    const struct layer_options *o = &e->layer->options;
    bool vector = e->vector[e->layer->inputs[0]];
    char input[ONNX_NAME_BYTES], gate[ONNX_NAME_BYTES];
    input_as(e, 0, vector, input);
    e->vector[e->index] = vector;
    switch (e->layer->kind) {
    case LAYER_RELU:
        write_unary(e, "Relu", input, e->output);
        break;
    case LAYER_CLIP:
        write_bounded(e, input);
        break;
    case LAYER_LEAKY_RELU:
        onnx_write_float(e->writer, write_unary(e, "LeakyRelu", input, e->output), "alpha", o->slope);
        break;
    case LAYER_SIGMOID:
        write_unary(e, "Sigmoid", input, e->output);
        break;
    case LAYER_TANH:
        write_unary(e, "Tanh", input, e->output);
        break;
    case LAYER_HARD_SIGMOID:
        write_hard_sigmoid(e, input, o->slope, o->offset, e->output);
        break;
    case LAYER_HARD_SWISH:
        own_name(e, "gate", gate);
        write_hard_sigmoid(e, input, 1.0F / 6, 0.5F, gate);
        onnx_write_node(e->writer, "Mul", (const char *[]){input, gate, NULL}, e->output);
        break;
    default: /* softmax and its logarithm */
        onnx_write_int(
            e->writer,
            write_unary(e, e->layer->kind == LAYER_SOFTMAX ? "Softmax" : "LogSoftmax", input, e->output),
            "axis", 1);
    }
}

static void write_lrn(struct export *e)
{
    const struct layer_options *o = &e->layer->options;
    char input[ONNX_NAME_BYTES];
    input_as(e, 0, false, input);
    Onnx__NodeProto *node = write_unary(e, "LRN", input, e->output);
    onnx_write_int(e->writer, node, "size", o->size);
    onnx_write_float(e->writer, node, "alpha", o->alpha);
    onnx_write_float(e->writer, node, "beta", o->beta);
    onnx_write_float(e->writer, node, "bias", o->constant);
}

static void write_shuffle(struct export *e)
{
    struct shape s = e->layer->shape;
    const int64_t groups = e->layer->options.groups;
    const int64_t split[] = {0, groups, s.c / groups, s.h, s.w}, joined[] = {0, s.c, s.h, s.w};
    bool vector = e->vector[e->layer->inputs[0]];
    char input[ONNX_NAME_BYTES], before[ONNX_NAME_BYTES], after[ONNX_NAME_BYTES];
    input_as(e, 0, vector, input);
    own_name(e, "groups", before);
    own_name(e, "members", after);
    write_reshape(e, "split", input, vector ? 3 : 5, split, before);
    Onnx__NodeProto *node = write_unary(e, "Transpose", before, after);
    onnx_write_ints(e->writer, node, "perm", vector ? 3 : 5, (const int64_t[]){0, 2, 1, 3, 4});
    write_reshape(e, "joined", after, vector ? 2 : 4, joined, e->output);
    e->vector[e->index] = vector;
}

static void (*const writers[LAYER_KIND_COUNT])(struct export *e) = {
    [LAYER_CONVOLUTION] = write_convolution,
    [LAYER_BATCHNORM] = write_batchnorm,
    [LAYER_RELU] = write_simple,
    [LAYER_MAXPOOL] = write_pooling,
    [LAYER_AVGPOOL] = write_pooling,
    [LAYER_GLOBAL_AVGPOOL] = write_global_avgpool,
    [LAYER_DENSE] = write_dense,
    [LAYER_ADD] = write_joined,
    [LAYER_CONCAT] = write_joined,
    [LAYER_FLATTEN] = write_flatten,
    [LAYER_WINDOW] = write_window,
    [LAYER_CLIP] = write_simple,
    [LAYER_LEAKY_RELU] = write_simple,
    [LAYER_SIGMOID] = write_simple,
    [LAYER_TANH] = write_simple,
    [LAYER_HARD_SIGMOID] = write_simple,
    [LAYER_HARD_SWISH] = write_simple,
    [LAYER_SOFTMAX] = write_simple,
    [LAYER_LOG_SOFTMAX] = write_simple,
    [LAYER_SCALE] = write_scale,
    [LAYER_LRN] = write_lrn,
    [LAYER_SHUFFLE] = write_shuffle,
    [LAYER_MULTIPLY] = write_joined,
    [LAYER_UNIT_SCALE] = write_unit_scale,
};

/* The layer's units times a constant (1, C, H, W), or (1, C). */
static void write_kept(struct export *e, const float *keep, const char *input)
{
    struct shape s = e->layer->shape;
    const int64_t dims[] = {1, s.c, s.h, s.w};
    char mask[ONNX_NAME_BYTES];
    float *ordered;
    enum status status = order_image(s, keep, &ordered);
    if (status != STATUS_OK) {
        fail(e, status);
        return;
    }
    own_name(e, "keep", mask);
    onnx_write_floats(e->writer, mask, e->vector[e->index] ? 2 : 4, dims, ordered);
    onnx_write_node(e->writer, "Mul", (const char *[]){input, mask, NULL}, e->output);
    memory_free(&ordered);
}

static void write_layer(struct export *e, int32_t index)
{
    const float *keep = e->part->keep == NULL ? NULL : e->part->keep[index];
    e->index = index;
    e->layer = &e->part->network->layers[index];
    value_name(e, index, e->output);
    if (keep != NULL)
        own_name(e, "all", e->output);
    writers[e->layer->kind](e);
    if (keep != NULL) {
        char all[ONNX_NAME_BYTES];
        snprintf(all, sizeof all, "%s", e->output);
        value_name(e, index, e->output);
        write_kept(e, keep, all);
    }
}

void onnx_write_network(struct onnx_writer *writer, const struct onnx_part_of_network *part,
                        char output[ONNX_NAME_BYTES], bool *vector)
{
    size_t layers = (size_t)part->network->layer_count;
    struct export e = {.writer = writer, .part = part};
    enum status status = memory_allocate(&e.vector, layers, sizeof *e.vector, "layers");
    if (status == STATUS_OK)
        status = memory_allocate(&e.needed, layers, sizeof *e.needed, "layers");
    if (status == STATUS_OK) {
        e.needed[part->last_layer] = true;
        for (int32_t i = part->last_layer; i > 0; i--)
            for (int32_t k = 0; e.needed[i] && k < part->network->layers[i].input_count; k++)
                e.needed[part->network->layers[i].inputs[k]] = true;
        for (int32_t i = 1; i <= part->last_layer; i++)
            if (e.needed[i])
                write_layer(&e, i);
        value_name(&e, part->last_layer, output);
        *vector = e.vector[part->last_layer];
    } else {
        fail(&e, status);
    }
    memory_free(&e.vector);
    memory_free(&e.needed);
}

void onnx_write_flatten(struct onnx_writer *writer, const char *input, const char *output)
{
    Onnx__NodeProto *node = onnx_write_node(writer, "Flatten", (const char *[]){input, NULL}, output);
    onnx_write_int(writer, node, "axis", 1);
}

/* As a convolution of one tap a channel, which every runtime can begin a graph with. */
void onnx_write_scaling(struct onnx_writer *writer, const struct scaling *scaling, int32_t channels,
                        const char *image, const char *output)
{
    char factor[ONNX_NAME_BYTES], summand[ONNX_NAME_BYTES];
    float factors[SCALING_CHANNELS_MAX], summands[SCALING_CHANNELS_MAX];
    const int64_t dims[] = {channels, 1, 1, 1};
    for (int32_t c = 0; c < channels; c++) {
        factors[c] = scaling->scale / scaling->std[c];
        summands[c] = -scaling->mean[c] / scaling->std[c];
    }
    snprintf(factor, sizeof factor, "%s:factor", output);
    snprintf(summand, sizeof summand, "%s:summand", output);
    onnx_write_floats(writer, factor, 4, dims, factors);
    onnx_write_floats(writer, summand, 1, dims, summands);
    Onnx__NodeProto *node =
        onnx_write_node(writer, "Conv", (const char *[]){image, factor, summand, NULL}, output);
    onnx_write_int(writer, node, "group", channels);
    onnx_write_ints(writer, node, "kernel_shape", 2, (const int64_t[]){1, 1});
}

static void write_text(struct onnx_writer *writer, const char *key, enum status status, char *text)
{
    if (status == STATUS_OK)
        onnx_write_metadata(writer, key, text);
    else if (writer->status == STATUS_OK)
        writer->status = status;
    memory_free(&text);
}

void onnx_write_description(struct onnx_writer *writer, const class_name *names, int32_t count,
                            const struct scaling *scaling, int32_t channels)
{
    struct scaling none = scaling_default();
    char *text = NULL;
    none.scale = 1;
    scaling = scaling == NULL ? &none : scaling;
    channels = channels < SCALING_CHANNELS_MAX ? channels : SCALING_CHANNELS_MAX;
    enum status status = onnx_metadata_class_names(names, count, &text);
    write_text(writer, ONNX_KEY_CLASS_NAMES, status, text);
    status = onnx_metadata_numbers(&scaling->scale, 1, &text);
    write_text(writer, ONNX_KEY_SCALE, status, text);
    status = onnx_metadata_numbers(scaling->mean, channels, &text);
    write_text(writer, ONNX_KEY_MEAN, status, text);
    status = onnx_metadata_numbers(scaling->std, channels, &text);
    write_text(writer, ONNX_KEY_STD, status, text);
}

enum status onnx_export_network(const struct network *network, bool with_scaling, const char *path)
{
    struct onnx_writer writer;
    struct shape image = network_input_shape(network);
    int32_t last = network->layer_count - 1;
    struct shape out = network->layers[last].shape;
    const int64_t dims[] = {0, out.c, out.h, out.w};
    char output[ONNX_NAME_BYTES];
    bool vector;
    int32_t rank = network->output_rank;
    if (with_scaling && image.c > SCALING_CHANNELS_MAX)
        return error_set(STATUS_SHAPE, "%s: images of %d channels; scaling is for at most %d", path, image.c,
                         SCALING_CHANNELS_MAX);
    onnx_writer_begin(&writer, network->architecture, image, "logits", rank, dims);
    if (with_scaling)
        onnx_write_scaling(&writer, &network->scaling, image.c, "image", "scaled");
    const struct onnx_part_of_network part = {.network = network,
                                              .input = with_scaling ? "scaled" : "image",
                                              .name_prefix = "layer/",
                                              .weights_prefix = "layer/",
                                              .last_layer = last};
    onnx_write_network(&writer, &part, output, &vector);
    if (rank == 2 && !vector)
        onnx_write_flatten(&writer, output, "logits");
    else if (rank == 3 || (rank == 4 && vector)) {
        onnx_write_integers(&writer, "logits:dims", (size_t)rank, dims); /* 0: as it is */
        onnx_write_node(&writer, "Reshape", (const char *[]){output, "logits:dims", NULL}, "logits");
    } else
        onnx_write_node(&writer, "Identity", (const char *[]){output, NULL}, "logits");
    onnx_write_description(&writer, (const class_name *)network->class_names, network->class_count,
                           with_scaling ? NULL : &network->scaling, image.c);
    enum status status = onnx_writer_save(&writer, path);
    onnx_writer_clear(&writer);
    return status;
}
