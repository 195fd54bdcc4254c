#include "compute/formats/onnx/export/onnx_export.h"

#include <stdio.h>

#include "compute/base/memory.h"

void onnx_export_fail(struct onnx_export *e, enum status status)
{
    if (e->writer->status == STATUS_OK)
        e->writer->status = status;
}

void onnx_export_value(const struct onnx_export *e, int32_t layer, char name[ONNX_NAME_BYTES])
{
    if (layer == 0)
        snprintf(name, ONNX_NAME_BYTES, "%s", e->part->input);
    else
        snprintf(name, ONNX_NAME_BYTES, "%s%s", e->part->name_prefix, e->part->network->layers[layer].name);
}

void onnx_export_own_name(const struct onnx_export *e, const char *what, char name[ONNX_NAME_BYTES])
{
    snprintf(name, ONNX_NAME_BYTES, "%s%s:%s", e->part->name_prefix, e->layer->name, what);
}

static void weight_name(const struct onnx_export *e, const char *what, char name[ONNX_NAME_BYTES])
{
    snprintf(name, ONNX_NAME_BYTES, "%s%s:%s", e->part->weights_prefix, e->layer->name, what);
}

struct shape onnx_export_input_shape(const struct onnx_export *e)
{
    return e->part->network->layers[e->layer->inputs[0]].shape;
}

const float *onnx_export_parameters(const struct onnx_export *e)
{
    return e->part->network->parameters + e->layer->parameter_offset;
}

void onnx_export_weights(struct onnx_export *e, const char *what, int32_t rank, const int64_t *dims,
                         const float *data, char name[ONNX_NAME_BYTES])
{
    weight_name(e, what, name);
    if (!e->part->weights_written)
        onnx_write_floats(e->writer, name, rank, dims, data);
}

void onnx_export_list(struct onnx_export *e, const char *what, size_t count, const int64_t *numbers,
                      char name[ONNX_NAME_BYTES])
{
    onnx_export_own_name(e, what, name);
    onnx_write_integers(e->writer, name, count, numbers);
}

Onnx__NodeProto *onnx_export_unary(struct onnx_export *e, const char *operator_name, const char *input,
                                   const char *output)
{
    return onnx_write_node(e->writer, operator_name, (const char *[]){input, NULL}, output);
}

void onnx_export_reshape(struct onnx_export *e, const char *what, const char *input, size_t rank,
                         const int64_t *dims, const char *output)
{
    char name[ONNX_NAME_BYTES];
    onnx_export_list(e, what, rank, dims, name);
    onnx_write_node(e->writer, "Reshape", (const char *[]){input, name, NULL}, output);
}

/* Input k of the layer as (N, C, H, W), or as (N, C) when `vector`. */
void onnx_export_input(struct onnx_export *e, int32_t k, bool vector, char name[ONNX_NAME_BYTES])
{
    int32_t input = e->layer->inputs[k];
    struct shape shape = e->part->network->layers[input].shape;
    char from[ONNX_NAME_BYTES], what[32];
    onnx_export_value(e, input, from);
    snprintf(name, ONNX_NAME_BYTES, "%s", from);
    if (e->vector[input] == vector)
        return;
    snprintf(what, sizeof what, vector ? "vector%d" : "image%d", k);
    onnx_export_own_name(e, what, name);
    snprintf(what, sizeof what, "dims%d", k);
    const int64_t dims[] = {0, shape.c, 1, 1}; /* 0: as it is */
    if (vector)
        onnx_write_flatten(e->writer, from, name);
    else
        onnx_export_reshape(e, what, from, 4, dims, name);
}

/* (H, W, C) to (C, H, W). */
enum status onnx_order_image(struct shape shape, const float *from, float **ordered)
{
    size_t pixels = (size_t)shape.h * (size_t)shape.w, c = (size_t)shape.c;
    enum status status = memory_allocate(ordered, pixels * c, sizeof **ordered, "an image of constants");
    for (size_t p = 0; status == STATUS_OK && p < pixels; p++)
        for (size_t j = 0; j < c; j++)
            (*ordered)[j * pixels + p] = from[p * c + j];
    return status;
}
