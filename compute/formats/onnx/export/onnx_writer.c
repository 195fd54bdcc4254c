#include "compute/formats/onnx/export/onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

enum { IR_VERSION = 7 };

/* Messages are freed by protobuf-c, so everything in them comes from malloc and not from memory_allocate. */
static void *take(struct onnx_writer *writer, size_t count, size_t bytes)
{
    void *memory = NULL;
    if (writer->status == STATUS_OK) {
        memory = calloc(count > 0 ? count : 1, bytes);
        if (memory == NULL)
            writer->status = error_set(STATUS_NO_MEMORY, "no memory for %zu items of an ONNX model", count);
    }
    return memory;
}

static char *take_text(struct onnx_writer *writer, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = take(writer, bytes, 1);
    return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

/* Room for one more pointer behind `count` others; NULL after a failure. Arrays double. */
static void *grow(struct onnx_writer *writer, void *array, size_t count)
{
    if (writer->status != STATUS_OK || (count & (count - 1)) != 0)
        return array;
    void *grown = realloc(array, (count == 0 ? 1 : 2 * count) * sizeof(void *));
    if (grown == NULL)
        writer->status = error_set(STATUS_NO_MEMORY, "no memory for an ONNX model");
    return grown == NULL ? array : grown;
}

/* A message of that kind; NULL after a failure. */
static void *take_message(struct onnx_writer *writer, const ProtobufCMessageDescriptor *kind)
{
    void *message = take(writer, 1, kind->sizeof_message);
    if (message != NULL)
        protobuf_c_message_init(kind, message);
    return message;
}

/* The same, put behind the others of an array. */
#define ADD(writer, array, count, kind)                                                                      \
    ((array) = grow((writer), (array), (count)), add_message((writer), (void **)(array), &(count), (kind)))

static void *add_message(struct onnx_writer *writer, void **array, size_t *count,
                         const ProtobufCMessageDescriptor *kind)
{
    void *message = take_message(writer, kind);
    if (message != NULL)
        array[(*count)++] = message;
    return message;
}

/* --- begin and end --- */

/* A value (N, dims…) of float32. */
static void describe_value(struct onnx_writer *writer, Onnx__ValueInfoProto *value, const char *name,
                           int32_t rank, const int64_t *dims)
{
    if (value == NULL)
        return;
    value->name = take_text(writer, name);
    value->type = take_message(writer, &onnx__type_proto__descriptor);
    if (value->type == NULL)
        return;
    Onnx__TypeProto__Tensor *tensor = take_message(writer, &onnx__type_proto__tensor__descriptor);
    if (tensor == NULL)
        return;
    value->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    value->type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = take_message(writer, &onnx__tensor_shape_proto__descriptor);
    for (int32_t i = 0; i < rank && tensor->shape != NULL; i++) {
        Onnx__TensorShapeProto__Dimension *dim = ADD(writer, tensor->shape->dim, tensor->shape->n_dim,
                                                     &onnx__tensor_shape_proto__dimension__descriptor);
        if (dim == NULL)
            return;
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dim->dim_value = dims[i];
        if (i == 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = take_text(writer, "N");
        }
    }
}

void onnx_writer_begin(struct onnx_writer *writer, const char *graph_name, struct shape image,
                       const char *output, int32_t rank, const int64_t *dims)
{
    *writer = (struct onnx_writer){.status = STATUS_OK, .set = ONNX_SET_INPUTS};
    writer->model = take_message(writer, &onnx__model_proto__descriptor);
    if (writer->model == NULL)
        return;
    Onnx__ModelProto *model = writer->model;
    model->has_ir_version = true;
    model->ir_version = IR_VERSION;
    model->producer_name = take_text(writer, "facet");
    model->producer_version = take_text(writer, FACET_VERSION);
    Onnx__OperatorSetIdProto *set =
        ADD(writer, model->opset_import, model->n_opset_import, &onnx__operator_set_id_proto__descriptor);
    if (set == NULL)
        return;
    set->domain = take_text(writer, "");
    set->has_version = true;
    set->version = ONNX_SET_INPUTS;
    model->graph = take_message(writer, &onnx__graph_proto__descriptor);
    if (model->graph == NULL)
        return;
    model->graph->name = take_text(writer, *graph_name == '\0' ? "network" : graph_name);
    const int64_t input_dims[] = {0, image.c, image.h, image.w};
    describe_value(
        writer, ADD(writer, model->graph->input, model->graph->n_input, &onnx__value_info_proto__descriptor),
        "image", 4, input_dims);
    describe_value(
        writer,
        ADD(writer, model->graph->output, model->graph->n_output, &onnx__value_info_proto__descriptor),
        output, rank, dims);
}

void onnx_writer_choose_set(struct onnx_writer *writer, enum onnx_set set)
{
    writer->set = set;
    if (writer->status == STATUS_OK)
        writer->model->opset_import[0]->version = set;
}

void onnx_writer_clear(struct onnx_writer *writer)
{
    onnx_model_free(&writer->model);
}

struct packed {
    const uint8_t *data;
    size_t bytes;
};

static enum status write_packed(void *context, FILE *file)
{
    const struct packed *packed = context;
    fwrite(packed->data, 1, packed->bytes, file);
    return STATUS_OK;
}

enum status onnx_writer_save(struct onnx_writer *writer, const char *path)
{
    uint8_t *data = NULL;
    if (writer->status != STATUS_OK)
        return writer->status;
    size_t bytes = writer->data_bytes > INT32_MAX ? writer->data_bytes
                                                  : onnx__model_proto__get_packed_size(writer->model);
    if (bytes > INT32_MAX)
        return error_set(STATUS_SHAPE, "%s: it would have %zu bytes; an ONNX file has at most 2^31 - 1", path,
                         bytes);
    enum status status = memory_allocate(&data, bytes, 1, "an ONNX file");
    if (status == STATUS_OK) {
        onnx__model_proto__pack(writer->model, data);
        struct packed packed = {data, bytes};
        status = output_file_write(path, write_packed, &packed);
    }
    memory_free(&data);
    return status;
}

/* --- constants --- */

static void write_tensor(struct onnx_writer *writer, const char *name, int32_t type, int32_t rank,
                         const int64_t *dims, size_t bytes, const void *data)
{
    if (writer->status != STATUS_OK)
        return;
    Onnx__GraphProto *graph = writer->model->graph;
    Onnx__TensorProto *tensor =
        ADD(writer, graph->initializer, graph->n_initializer, &onnx__tensor_proto__descriptor);
    if (tensor == NULL)
        return;
    tensor->name = take_text(writer, name);
    tensor->has_data_type = true;
    tensor->data_type = type;
    tensor->dims = take(writer, (size_t)rank, sizeof *tensor->dims);
    uint8_t *copy = take(writer, bytes, 1);
    if (copy != NULL) {
        tensor->n_dims = (size_t)rank;
        for (int32_t i = 0; i < rank; i++)
            tensor->dims[i] = dims[i];
        memcpy(copy, data, bytes);
        tensor->has_raw_data = true;
        tensor->raw_data = (ProtobufCBinaryData){.len = bytes, .data = copy};
        writer->data_bytes += bytes;
    }
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "ONNX's raw data are little-endian; the copies above would have to be swapped"
#endif

void onnx_write_floats(struct onnx_writer *writer, const char *name, int32_t rank, const int64_t *dims,
                       const float *data)
{
    size_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    write_tensor(writer, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims, count * sizeof *data, data);
}

void onnx_write_integers(struct onnx_writer *writer, const char *name, size_t count, const int64_t *data)
{
    const int64_t dims[] = {(int64_t)count};
    write_tensor(writer, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, dims, count * sizeof *data, data);
}

/* --- nodes --- */

Onnx__NodeProto *onnx_write_node(struct onnx_writer *writer, const char *operator_name,
                                 const char *const *inputs, const char *output)
{
    if (writer->status != STATUS_OK)
        return NULL;
    Onnx__GraphProto *graph = writer->model->graph;
    Onnx__NodeProto *node = ADD(writer, graph->node, graph->n_node, &onnx__node_proto__descriptor);
    if (node == NULL)
        return NULL;
    size_t count = 0;
    while (inputs[count] != NULL)
        count++;
    node->op_type = take_text(writer, operator_name);
    node->name = take_text(writer, output);
    node->input = take(writer, count, sizeof *node->input);
    node->output = take(writer, 1, sizeof *node->output);
    for (size_t i = 0; i < count && node->input != NULL; i++)
        if ((node->input[i] = take_text(writer, inputs[i])) != NULL)
            node->n_input = i + 1;
    if (node->output != NULL && (node->output[0] = take_text(writer, output)) != NULL)
        node->n_output = 1;
    return writer->status == STATUS_OK ? node : NULL;
}

static Onnx__AttributeProto *add_attribute(struct onnx_writer *writer, Onnx__NodeProto *node,
                                           const char *name, Onnx__AttributeProto__AttributeType type)
{
    if (node == NULL || writer->status != STATUS_OK)
        return NULL;
    Onnx__AttributeProto *attribute =
        ADD(writer, node->attribute, node->n_attribute, &onnx__attribute_proto__descriptor);
    if (attribute == NULL)
        return NULL;
    attribute->name = take_text(writer, name);
    attribute->has_type = true;
    attribute->type = type;
    return attribute;
}

void onnx_write_int(struct onnx_writer *writer, Onnx__NodeProto *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (attribute != NULL) {
        attribute->has_i = true;
        attribute->i = value;
    }
}

void onnx_write_float(struct onnx_writer *writer, Onnx__NodeProto *node, const char *name, float value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (attribute != NULL) {
        attribute->has_f = true;
        attribute->f = value;
    }
}

void onnx_write_ints(struct onnx_writer *writer, Onnx__NodeProto *node, const char *name, size_t count,
                     const int64_t *values)
{
    Onnx__AttributeProto *attribute =
        add_attribute(writer, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (attribute == NULL || (attribute->ints = take(writer, count, sizeof *values)) == NULL)
        return;
    memcpy(attribute->ints, values, count * sizeof *values);
    attribute->n_ints = count;
}

void onnx_write_metadata(struct onnx_writer *writer, const char *key, const char *value)
{
    if (writer->status != STATUS_OK)
        return;
    Onnx__StringStringEntryProto *entry =
        ADD(writer, writer->model->metadata_props, writer->model->n_metadata_props,
            &onnx__string_string_entry_proto__descriptor);
    if (entry == NULL)
        return;
    entry->key = take_text(writer, key);
    entry->value = take_text(writer, value);
}
