#include "compute/formats/onnx/onnx_builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"

/* --- the node that is being imported --- */

size_t onnx_input_count(const struct onnx_builder *b)
{
    return b->node->n_input;
}

static struct onnx_value *find_value(const struct onnx_builder *b, const char *name)
{
    int32_t number = *name == '\0' ? -1 : onnx_names_find(&b->names, name);
    return number < 0 ? NULL : &b->values[number];
}

struct onnx_value *onnx_input(const struct onnx_builder *b, size_t i)
{
    return i < b->node->n_input ? find_value(b, b->node->input[i]) : NULL;
}

const struct onnx_tensor *onnx_constant_input(const struct onnx_builder *b, size_t i)
{
    const struct onnx_value *value = onnx_input(b, i);
    return value != NULL && value->kind == ONNX_CONSTANT ? value->constant : NULL;
}

struct onnx_value *onnx_layer_input(const struct onnx_builder *b, size_t i)
{
    struct onnx_value *value = onnx_input(b, i);
    return value != NULL && value->kind == ONNX_LAYER ? value : NULL;
}

const Onnx__AttributeProto *onnx_attribute(const struct onnx_builder *b, const char *name)
{
    for (size_t i = 0; i < b->node->n_attribute; i++)
        if (strcmp(onnx_text(b->node->attribute[i]->name), name) == 0)
            return b->node->attribute[i];
    return NULL;
}

int64_t onnx_int(const struct onnx_builder *b, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(b, name);
    return attribute != NULL && attribute->has_i ? attribute->i : otherwise;
}

float onnx_float(const struct onnx_builder *b, const char *name, float otherwise)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(b, name);
    return attribute != NULL && attribute->has_f ? attribute->f : otherwise;
}

bool onnx_string_is(const struct onnx_builder *b, const char *name, const char *text, bool otherwise)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(b, name);
    if (attribute == NULL || !attribute->has_s)
        return otherwise;
    return attribute->s.len == strlen(text) && memcmp(attribute->s.data, text, attribute->s.len) == 0;
}

const int64_t *onnx_ints(const struct onnx_builder *b, const char *name, size_t *count)
{
    const Onnx__AttributeProto *attribute = onnx_attribute(b, name);
    *count = attribute == NULL ? 0 : attribute->n_ints;
    return attribute == NULL || attribute->n_ints == 0 ? NULL : attribute->ints;
}

bool onnx_list(const struct onnx_builder *b, const char *attribute, size_t input, struct onnx_list *list)
{
    *list = (struct onnx_list){0};
    const int64_t *numbers = onnx_ints(b, attribute, &list->count);
    if (onnx_attribute(b, attribute) == NULL && onnx_input(b, input) != NULL) {
        const struct onnx_tensor *constant = onnx_constant_input(b, input);
        if (constant == NULL || !constant->integer || constant->shape.rank > 1)
            return false;
        numbers = constant->integers;
        list->count = constant->count;
        list->given = true;
    }
    list->given = list->given || onnx_attribute(b, attribute) != NULL;
    if (list->count > ONNX_LIST_MAX)
        return false;
    if (list->count > 0)
        memcpy(list->numbers, numbers, list->count * sizeof *numbers);
    return true;
}

/* --- problems --- */

/* What stands for a node in messages: its number, name and operator. */
static void print_node(const struct onnx_builder *b, char *text, size_t bytes)
{
    const char *name = onnx_text(b->node->name);
    if (*name == '\0' && b->node->n_output > 0)
        name = b->node->output[0];
    snprintf(text, bytes, "node %d \"%.200s\" (%.60s)", b->node_number, name, onnx_text(b->node->op_type));
}

/* A long list is cut at a length that nobody reads to the end. */
enum { PROBLEMS_BYTES = 1 << 20, PROBLEM_BYTES = 600 };

enum status onnx_unsupported(struct onnx_builder *b, const char *reason, ...)
{
    char node[300], why[260];
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(why, sizeof why, reason, arguments);
    va_end(arguments);
    print_node(b, node, sizeof node);
    b->problem_count++;
    if (b->problems == NULL) {
        enum status status = memory_allocate(&b->problems, PROBLEMS_BYTES, 1, "a list of unsupported nodes");
        if (status != STATUS_OK)
            return status;
    }
    if (b->problem_bytes + PROBLEM_BYTES < PROBLEMS_BYTES)
        b->problem_bytes += (size_t)snprintf(b->problems + b->problem_bytes, PROBLEM_BYTES, "%s%s: %s",
                                             b->problem_bytes > 0 ? "\n" : "", node, why);
    return STATUS_OK;
}

enum status onnx_node_error(const struct onnx_builder *b, enum status status)
{
    char node[300];
    print_node(b, node, sizeof node);
    if (status == STATUS_USAGE || status == STATUS_SHAPE)
        status = STATUS_FORMAT; /* the file asked for it */
    return error_prefix(status, "%s: %s: ", b->path, node);
}

/* --- results --- */

static struct onnx_value *output_value(const struct onnx_builder *b, size_t which)
{
    return which < b->node->n_output ? find_value(b, b->node->output[which]) : NULL;
}

void onnx_set_constant(const struct onnx_builder *b, size_t which, struct onnx_tensor *tensor)
{
    struct onnx_value *value = output_value(b, which);
    if (value == NULL)
        return;
    value->kind = ONNX_CONSTANT;
    value->constant = tensor;
}

void onnx_set_layer(const struct onnx_builder *b, size_t which, int32_t layer, const struct onnx_view *view)
{
    struct onnx_value *value = output_value(b, which);
    if (value == NULL)
        return;
    value->kind = ONNX_LAYER;
    value->layer = layer;
    value->view = *view;
    value->windowed = value->sole = false;
}

void onnx_set_same(const struct onnx_builder *b, size_t which, const struct onnx_value *from)
{
    struct onnx_value *value = output_value(b, which);
    if (value == NULL)
        return;
    int32_t readers = value->readers;
    *value = *from;
    value->readers = readers;
    value->sole = from->sole && readers == 1;
}

void onnx_set_sole(const struct onnx_builder *b, size_t which)
{
    struct onnx_value *value = output_value(b, which);
    if (value != NULL)
        value->sole = value->readers == 1;
}

static bool name_is_taken(const struct network *network, const char *name)
{
    for (int32_t i = 0; i < network->layer_count; i++)
        if (strcmp(network->layers[i].name, name) == 0)
            return true;
    return false;
}

/* The node's name (or its output's), made fit for a layer: no control characters, the end of what is too
 * long, a number behind what is there already. */
static void layer_name(const struct onnx_builder *b, char name[LAYER_NAME_BYTES])
{
    enum { KEPT = LAYER_NAME_BYTES - 12 };
    const char *from = onnx_text(b->node->name);
    if (*from == '\0' && b->node->n_output > 0)
        from = b->node->output[0];
    from += *from == '/';
    size_t length = strlen(from);
    if (length > KEPT)
        from += length - KEPT;
    while (((unsigned char)*from & 0xc0) == 0x80) /* not in the middle of a character */
        from++;
    char base[LAYER_NAME_BYTES];
    snprintf(base, sizeof base, "%s", *from == '\0' ? onnx_text(b->node->op_type) : from);
    for (char *c = base; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '_';
    if (*base == '\0' || !text_is_printable(base))
        snprintf(base, sizeof base, "node%d", b->node_number);
    snprintf(name, LAYER_NAME_BYTES, "%s", base);
    for (int32_t k = 2; name_is_taken(b->network, name); k++)
        snprintf(name, LAYER_NAME_BYTES, "%.*s#%d", KEPT, base, k);
}

enum status onnx_add(struct onnx_builder *b, enum layer_kind kind, const struct layer_options *options,
                     const int32_t *inputs, int32_t input_count, int32_t *layer)
{
    char name[LAYER_NAME_BYTES];
    layer_name(b, name);
    enum status status = network_add_layer(b->network, kind, name, options, inputs, input_count, layer);
    if (status == STATUS_OK && shape_count(onnx_layer_shape(b, *layer)) > ONNX_IMAGE_ELEMENTS_MAX) {
        struct shape shape = onnx_layer_shape(b, *layer);
        status = error_set(STATUS_SHAPE, "its output would be %dx%dx%d for one image; at most %d numbers fit",
                           shape.h, shape.w, shape.c, ONNX_IMAGE_ELEMENTS_MAX);
    }
    return status == STATUS_OK ? status : onnx_node_error(b, status);
}

enum status onnx_add_one(struct onnx_builder *b, enum layer_kind kind, const struct layer_options *options,
                         int32_t input, float **weights, int32_t *layer)
{
    enum status status = onnx_add(b, kind, options, &input, 1, layer);
    if (status != STATUS_OK || weights == NULL)
        return status;
    const struct layer *added = &b->network->layers[*layer];
    size_t count = added->parameter_count + added->statistic_count;
    if (count > ONNX_WEIGHTS_MAX - b->weight_count)
        return onnx_node_error(b, error_set(STATUS_SHAPE, "with its %zu weights the network has more than %d",
                                            count, ONNX_WEIGHTS_MAX));
    b->weight_count += count;
    status = memory_allocate(weights, count, sizeof **weights, added->name);
    b->weights[*layer] = *weights;
    return status;
}

enum status onnx_add_flatten(struct onnx_builder *b, int32_t input, int32_t *layer)
{
    struct shape shape = onnx_layer_shape(b, input);
    *layer = input;
    if (shape.h == 1 && shape.w == 1)
        return STATUS_OK;
    return onnx_add_one(b, LAYER_FLATTEN, NULL, input, NULL, layer);
}

struct shape onnx_layer_shape(const struct onnx_builder *b, int32_t layer)
{
    return b->network->layers[layer].shape;
}

/* --- values as layers --- */

struct onnx_view onnx_image_view(const struct onnx_builder *b, int32_t layer, int32_t rank)
{
    struct shape shape = onnx_layer_shape(b, layer);
    struct onnx_shape dims = {.rank = rank, .dims = {b->batch, shape.c, shape.h, shape.w}};
    return onnx_view_of_image(&dims, shape);
}

enum status onnx_give_like(struct onnx_builder *b, int32_t layer, const struct onnx_value *value)
{
    const struct onnx_view view = onnx_image_view(b, layer, value->view.shape.rank);
    onnx_set_layer(b, 0, layer, &view);
    return STATUS_OK;
}

/* As if the node the window came from were the one being imported. */
static enum status add_window(struct onnx_builder *b, struct onnx_value *value)
{
    const Onnx__NodeProto *node = b->node;
    int32_t number = b->node_number;
    b->node_number = value->window_node;
    b->node = b->graph->node[value->window_node];
    enum status status = onnx_add_one(b, LAYER_WINDOW, &value->window, value->layer, NULL, &value->layer);
    b->node_number = number;
    b->node = node;
    return status;
}

enum status onnx_settle(struct onnx_builder *b, struct onnx_value *value)
{
    if (!value->windowed)
        return STATUS_OK;
    int32_t rank = value->view.shape.rank;
    enum status status = add_window(b, value);
    if (status != STATUS_OK)
        return status;
    value->windowed = false;
    value->view = onnx_image_view(b, value->layer, rank);
    return STATUS_OK;
}

/* The image that dimensions (N, C), (N, C, H) or (N, C, H, W) stand for. */
static bool image_of_dims(const struct onnx_builder *b, const struct onnx_shape *dims, struct shape *image)
{
    if (dims->rank < 2 || dims->rank > 4 || dims->dims[0] != b->batch)
        return false;
    for (int32_t i = 1; i < dims->rank; i++)
        if (dims->dims[i] < 1 || dims->dims[i] > ONNX_IMAGE_ELEMENTS_MAX)
            return false;
    image->c = (int32_t)dims->dims[1];
    image->h = dims->rank > 2 ? (int32_t)dims->dims[2] : 1;
    image->w = dims->rank > 3 ? (int32_t)dims->dims[3] : 1;
    return true;
}

static enum status shuffle(struct onnx_builder *b, int32_t groups, int32_t *layer)
{
    const struct layer_options options = {.groups = groups};
    return onnx_add_one(b, LAYER_SHUFFLE, &options, *layer, NULL, layer);
}

enum status onnx_as_image(struct onnx_builder *b, struct onnx_value *value, bool *fits)
{
    struct shape image;
    enum status status = onnx_settle(b, value);
    *fits = false;
    if (status != STATUS_OK || !image_of_dims(b, &value->view.shape, &image))
        return status;
    struct shape held = onnx_layer_shape(b, value->layer);
    int32_t layer = value->layer, groups;
    if (shape_equals(held, image)) {
        *fits = onnx_view_is_image(&value->view, held);
        groups = *fits ? 0 : onnx_view_shuffle_of_image(&value->view, held);
    } else if (image.h == 1 && image.w == 1) {
        *fits = onnx_view_is_memory(&value->view);
        groups = *fits ? 0 : onnx_view_shuffle_of_vector(&value->view);
        if (*fits || groups > 0)
            status = onnx_add_flatten(b, layer, &layer);
    } else {
        return STATUS_OK;
    }
    if (status == STATUS_OK && groups > 0)
        status = shuffle(b, groups, &layer);
    *fits = status == STATUS_OK && (*fits || groups > 0);
    if (*fits) {
        value->layer = layer;
        value->view = onnx_image_view(b, layer, value->view.shape.rank);
    }
    return status;
}

/* --- windows --- */

/* One axis of a window: output i is input i·step + from, 0 where that is outside 0 … size−1. */
struct cut {
    int64_t from, step, out;
};

/* The cut that `second` makes of what `first` made of an axis of `size`; false when no single one does both:
 * where `second` sees zeros, the axis itself must have nothing. */
static bool join(int64_t size, struct cut first, struct cut second, struct cut *both)
{
    enum { POSITIONS_MAX = 1 << 16 }; /* looked at one by one */
    if (second.out > POSITIONS_MAX)
        return false;
    *both = (struct cut){
        .from = first.from + second.from * first.step, .step = first.step * second.step, .out = second.out};
    if (both->from < INT32_MIN || both->from > INT32_MAX || both->step > INT32_MAX)
        return false;
    for (int64_t i = 0; i < second.out; i++) {
        int64_t between = i * second.step + second.from, place = i * both->step + both->from;
        if (place >= 0 && place < size && (between < 0 || between >= first.out))
            return false;
    }
    return true;
}

static bool join_windows(struct shape in, const struct layer_options *first,
                         const struct layer_options *second, struct layer_options *both)
{
    struct cut h, w, c;
    if (!join(in.h, (struct cut){first->from_h, first->step_h, first->out_h},
              (struct cut){second->from_h, second->step_h, second->out_h}, &h) ||
        !join(in.w, (struct cut){first->from_w, first->step_w, first->out_w},
              (struct cut){second->from_w, second->step_w, second->out_w}, &w) ||
        !join(in.c, (struct cut){first->from_c, 1, first->out_c},
              (struct cut){second->from_c, 1, second->out_c}, &c))
        return false;
    *both = (struct layer_options){.from_h = (int32_t)h.from,
                                   .from_w = (int32_t)w.from,
                                   .from_c = (int32_t)c.from,
                                   .step_h = (int32_t)h.step,
                                   .step_w = (int32_t)w.step,
                                   .out_h = (int32_t)h.out,
                                   .out_w = (int32_t)w.out,
                                   .out_c = (int32_t)c.out};
    return true;
}

enum status onnx_set_window(struct onnx_builder *b, size_t which, struct onnx_value *value,
                            const struct layer_options *window, bool *fits)
{
    struct layer_options joined = *window;
    *fits = true;
    if (!value->windowed ||
        !join_windows(onnx_layer_shape(b, value->layer), &value->window, window, &joined)) {
        enum status status = onnx_as_image(b, value, fits);
        if (status != STATUS_OK || !*fits)
            return status;
        joined = *window;
    }
    struct onnx_shape dims = value->view.shape;
    dims.dims[1] = window->out_c;
    if (dims.rank > 2)
        dims.dims[2] = window->out_h;
    if (dims.rank > 3)
        dims.dims[3] = window->out_w;
    const struct onnx_view view = {.shape = dims};
    onnx_set_layer(b, which, value->layer, &view);
    struct onnx_value *made = output_value(b, which);
    if (made != NULL) {
        made->windowed = true;
        made->window = joined;
        made->window_node = b->node_number;
    }
    return STATUS_OK;
}
