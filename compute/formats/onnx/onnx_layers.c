/* Nodes that become layers one to one: activations, normalisations, dense layers, sums. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "compute/formats/onnx/onnx_builder.h"

/* Input i as an image or a vector; *fits is false, and the node reported, when it is none. */
static enum status plain_input(struct onnx_builder *b, size_t i, struct onnx_value **value, bool *fits)
{
    *fits = false;
    *value = onnx_layer_input(b, i);
    if (*value == NULL)
        return onnx_unsupported(b, "its input %zu is not computed from the image", i);
    enum status status = onnx_as_image(b, *value, fits);
    if (status == STATUS_OK && !*fits)
        return onnx_unsupported(b, "its input %zu is no image (N, C, H, W) or vector (N, C) in memory", i);
    return status;
}

/* A constant of `count` floats; NULL otherwise. */
static const float *floats_of(const struct onnx_builder *b, size_t input, size_t count)
{
    const struct onnx_tensor *tensor = onnx_constant_input(b, input);
    return tensor == NULL || tensor->integer || tensor->count != count ? NULL : tensor->floats;
}

/* Output 0 is the layer, in the dimensions of `value`. */
static enum status give_like(struct onnx_builder *b, int32_t layer, const struct onnx_value *value)
{
    const struct onnx_view view = onnx_image_view(b, layer, value->view.shape.rank);
    onnx_set_layer(b, 0, layer, &view);
    return STATUS_OK;
}

/* --- normalisation --- */

enum status onnx_import_batchnorm(struct onnx_builder *b)
{
    struct onnx_value *value;
    bool fits;
    if (onnx_int(b, "training_mode", 0) != 0 || onnx_int(b, "spatial", 1) == 0)
        return onnx_unsupported(b, "batch normalisation as in training, or one a pixel");
    enum status status = plain_input(b, 0, &value, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    size_t c = (size_t)onnx_layer_shape(b, value->layer).c;
    const float *arrays[4]; /* gamma, beta, mean, variance: as a layer keeps them */
    for (size_t i = 0; i < 4; i++)
        if ((arrays[i] = floats_of(b, i + 1, c)) == NULL)
            return onnx_unsupported(b, "its input %zu is not %zu constants", i + 1, c);
    const struct layer_options options = {.epsilon = onnx_float(b, "epsilon", 1e-5F),
                                          .momentum = 1 - onnx_float(b, "momentum", 0.9F)};
    int32_t layer;
    float *weights;
    status = onnx_add_one(b, LAYER_BATCHNORM, &options, value->layer, &weights, &layer);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < 4; i++)
        memcpy(weights + i * c, arrays[i], c * sizeof *weights);
    return give_like(b, layer, value);
}

enum status onnx_import_lrn(struct onnx_builder *b)
{
    struct onnx_value *value;
    bool fits;
    int64_t size = onnx_int(b, "size", 0);
    enum status status = plain_input(b, 0, &value, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    if (size < 1 || size > INT32_MAX)
        return onnx_unsupported(b, "its size is %lld; expected 1 or more", (long long)size);
    const struct layer_options options = {.size = (int32_t)size,
                                          .alpha = onnx_float(b, "alpha", 1e-4F),
                                          .beta = onnx_float(b, "beta", 0.75F),
                                          .constant = onnx_float(b, "bias", 1)};
    int32_t layer;
    status = onnx_add_one(b, LAYER_LRN, &options, value->layer, NULL, &layer);
    return status == STATUS_OK ? give_like(b, layer, value) : status;
}

/* Before operator set 13 everything from the axis on was one row; since then a row is the axis alone. */
enum status onnx_import_softmax(struct onnx_builder *b)
{
    enum { ROWS_ARE_AXES_SINCE = 13 };
    struct onnx_value *value;
    bool fits, rows_are_axes = b->opset >= ROWS_ARE_AXES_SINCE;
    enum status status = plain_input(b, 0, &value, &fits);
    if (status != STATUS_OK || !fits)
        return status;
    int64_t wanted = onnx_int(b, "axis", rows_are_axes ? -1 : 1);
    struct shape shape = onnx_layer_shape(b, value->layer);
    bool vector = shape.h == 1 && shape.w == 1;
    if (onnx_axis(wanted, value->view.shape.rank) != 1 || (!rows_are_axes && !vector))
        return onnx_unsupported(b, "softmax over axis %lld; only channels are", (long long)wanted);
    int32_t layer;
    enum layer_kind kind = strcmp(b->node->op_type, "Softmax") == 0 ? LAYER_SOFTMAX : LAYER_LOG_SOFTMAX;
    status = onnx_add_one(b, kind, NULL, value->layer, NULL, &layer);
    return status == STATUS_OK ? give_like(b, layer, value) : status;
}

/* --- activations: each number by itself, so any view will do --- */

static enum status add_activation(struct onnx_builder *b, enum layer_kind kind,
                                  const struct layer_options *options)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    int32_t layer;
    if (value == NULL)
        return onnx_unsupported(b, "its input is not computed from the image");
    enum status status = onnx_settle(b, value);
    if (status == STATUS_OK)
        status = onnx_add_one(b, kind, options, value->layer, NULL, &layer);
    if (status != STATUS_OK)
        return status;
    onnx_set_layer(b, 0, layer, &value->view);
    return STATUS_OK;
}

enum status onnx_import_activation(struct onnx_builder *b)
{
    static const struct {
        const char *operator_name;
        enum layer_kind kind;
        float slope, offset; /* attributes alpha and beta when left out */
    } activations[] = {
        {"Relu", LAYER_RELU, 0, 0},
        {"LeakyRelu", LAYER_LEAKY_RELU, 0.01F, 0},
        {"Sigmoid", LAYER_SIGMOID, 0, 0},
        {"Tanh", LAYER_TANH, 0, 0},
        {"HardSigmoid", LAYER_HARD_SIGMOID, 0.2F, 0.5F},
        {"HardSwish", LAYER_HARD_SWISH, 0, 0},
    };
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (strcmp(activations[i].operator_name, b->node->op_type) == 0) {
            const struct layer_options options = {.slope = onnx_float(b, "alpha", activations[i].slope),
                                                  .offset = onnx_float(b, "beta", activations[i].offset)};
            return add_activation(b, activations[i].kind, &options);
        }
    return onnx_unsupported(b, "an activation that is not known");
}

/* Clips only from below at 0 are ReLU. */
enum status onnx_import_clip(struct onnx_builder *b)
{
    float bounds[2] = {onnx_float(b, "min", -FLT_MAX), onnx_float(b, "max", FLT_MAX)};
    for (size_t i = 0; i < 2; i++) {
        const struct onnx_tensor *bound = onnx_constant_input(b, i + 1);
        if (onnx_input(b, i + 1) == NULL)
            continue;
        if (bound == NULL || bound->integer || bound->count != 1)
            return onnx_unsupported(b, "its bounds are not constant");
        bounds[i] = bound->floats[0];
    }
    const struct layer_options options = {.low = fmaxf(bounds[0], -FLT_MAX),
                                          .high = fminf(bounds[1], FLT_MAX)};
    return add_activation(b, options.low == 0 && options.high == FLT_MAX ? LAYER_RELU : LAYER_CLIP, &options);
}

/* --- dense layers --- */

/* The weights of a dense layer: ONNX's row or column for input feature i, as ONNX numbers them, belongs to
 * the float of the layer before it that lies at memory[i]. */
struct dense_weights {
    const struct onnx_tensor *tensor;
    bool transposed; /* (K, F) instead of (F, K) */
    float factor;
};

static enum status add_dense(struct onnx_builder *b, struct onnx_value *value,
                             const struct dense_weights *weights, float **bias)
{
    const struct onnx_shape *shape = &weights->tensor->shape;
    size_t features = (size_t)shape->dims[weights->transposed ? 1 : 0];
    size_t outputs = (size_t)shape->dims[weights->transposed ? 0 : 1];
    const struct layer_options options = {.out_c = (int32_t)outputs, .bias = true};
    struct onnx_tensor *addresses = NULL; /* int32_t would do; the pool frees it */
    int32_t flat, layer, *memory;
    float *parameters;
    enum status status = onnx_settle(b, value);
    if (status == STATUS_OK)
        status = onnx_add_flatten(b, value->layer, &flat);
    if (status == STATUS_OK)
        status = onnx_add_one(b, LAYER_DENSE, &options, flat, &parameters, &layer);
    if (status == STATUS_OK) {
        const struct onnx_shape count = {.rank = 1, .dims = {(int64_t)features}};
        status = onnx_tensor_make(&b->pool, &count, true, &addresses);
    }
    if (status != STATUS_OK)
        return status;
    memory = (int32_t *)(void *)addresses->integers;
    onnx_view_addresses(&value->view, features, memory);
    for (size_t f = 0; f < features; f++)
        for (size_t k = 0; k < outputs; k++)
            parameters[(size_t)memory[f] * outputs + k] =
                weights->factor *
                weights->tensor->floats[weights->transposed ? k * features + f : f * outputs + k];
    *bias = parameters + features * outputs;
    const struct onnx_view view = onnx_image_view(b, layer, 2);
    onnx_set_layer(b, 0, layer, &view);
    onnx_set_sole(b, 0);
    return STATUS_OK;
}

/* Whether input 0 is a batch of vectors (N, F) that the weights fit. */
static bool dense_fits(const struct onnx_builder *b, const struct onnx_value *value,
                       const struct dense_weights *weights)
{
    if (value == NULL || weights->tensor == NULL || weights->tensor->integer ||
        weights->tensor->shape.rank != 2 || weights->tensor->count == 0)
        return false;
    const struct onnx_shape *dims = &value->view.shape;
    return dims->rank == 2 && dims->dims[0] == b->batch &&
           dims->dims[1] == weights->tensor->shape.dims[weights->transposed ? 1 : 0];
}

enum status onnx_import_gemm(struct onnx_builder *b)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    const struct onnx_tensor *bias = onnx_constant_input(b, 2);
    const struct dense_weights weights = {.tensor = onnx_constant_input(b, 1),
                                          .transposed = onnx_int(b, "transB", 0) != 0,
                                          .factor = onnx_float(b, "alpha", 1)};
    float beta = onnx_float(b, "beta", 1), *to;
    if (onnx_int(b, "transA", 0) != 0 || !dense_fits(b, value, &weights))
        return onnx_unsupported(b, "it is no dense layer: vectors (N, F) times constant weights of F rows");
    size_t outputs = (size_t)weights.tensor->shape.dims[weights.transposed ? 0 : 1];
    if (onnx_input(b, 2) != NULL &&
        (bias == NULL || bias->integer || (bias->count != 1 && bias->count != outputs)))
        return onnx_unsupported(b, "its bias is not %zu constants", outputs);
    enum status status = add_dense(b, value, &weights, &to);
    for (size_t k = 0; status == STATUS_OK && bias != NULL && k < outputs; k++)
        to[k] = beta * bias->floats[bias->count == 1 ? 0 : k];
    return status;
}

enum status onnx_import_matmul(struct onnx_builder *b)
{
    struct onnx_value *value = onnx_layer_input(b, 0);
    const struct dense_weights weights = {.tensor = onnx_constant_input(b, 1), .factor = 1};
    float *bias;
    if (!dense_fits(b, value, &weights))
        return onnx_unsupported(b, "it is no dense layer: vectors (N, F) times constant weights (F, K)");
    return add_dense(b, value, &weights, &bias);
}

/* --- arithmetic --- */

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

/* y = x·factor + summand, channel by channel, for x the value and c the constant. */
static bool affine(const char *operator_name, bool constant_first, float c, float *factor, float *summand)
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
    return strcmp(operator_name, "Div") != 0 || !constant_first;
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
    if (!fits || !per_channel(constant, &value->view.shape, &step))
        return onnx_unsupported(b, "a constant that is neither one number nor one a channel");
    bool sole = value->sole && value->layer == layer;
    size_t c = (size_t)onnx_layer_shape(b, value->layer).c;
    if (!sole)
        status = onnx_add_one(b, LAYER_SCALE, NULL, value->layer, &weights, &layer);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < c; i++) {
        float factor, summand;
        if (!affine(b->node->op_type, constant_first, constant->floats[i * step], &factor, &summand))
            return onnx_unsupported(b, "a constant divided by an image");
        if (sole) {
            change_weights(b, value, i, factor, summand);
        } else {
            weights[i] = factor;
            weights[c + i] = summand;
        }
    }
    give_like(b, layer, value);
    onnx_set_sole(b, 0);
    return STATUS_OK;
}

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

static enum status add_values(struct onnx_builder *b, struct onnx_value *x, struct onnx_value *y,
                              struct onnx_value *sum)
{
    bool fits = true;
    enum status status = onnx_settle(b, x);
    if (status == STATUS_OK)
        status = onnx_settle(b, y);
    if (status == STATUS_OK && !same_view(b, x, y)) {
        status = onnx_as_image(b, x, &fits);
        if (status == STATUS_OK && fits)
            status = onnx_as_image(b, y, &fits);
        fits = fits && status == STATUS_OK && same_view(b, x, y);
    }
    if (status != STATUS_OK)
        return status;
    if (!fits) {
        char a[ONNX_SHAPE_TEXT], c[ONNX_SHAPE_TEXT];
        onnx_shape_print(&x->view.shape, a);
        onnx_shape_print(&y->view.shape, c);
        return onnx_unsupported(b, "%s and %s (%s and %s in memory) cannot be added", a, c,
                                b->network->layers[x->layer].name, b->network->layers[y->layer].name);
    }
    const int32_t inputs[2] = {x->layer, y->layer};
    const struct onnx_view view = x->view;
    status = onnx_add(b, LAYER_ADD, NULL, inputs, 2, &sum->layer);
    sum->kind = ONNX_LAYER;
    sum->view = view;
    return status;
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
    if (strcmp(b->node->op_type, "Mul") == 0 && !x->windowed && !y->windowed && same_view(b, x, y)) {
        const struct onnx_value *inner = is_hard_swish(b, x, y) ? x : is_hard_swish(b, y, x) ? y : NULL;
        int32_t layer;
        if (inner != NULL) {
            enum status status = onnx_add_one(b, LAYER_HARD_SWISH, NULL, inner->layer, NULL, &layer);
            if (status == STATUS_OK)
                onnx_set_layer(b, 0, layer, &inner->view);
            return status;
        }
    }
    /* Going on as if it were the first operand finds what else cannot be imported. */
    onnx_set_same(b, 0, x);
    return onnx_unsupported(b, "of two images; only a sum, or an image with a constant, is possible");
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
