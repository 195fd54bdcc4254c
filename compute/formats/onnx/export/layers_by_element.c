/* Layers of as many elements as their input: normalisation, constants, activations. */
#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/export/onnx_export.h"

void onnx_export_batchnorm(struct onnx_export *e)
{
    static const char *const roles[] = {"gamma", "beta", "mean", "variance"};
    const int64_t c = e->layer->shape.c;
    const float *statistics = e->part->network->statistics + e->layer->statistic_offset;
    const float *arrays[] = {onnx_export_parameters(e), onnx_export_parameters(e) + c, statistics,
                             statistics + c};
    char input[ONNX_NAME_BYTES], names[4][ONNX_NAME_BYTES];
    bool vector = e->vector[e->layer->inputs[0]];
    onnx_export_input(e, 0, vector, input);
    for (int i = 0; i < 4; i++)
        onnx_export_weights(e, roles[i], 1, &c, arrays[i], names[i]);
    const char *inputs[] = {input, names[0], names[1], names[2], names[3], NULL};
    Onnx__NodeProto *node = onnx_write_node(e->writer, "BatchNormalization", inputs, e->output);
    onnx_write_float(e->writer, node, "epsilon", e->layer->options.epsilon);
    onnx_write_float(e->writer, node, "momentum", 1 - e->layer->options.momentum);
    e->vector[e->index] = vector;
}

/* Factors and summands (1, C, 1, 1), or (1, C). */
void onnx_export_scale(struct onnx_export *e)
{
    const int64_t c = e->layer->shape.c, dims[] = {1, c, 1, 1};
    char input[ONNX_NAME_BYTES], factor[ONNX_NAME_BYTES], summand[ONNX_NAME_BYTES], product[ONNX_NAME_BYTES];
    bool vector = e->vector[e->layer->inputs[0]];
    onnx_export_input(e, 0, vector, input);
    onnx_export_weights(e, "factor", vector ? 2 : 4, dims, onnx_export_parameters(e), factor);
    onnx_export_weights(e, "summand", vector ? 2 : 4, dims, onnx_export_parameters(e) + c, summand);
    onnx_export_own_name(e, "product", product);
    onnx_write_node(e->writer, "Mul", (const char *[]){input, factor, NULL}, product);
    onnx_write_node(e->writer, "Add", (const char *[]){product, summand, NULL}, e->output);
    e->vector[e->index] = vector;
}

/* Factors and summands (1, C, H, W), or (1, C). */
void onnx_export_unit_scale(struct onnx_export *e)
{
    static const char *const roles[] = {"factor", "summand"};
    struct shape s = e->layer->shape;
    const int64_t dims[] = {1, s.c, s.h, s.w};
    char input[ONNX_NAME_BYTES], names[2][ONNX_NAME_BYTES], product[ONNX_NAME_BYTES];
    bool vector = e->vector[e->layer->inputs[0]];
    onnx_export_input(e, 0, vector, input);
    for (size_t i = 0; i < 2; i++) {
        float *ordered;
        enum status status = onnx_order_image(s, onnx_export_parameters(e) + i * shape_count(s), &ordered);
        if (status == STATUS_OK)
            onnx_export_weights(e, roles[i], vector ? 2 : 4, dims, ordered, names[i]);
        else
            onnx_export_fail(e, status);
        memory_free(&ordered);
    }
    onnx_export_own_name(e, "product", product);
    onnx_write_node(e->writer, "Mul", (const char *[]){input, names[0], NULL}, product);
    onnx_write_node(e->writer, "Add", (const char *[]){product, names[1], NULL}, e->output);
    e->vector[e->index] = vector;
}

/* The layer's units times a constant (1, C, H, W), or (1, C). */
void onnx_export_kept(struct onnx_export *e, const float *keep, const char *input)
{
    struct shape s = e->layer->shape;
    const int64_t dims[] = {1, s.c, s.h, s.w};
    char mask[ONNX_NAME_BYTES];
    float *ordered;
    enum status status = onnx_order_image(s, keep, &ordered);
    if (status != STATUS_OK) {
        onnx_export_fail(e, status);
        return;
    }
    onnx_export_own_name(e, "keep", mask);
    onnx_write_floats(e->writer, mask, e->vector[e->index] ? 2 : 4, dims, ordered);
    onnx_write_node(e->writer, "Mul", (const char *[]){input, mask, NULL}, e->output);
    memory_free(&ordered);
}

static void write_bounded(struct onnx_export *e, const char *input)
{
    const struct layer_options *o = &e->layer->options;
    char low[ONNX_NAME_BYTES], high[ONNX_NAME_BYTES];
    if (e->writer->set == ONNX_SET_ATTRIBUTES) {
        Onnx__NodeProto *node = onnx_export_unary(e, "Clip", input, e->output);
        onnx_write_float(e->writer, node, "min", o->low);
        onnx_write_float(e->writer, node, "max", o->high);
        return;
    }
    onnx_export_own_name(e, "low", low);
    onnx_export_own_name(e, "high", high);
    onnx_write_floats(e->writer, low, 0, NULL, &o->low);
    onnx_write_floats(e->writer, high, 0, NULL, &o->high);
    onnx_write_node(e->writer, "Clip", (const char *[]){input, low, high, NULL}, e->output);
}

/* Hard-swish has a node of its own only in later operator sets. */
static void write_hard_sigmoid(struct onnx_export *e, const char *input, float slope, float offset,
                               const char *output)
{
    Onnx__NodeProto *node = onnx_export_unary(e, "HardSigmoid", input, output);
    onnx_write_float(e->writer, node, "alpha", slope);
    onnx_write_float(e->writer, node, "beta", offset);
}

void onnx_export_activation(struct onnx_export *e)
{
    const struct layer_options *o = &e->layer->options;
    bool vector = e->vector[e->layer->inputs[0]];
    char input[ONNX_NAME_BYTES], gate[ONNX_NAME_BYTES];
    onnx_export_input(e, 0, vector, input);
    e->vector[e->index] = vector;
    switch (e->layer->kind) {
    case LAYER_RELU:
        onnx_export_unary(e, "Relu", input, e->output);
        break;
    case LAYER_CLIP:
        write_bounded(e, input);
        break;
    case LAYER_LEAKY_RELU:
        onnx_write_float(e->writer, onnx_export_unary(e, "LeakyRelu", input, e->output), "alpha", o->slope);
        break;
    case LAYER_SIGMOID:
        onnx_export_unary(e, "Sigmoid", input, e->output);
        break;
    case LAYER_TANH:
        onnx_export_unary(e, "Tanh", input, e->output);
        break;
    case LAYER_HARD_SIGMOID:
        write_hard_sigmoid(e, input, o->slope, o->offset, e->output);
        break;
    case LAYER_HARD_SWISH:
        onnx_export_own_name(e, "gate", gate);
        write_hard_sigmoid(e, input, 1.0F / 6, 0.5F, gate);
        onnx_write_node(e->writer, "Mul", (const char *[]){input, gate, NULL}, e->output);
        break;
    default: /* softmax and its logarithm */
        onnx_write_int(e->writer,
                       onnx_export_unary(e, e->layer->kind == LAYER_SOFTMAX ? "Softmax" : "LogSoftmax", input,
                                         e->output),
                       "axis", 1);
    }
}

void onnx_export_lrn(struct onnx_export *e)
{
    const struct layer_options *o = &e->layer->options;
    char input[ONNX_NAME_BYTES];
    onnx_export_input(e, 0, false, input);
    Onnx__NodeProto *node = onnx_export_unary(e, "LRN", input, e->output);
    onnx_write_int(e->writer, node, "size", o->size);
    onnx_write_float(e->writer, node, "alpha", o->alpha);
    onnx_write_float(e->writer, node, "beta", o->beta);
    onnx_write_float(e->writer, node, "bias", o->constant);
}
