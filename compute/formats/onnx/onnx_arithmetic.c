/* Sums and products: of an image with constants, which become layers that scale, and of two images. */
#include <math.h>
#include <string.h>

#include "compute/formats/onnx/onnx_builder.h"

/* --- with constants --- */

/* Whether a constant is one number, or one a channel of (N, C, …): element i·step is then channel i's. */
static bool per_channel(const struct onnx_tensor *constant, const struct onnx_shape *dims, size_t *step)
{
    *step = constant->count == 1 ? 0 : 1;
    if (constant->integer || constant->shape.rank > dims->rank)
        return false;
    if (constant->count == 1)
        return true;
    int32_t missing = dims->rank - constant->shape.rank;
    for (int32_t i = 0; i < constant->shape.rank; i++)
        if (constant->shape.dims[i] != (i + missing == 1 ? dims->dims[1] : 1))
            return false;
    return constant->count == (size_t)dims->dims[1];
}

/* y = x·factor + summand, for x the value and c the constant (which is not divided by x). */
static void affine(const char *operator_name, bool constant_first, float c, float *factor, float *summand)
{
    *factor = 1;
    *summand = 0;
    if (strcmp(operator_name, "Add") == 0 || strcmp(operator_name, "Sum") == 0)
        *summand = c;
    else if (strcmp(operator_name, "Sub") == 0) {
        *factor = constant_first ? -1 : 1;
        *summand = constant_first ? c : -c;
    } else if (strcmp(operator_name, "Mul") == 0)
        *factor = c;
    else
        *factor = 1 / c;
}

/* Changes the weights of the layer that computes the value (it is its only reader) instead of adding one. */
static void change_weights(struct onnx_builder *b, const struct onnx_value *value, size_t channel,
                           float factor, float summand)
{
    const struct layer *layer = &b->network->layers[value->layer];
    float *weights = b->weights[value->layer];
    size_t c = (size_t)layer->shape.c;
    float *bias = weights + layer->parameter_count - c; /* of a dense layer, or the summands of a scale */
    for (size_t i = channel; i < layer->parameter_count - c; i += c)
        weights[i] *= factor;
    bias[channel] = bias[channel] * factor + summand;
}

/* With a constant for each (h, w, c), or for each row, column or pixel: dimensions of an image (N, C, H, W),
 * or the last of them, that are 1 go for all. */
static enum status with_image_of_constants(struct onnx_builder *b, const struct onnx_value *value,
                                           const struct onnx_tensor *constant, bool constant_first)
{
    const struct onnx_shape *dims = &value->view.shape, *has = &constant->shape;
    size_t steps[ONNX_RANK_MAX] = {0}, step = 1; /* of N, C, H, W in the constant */
    int32_t missing = dims->rank - has->rank, layer;
    bool fits = !constant->integer && missing >= 0;
    for (int32_t i = has->rank; fits && i-- > 0;) {
        int64_t size = has->dims[i];
        fits = size == 1 || (i + missing > 0 && size == dims->dims[i + missing]);
        steps[i + missing] = size == 1 ? 0 : step;
        step *= (size_t)size;
    }
    if (!fits)
        return onnx_unsupported(b, "a constant whose dimensions do not go with the image's");
    float *weights;
    enum status status = onnx_add_one(b, LAYER_UNIT_SCALE, NULL, value->layer, &weights, &layer);
    if (status != STATUS_OK)
        return status;
    struct shape shape = onnx_layer_shape(b, layer);
    size_t c_count = (size_t)shape.c, w_count = (size_t)shape.w, units = shape_count(shape);
    for (size_t i = 0; i < units; i++) {
        size_t c = i % c_count, w = i / c_count % w_count, h = i / c_count / w_count;
        size_t at = c * steps[1] + h * steps[2] + w * steps[3];
        affine(b->node->op_type, constant_first, constant->floats[at], &weights[i], &weights[units + i]);
    }
    return onnx_give_like(b, layer, value);
}

static enum status with_constant(struct onnx_builder *b, struct onnx_value *value,
                                 const struct onnx_tensor *constant, bool constant_first)
{
    bool fits;
    size_t step;
    int32_t layer = value->layer;
    float *weights = NULL;
    enum status status = onnx_as_image(b, value, &fits);
    if (status != STATUS_OK)
        return status;
    if (constant_first && strcmp(b->node->op_type, "Div") == 0)
        return onnx_unsupported(b, "a constant divided by an image");
    if (!fits || constant->count == 0)
        return onnx_unsupported(b,
                                "a constant with what is no image (N, C, H, W) or vector (N, C) in memory");
    if (!per_channel(constant, &value->view.shape, &step))
        return with_image_of_constants(b, value, constant, constant_first);
    bool sole = value->sole && value->layer == layer;
    size_t c = (size_t)onnx_layer_shape(b, value->layer).c;
    if (!sole)
        status = onnx_add_one(b, LAYER_SCALE, NULL, value->layer, &weights, &layer);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < c; i++) {
        float factor, summand;
        affine(b->node->op_type, constant_first, constant->floats[i * step], &factor, &summand);
        if (sole) {
            change_weights(b, value, i, factor, summand);
        } else {
            weights[i] = factor;
            weights[c + i] = summand;
        }
    }
    onnx_give_like(b, layer, value);
    onnx_set_sole(b, 0);
    return STATUS_OK;
}

/* --- of images --- */

static bool same_view(const struct onnx_builder *b, const struct onnx_value *x, const struct onnx_value *y)
{
    struct shape a = onnx_layer_shape(b, x->layer), c = onnx_layer_shape(b, y->layer);
    if (a.h != c.h || a.w != c.w || a.c != c.c || x->view.part_count != y->view.part_count ||
        x->view.shape.rank != y->view.shape.rank)
        return false;
    for (int32_t i = 0; i < x->view.shape.rank; i++)
        if (x->view.shape.dims[i] != y->view.shape.dims[i])
            return false;
    return memcmp(x->view.parts, y->view.parts, (size_t)x->view.part_count * sizeof *x->view.parts) == 0;
}

/* x·hard_sigmoid(x) with the slope and offset of hard-swish; *layer receives x's. */
static bool is_hard_swish(const struct onnx_builder *b, const struct onnx_value *x,
                          const struct onnx_value *gate)
{
    const struct layer *layer = &b->network->layers[gate->layer];
    return layer->kind == LAYER_HARD_SIGMOID && layer->inputs[0] == x->layer &&
           fabsf(layer->options.slope - 1.0F / 6) < 1e-5F && fabsf(layer->options.offset - 0.5F) < 1e-5F;
}

/* Brings both to layers of the same view, if they are not; *fits tells whether they are then. */
static enum status align(struct onnx_builder *b, struct onnx_value *x, struct onnx_value *y, bool *fits)
{
    *fits = true;
    enum status status = onnx_settle(b, x);
    if (status == STATUS_OK)
        status = onnx_settle(b, y);
    if (status != STATUS_OK || same_view(b, x, y))
        return status;
    status = onnx_as_image(b, x, fits);
    if (status == STATUS_OK && *fits)
        status = onnx_as_image(b, y, fits);
    *fits = *fits && status == STATUS_OK && same_view(b, x, y);
    return status;
}

static enum status unlike(struct onnx_builder *b, const struct onnx_value *x, const struct onnx_value *y,
                          const char *what)
{
    char a[ONNX_SHAPE_TEXT], c[ONNX_SHAPE_TEXT];
    onnx_shape_print(&x->view.shape, a);
    onnx_shape_print(&y->view.shape, c);
    return onnx_unsupported(b, "%s and %s (%s and %s in memory) cannot be %s", a, c,
                            b->network->layers[x->layer].name, b->network->layers[y->layer].name, what);
}

static enum status add_values(struct onnx_builder *b, struct onnx_value *x, struct onnx_value *y,
                              struct onnx_value *sum)
{
    bool fits;
    enum status status = align(b, x, y, &fits);
    if (status != STATUS_OK)
        return status;
    if (!fits)
        return unlike(b, x, y, "added");
    const int32_t inputs[2] = {x->layer, y->layer};
    const struct onnx_view view = x->view;
    status = onnx_add(b, LAYER_ADD, NULL, inputs, 2, &sum->layer);
    sum->kind = ONNX_LAYER;
    sum->view = view;
    return status;
}

/* Whether y is one factor a channel of the image x: (N, C, 1, 1), or (N, C, 1). */
static bool is_factor(const struct onnx_builder *b, const struct onnx_value *x, const struct onnx_value *y)
{
    struct shape image = onnx_layer_shape(b, x->layer), factor = onnx_layer_shape(b, y->layer);
    return x->view.shape.rank == y->view.shape.rank && factor.h == 1 && factor.w == 1 && factor.c == image.c;
}

/* Two images of one shape, or an image and a factor a channel (squeeze and excitation: Hu et al., CVPR 2018).
 */
static enum status multiply_values(struct onnx_builder *b, struct onnx_value *x, struct onnx_value *y)
{
    bool fits;
    int32_t layer;
    enum status status = align(b, x, y, &fits);
    if (status != STATUS_OK)
        return status;
    if (fits && (is_hard_swish(b, x, y) || is_hard_swish(b, y, x))) {
        const struct onnx_value *inner = is_hard_swish(b, x, y) ? x : y;
        status = onnx_add_one(b, LAYER_HARD_SWISH, NULL, inner->layer, NULL, &layer);
    } else {
        bool images;
        if (!fits && (status = onnx_as_image(b, x, &images)) == STATUS_OK && images &&
            (status = onnx_as_image(b, y, &images)) == STATUS_OK && images) {
            struct onnx_value *image = x;
            if (is_factor(b, y, x)) {
                x = y;
                y = image;
            }
            fits = is_factor(b, x, y);
        }
        if (status == STATUS_OK && !fits)
            return unlike(b, x, y, "multiplied");
        const int32_t inputs[2] = {x->layer, y->layer};
        if (status == STATUS_OK)
            status = onnx_add(b, LAYER_MULTIPLY, NULL, inputs, 2, &layer);
    }
    if (status != STATUS_OK)
        return status;
    const struct onnx_view view = x->view;
    onnx_set_layer(b, 0, layer, &view);
    return STATUS_OK;
}

enum status onnx_import_arithmetic(struct onnx_builder *b)
{
    struct onnx_value *x = onnx_layer_input(b, 0), *y = onnx_layer_input(b, 1), sum = {0};
    const struct onnx_tensor *constant = onnx_constant_input(b, x == NULL ? 0 : 1);
    if (constant != NULL && (x != NULL || y != NULL))
        return with_constant(b, x == NULL ? y : x, constant, x == NULL);
    if (x == NULL || y == NULL)
        return onnx_unsupported(b, "it has no two operands");
    if (strcmp(b->node->op_type, "Add") == 0) {
        enum status status = add_values(b, x, y, &sum);
        if (status == STATUS_OK && sum.kind == ONNX_LAYER)
            onnx_set_layer(b, 0, sum.layer, &sum.view);
        return status;
    }
    if (strcmp(b->node->op_type, "Mul") == 0)
        return multiply_values(b, x, y);
    /* Going on as if it were the first operand finds what else cannot be imported. */
    onnx_set_same(b, 0, x);
    return onnx_unsupported(b, "of two images; only a sum or product, or one with a constant, is possible");
}

enum status onnx_import_sum(struct onnx_builder *b)
{
    struct onnx_value *first = onnx_layer_input(b, 0), sum = {0};
    if (onnx_input_count(b) == 2)
        return onnx_import_arithmetic(b);
    if (first == NULL)
        return onnx_unsupported(b, "its input is not computed from the image");
    sum = *first;
    for (size_t i = 1; i < onnx_input_count(b); i++) {
        struct onnx_value *next = onnx_layer_input(b, i), before = sum;
        sum.kind = ONNX_NOTHING;
        if (next == NULL)
            return onnx_unsupported(b, "its input %zu is not computed from the image", i);
        enum status status = add_values(b, i == 1 ? first : &before, next, &sum);
        if (status != STATUS_OK || sum.kind == ONNX_NOTHING)
            return status;
    }
    if (onnx_input_count(b) == 1)
        onnx_set_same(b, 0, first);
    else
        onnx_set_layer(b, 0, sum.layer, &sum.view);
    return STATUS_OK;
}
