/* Nodes that give the same elements another shape or order. A layer is left as it is: only its view changes.
 */
#include <string.h>

#include "compute/formats/onnx/onnx_builder.h"

/* Elements, batch and all; −1 when a dimension is negative or they are too many. */
static int64_t element_count(const struct onnx_shape *shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0 || __builtin_mul_overflow(count, shape->dims[i], &count))
            return -1;
    return count;
}

/* The shape of input 0; NULL when there is none. */
static const struct onnx_shape *shape_of_input(const struct onnx_builder *b)
{
    const struct onnx_value *value = onnx_input(b, 0);
    if (value == NULL)
        return NULL;
    if (value->kind == ONNX_CONSTANT)
        return &value->constant->shape;
    return value->kind == ONNX_LAYER ? &value->view.shape : NULL;
}

/* Output 0 is input 0 with other dimensions of as many elements. */
static enum status give_reshaped(struct onnx_builder *b, const struct onnx_shape *shape)
{
    struct onnx_value *value = onnx_input(b, 0);
    if (element_count(shape) != element_count(shape_of_input(b))) {
        char from[ONNX_SHAPE_TEXT], to[ONNX_SHAPE_TEXT];
        onnx_shape_print(shape_of_input(b), from);
        onnx_shape_print(shape, to);
        return onnx_unsupported(b, "%s cannot become %s: not as many elements", from, to);
    }
    if (value->kind == ONNX_CONSTANT) {
        struct onnx_tensor *tensor;
        const struct onnx_tensor *from = value->constant;
        enum status status = onnx_tensor_make(&b->pool, shape, from->integer, &tensor);
        if (status != STATUS_OK)
            return onnx_node_error(b, status);
        if (from->integer)
            memcpy(tensor->integers, from->integers, from->count * sizeof *from->integers);
        else
            memcpy(tensor->floats, from->floats, from->count * sizeof *from->floats);
        onnx_set_constant(b, 0, tensor);
        return STATUS_OK;
    }
    enum status status = onnx_settle(b, value);
    if (status != STATUS_OK)
        return status;
    struct onnx_view view = value->view;
    onnx_view_reshape(&view, shape);
    bool sole = value->sole;
    onnx_set_layer(b, 0, value->layer, &view);
    if (sole)
        onnx_set_sole(b, 0);
    return STATUS_OK;
}

enum status onnx_import_reshape(struct onnx_builder *b)
{
    const struct onnx_shape *from = shape_of_input(b);
    struct onnx_list wanted;
    struct onnx_shape shape = {0};
    int32_t open = -1;
    int64_t known = 1;
    if (from == NULL || !onnx_list(b, "shape", 1, &wanted) || wanted.count > ONNX_RANK_MAX)
        return onnx_unsupported(b, "its shape must be known: up to %d whole numbers", ONNX_RANK_MAX);
    bool zero_is_zero = onnx_int(b, "allowzero", 0) != 0;
    shape.rank = (int32_t)wanted.count;
    for (int32_t i = 0; i < shape.rank; i++) {
        int64_t dim = wanted.numbers[i];
        if (dim == 0 && !zero_is_zero && i < from->rank)
            dim = from->dims[i];
        if (dim == -1 && open < 0) {
            open = i;
            continue;
        }
        if (dim < 0 || __builtin_mul_overflow(known, dim, &known))
            return onnx_unsupported(b, "dimension %d of its shape is %lld", i, (long long)dim);
        shape.dims[i] = dim;
    }
    int64_t count = element_count(from);
    if (open >= 0) {
        if (known == 0 || count < 0 || count % known != 0)
            return onnx_unsupported(b, "its open dimension has no whole size");
        shape.dims[open] = count / known;
    }
    return give_reshaped(b, &shape);
}

enum status onnx_import_flatten(struct onnx_builder *b)
{
    const struct onnx_shape *from = shape_of_input(b);
    struct onnx_shape shape = {.rank = 2, .dims = {1, 1}};
    int64_t axis = onnx_int(b, "axis", 1);
    if (from == NULL)
        return onnx_unsupported(b, "its input is missing");
    axis = axis < 0 ? axis + from->rank : axis;
    if (axis < 0 || axis > from->rank)
        return onnx_unsupported(b, "axis %lld of %d dimensions", (long long)onnx_int(b, "axis", 1),
                                from->rank);
    for (int32_t i = 0; i < from->rank; i++)
        if (from->dims[i] < 0 ||
            __builtin_mul_overflow(shape.dims[i >= axis], from->dims[i], &shape.dims[i >= axis]))
            return onnx_unsupported(b, "a shape that is too large");
    return give_reshaped(b, &shape);
}

/* Marks the axes, counted in `rank` dimensions. False when one is outside or named twice. */
static bool mark_axes(const struct onnx_list *axes, int32_t rank, bool *marked)
{
    for (size_t i = 0; i < axes->count; i++) {
        int32_t axis = onnx_axis(axes->numbers[i], rank);
        if (axis < 0 || marked[axis])
            return false;
        marked[axis] = true;
    }
    return true;
}

enum status onnx_import_squeeze(struct onnx_builder *b)
{
    const struct onnx_shape *from = shape_of_input(b);
    struct onnx_list axes;
    bool gone[ONNX_RANK_MAX] = {false};
    struct onnx_shape shape = {0};
    if (from == NULL || !onnx_list(b, "axes", 1, &axes) || !mark_axes(&axes, from->rank, gone))
        return onnx_unsupported(b, "its axes do not fit its input");
    for (int32_t i = 0; i < from->rank; i++) {
        if (!axes.given)
            gone[i] = from->dims[i] == 1;
        if (gone[i] && from->dims[i] != 1)
            return onnx_unsupported(b, "dimension %d is %lld, not 1", i, (long long)from->dims[i]);
        if (!gone[i])
            shape.dims[shape.rank++] = from->dims[i];
    }
    return give_reshaped(b, &shape);
}

enum status onnx_import_unsqueeze(struct onnx_builder *b)
{
    const struct onnx_shape *from = shape_of_input(b);
    struct onnx_list axes;
    bool new_axis[ONNX_RANK_MAX] = {false};
    struct onnx_shape shape = {0};
    int32_t at = 0;
    if (from == NULL || !onnx_list(b, "axes", 1, &axes) || axes.count + (size_t)from->rank > ONNX_RANK_MAX ||
        !mark_axes(&axes, from->rank + (int32_t)axes.count, new_axis))
        return onnx_unsupported(b, "its axes do not fit its input");
    shape.rank = from->rank + (int32_t)axes.count;
    for (int32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = new_axis[i] ? 1 : from->dims[at++];
    return give_reshaped(b, &shape);
}

enum status onnx_import_transpose(struct onnx_builder *b)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    int32_t order[ONNX_RANK_MAX];
    bool used[ONNX_RANK_MAX] = {false};
    size_t count;
    const int64_t *wanted = onnx_ints(b, "perm", &count);
    if (value == NULL)
        return onnx_unsupported(b, "its input is missing");
    enum status status = onnx_settle(b, value);
    if (status != STATUS_OK)
        return status;
    struct onnx_view view = value->view;
    int32_t rank = view.shape.rank;
    if (wanted != NULL && count != (size_t)rank)
        return onnx_unsupported(b, "perm has %zu entries for %d dimensions", count, rank);
    for (int32_t i = 0; i < rank; i++) {
        int64_t from = wanted == NULL ? rank - 1 - i : wanted[i];
        if (from < 0 || from >= rank || used[from])
            return onnx_unsupported(b, "perm is no order of %d dimensions", rank);
        used[from] = true;
        order[i] = (int32_t)from;
    }
    if (!onnx_view_transpose(&view, b->batch, order))
        return onnx_unsupported(b, "the images of a batch would not stay apart");
    onnx_set_layer(b, 0, value->layer, &view);
    return STATUS_OK;
}

enum status onnx_import_same(struct onnx_builder *b)
{
    const struct onnx_value *value = onnx_layer_input(b, 0);
    if (value == NULL)
        return onnx_unsupported(b, "its input is missing");
    onnx_set_same(b, 0, value);
    return STATUS_OK;
}

enum status onnx_import_cast(struct onnx_builder *b)
{
    int64_t to = onnx_int(b, "to", 0);
    if (to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && to != ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE)
        return onnx_unsupported(b, "an image cast to type %lld; layers compute in float32", (long long)to);
    return onnx_import_same(b);
}
