#include "compute/network/channel_padding.h"

#include <string.h>

#include "compute/base/memory.h"

/* Whether a window over channels reads beyond them behind its last output (and not absurdly far). */
static bool window_ends_behind(int32_t from_c, int32_t out_c, int32_t in_c)
{
    const int32_t far = 1 << 24;
    return from_c > -far && from_c < far && out_c < far && from_c + out_c >= in_c;
}

/* What channels are rounded up to. */
struct rounding {
    int32_t multiple;
    double most; /* times as many */
};

static int32_t rounded_up(struct rounding rounding, int32_t c)
{
    int64_t rounded = ((int64_t)c + rounding.multiple - 1) / rounding.multiple * rounding.multiple;
    return rounded <= INT32_MAX && (double)rounded <= rounding.most * (double)c ? (int32_t)rounded : c;
}

/* Channels of layer i when those of the layers before are padded; −1 where it cannot be. */
static int32_t padded_channels(const struct network *network, int32_t i, struct rounding rounding,
                               const int32_t *channels)
{
    const struct layer *layer = &network->layers[i];
    const struct layer_options *o = &layer->options;
    int32_t in = layer->inputs[0], c = layer->shape.c;
    int32_t rounded = i == network->layer_count - 1 ? c : rounded_up(rounding, c);
    switch (layer->kind) {
    case LAYER_CONVOLUTION:
        return o->groups == 1 ? rounded : -1;
    case LAYER_WINDOW: /* what it cuts off must not come back among the zeros */
        return window_ends_behind(o->from_c, o->out_c, network->layers[in].shape.c) ? rounded : -1;
    case LAYER_DENSE:
        return network->layers[in].shape.h == 1 && network->layers[in].shape.w == 1 ? c : -1;
    case LAYER_ADD:
        return channels[in] == channels[layer->inputs[1]] ? channels[in] : -1;
    case LAYER_CLIP:
        return o->low <= 0 && o->high >= 0 ? channels[in] : -1;
    case LAYER_BATCHNORM:
    case LAYER_RELU:
    case LAYER_LEAKY_RELU:
    case LAYER_HARD_SWISH:
    case LAYER_MAXPOOL:
    case LAYER_AVGPOOL:
    case LAYER_GLOBAL_AVGPOOL:
        return channels[in];
    default:
        return channels[in] == network->layers[in].shape.c && layer->input_count == 1 ? c : -1;
    }
}

static bool plan_channels(const struct network *network, struct rounding rounding, int32_t *channels)
{
    bool changed = false;
    channels[0] = network->layers[0].shape.c;
    for (int32_t i = 1; i < network->layer_count; i++) {
        channels[i] = padded_channels(network, i, rounding, channels);
        if (channels[i] < 0)
            return false;
        changed = changed || channels[i] != network->layers[i].shape.c;
    }
    return changed && channels[network->layer_count - 1] == network->class_count;
}

static enum status add_layers(const struct network *network, const int32_t *channels, struct network *padded)
{
    enum status status = STATUS_OK;
    for (int32_t i = 1; i < network->layer_count && status == STATUS_OK; i++) {
        const struct layer *layer = &network->layers[i];
        struct layer_options options = layer->options;
        int32_t index;
        if (layer->kind == LAYER_CONVOLUTION || layer->kind == LAYER_WINDOW)
            options.out_c = channels[i];
        status = network_add_layer(padded, layer->kind, layer->name, &options, layer->inputs,
                                   layer->input_count, &index);
    }
    return status == STATUS_OK ? network_finish(padded) : status;
}

/* `rows` rows of `from_width` numbers into rows of `to_width`. */
static void copy_wider(const float *from, size_t rows, size_t from_width, float *to, size_t to_width)
{
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * to_width, from + r * from_width, from_width * sizeof *to);
}

/* Weights (taps, C, K) and bias (K); those of padded channels stay 0. */
static void copy_weights(const struct network *network, int32_t i, struct network *padded)
{
    const struct layer *from = &network->layers[i], *to = &padded->layers[i];
    size_t k = (size_t)from->shape.c, wide_k = (size_t)to->shape.c;
    size_t c = (size_t)network->layers[from->inputs[0]].shape.c;
    size_t wide_c = (size_t)padded->layers[to->inputs[0]].shape.c;
    size_t taps = from->weight_count / (c * k);
    const float *w = network->parameters + from->parameter_offset;
    float *wide = padded->parameters + to->parameter_offset;
    for (size_t t = 0; t < taps; t++)
        copy_wider(w + t * c * k, c, k, wide + t * wide_c * wide_k, wide_k);
    if (from->options.bias)
        memcpy(wide + to->weight_count, w + from->weight_count, k * sizeof *wide);
}

/* Everything else has two numbers a channel, or none: gamma and beta, mean and variance. Those of padded
 * channels leave a zero zero. */
static void copy_pairs(const struct network *network, int32_t i, struct network *padded)
{
    const struct layer *from = &network->layers[i], *to = &padded->layers[i];
    copy_wider(network->parameters + from->parameter_offset, 2, from->parameter_count / 2,
               padded->parameters + to->parameter_offset, to->parameter_count / 2);
    copy_wider(network->statistics + from->statistic_offset, 2, from->statistic_count / 2,
               padded->statistics + to->statistic_offset, to->statistic_count / 2);
}

static enum status make(const struct network *network, const int32_t *channels, struct network **padded)
{
    enum status status = network_create(network->architecture, network_input_shape(network), padded);
    if (status == STATUS_OK)
        status = add_layers(network, channels, *padded);
    for (int32_t i = 1; i < network->layer_count && status == STATUS_OK; i++) {
        enum layer_kind kind = network->layers[i].kind;
        if (kind == LAYER_CONVOLUTION || kind == LAYER_DENSE)
            copy_weights(network, i, *padded);
        else
            copy_pairs(network, i, *padded);
    }
    if (status == STATUS_OK) {
        (*padded)->scaling = network->scaling;
        status =
            network_set_class_names(*padded, (const class_name *)network->class_names, network->class_count);
    }
    return status;
}

enum status network_pad_channels(const struct network *network, int32_t multiple, double most,
                                 struct network **padded)
{
    int32_t *channels = NULL;
    *padded = NULL;
    enum status status =
        memory_allocate(&channels, (size_t)network->layer_count, sizeof *channels, "padded channels");
    if (status == STATUS_OK && plan_channels(network, (struct rounding){multiple, most}, channels))
        status = make(network, channels, padded);
    if (status != STATUS_OK)
        network_destroy(padded);
    memory_free(&channels);
    return status;
}
