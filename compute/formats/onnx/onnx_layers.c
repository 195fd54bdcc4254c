/* Nodes that become layers one to one: activations, normalisations, dense layers. */
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
    return onnx_give_like(b, layer, value);
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
    return status == STATUS_OK ? onnx_give_like(b, layer, value) : status;
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
    return status == STATUS_OK ? onnx_give_like(b, layer, value) : status;
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
        if (status != STATUS_OK)
            status = onnx_node_error(b, status);
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
