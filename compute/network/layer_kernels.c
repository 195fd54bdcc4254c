#include "compute/network/layer_kernels.h"

struct convolution layer_convolution(const struct network *network, int32_t index)
{
    const struct layer *layer = &network->layers[index];
    struct shape in = network->layers[layer->inputs[0]].shape;
    const struct layer_options *o = &layer->options;
    return (struct convolution){.in_h = in.h,
                                .in_w = in.w,
                                .in_c = in.c,
                                .out_h = layer->shape.h,
                                .out_w = layer->shape.w,
                                .out_c = layer->shape.c,
                                .kernel_h = o->kernel_h,
                                .kernel_w = o->kernel_w,
                                .stride_h = o->stride_h,
                                .stride_w = o->stride_w,
                                .pad_top = o->pad_top,
                                .pad_left = o->pad_left,
                                .pad_bottom = o->pad_bottom,
                                .pad_right = o->pad_right,
                                .dilation_h = o->dilation_h,
                                .dilation_w = o->dilation_w,
                                .groups = o->groups};
}

struct pooling layer_pooling(const struct network *network, int32_t index)
{
    const struct layer *layer = &network->layers[index];
    struct shape in = network->layers[layer->inputs[0]].shape;
    const struct layer_options *o = &layer->options;
    return (struct pooling){.in_h = in.h,
                            .in_w = in.w,
                            .c = in.c,
                            .out_h = layer->shape.h,
                            .out_w = layer->shape.w,
                            .kernel_h = o->kernel_h,
                            .kernel_w = o->kernel_w,
                            .stride_h = o->stride_h,
                            .stride_w = o->stride_w,
                            .pad_top = o->pad_top,
                            .pad_left = o->pad_left,
                            .count_padding = o->count_padding,
                            .pad_bottom = o->pad_bottom,
                            .pad_right = o->pad_right};
}

struct window layer_window(const struct network *network, int32_t index)
{
    const struct layer *layer = &network->layers[index];
    struct shape in = network->layers[layer->inputs[0]].shape;
    const struct layer_options *o = &layer->options;
    return (struct window){.in_h = in.h,
                           .in_w = in.w,
                           .in_c = in.c,
                           .out_h = layer->shape.h,
                           .out_w = layer->shape.w,
                           .out_c = layer->shape.c,
                           .from_h = o->from_h,
                           .from_w = o->from_w,
                           .from_c = o->from_c,
                           .step_h = o->step_h,
                           .step_w = o->step_w};
}

struct activation layer_activation(const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    switch (layer->kind) {
    case LAYER_CLIP:
        return (struct activation){ACTIVATION_CLIP, o->low, o->high};
    case LAYER_LEAKY_RELU:
        return (struct activation){ACTIVATION_LEAKY_RELU, o->slope, 0};
    case LAYER_TANH:
        return (struct activation){ACTIVATION_TANH, 0, 0};
    case LAYER_HARD_SIGMOID:
        return (struct activation){ACTIVATION_HARD_SIGMOID, o->slope, o->offset};
    case LAYER_HARD_SWISH:
        return (struct activation){ACTIVATION_HARD_SWISH, 0, 0};
    default:
        return (struct activation){ACTIVATION_SIGMOID, 0, 0};
    }
}

struct response_normalisation layer_lrn(const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    return (struct response_normalisation){o->size, o->alpha, o->beta, o->constant};
}
