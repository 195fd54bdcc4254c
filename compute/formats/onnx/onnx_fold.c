/* Arithmetic on constants, above all on shapes: what exporters leave around a layer is computed here and
 * never becomes one. */
#include <string.h>

#include "compute/formats/onnx/onnx_builder.h"

static enum status make(struct onnx_builder *b, const struct onnx_shape *shape, bool integer,
                        struct onnx_tensor **tensor)
{
    enum status status = onnx_tensor_make(&b->pool, shape, integer, tensor);
    return status == STATUS_OK ? status : onnx_node_error(b, status);
}

static enum status give(struct onnx_builder *b, struct onnx_tensor *tensor)
{
    onnx_set_constant(b, 0, tensor);
    return STATUS_OK;
}

static void copy_element(const struct onnx_tensor *from, size_t i, struct onnx_tensor *to, size_t j)
{
    if (from->integer)
        to->integers[j] = from->integers[i];
    else
        to->floats[j] = from->floats[i];
}

/* --- making constants --- */

static enum status fold_constant(struct onnx_builder *b)
{
    const Onnx__AttributeProto *value = onnx_attribute(b, "value"), *ints = onnx_attribute(b, "value_ints");
    const Onnx__AttributeProto *floats = onnx_attribute(b, "value_floats");
    struct onnx_tensor *tensor;
    struct onnx_shape shape = {0};
    enum status status;
    if (value != NULL && value->t != NULL) {
        status = onnx_tensor_read(&b->pool, value->t, &tensor);
        return status == STATUS_OK ? give(b, tensor) : onnx_node_error(b, status);
    }
    if (onnx_attribute(b, "value_int") != NULL || onnx_attribute(b, "value_float") != NULL) {
        bool integer = onnx_attribute(b, "value_int") != NULL;
        status = make(b, &shape, integer, &tensor);
        if (status == STATUS_OK && integer)
            tensor->integers[0] = onnx_int(b, "value_int", 0);
        else if (status == STATUS_OK)
            tensor->floats[0] = onnx_float(b, "value_float", 0);
        return status == STATUS_OK ? give(b, tensor) : status;
    }
    if (ints == NULL && floats == NULL)
        return onnx_unsupported(b, "a constant of this kind; a tensor or numbers are expected");
    shape =
        (struct onnx_shape){.rank = 1, .dims = {(int64_t)(ints != NULL ? ints->n_ints : floats->n_floats)}};
    status = make(b, &shape, ints != NULL, &tensor);
    if (status == STATUS_OK && tensor->count > 0 && ints != NULL)
        memcpy(tensor->integers, ints->ints, tensor->count * sizeof *ints->ints);
    else if (status == STATUS_OK && tensor->count > 0)
        memcpy(tensor->floats, floats->floats, tensor->count * sizeof *floats->floats);
    return status == STATUS_OK ? give(b, tensor) : status;
}

static enum status fold_constant_of_shape(struct onnx_builder *b)
{
    const struct onnx_tensor *dims = onnx_constant_input(b, 0);
    const Onnx__AttributeProto *value = onnx_attribute(b, "value");
    struct onnx_tensor *fill = NULL, *tensor;
    struct onnx_shape shape = {.rank = (int32_t)dims->count};
    if (!dims->integer || dims->shape.rank > 1 || dims->count > ONNX_RANK_MAX)
        return onnx_unsupported(b, "its shape must be up to %d whole numbers", ONNX_RANK_MAX);
    for (size_t i = 0; i < dims->count; i++)
        shape.dims[i] = dims->integers[i];
    enum status status = STATUS_OK;
    if (value != NULL && value->t != NULL) {
        status = onnx_tensor_read(&b->pool, value->t, &fill);
        if (status == STATUS_OK && fill->count != 1)
            return onnx_unsupported(b, "its value has %zu elements; expected one", fill->count);
    }
    if (status != STATUS_OK)
        return onnx_node_error(b, status);
    status = make(b, &shape, fill != NULL && fill->integer, &tensor);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; fill != NULL && i < tensor->count; i++)
        copy_element(fill, 0, tensor, i);
    return give(b, tensor);
}

static enum status fold_shape(struct onnx_builder *b)
{
    const struct onnx_value *value = onnx_input(b, 0);
    const struct onnx_shape *of = value->kind == ONNX_LAYER ? &value->view.shape : &value->constant->shape;
    int64_t start = onnx_int(b, "start", 0), end = onnx_int(b, "end", of->rank);
    struct onnx_tensor *tensor;
    start = start < 0 ? start + of->rank : start;
    end = end < 0 ? end + of->rank : end;
    start = start < 0 ? 0 : start > of->rank ? of->rank : start;
    end = end < start ? start : end > of->rank ? of->rank : end;
    const struct onnx_shape shape = {.rank = 1, .dims = {end - start}};
    enum status status = make(b, &shape, true, &tensor);
    if (status != STATUS_OK)
        return status;
    for (int64_t i = start; i < end; i++)
        tensor->integers[i - start] = of->dims[i];
    return give(b, tensor);
}

static enum status fold_cast(struct onnx_builder *b)
{
    const struct onnx_tensor *from = onnx_constant_input(b, 0);
    int64_t to = onnx_int(b, "to", 0);
    bool integer =
        to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && to != ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE &&
        to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 && to != ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
    bool truth = to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    struct onnx_tensor *tensor;
    if (to == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
        return onnx_unsupported(b, "a cast to text");
    enum status status = make(b, &from->shape, integer, &tensor);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < from->count; i++) {
        double value = from->integer ? (double)from->integers[i] : (double)from->floats[i];
        if (!integer)
            tensor->floats[i] = (float)value;
        else if (truth)
            tensor->integers[i] = value != 0;
        else if (from->integer)
            tensor->integers[i] = from->integers[i];
        else if (value > -0x1p62 && value < 0x1p62)
            tensor->integers[i] = (int64_t)value;
        else
            return onnx_unsupported(b, "a cast of %g to a whole number", value);
    }
    return give(b, tensor);
}

/* --- moving elements --- */

/* Elements from one step of dimension `axis` to the next, in a dense tensor. */
static size_t stride_of(const struct onnx_shape *shape, int32_t axis)
{
    size_t stride = 1;
    for (int32_t i = axis + 1; i < shape->rank; i++)
        stride *= (size_t)shape->dims[i];
    return stride;
}

/* tensor(i, j, …) = from(first + i·steps[0] + j·steps[1] + …), in elements of `from`. */
static void gather_elements(const struct onnx_tensor *from, int64_t first, const int64_t *steps,
                            struct onnx_tensor *tensor)
{
    for (size_t i = 0; i < tensor->count; i++) {
        size_t left = i;
        int64_t at = first;
        for (int32_t d = tensor->shape.rank; d-- > 0;) {
            at += (int64_t)(left % (size_t)tensor->shape.dims[d]) * steps[d];
            left /= (size_t)tensor->shape.dims[d];
        }
        copy_element(from, (size_t)at, tensor, i);
    }
}

static enum status fold_transpose(struct onnx_builder *b)
{
    const struct onnx_tensor *from = onnx_constant_input(b, 0);
    struct onnx_shape shape = {.rank = from->shape.rank};
    int64_t steps[ONNX_RANK_MAX];
    bool used[ONNX_RANK_MAX] = {false};
    size_t count;
    const int64_t *order = onnx_ints(b, "perm", &count);
    struct onnx_tensor *tensor;
    if (order != NULL && count != (size_t)from->shape.rank)
        return onnx_unsupported(b, "perm has %zu entries for %d dimensions", count, from->shape.rank);
    for (int32_t i = 0; i < shape.rank; i++) {
        int64_t source = order == NULL ? shape.rank - 1 - i : order[i];
        if (source < 0 || source >= shape.rank || used[source])
            return onnx_unsupported(b, "perm is no order of %d dimensions", shape.rank);
        used[source] = true;
        shape.dims[i] = from->shape.dims[source];
        steps[i] = (int64_t)stride_of(&from->shape, (int32_t)source);
    }
    enum status status = make(b, &shape, from->integer, &tensor);
    if (status != STATUS_OK)
        return status;
    gather_elements(from, 0, steps, tensor);
    return give(b, tensor);
}

static enum status fold_gather(struct onnx_builder *b)
{
    const struct onnx_tensor *from = onnx_constant_input(b, 0), *indices = onnx_constant_input(b, 1);
    int32_t axis = onnx_axis(onnx_int(b, "axis", 0), from->shape.rank);
    struct onnx_tensor *tensor;
    if (axis < 0 || indices == NULL || !indices->integer ||
        from->shape.rank - 1 + indices->shape.rank > ONNX_RANK_MAX)
        return onnx_unsupported(b, "its axis or indices do not fit");
    struct onnx_shape shape = {.rank = from->shape.rank - 1 + indices->shape.rank};
    int32_t at = 0;
    for (int32_t i = 0; i < axis; i++)
        shape.dims[at++] = from->shape.dims[i];
    for (int32_t i = 0; i < indices->shape.rank; i++)
        shape.dims[at++] = indices->shape.dims[i];
    for (int32_t i = axis + 1; i < from->shape.rank; i++)
        shape.dims[at++] = from->shape.dims[i];
    enum status status = make(b, &shape, from->integer, &tensor);
    if (status != STATUS_OK)
        return status;
    size_t inner = stride_of(&from->shape, axis);
    int64_t size = from->shape.dims[axis];
    for (size_t i = 0; i < tensor->count; i++) {
        size_t which = i / inner % indices->count, outer = i / inner / indices->count;
        int64_t index = indices->integers[which];
        index = index < 0 ? index + size : index;
        if (index < 0 || index >= size)
            return onnx_unsupported(b, "index %lld of a dimension of %lld",
                                    (long long)indices->integers[which], (long long)size);
        copy_element(from, (outer * (size_t)size + (size_t)index) * inner + i % inner, tensor, i);
    }
    return give(b, tensor);
}

static enum status fold_concat(struct onnx_builder *b)
{
    const struct onnx_tensor *first = onnx_constant_input(b, 0);
    struct onnx_shape shape = first->shape;
    int32_t axis = onnx_axis(onnx_int(b, "axis", 0), shape.rank);
    struct onnx_tensor *tensor;
    if (axis < 0)
        return onnx_unsupported(b, "its axis is not one of %d dimensions", shape.rank);
    for (size_t k = 1; k < onnx_input_count(b); k++) {
        const struct onnx_tensor *next = onnx_constant_input(b, k);
        bool fits = next != NULL && next->integer == first->integer && next->shape.rank == shape.rank;
        for (int32_t i = 0; fits && i < shape.rank; i++)
            fits = i == axis || next->shape.dims[i] == shape.dims[i];
        if (!fits)
            return onnx_unsupported(b, "its inputs cannot be joined");
        shape.dims[axis] += next->shape.dims[axis];
    }
    enum status status = make(b, &shape, first->integer, &tensor);
    if (status != STATUS_OK)
        return status;
    size_t row = stride_of(&shape, axis) * (size_t)shape.dims[axis],
           at = 0; /* elements up to the axis's end */
    for (size_t k = 0; k < onnx_input_count(b); k++) {
        const struct onnx_tensor *from = onnx_constant_input(b, k);
        size_t part = stride_of(&from->shape, axis) * (size_t)from->shape.dims[axis];
        for (size_t i = 0; i < from->count; i++)
            copy_element(from, i, tensor, i / part * row + at + i % part);
        at += part;
    }
    return give(b, tensor);
}

/* Start and count of a slice of a dimension, as ONNX clamps them. */
static void clamp_slice(int64_t size, int64_t start, int64_t end, int64_t step, int64_t *first,
                        int64_t *count)
{
    int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
    start = start < -size ? lowest : start < 0 ? start + size : start;
    end = end < -size ? lowest : end < 0 ? end + size : end;
    start = start < lowest ? lowest : start > highest ? highest : start;
    end = end < lowest ? lowest : end > highest ? highest : end;
    int64_t distance = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    *first = start;
    *count = distance > 0 ? (distance - 1) / stride + 1 : 0;
}

static enum status fold_slice(struct onnx_builder *b)
{
    const struct onnx_tensor *from = onnx_constant_input(b, 0);
    struct onnx_list starts, ends, axes, steps;
    struct onnx_shape shape = from->shape;
    int64_t first = 0, strides[ONNX_RANK_MAX];
    bool used[ONNX_RANK_MAX] = {false};
    struct onnx_tensor *tensor;
    if (!onnx_list(b, "starts", 1, &starts) || !onnx_list(b, "ends", 2, &ends) ||
        !onnx_list(b, "axes", 3, &axes) || !onnx_list(b, "steps", 4, &steps) || starts.count != ends.count ||
        (axes.given && axes.count != starts.count) || (steps.given && steps.count != starts.count))
        return onnx_unsupported(b, "its starts, ends, axes and steps do not fit one another");
    for (int32_t i = 0; i < shape.rank; i++)
        strides[i] = (int64_t)stride_of(&from->shape, i);
    for (size_t k = 0; k < starts.count; k++) {
        int32_t axis = onnx_axis(axes.given ? axes.numbers[k] : (int64_t)k, shape.rank);
        int64_t step = steps.given ? steps.numbers[k] : 1, start;
        if (axis < 0 || used[axis] || step == 0 || step < -INT32_MAX || step > INT32_MAX)
            return onnx_unsupported(b, "its axes or steps do not fit %d dimensions", shape.rank);
        used[axis] = true;
        clamp_slice(from->shape.dims[axis], starts.numbers[k], ends.numbers[k], step, &start,
                    &shape.dims[axis]);
        first += start * (int64_t)stride_of(&from->shape, axis);
        strides[axis] = step * (int64_t)stride_of(&from->shape, axis);
    }
    enum status status = make(b, &shape, from->integer, &tensor);
    if (status != STATUS_OK)
        return status;
    gather_elements(from, first, strides, tensor);
    return give(b, tensor);
}

/* --- arithmetic --- */

static bool broadcast(const struct onnx_shape *a, const struct onnx_shape *c, struct onnx_shape *shape)
{
    shape->rank = a->rank > c->rank ? a->rank : c->rank;
    for (int32_t i = 1; i <= shape->rank; i++) {
        int64_t x = i <= a->rank ? a->dims[a->rank - i] : 1, y = i <= c->rank ? c->dims[c->rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return false;
        shape->dims[shape->rank - i] = x == 1 ? y : x;
    }
    return true;
}

/* Steps through a tensor that is broadcast to `shape`. */
static void broadcast_steps(const struct onnx_shape *from, const struct onnx_shape *shape, int64_t *steps)
{
    int32_t missing = shape->rank - from->rank;
    for (int32_t i = 0; i < shape->rank; i++)
        steps[i] = i < missing || from->dims[i - missing] == 1 ? 0 : (int64_t)stride_of(from, i - missing);
}

static bool compute(const char *operator_name, struct onnx_tensor *a, const struct onnx_tensor *c)
{
    char first = operator_name[0], second = operator_name[1]; /* Add, Sub, Mul, Div */
    for (size_t i = 0; i < a->count; i++) {
        if (!a->integer) {
            float x = a->floats[i], y = c->floats[i];
            a->floats[i] = first == 'A'                    ? x + y
                           : second == 'u' && first == 'S' ? x - y
                           : first == 'M'                  ? x * y
                                                           : x / y;
            continue;
        }
        int64_t x = a->integers[i], y = c->integers[i], *to = &a->integers[i];
        bool overflow = first == 'A'   ? __builtin_add_overflow(x, y, to)
                        : first == 'S' ? __builtin_sub_overflow(x, y, to)
                        : first == 'M' ? __builtin_mul_overflow(x, y, to)
                                       : y == 0 || (x == INT64_MIN && y == -1);
        if (overflow)
            return false;
        if (first == 'D')
            *to = x / y;
    }
    return true;
}

static enum status fold_arithmetic(struct onnx_builder *b)
{
    const struct onnx_tensor *operands[2] = {onnx_constant_input(b, 0), onnx_constant_input(b, 1)};
    struct onnx_tensor *spread[2];
    struct onnx_shape shape;
    if (operands[1] == NULL || operands[0]->integer != operands[1]->integer ||
        !broadcast(&operands[0]->shape, &operands[1]->shape, &shape))
        return onnx_unsupported(b, "its operands do not fit one another");
    for (int k = 0; k < 2; k++) {
        int64_t steps[ONNX_RANK_MAX] = {0};
        enum status status = make(b, &shape, operands[0]->integer, &spread[k]);
        if (status != STATUS_OK)
            return status;
        broadcast_steps(&operands[k]->shape, &shape, steps);
        gather_elements(operands[k], 0, steps, spread[k]);
    }
    if (!compute(onnx_text(b->node->op_type), spread[0], spread[1]))
        return onnx_unsupported(b, "a whole number overflows, or is divided by 0");
    return give(b, spread[0]);
}

/* (Reshape and its like are in onnx_reshape.c, for constants and layers alike.) */

static enum status fold_identity(struct onnx_builder *b)
{
    onnx_set_same(b, 0, onnx_input(b, 0));
    return STATUS_OK;
}

struct fold {
    const char *operator_name;
    enum status (*fold)(struct onnx_builder *b);
};

static const struct fold folds[] = {
    {"Constant", fold_constant},   {"ConstantOfShape", fold_constant_of_shape},
    {"Shape", fold_shape},         {"Cast", fold_cast},
    {"Transpose", fold_transpose}, {"Gather", fold_gather},
    {"Concat", fold_concat},       {"Slice", fold_slice},
    {"Add", fold_arithmetic},      {"Sub", fold_arithmetic},
    {"Mul", fold_arithmetic},      {"Div", fold_arithmetic},
    {"Identity", fold_identity},   {"Dropout", fold_identity},
};

enum status onnx_fold(struct onnx_builder *b, bool *folded)
{
    const char *name = onnx_text(b->node->op_type);
    bool shape = strcmp(name, "Shape") == 0;
    *folded = false;
    for (size_t i = 0; i < onnx_input_count(b); i++) {
        const struct onnx_value *input = onnx_input(b, i);
        if (input != NULL && input->kind != ONNX_CONSTANT && !shape)
            return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
        if (strcmp(folds[i].operator_name, name) == 0) {
            bool needs_input = folds[i].fold != fold_constant;
            *folded = true;
            if (needs_input && onnx_input(b, 0) == NULL)
                return onnx_unsupported(b, "its first input is missing");
            return folds[i].fold(b);
        }
    return STATUS_OK;
}
