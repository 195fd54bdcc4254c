#include "compute/formats/keras/keras_layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The layer at hand. */
struct building {
    struct keras_builder *builder;
    const struct keras_model *model;
    const struct keras_layer *layer;
    int32_t inputs[1024]; /* layers of the network; as many as a Keras layer may read */
    int32_t input_count;
    struct shape shape; /* of the first input */
    bool last;          /* its output is the model's */
    int32_t value;      /* where its output is, so far */
};

static enum status refuse(const struct building *b, const char *what)
{
    return keras_refuse(b->model, b->layer, STATUS_FORMAT, "%s", what);
}

/* --- adding to the network --- */

/* The Keras layer's name, or that with a suffix for what comes behind it; "input" is the network's own. */
static void layer_title(const struct building *b, const char *suffix, char title[2 * LAYER_NAME_BYTES])
{
    bool taken = strcmp(b->layer->name, "input") == 0 && *suffix == '\0';
    snprintf(title, 2 * LAYER_NAME_BYTES, "%.*s%s%s", LAYER_NAME_BYTES, b->layer->name, suffix,
             taken ? "/layer" : "");
}

/* A layer that reads what is there so far; it then is what is there. */
static enum status add(struct building *b, enum layer_kind kind, const char *suffix,
                       const struct layer_options *options)
{
    char title[2 * LAYER_NAME_BYTES];
    layer_title(b, suffix, title);
    enum status status =
        network_add_layer(b->builder->network, kind, title, options, &b->value, 1, &b->value);
    return status == STATUS_OK ? status : error_prefix(status, "%s: ", b->model->path);
}

/* A layer that reads all inputs. */
static enum status add_joining(struct building *b, enum layer_kind kind)
{
    char title[2 * LAYER_NAME_BYTES];
    layer_title(b, "", title);
    enum status status =
        network_add_layer(b->builder->network, kind, title, NULL, b->inputs, b->input_count, &b->value);
    return status == STATUS_OK ? status : error_prefix(status, "%s: ", b->model->path);
}

/* The next tensor of the layer just added, `offset` elements behind its first. */
static void expect_tensor(struct building *b, const char *role, bool statistic, size_t offset, int rank,
                          const uint64_t *extent)
{
    struct keras_tensor *tensor = &b->builder->tensors[b->builder->tensor_count++];
    *tensor = (struct keras_tensor){.layer = b->layer,
                                    .role = role,
                                    .target = b->value,
                                    .statistic = statistic,
                                    .offset = offset,
                                    .rank = rank};
    memcpy(tensor->extent, extent, (size_t)rank * sizeof *extent);
}

/* --- activations --- */

static enum status add_relu(struct building *b, const char *suffix, float most)
{
    const struct layer_options clip = {.low = 0, .high = most};
    return isfinite(most) ? add(b, LAYER_CLIP, suffix, &clip) : add(b, LAYER_RELU, suffix, NULL);
}

/* A softmax that ends the model is left out. */
static enum status add_softmax(struct building *b, const char *suffix)
{
    return b->last ? STATUS_OK : add(b, LAYER_SOFTMAX, suffix, NULL);
}

static enum status add_activation(struct building *b, const char *name, const char *suffix)
{
    const struct layer_options hard_sigmoid = {.slope = 0.2F, .offset = 0.5F};
    if (strcmp(name, "linear") == 0)
        return STATUS_OK;
    if (strcmp(name, "relu") == 0)
        return add_relu(b, suffix, INFINITY);
    if (strcmp(name, "relu6") == 0)
        return add_relu(b, suffix, 6);
    if (strcmp(name, "softmax") == 0)
        return add_softmax(b, suffix);
    if (strcmp(name, "sigmoid") == 0)
        return add(b, LAYER_SIGMOID, suffix, NULL);
    if (strcmp(name, "tanh") == 0)
        return add(b, LAYER_TANH, suffix, NULL);
    if (strcmp(name, "hard_sigmoid") == 0)
        return add(b, LAYER_HARD_SIGMOID, suffix, &hard_sigmoid);
    return keras_refuse(b->model, b->layer, STATUS_FORMAT,
                        "activation \"%.40s\" is not read; known are linear, relu, relu6, softmax, sigmoid, "
                        "tanh and hard_sigmoid",
                        name);
}

/* The activation that a layer with weights has built in. */
static enum status add_built_in(struct building *b)
{
    const json_t *member = keras_member(b->layer, "activation");
    if (member != NULL && !json_is_string(member))
        return refuse(b, "activation is not a name");
    return add_activation(b, member == NULL ? "linear" : json_string_value(member), "/activation");
}

static enum status build_activation(struct building *b)
{
    const char *name = keras_text(b->layer, "activation", "");
    return add_activation(b, name, "");
}

static enum status build_relu(struct building *b)
{
    float most, slope, threshold;
    enum status status = keras_number(b->model, b->layer, "max_value", INFINITY, &most);
    if (status == STATUS_OK)
        status = keras_number(b->model, b->layer, "negative_slope", 0, &slope);
    if (status == STATUS_OK)
        status = keras_number(b->model, b->layer, "threshold", 0, &threshold);
    if (status != STATUS_OK)
        return status;
    if (threshold != 0 || (slope != 0 && isfinite(most)))
        return refuse(b, "threshold, or negative_slope with max_value, is not read");
    const struct layer_options leaky = {.slope = slope};
    return slope != 0 ? add(b, LAYER_LEAKY_RELU, "", &leaky) : add_relu(b, "", most);
}

static enum status build_leaky_relu(struct building *b)
{
    struct layer_options options = {.slope = 0};
    const char *key = keras_member(b->layer, "negative_slope") != NULL ? "negative_slope" : "alpha";
    enum status status = keras_number(b->model, b->layer, key, 0.3F, &options.slope);
    return status == STATUS_OK ? add(b, LAYER_LEAKY_RELU, "", &options) : status;
}

static enum status build_softmax(struct building *b)
{
    const json_t *axis = keras_member(b->layer, "axis");
    if (axis != NULL && json_integer_value(axis) != -1)
        return refuse(b, "a softmax over another axis than the last");
    return add_softmax(b, "");
}

/* --- windows --- */

static enum status check_channels_last(const struct building *b)
{
    if (strcmp(keras_text(b->layer, "data_format", "channels_last"), "channels_last") == 0)
        return STATUS_OK;
    return refuse(b, "data_format is not channels_last; only that is read");
}

/* TensorFlow's "same": as many outputs as strides fit, the padding shared out, an odd pixel behind. */
static void pad_same(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t *before,
                     int32_t *after)
{
    int64_t out = ((int64_t)in + stride - 1) / stride;
    int64_t total = (out - 1) * stride + (int64_t)(kernel - 1) * dilation + 1 - in;
    *before = total > 0 ? (int32_t)(total / 2) : 0;
    *after = total > 0 ? (int32_t)(total - total / 2) : 0;
}

/* Padding of a convolution or pooling whose kernel, stride and dilation are set. */
static enum status set_padding(const struct building *b, struct layer_options *o)
{
    const char *padding = keras_text(b->layer, "padding", "valid");
    int32_t dilation_h = o->dilation_h > 0 ? o->dilation_h : 1,
            dilation_w = o->dilation_w > 0 ? o->dilation_w : 1;
    if (strcmp(padding, "valid") == 0)
        return STATUS_OK;
    if (strcmp(padding, "same") != 0)
        return keras_refuse(b->model, b->layer, STATUS_FORMAT,
                            "padding \"%.40s\" is not read; known are valid and same", padding);
    pad_same(b->shape.h, o->kernel_h, o->stride_h, dilation_h, &o->pad_top, &o->pad_bottom);
    pad_same(b->shape.w, o->kernel_w, o->stride_w, dilation_w, &o->pad_left, &o->pad_right);
    return STATUS_OK;
}

static enum status read_convolution(const struct building *b, struct layer_options *o)
{
    *o = (struct layer_options){.stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1};
    enum status status = check_channels_last(b);
    if (status == STATUS_OK)
        status = keras_pair(b->model, b->layer, "kernel_size", &o->kernel_h, &o->kernel_w);
    if (status == STATUS_OK && o->kernel_h == 0)
        status = refuse(b, "has no kernel_size");
    if (status == STATUS_OK)
        status = keras_pair(b->model, b->layer, "strides", &o->stride_h, &o->stride_w);
    if (status == STATUS_OK)
        status = keras_pair(b->model, b->layer, "dilation_rate", &o->dilation_h, &o->dilation_w);
    if (status == STATUS_OK)
        status = keras_flag(b->model, b->layer, "use_bias", true, &o->bias);
    return status == STATUS_OK ? set_padding(b, o) : status;
}

static enum status add_convolution(struct building *b, const struct layer_options *o, const char *role,
                                   const uint64_t kernel[4])
{
    const uint64_t bias = (uint64_t)o->out_c;
    enum status status = add(b, LAYER_CONVOLUTION, "", o);
    if (status != STATUS_OK)
        return status;
    expect_tensor(b, role, false, 0, 4, kernel);
    if (o->bias)
        expect_tensor(b, "bias", false, (size_t)(kernel[0] * kernel[1] * kernel[2] * kernel[3]), 1, &bias);
    return add_built_in(b);
}

static enum status build_convolution(struct building *b)
{
    struct layer_options o;
    enum status status = read_convolution(b, &o);
    if (status == STATUS_OK)
        status = keras_integer(b->model, b->layer, "filters", 1, 0, &o.out_c);
    if (status == STATUS_OK)
        status = keras_integer(b->model, b->layer, "groups", 1, 1, &o.groups);
    if (status == STATUS_OK && (o.out_c == 0 || b->shape.c % o.groups != 0))
        status = refuse(b, "filters is missing, or groups does not divide the channels of its input");
    if (status != STATUS_OK)
        return status;
    const uint64_t kernel[4] = {(uint64_t)o.kernel_h, (uint64_t)o.kernel_w, (uint64_t)(b->shape.c / o.groups),
                                (uint64_t)o.out_c};
    return add_convolution(b, &o, "kernel", kernel);
}

/* The kernel (R, S, C, M) is that of C groups, (R, S, 1, C·M), as it lies in memory. */
static enum status build_depthwise(struct building *b)
{
    struct layer_options o;
    int32_t multiplier;
    enum status status = read_convolution(b, &o);
    if (status == STATUS_OK)
        status = keras_integer(b->model, b->layer, "depth_multiplier", 1, 1, &multiplier);
    if (status == STATUS_OK && __builtin_mul_overflow(b->shape.c, multiplier, &o.out_c))
        status = refuse(b, "depth_multiplier is too large");
    if (status != STATUS_OK)
        return status;
    o.groups = b->shape.c;
    const uint64_t kernel[4] = {(uint64_t)o.kernel_h, (uint64_t)o.kernel_w, (uint64_t)b->shape.c,
                                (uint64_t)multiplier};
    return add_convolution(b, &o, "depthwise_kernel", kernel);
}

static enum status build_pooling(struct building *b, enum layer_kind kind)
{
    struct layer_options o = {.kernel_h = 2, .kernel_w = 2};
    enum status status = check_channels_last(b);
    if (status == STATUS_OK)
        status = keras_pair(b->model, b->layer, "pool_size", &o.kernel_h, &o.kernel_w);
    o.stride_h = o.kernel_h;
    o.stride_w = o.kernel_w;
    if (status == STATUS_OK)
        status = keras_pair(b->model, b->layer, "strides", &o.stride_h, &o.stride_w);
    if (status == STATUS_OK)
        status = set_padding(b, &o);
    return status == STATUS_OK ? add(b, kind, "", &o) : status;
}

static enum status build_maxpool(struct building *b)
{
    return build_pooling(b, LAYER_MAXPOOL);
}

static enum status build_avgpool(struct building *b)
{
    return build_pooling(b, LAYER_AVGPOOL);
}

static enum status build_global_avgpool(struct building *b)
{
    enum status status = check_channels_last(b);
    return status == STATUS_OK ? add(b, LAYER_GLOBAL_AVGPOOL, "", NULL) : status;
}

static enum status build_global_maxpool(struct building *b)
{
    const struct layer_options whole = {
        .kernel_h = b->shape.h, .kernel_w = b->shape.w, .stride_h = 1, .stride_w = 1};
    enum status status = check_channels_last(b);
    return status == STATUS_OK ? add(b, LAYER_MAXPOOL, "", &whole) : status;
}

/* "padding": n, [h, w] or [[top, bottom], [left, right]]. */
static bool read_sides(const json_t *member, int32_t sides[4])
{
    for (size_t i = 0; i < 4; i++) {
        const json_t *value = json_is_array(member) ? json_array_get(member, i / 2) : member;
        if (json_is_array(value))
            value = json_array_get(value, i % 2);
        json_int_t side = json_integer_value(value);
        if (!json_is_integer(value) || side < 0 || side > 32767)
            return false;
        sides[i] = (int32_t)side;
    }
    return true;
}

static enum status build_zero_padding(struct building *b)
{
    int32_t sides[4] = {1, 1, 1, 1};
    const json_t *member = keras_member(b->layer, "padding");
    enum status status = check_channels_last(b);
    if (status != STATUS_OK)
        return status;
    if (member != NULL && !read_sides(member, sides))
        return refuse(b, "padding is not one, two or two times two numbers from 0 on");
    const struct layer_options window = {.from_h = -sides[0],
                                         .from_w = -sides[2],
                                         .step_h = 1,
                                         .step_w = 1,
                                         .out_h = b->shape.h + sides[0] + sides[1],
                                         .out_w = b->shape.w + sides[2] + sides[3],
                                         .out_c = b->shape.c};
    return add(b, LAYER_WINDOW, "", &window);
}

/* --- the others --- */

/* On an image Keras applies the same weights at every pixel: a 1 × 1 convolution. */
static enum status build_dense(struct building *b)
{
    bool vector = b->shape.h == 1 && b->shape.w == 1;
    struct layer_options o = {.kernel_h = 1,
                              .kernel_w = 1,
                              .stride_h = 1,
                              .stride_w = 1,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .groups = 1};
    enum status status = keras_integer(b->model, b->layer, "units", 1, 0, &o.out_c);
    if (status == STATUS_OK)
        status = keras_flag(b->model, b->layer, "use_bias", true, &o.bias);
    if (status == STATUS_OK && o.out_c == 0)
        status = refuse(b, "has no units");
    if (status == STATUS_OK)
        status = add(b, vector ? LAYER_DENSE : LAYER_CONVOLUTION, "", &o);
    if (status != STATUS_OK)
        return status;
    const uint64_t kernel[2] = {(uint64_t)b->shape.c, (uint64_t)o.out_c};
    expect_tensor(b, "kernel", false, 0, 2, kernel);
    if (o.bias)
        expect_tensor(b, "bias", false, (size_t)(kernel[0] * kernel[1]), 1, &kernel[1]);
    return add_built_in(b);
}

/* Whether axis (a number, or a list of one) is the channels'. */
static bool is_channel_axis(const json_t *axis)
{
    if (json_is_array(axis) && json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    json_int_t value = json_integer_value(axis);
    return axis == NULL || (json_is_integer(axis) && (value == -1 || value == 3 || value == 1));
}

static enum status build_batchnorm(struct building *b)
{
    struct layer_options o = {.momentum = 0};
    const json_t *axis = keras_member(b->layer, "axis");
    bool scale, center;
    float momentum;
    bool vector = b->shape.h == 1 && b->shape.w == 1;
    enum status status = keras_number(b->model, b->layer, "epsilon", 1e-3F, &o.epsilon);
    if (status == STATUS_OK)
        status = keras_number(b->model, b->layer, "momentum", 0.99F, &momentum);
    if (status == STATUS_OK)
        status = keras_flag(b->model, b->layer, "scale", true, &scale);
    if (status == STATUS_OK)
        status = keras_flag(b->model, b->layer, "center", true, &center);
    if (status == STATUS_OK &&
        (!is_channel_axis(axis) ||
         (!vector && json_integer_value(json_is_array(axis) ? json_array_get(axis, 0) : axis) == 1)))
        status = refuse(b, "normalises another axis than the channels");
    if (status != STATUS_OK)
        return status;
    o.momentum = 1 - momentum; /* Keras weighs the old statistics, Facet the new */
    status = add(b, LAYER_BATCHNORM, "", &o);
    if (status != STATUS_OK)
        return status;
    const uint64_t channels = (uint64_t)b->shape.c;
    if (scale)
        expect_tensor(b, "gamma", false, 0, 1, &channels);
    if (center)
        expect_tensor(b, "beta", false, (size_t)channels, 1, &channels);
    expect_tensor(b, "moving_mean", true, 0, 1, &channels);
    expect_tensor(b, "moving_variance", true, (size_t)channels, 1, &channels);
    return STATUS_OK;
}

static enum status build_flatten(struct building *b)
{
    enum status status = check_channels_last(b);
    return status == STATUS_OK ? add(b, LAYER_FLATTEN, "", NULL) : status;
}

/* To one dimension, or to the shape that is there already. */
static enum status build_reshape(struct building *b)
{
    const json_t *target = keras_member(b->layer, "target_shape");
    const int32_t sides[3] = {b->shape.h, b->shape.w, b->shape.c};
    if (json_array_size(target) == 1)
        return add(b, LAYER_FLATTEN, "", NULL);
    for (size_t i = 0; i < 3; i++) {
        json_int_t side = json_integer_value(json_array_get(target, i));
        if (json_array_size(target) != 3 || (side != sides[i] && side != -1))
            return refuse(b, "reshapes to another image; only to a vector or the same shape is read");
    }
    return STATUS_OK;
}

static enum status build_add(struct building *b)
{
    return add_joining(b, LAYER_ADD);
}

static enum status build_concatenate(struct building *b)
{
    const json_t *axis = keras_member(b->layer, "axis");
    bool vector = b->shape.h == 1 && b->shape.w == 1;
    json_int_t value = json_integer_value(axis);
    if (axis != NULL && value != -1 && value != 3 && !(vector && value == 1))
        return refuse(b, "joins another axis than the channels");
    return add_joining(b, LAYER_CONCAT);
}

/* What does nothing when a network is used, or is the input itself. */
static enum status build_nothing(struct building *b)
{
    (void)b;
    return STATUS_OK;
}

static const struct {
    const char *class_name;
    bool joins; /* reads several */
    enum status (*build)(struct building *b);
} layer_classes[] = {{"InputLayer", false, build_nothing},
                     {"Dense", false, build_dense},
                     {"Conv2D", false, build_convolution},
                     {"Convolution2D", false, build_convolution},
                     {"DepthwiseConv2D", false, build_depthwise},
                     {"BatchNormalization", false, build_batchnorm},
                     {"BatchNormalizationV1", false, build_batchnorm},
                     {"Activation", false, build_activation},
                     {"ReLU", false, build_relu},
                     {"LeakyReLU", false, build_leaky_relu},
                     {"Softmax", false, build_softmax},
                     {"MaxPooling2D", false, build_maxpool},
                     {"AveragePooling2D", false, build_avgpool},
                     {"GlobalAveragePooling2D", false, build_global_avgpool},
                     {"GlobalMaxPooling2D", false, build_global_maxpool},
                     {"Flatten", false, build_flatten},
                     {"Reshape", false, build_reshape},
                     {"ZeroPadding2D", false, build_zero_padding},
                     {"Add", true, build_add},
                     {"Concatenate", true, build_concatenate},
                     {"Dropout", false, build_nothing},
                     {"SpatialDropout2D", false, build_nothing},
                     {"GaussianNoise", false, build_nothing},
                     {"GaussianDropout", false, build_nothing},
                     {"ActivityRegularization", false, build_nothing}};
enum { LAYER_CLASSES = sizeof layer_classes / sizeof *layer_classes };

enum status keras_layer_build(struct keras_builder *builder, int32_t index)
{
    const struct keras_model *model = builder->model;
    const struct keras_layer *layer = &model->layers[index];
    struct building b = {.builder = builder, .model = model, .layer = layer, .last = index == model->output};
    int kind = 0;
    while (kind < LAYER_CLASSES && strcmp(layer_classes[kind].class_name, layer->class_name) != 0)
        kind++;
    if (kind == LAYER_CLASSES)
        return refuse(&b, "layers of this class are not read");
    b.input_count = layer->input_count;
    for (int32_t i = 0; i < layer->input_count; i++)
        b.inputs[i] = builder->values[layer->inputs[i]];
    if (layer->input_count > 1 && !layer_classes[kind].joins)
        return refuse(&b, "reads several layers; expected one");
    b.value = layer->input_count > 0 ? b.inputs[0] : 0; /* 0: the network's input */
    b.shape = builder->network->layers[b.value].shape;
    enum status status = layer_classes[kind].build(&b);
    builder->values[index] = b.value;
    return status;
}
