#include "compute/formats/keras/keras_config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network.h"

enum { SIDE_MAX = 32767, INPUTS_MAX = 1024 };

/* --- messages --- */

enum status keras_refuse(const struct keras_model *model, const struct keras_layer *layer, enum status status,
                         const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(status, "%s: layer %.100s (%.100s): %s", model->path, layer->name, layer->class_name,
                     text);
}

static enum status damaged(const struct keras_model *model, const char *what)
{
    return error_set(STATUS_FORMAT, "%s: model_config: %s", model->path, what);
}

/* --- options --- */

const json_t *keras_member(const struct keras_layer *layer, const char *key)
{
    const json_t *member = json_object_get(layer->config, key);
    return json_is_null(member) ? NULL : member;
}

static bool integer_within(const json_t *value, json_int_t least, json_int_t most)
{
    return json_is_integer(value) && json_integer_value(value) >= least && json_integer_value(value) <= most;
}

enum status keras_integer(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                          int32_t least, int32_t fallback, int32_t *value)
{
    const json_t *member = keras_member(layer, key);
    *value = fallback;
    if (member == NULL)
        return STATUS_OK;
    if (!integer_within(member, least, INT32_MAX))
        return keras_refuse(model, layer, STATUS_FORMAT, "%s is not a whole number from %d on", key,
                            (int)least);
    *value = (int32_t)json_integer_value(member);
    return STATUS_OK;
}

enum status keras_number(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                         float fallback, float *value)
{
    const json_t *member = keras_member(layer, key);
    *value = fallback;
    if (member == NULL)
        return STATUS_OK;
    *value = (float)json_number_value(member);
    if (!json_is_number(member) || !isfinite(*value))
        return keras_refuse(model, layer, STATUS_FORMAT, "%s is not a number", key);
    return STATUS_OK;
}

enum status keras_flag(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                       bool fallback, bool *value)
{
    const json_t *member = keras_member(layer, key);
    *value = member == NULL ? fallback : json_is_true(member);
    if (member != NULL && !json_is_boolean(member))
        return keras_refuse(model, layer, STATUS_FORMAT, "%s is neither true nor false", key);
    return STATUS_OK;
}

const char *keras_text(const struct keras_layer *layer, const char *key, const char *fallback)
{
    const char *text = json_string_value(keras_member(layer, key));
    return text == NULL ? fallback : text;
}

enum status keras_pair(const struct keras_model *model, const struct keras_layer *layer, const char *key,
                       int32_t *height, int32_t *width)
{
    const json_t *member = keras_member(layer, key);
    if (member == NULL)
        return STATUS_OK;
    const json_t *first = json_is_array(member) ? json_array_get(member, 0) : member;
    const json_t *second = json_is_array(member) ? json_array_get(member, 1) : member;
    if ((json_is_array(member) && json_array_size(member) != 2) || !integer_within(first, 1, SIDE_MAX) ||
        !integer_within(second, 1, SIDE_MAX))
        return keras_refuse(model, layer, STATUS_FORMAT, "%s is not one or two numbers from 1 to %d", key,
                            SIDE_MAX);
    *height = (int32_t)json_integer_value(first);
    *width = (int32_t)json_integer_value(second);
    return STATUS_OK;
}

/* --- layers --- */

/* Place of the layer of that name among the first `count`; −1. */
static int32_t find_layer(const struct keras_model *model, int32_t count, const char *name)
{
    for (int32_t i = 0; name != NULL && i < count; i++)
        if (strcmp(model->layers[i].name, name) == 0)
            return i;
    return -1;
}

static enum status read_layer(struct keras_model *model, int32_t index, const json_t *json)
{
    struct keras_layer *layer = &model->layers[index];
    layer->config = json_object_get(json, "config");
    layer->class_name = json_string_value(json_object_get(json, "class_name"));
    layer->name = json_string_value(json_object_get(json, "name"));
    if (layer->name == NULL)
        layer->name = json_string_value(json_object_get(layer->config, "name"));
    if (!json_is_object(layer->config) || layer->class_name == NULL || layer->name == NULL)
        return damaged(model, "a layer without class_name, name or config");
    if (find_layer(model, index, layer->name) >= 0)
        return keras_refuse(model, layer, STATUS_FORMAT, "two layers have this name");
    return STATUS_OK;
}

static enum status read_layers(struct keras_model *model, const json_t *list)
{
    size_t count = json_array_size(list);
    if (count == 0 || count > NETWORK_LAYERS_MAX)
        return error_set(STATUS_FORMAT, "%s: model_config has %zu layers; expected 1 to %d", model->path,
                         count, NETWORK_LAYERS_MAX);
    enum status status =
        memory_allocate(&model->layers, count, sizeof *model->layers, "layers of a Keras model");
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = read_layer(model, (int32_t)i, json_array_get(list, i));
        model->layer_count = (int32_t)i + 1;
    }
    return status;
}

/* "[NAME, node, tensor, …]": the layer of that name, which must have been called once. */
static enum status find_reference(const struct keras_model *model, const json_t *reference, int32_t *index)
{
    const char *name = json_string_value(json_array_get(reference, 0));
    *index = find_layer(model, model->layer_count, name);
    if (*index < 0)
        return error_set(STATUS_FORMAT, "%s: model_config refers to a layer \"%.100s\" that is not there",
                         model->path, name == NULL ? "" : name);
    if (json_integer_value(json_array_get(reference, 1)) != 0 ||
        json_integer_value(json_array_get(reference, 2)) != 0)
        return keras_refuse(model, &model->layers[*index], STATUS_FORMAT,
                            "is called several times or has several outputs; only one is read");
    return STATUS_OK;
}

/* inbound_nodes is [] for inputs, else [[[NAME, 0, 0, {}], …]]. */
static enum status read_inbound(struct keras_model *model, int32_t index, const json_t *nodes)
{
    struct keras_layer *layer = &model->layers[index];
    const json_t *references = json_array_get(nodes, 0);
    size_t count = json_array_size(references);
    if (!json_is_array(nodes) || json_array_size(nodes) > 1 ||
        (json_array_size(nodes) == 1 && !json_is_array(references)) || count > INPUTS_MAX)
        return keras_refuse(model, layer, STATUS_FORMAT,
                            "is called several times, or not as Keras 2 has it; save the model with Keras 2");
    enum status status = memory_allocate(&layer->inputs, count, sizeof *layer->inputs, "inputs of a layer");
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = find_reference(model, json_array_get(references, i), &layer->inputs[i]);
    if (status == STATUS_OK)
        layer->input_count = (int32_t)count;
    return status;
}

/* Inputs and outputs of a model are [NAME, 0, 0], or a list of those, which must be one. */
static enum status find_end(const struct keras_model *model, const json_t *ends, const char *what,
                            int32_t *index)
{
    const json_t *end = json_is_string(json_array_get(ends, 0)) ? ends : json_array_get(ends, 0);
    if (!json_is_array(end) || (end != ends && json_array_size(ends) != 1))
        return error_set(STATUS_FORMAT, "%s: model_config has %zu %s; expected one", model->path,
                         json_array_size(ends), what);
    return find_reference(model, end, index);
}

/* --- shape --- */

/* "[null, H, W, C]" or "[null, C]". */
static enum status read_input_shape(struct keras_model *model, const struct keras_layer *layer)
{
    const json_t *list = keras_member(layer, "batch_input_shape");
    int32_t extent[3] = {1, 1, 1};
    if (list == NULL)
        list = keras_member(layer, "batch_shape");
    size_t rank = json_array_size(list);
    if (rank != 2 && rank != 4)
        return keras_refuse(
            model, layer, STATUS_FORMAT,
            "batch_input_shape is missing or not [null, H, W, C] or [null, C]: build the model "
            "with its input shape");
    for (size_t d = 1; d < rank; d++) {
        const json_t *value = json_array_get(list, d);
        if (!integer_within(value, 1, rank == 2 ? INT32_MAX : SIDE_MAX))
            return keras_refuse(model, layer, STATUS_FORMAT,
                                "dimension %zu of batch_input_shape is not a number from 1 to %d: give the "
                                "model an input of fixed size",
                                d, SIDE_MAX);
        extent[d + 3 - rank] = (int32_t)json_integer_value(value);
    }
    model->input = (struct shape){extent[0], extent[1], extent[2]};
    return STATUS_OK;
}

/* --- order --- */

/* Marks what the output needs. `stack` has room for every layer. */
static void mark_needed(const struct keras_model *model, bool *needed, int32_t *stack)
{
    int32_t depth = 0;
    stack[depth++] = model->output;
    needed[model->output] = true;
    while (depth > 0) {
        const struct keras_layer *layer = &model->layers[stack[--depth]];
        for (int32_t i = 0; i < layer->input_count; i++)
            if (!needed[layer->inputs[i]]) {
                needed[layer->inputs[i]] = true;
                stack[depth++] = layer->inputs[i];
            }
    }
}

static bool is_ready(const struct keras_layer *layer, const bool *done)
{
    for (int32_t i = 0; i < layer->input_count; i++)
        if (!done[layer->inputs[i]])
            return false;
    return true;
}

/* Rounds over the layers until nothing more can be computed; what is needed and left waits in a circle. */
static enum status order_needed(struct keras_model *model, const bool *needed, bool *done)
{
    int32_t before;
    do {
        before = model->order_count;
        for (int32_t i = 0; i < model->layer_count; i++)
            if (needed[i] && !done[i] && is_ready(&model->layers[i], done)) {
                done[i] = true;
                model->order[model->order_count++] = i;
            }
    } while (model->order_count > before);
    for (int32_t i = 0; i < model->layer_count; i++)
        if (needed[i] && !done[i])
            return keras_refuse(model, &model->layers[i], STATUS_FORMAT, "its inputs depend on its output");
    return STATUS_OK;
}

static enum status find_order(struct keras_model *model)
{
    bool *needed = NULL, *done = NULL;
    size_t count = (size_t)model->layer_count;
    enum status status = memory_allocate(&needed, count, sizeof *needed, "order of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&done, count, sizeof *done, "order of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&model->order, count, sizeof *model->order, "order of layers");
    if (status == STATUS_OK) {
        mark_needed(model, needed, model->order);
        status = order_needed(model, needed, done);
    }
    memory_free(&needed);
    memory_free(&done);
    return status;
}

/* --- models --- */

/* Each layer reads the one before; the first has the input's shape, and may be an InputLayer or not. */
static enum status read_sequential(struct keras_model *model, const json_t *config)
{
    const json_t *list = json_is_array(config) ? config : json_object_get(config, "layers");
    enum status status = read_layers(model, list);
    for (int32_t i = 1; i < model->layer_count && status == STATUS_OK; i++) {
        struct keras_layer *layer = &model->layers[i];
        status = memory_allocate(&layer->inputs, 1, sizeof *layer->inputs, "inputs of a layer");
        if (status == STATUS_OK) {
            layer->inputs[0] = i - 1;
            layer->input_count = 1;
        }
    }
    model->output = model->layer_count - 1;
    return status == STATUS_OK ? read_input_shape(model, &model->layers[0]) : status;
}

static enum status read_functional(struct keras_model *model, const json_t *config)
{
    const json_t *list = json_object_get(config, "layers");
    int32_t input = 0;
    enum status status = read_layers(model, list);
    for (int32_t i = 0; i < model->layer_count && status == STATUS_OK; i++)
        status = read_inbound(model, i, json_object_get(json_array_get(list, (size_t)i), "inbound_nodes"));
    if (status == STATUS_OK)
        status = find_end(model, json_object_get(config, "input_layers"), "inputs", &input);
    if (status == STATUS_OK)
        status = find_end(model, json_object_get(config, "output_layers"), "outputs", &model->output);
    return status == STATUS_OK ? read_input_shape(model, &model->layers[input]) : status;
}

static enum status read_model(struct keras_model *model)
{
    const char *kind = json_string_value(json_object_get(model->json, "class_name"));
    const json_t *config = json_object_get(model->json, "config");
    enum status status;
    if (kind != NULL && strcmp(kind, "Sequential") == 0)
        status = read_sequential(model, config);
    else if (kind != NULL && (strcmp(kind, "Model") == 0 || strcmp(kind, "Functional") == 0))
        status = read_functional(model, config);
    else
        status =
            error_set(STATUS_FORMAT, "%s: a model of class \"%.100s\"; expected Sequential or Functional",
                      model->path, kind == NULL ? "" : kind);
    return status == STATUS_OK ? find_order(model) : status;
}

enum status keras_model_parse(const char *path, const char *text, size_t bytes, struct keras_model *model)
{
    json_error_t error;
    *model = (struct keras_model){.path = path};
    model->json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (model->json == NULL)
        return error_set(STATUS_FORMAT, "%s: model_config is not JSON: %s", path, error.text);
    enum status status = read_model(model);
    if (status != STATUS_OK)
        keras_model_clear(model);
    return status;
}

void keras_model_clear(struct keras_model *model)
{
    for (int32_t i = 0; i < model->layer_count; i++)
        memory_free(&model->layers[i].inputs);
    memory_free(&model->layers);
    memory_free(&model->order);
    json_decref(model->json);
    *model = (struct keras_model){.path = model->path};
}
