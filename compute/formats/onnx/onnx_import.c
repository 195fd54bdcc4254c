#include "compute/formats/onnx/onnx_import.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_builder.h"
#include "compute/formats/onnx/onnx_metadata.h"

enum { OPSET_LEAST = 7 };

struct operator_handler {
    const char *name;
    onnx_handler *import;
};

static const struct operator_handler operators[] = {
    {"Conv", onnx_import_conv},
    {"BatchNormalization", onnx_import_batchnorm},
    {"Relu", onnx_import_activation},
    {"LeakyRelu", onnx_import_activation},
    {"Sigmoid", onnx_import_activation},
    {"Tanh", onnx_import_activation},
    {"HardSigmoid", onnx_import_activation},
    {"HardSwish", onnx_import_activation},
    {"Clip", onnx_import_clip},
    {"MaxPool", onnx_import_pool},
    {"AveragePool", onnx_import_pool},
    {"GlobalAveragePool", onnx_import_global_pool},
    {"GlobalMaxPool", onnx_import_global_pool},
    {"ReduceMean", onnx_import_reduce_mean},
    {"Gemm", onnx_import_gemm},
    {"MatMul", onnx_import_matmul},
    {"Add", onnx_import_arithmetic},
    {"Sub", onnx_import_arithmetic},
    {"Mul", onnx_import_arithmetic},
    {"Div", onnx_import_arithmetic},
    {"Sum", onnx_import_sum},
    {"LRN", onnx_import_lrn},
    {"Softmax", onnx_import_softmax},
    {"LogSoftmax", onnx_import_softmax},
    {"Reshape", onnx_import_reshape},
    {"Flatten", onnx_import_flatten},
    {"Squeeze", onnx_import_squeeze},
    {"Unsqueeze", onnx_import_unsqueeze},
    {"Transpose", onnx_import_transpose},
    {"Concat", onnx_import_concat},
    {"Split", onnx_import_split},
    {"Slice", onnx_import_slice},
    {"Pad", onnx_import_pad},
    {"Dropout", onnx_import_same},
    {"Identity", onnx_import_same},
    {"Cast", onnx_import_cast},
    /* folded, or not supported: */
    {"Constant", NULL},
    {"ConstantOfShape", NULL},
    {"Shape", NULL},
    {"Gather", NULL},
};

static const struct operator_handler *find_operator(const Onnx__NodeProto *node)
{
    const char *domain = onnx_text(node->domain);
    if (*domain != '\0' && strcmp(domain, "ai.onnx") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strcmp(operators[i].name, onnx_text(node->op_type)) == 0)
            return &operators[i];
    return NULL;
}

/* --- values --- */

static void add_name(struct onnx_builder *b, const char *name)
{
    b->names.names[b->names.count] = (struct onnx_name){.name = name, .number = (int32_t)b->names.count};
    b->names.count++;
}

/* The one input that is not a weight with a default (older files list those among the inputs). */
static enum status find_image_input(const struct onnx_builder *b, const Onnx__ValueInfoProto **input)
{
    struct onnx_names weights = {0};
    size_t found = 0;
    *input = NULL;
    enum status status = memory_allocate(&weights.names, b->graph->n_initializer, sizeof *weights.names,
                                         "the names of a graph");
    for (size_t i = 0; status == STATUS_OK && i < b->graph->n_initializer; i++)
        weights.names[weights.count++] =
            (struct onnx_name){.name = onnx_text(b->graph->initializer[i]->name)};
    if (status == STATUS_OK)
        status = onnx_names_sort(b->path, &weights);
    for (size_t i = 0; status == STATUS_OK && i < b->graph->n_input; i++)
        if (onnx_names_find(&weights, onnx_text(b->graph->input[i]->name)) < 0) {
            *input = b->graph->input[i];
            found++;
        }
    onnx_names_clear(&weights);
    if (status != STATUS_OK || found == 1)
        return status;
    return error_set(STATUS_FORMAT, "%s: the graph has %zu inputs; expected one, the images", b->path, found);
}

/* Gives every value of the graph a place: the image input, initializers, outputs of nodes. */
static enum status name_values(struct onnx_builder *b, const struct onnx_order *order, const char *input)
{
    size_t count = 1 + b->graph->n_initializer;
    for (int32_t i = 0; i < order->count; i++)
        count += b->graph->node[order->nodes[i]]->n_output;
    enum status status =
        memory_allocate(&b->names.names, count, sizeof *b->names.names, "the names of a graph");
    if (status == STATUS_OK)
        status = memory_allocate(&b->values, count, sizeof *b->values, "the values of a graph");
    if (status != STATUS_OK)
        return status;
    add_name(b, input);
    for (size_t i = 0; i < b->graph->n_initializer; i++) {
        b->values[b->names.count] =
            (struct onnx_value){.kind = ONNX_INITIALIZER, .message = b->graph->initializer[i]};
        add_name(b, onnx_text(b->graph->initializer[i]->name));
    }
    for (int32_t i = 0; i < order->count; i++) {
        const Onnx__NodeProto *node = b->graph->node[order->nodes[i]];
        for (size_t k = 0; k < node->n_output; k++)
            if (*node->output[k] != '\0')
                add_name(b, node->output[k]);
    }
    return onnx_names_sort(b->path, &b->names);
}

static struct onnx_value *value_named(const struct onnx_builder *b, const char *name)
{
    int32_t number = onnx_names_find(&b->names, name);
    return number < 0 ? NULL : &b->values[number];
}

static void count_readers(struct onnx_builder *b, const struct onnx_order *order, const char *output)
{
    for (int32_t i = 0; i < order->count; i++) {
        const Onnx__NodeProto *node = b->graph->node[order->nodes[i]];
        for (size_t k = 0; k < node->n_input; k++) {
            struct onnx_value *value = value_named(b, node->input[k]);
            if (value != NULL)
                value->readers++;
        }
    }
    struct onnx_value *value = value_named(b, output);
    if (value != NULL)
        value->readers++;
}

/* --- the image input --- */

static const Onnx__TensorShapeProto *shape_of_input(const Onnx__ValueInfoProto *input)
{
    const Onnx__TypeProto *type = input->type;
    if (type == NULL || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || type->tensor_type == NULL)
        return NULL;
    return type->tensor_type->shape;
}

/* The dimensions of the input; a free batch (first dimension) is ONNX_BATCH_PRIME, other dimensions are
 * known. */
static enum status read_input_shape(struct onnx_builder *b, const Onnx__ValueInfoProto *input,
                                    struct onnx_shape *shape)
{
    const Onnx__TensorShapeProto *dims = shape_of_input(input);
    const char *name = onnx_text(input->name);
    if (dims == NULL || dims->n_dim < 2 || dims->n_dim > 4)
        return error_set(STATUS_FORMAT,
                         "%s: input \"%s\" has %zu dimensions; expected images (N, C, H, W) or (N, H, W), or "
                         "vectors (N, C)",
                         b->path, name, dims == NULL ? (size_t)0 : dims->n_dim);
    int32_t type = input->type->tensor_type->elem_type;
    if (type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return error_set(STATUS_FORMAT, "%s: input \"%s\" is of type %d; expected float32 (1)", b->path, name,
                         type);
    shape->rank = (int32_t)dims->n_dim;
    for (int32_t i = 0; i < shape->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = dims->dim[i];
        bool known =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value > 0;
        if (!known && i > 0)
            return error_set(
                STATUS_FORMAT,
                "%s: dimension %d of input \"%s\" is free; export the network for images of one size",
                b->path, i, name);
        if (known && dim->dim_value > ONNX_IMAGE_ELEMENTS_MAX)
            return error_set(STATUS_SHAPE, "%s: dimension %d of input \"%s\" is %lld; at most %d is possible",
                             b->path, i, name, (long long)dim->dim_value, ONNX_IMAGE_ELEMENTS_MAX);
        shape->dims[i] = known ? dim->dim_value : ONNX_BATCH_PRIME;
    }
    b->batch = shape->dims[0];
    return STATUS_OK;
}

/* Whether the images have their channels last, as TensorFlow's exporters leave them: the first thing that is
 * done to them is to bring the channels forward. */
static bool channels_last(const struct onnx_builder *b, const char *input, int32_t rank)
{
    static const int64_t forward[] = {0, 3, 1, 2};
    for (size_t i = 0; i < b->graph->n_node && rank == 4; i++) {
        const Onnx__NodeProto *node = b->graph->node[i];
        if (strcmp(onnx_text(node->op_type), "Transpose") != 0 || node->n_input != 1 ||
            strcmp(node->input[0], input) != 0)
            continue;
        for (size_t k = 0; k < node->n_attribute; k++)
            if (node->attribute[k]->n_ints == 4 &&
                memcmp(node->attribute[k]->ints, forward, sizeof forward) == 0)
                return true;
    }
    return false;
}

static enum status add_image_input(struct onnx_builder *b, const Onnx__ValueInfoProto *input)
{
    struct onnx_shape shape = {0};
    char text[ONNX_SHAPE_TEXT];
    enum status status = read_input_shape(b, input, &shape);
    if (status != STATUS_OK)
        return status;
    bool last = channels_last(b, onnx_text(input->name), shape.rank);
    const int64_t *d = shape.dims;
    int64_t c = last ? d[3] : shape.rank == 3 ? 1 : d[1];
    int64_t h = last ? d[1] : shape.rank == 4 ? d[2] : shape.rank == 3 ? d[1] : 1;
    int64_t w = last ? d[2] : shape.rank == 4 ? d[3] : shape.rank == 3 ? d[2] : 1;
    onnx_shape_print(&shape, text);
    if (h * w > ONNX_IMAGE_ELEMENTS_MAX || h * w * c > ONNX_IMAGE_ELEMENTS_MAX)
        return error_set(STATUS_SHAPE, "%s: input \"%s\" is %s; an image of at most %d numbers is possible",
                         b->path, onnx_text(input->name), text, ONNX_IMAGE_ELEMENTS_MAX);
    const struct shape image = {(int32_t)h, (int32_t)w, (int32_t)c};
    const char *slash = strrchr(b->path, '/');
    status = network_create(slash == NULL ? b->path : slash + 1, image, &b->network);
    if (status != STATUS_OK)
        return status;
    struct onnx_value *value = value_named(b, onnx_text(input->name));
    value->kind = ONNX_LAYER;
    value->layer = 0;
    value->view = onnx_view_of_image(&shape, image);
    if (last)
        value->view =
            onnx_view_of_image(&shape, (struct shape){1, 1, (int32_t)(h * w * c)}); /* memory order */
    return STATUS_OK;
}

/* --- nodes --- */

static enum status read_initializers_of_node(struct onnx_builder *b, bool *failed)
{
    *failed = false;
    for (size_t i = 0; i < b->node->n_input; i++) {
        const char *name = b->node->input[i];
        struct onnx_value *value = *name == '\0' ? NULL : value_named(b, name);
        if (*name != '\0' && value == NULL)
            return onnx_node_error(b, error_set(STATUS_FORMAT, "its input \"%s\" is nobody's output", name));
        if (value == NULL)
            continue;
        if (value->kind == ONNX_INITIALIZER) {
            enum status status = onnx_tensor_read(&b->pool, value->message, &value->constant);
            if (status != STATUS_OK)
                return error_prefix(status, "%s: ", b->path);
            value->kind = ONNX_CONSTANT;
        }
        *failed = *failed || value->kind == ONNX_FAILED || value->kind == ONNX_NOTHING;
    }
    return STATUS_OK;
}

/* What a handler did not compute has failed; that is news only when the handler reported nothing itself. */
static enum status check_outputs(struct onnx_builder *b, bool reported)
{
    for (size_t i = 0; i < b->node->n_output; i++) {
        struct onnx_value *value = *b->node->output[i] == '\0' ? NULL : value_named(b, b->node->output[i]);
        if (value == NULL || value->kind != ONNX_NOTHING)
            continue;
        value->kind = ONNX_FAILED;
        if (reported || value->readers == 0)
            continue;
        enum status status = onnx_unsupported(b, "its output %zu, \"%.60s\"", i, b->node->output[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status import_node(struct onnx_builder *b, int32_t number)
{
    bool failed, folded = false;
    int32_t problems = b->problem_count;
    b->node_number = number;
    b->node = b->graph->node[number];
    const struct operator_handler *known = find_operator(b->node);
    enum status status = read_initializers_of_node(b, &failed);
    if (status == STATUS_OK && known == NULL)
        status = onnx_unsupported(b, "an operator that is not read");
    else if (status == STATUS_OK && !failed) {
        status = onnx_fold(b, &folded);
        if (status == STATUS_OK && !folded)
            status =
                known->import == NULL ? onnx_unsupported(b, "its inputs are not constant") : known->import(b);
    }
    return status == STATUS_OK ? check_outputs(b, failed || b->problem_count > problems) : status;
}

/* --- the network --- */

static void mark_needed(const struct network *network, int32_t last, bool *needed)
{
    needed[last] = true;
    for (int32_t i = last; i > 0; i--)
        for (int32_t k = 0; needed[i] && k < network->layers[i].input_count; k++)
            needed[network->layers[i].inputs[k]] = true;
}

static enum status copy_layer(const struct layer *layer, const int32_t *places, int32_t *inputs,
                              struct network *made, int32_t *place)
{
    for (int32_t k = 0; k < layer->input_count; k++)
        inputs[k] = places[layer->inputs[k]];
    return network_add_layer(made, layer->kind, layer->name, &layer->options, inputs, layer->input_count,
                             place);
}

static void copy_weights(const struct onnx_builder *b, const int32_t *places, struct network *made)
{
    for (int32_t i = 1; i < b->network->layer_count; i++) {
        if (places[i] == 0 || b->weights[i] == NULL)
            continue;
        const struct layer *layer = &made->layers[places[i]];
        memcpy(made->parameters + layer->parameter_offset, b->weights[i],
               layer->parameter_count * sizeof(float));
        memcpy(made->statistics + layer->statistic_offset, b->weights[i] + layer->parameter_count,
               layer->statistic_count * sizeof(float));
    }
}

/* The layers that `last` needs, as a network of their own with their weights. */
static enum status finish(const struct onnx_builder *b, int32_t last, struct network **network)
{
    size_t count = (size_t)b->network->layer_count;
    bool *needed = NULL;
    int32_t *places = NULL, *inputs = NULL;
    struct network *made = NULL;
    enum status status = memory_allocate(&needed, count, sizeof *needed, "layers");
    if (status == STATUS_OK)
        status = memory_allocate(&places, count, sizeof *places, "layers");
    if (status == STATUS_OK)
        status = memory_allocate(&inputs, NETWORK_LAYERS_MAX, sizeof *inputs, "layers");
    if (status == STATUS_OK)
        status = network_create(b->network->architecture, network_input_shape(b->network), &made);
    if (status == STATUS_OK)
        mark_needed(b->network, last, needed);
    for (int32_t i = 1; status == STATUS_OK && i <= last; i++)
        if (needed[i])
            status = copy_layer(&b->network->layers[i], places, inputs, made, &places[i]);
    if (status == STATUS_OK)
        status = network_finish(made);
    if (status == STATUS_OK) {
        copy_weights(b, places, made);
        *network = made;
    } else {
        network_destroy(&made);
        status = error_prefix(status == STATUS_USAGE ? STATUS_FORMAT : status, "%s: ", b->path);
    }
    memory_free(&needed);
    memory_free(&places);
    memory_free(&inputs);
    return status;
}

static enum status find_opset(struct onnx_builder *b, const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = onnx_text(model->opset_import[i]->domain);
        if (*domain == '\0' || strcmp(domain, "ai.onnx") == 0)
            b->opset = model->opset_import[i]->version;
    }
    if (b->opset >= OPSET_LEAST)
        return STATUS_OK;
    return error_set(STATUS_FORMAT,
                     "%s: its operators are of set %lld; expected %d or later: export it anew, or convert it",
                     b->path, (long long)b->opset, OPSET_LEAST);
}

static enum status refuse_problems(const struct onnx_builder *b)
{
    int first = (int)strcspn(b->problems, "\n");
    return error_set(STATUS_FORMAT, "%s: %d node%s cannot be imported%s: %.*s", b->path, b->problem_count,
                     b->problem_count == 1 ? "" : "s", b->problem_count == 1 ? "" : ", the first", first,
                     b->problems);
}

static enum status finish_output(struct onnx_builder *b, const char *output, struct network **network)
{
    struct onnx_value *value = value_named(b, output);
    bool fits = false;
    if (value == NULL || value->kind != ONNX_LAYER)
        return error_set(STATUS_FORMAT, "%s: output \"%s\" is not computed from the images", b->path, output);
    enum status status = onnx_as_image(b, value, &fits);
    if (status != STATUS_OK)
        return status;
    if (!fits) {
        char text[ONNX_SHAPE_TEXT];
        onnx_shape_print(&value->view.shape, text);
        return error_set(
            STATUS_FORMAT,
            "%s: output \"%s\" is %s; expected scores (N, C) or images (N, C, H, W) in this order", b->path,
            output, text);
    }
    if (value->layer == 0)
        return error_set(STATUS_FORMAT, "%s: its output is its input", b->path);
    status = finish(b, value->layer, network);
    return status == STATUS_OK ? network_set_output_rank(*network, value->view.shape.rank) : status;
}

static enum status import_graph(struct onnx_builder *b, const Onnx__ModelProto *model,
                                struct network **network)
{
    const Onnx__ValueInfoProto *input;
    struct onnx_order order = {0};
    enum status status = find_opset(b, model);
    if (status == STATUS_OK && b->graph->n_output != 1)
        status = error_set(STATUS_FORMAT, "%s: the graph has %zu outputs; expected one", b->path,
                           b->graph->n_output);
    if (status == STATUS_OK)
        status = find_image_input(b, &input);
    if (status != STATUS_OK)
        return status;
    const char *output = onnx_text(b->graph->output[0]->name);
    status = onnx_order_create(b->path, b->graph, output, &order);
    if (status == STATUS_OK)
        status = name_values(b, &order, onnx_text(input->name));
    if (status == STATUS_OK)
        status = memory_allocate(&b->weights, NETWORK_LAYERS_MAX, sizeof(float *), "weights");
    if (status == STATUS_OK)
        count_readers(b, &order, output);
    if (status == STATUS_OK)
        status = add_image_input(b, input);
    for (int32_t i = 0; status == STATUS_OK && i < order.count; i++)
        status = import_node(b, order.nodes[i]);
    if (status == STATUS_OK && b->problem_count > 0)
        status = refuse_problems(b);
    if (status == STATUS_OK)
        status = finish_output(b, output, network);
    onnx_order_clear(&order);
    return status;
}

static enum status import_model(const char *path, const Onnx__ModelProto *model, struct network **network,
                                char **problems)
{
    struct onnx_builder b = {.path = path, .graph = model->graph, .pool = {.where = path}};
    enum status status = import_graph(&b, model, network);
    if (status == STATUS_OK)
        status = onnx_metadata_read(path, model, *network);
    if (status != STATUS_OK)
        network_destroy(network);
    for (int32_t i = 0; b.weights != NULL && i < NETWORK_LAYERS_MAX; i++)
        memory_free(&b.weights[i]);
    memory_free(&b.weights);
    memory_free(&b.values);
    onnx_names_clear(&b.names);
    onnx_pool_clear(&b.pool);
    network_destroy(&b.network);
    if (problems != NULL && b.problem_count > 0)
        *problems = b.problems;
    else
        memory_free(&b.problems);
    return status;
}

enum status onnx_import_bytes(const char *path, const uint8_t *data, size_t bytes, struct network **network,
                              char **problems)
{
    Onnx__ModelProto *model;
    *network = NULL;
    if (problems != NULL)
        *problems = NULL;
    enum status status = onnx_model_parse(path, data, bytes, &model);
    if (status == STATUS_OK)
        status = import_model(path, model, network, problems);
    onnx_model_free(&model);
    return status;
}

enum status onnx_import(const char *path, struct network **network, char **problems)
{
    Onnx__ModelProto *model;
    *network = NULL;
    if (problems != NULL)
        *problems = NULL;
    enum status status = onnx_model_read(path, &model);
    if (status == STATUS_OK)
        status = import_model(path, model, network, problems);
    onnx_model_free(&model);
    return status;
}
