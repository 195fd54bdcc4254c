#include "compute/formats/onnx/export/onnx_network.h"

#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/export/onnx_description.h"
#include "compute/formats/onnx/export/onnx_export.h"

/* The nodes that compute e->output. */
static void write_nodes(struct onnx_export *e)
{
    switch (e->layer->kind) {
    case LAYER_INPUT:
    case LAYER_KIND_COUNT:
        break;
    case LAYER_CONVOLUTION:
        onnx_export_convolution(e);
        break;
    case LAYER_BATCHNORM:
        onnx_export_batchnorm(e);
        break;
    case LAYER_RELU:
    case LAYER_CLIP:
    case LAYER_LEAKY_RELU:
    case LAYER_SIGMOID:
    case LAYER_TANH:
    case LAYER_HARD_SIGMOID:
    case LAYER_HARD_SWISH:
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
        onnx_export_activation(e);
        break;
    case LAYER_MAXPOOL:
    case LAYER_AVGPOOL:
        onnx_export_pooling(e);
        break;
    case LAYER_GLOBAL_AVGPOOL:
        onnx_export_global_avgpool(e);
        break;
    case LAYER_DENSE:
        onnx_export_dense(e);
        break;
    case LAYER_ADD:
    case LAYER_CONCAT:
    case LAYER_MULTIPLY:
        onnx_export_joined(e);
        break;
    case LAYER_FLATTEN:
        onnx_export_flattened(e);
        break;
    case LAYER_WINDOW:
        onnx_export_window(e);
        break;
    case LAYER_SCALE:
        onnx_export_scale(e);
        break;
    case LAYER_LRN:
        onnx_export_lrn(e);
        break;
    case LAYER_SHUFFLE:
        onnx_export_shuffle(e);
        break;
    case LAYER_UNIT_SCALE:
        onnx_export_unit_scale(e);
        break;
    }
}

static void write_layer(struct onnx_export *e, int32_t index)
{
    const float *keep = e->part->keep == NULL ? NULL : e->part->keep[index];
    e->index = index;
    e->layer = &e->part->network->layers[index];
    onnx_export_value(e, index, e->output);
    if (keep != NULL)
        onnx_export_own_name(e, "all", e->output);
    write_nodes(e);
    if (keep != NULL) {
        char all[ONNX_NAME_BYTES];
        snprintf(all, sizeof all, "%s", e->output);
        onnx_export_value(e, index, e->output);
        onnx_export_kept(e, keep, all);
    }
}

void onnx_write_network(struct onnx_writer *writer, const struct onnx_part_of_network *part,
                        char output[ONNX_NAME_BYTES], bool *vector)
{
    size_t layers = (size_t)part->network->layer_count;
    struct onnx_export e = {.writer = writer, .part = part};
    *output = '\0';
    *vector = false;
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
        onnx_export_value(&e, part->last_layer, output);
        *vector = e.vector[part->last_layer];
    } else {
        onnx_export_fail(&e, status);
    }
    memory_free(&e.vector);
    memory_free(&e.needed);
}

void onnx_set_needs_add(struct onnx_set_needs *needs, const struct network *network)
{
    for (int32_t i = 1; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        bool softmax = layer->kind == LAYER_SOFTMAX || layer->kind == LAYER_LOG_SOFTMAX;
        needs->attributes = needs->attributes || layer->kind == LAYER_CLIP;
        needs->inputs = needs->inputs || (softmax && (layer->shape.h > 1 || layer->shape.w > 1));
    }
}

enum onnx_set onnx_set_needed(const struct onnx_set_needs *needs)
{
    return needs->attributes && !needs->inputs ? ONNX_SET_ATTRIBUTES : ONNX_SET_INPUTS;
}

void onnx_write_flatten(struct onnx_writer *writer, const char *input, const char *output)
{
    Onnx__NodeProto *node = onnx_write_node(writer, "Flatten", (const char *[]){input, NULL}, output);
    onnx_write_int(writer, node, "axis", 1);
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
    struct onnx_set_needs needs = {false, false};
    if (with_scaling && image.c > SCALING_CHANNELS_MAX)
        return error_set(STATUS_SHAPE, "%s: images of %d channels; scaling is for at most %d", path, image.c,
                         SCALING_CHANNELS_MAX);
    onnx_writer_begin(&writer, network->architecture, image, "logits", rank, dims);
    onnx_set_needs_add(&needs, network);
    onnx_writer_choose_set(&writer, onnx_set_needed(&needs));
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
