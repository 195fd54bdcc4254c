#include "compute/network/zoo_builder.h"

#include <stdio.h>

/* NAME.PART, or NAME when there is no part. A name that is too long is cut, and refused later as a repetition
 * if it is one. */
struct name {
    char text[LAYER_NAME_BYTES];
};

static struct name name_of(const char *name, const char *part)
{
    struct name made;
    snprintf(made.text, sizeof made.text, "%s.%s", name, part);
    return made;
}

static int32_t add(struct zoo_builder *builder, enum layer_kind kind, const char *name,
                   const struct layer_options *options, const int32_t *inputs, int32_t input_count)
{
    int32_t index = 0; /* a valid layer: whoever goes on after a failure may ask for its shape */
    if (builder->status == STATUS_OK)
        builder->status =
            network_add_layer(builder->network, kind, name, options, inputs, input_count, &index);
    return index;
}

struct shape zoo_shape(const struct zoo_builder *builder, int32_t layer)
{
    return builder->network->layers[layer].shape;
}

/* A square kernel, as much padding on every side. */
static struct layer_options square_window(int32_t kernel, int32_t stride, int32_t padding)
{
    return (struct layer_options){.kernel_h = kernel,
                                  .kernel_w = kernel,
                                  .stride_h = stride,
                                  .stride_w = stride,
                                  .pad_top = padding,
                                  .pad_left = padding,
                                  .pad_bottom = padding,
                                  .pad_right = padding};
}

int32_t zoo_convolution(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                        int32_t stride, int32_t out_c, bool bias)
{
    struct layer_options options = square_window(kernel, stride, kernel / 2);
    options.out_c = out_c;
    options.dilation_h = options.dilation_w = 1;
    options.groups = 1;
    options.bias = bias;
    return add(builder, LAYER_CONVOLUTION, name, &options, &input, 1);
}

int32_t zoo_convolution_relu(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                             int32_t out_c)
{
    int32_t at = zoo_convolution(builder, name_of(name, "conv").text, input, kernel, 1, out_c, true);
    return zoo_relu(builder, name_of(name, "relu").text, at);
}

int32_t zoo_convolution_norm(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                             int32_t stride, int32_t out_c, bool relu)
{
    const struct layer_options options = {.epsilon = 1e-5F, .momentum = 0.1F};
    int32_t at = zoo_convolution(builder, name_of(name, "conv").text, input, kernel, stride, out_c, false);
    at = add(builder, LAYER_BATCHNORM, name_of(name, "bn").text, &options, &at, 1);
    return relu ? zoo_relu(builder, name_of(name, "relu").text, at) : at;
}

int32_t zoo_relu(struct zoo_builder *builder, const char *name, int32_t input)
{
    return add(builder, LAYER_RELU, name, NULL, &input, 1);
}

int32_t zoo_maxpool(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                    int32_t stride, int32_t padding)
{
    struct layer_options options = square_window(kernel, stride, padding);
    return add(builder, LAYER_MAXPOOL, name, &options, &input, 1);
}

int32_t zoo_global_avgpool(struct zoo_builder *builder, const char *name, int32_t input)
{
    return add(builder, LAYER_GLOBAL_AVGPOOL, name, NULL, &input, 1);
}

int32_t zoo_flatten(struct zoo_builder *builder, const char *name, int32_t input)
{
    return add(builder, LAYER_FLATTEN, name, NULL, &input, 1);
}

int32_t zoo_add(struct zoo_builder *builder, const char *name, int32_t a, int32_t b)
{
    const int32_t inputs[2] = {a, b};
    return add(builder, LAYER_ADD, name, NULL, inputs, 2);
}

int32_t zoo_window(struct zoo_builder *builder, const char *name, int32_t input,
                   const struct layer_options *options)
{
    return add(builder, LAYER_WINDOW, name, options, &input, 1);
}

int32_t zoo_dense(struct zoo_builder *builder, const char *name, int32_t input, int32_t out_c)
{
    const struct layer_options options = {.out_c = out_c, .bias = true};
    return add(builder, LAYER_DENSE, name, &options, &input, 1);
}

int32_t zoo_dense_relu(struct zoo_builder *builder, const char *name, int32_t input, int32_t out_c)
{
    int32_t at = zoo_dense(builder, name_of(name, "dense").text, input, out_c);
    return zoo_relu(builder, name_of(name, "relu").text, at);
}
