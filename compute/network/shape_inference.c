#include "compute/network/shape_inference.h"

#include <inttypes.h>
#include <math.h>

enum { ELEMENTS_LIMIT_LOG2 = 31 };

static const int64_t elements_limit = INT64_C(1) << ELEMENTS_LIMIT_LOG2;

/* a·b, or elements_limit when that is as much or more; a, b ≥ 0 and at most elements_limit. */
static int64_t count_product(int64_t a, int64_t b)
{
    int64_t product = a * b; /* below 2^63: at most 2^31 · 2^31 */
    return product < elements_limit ? product : elements_limit;
}

static bool has_too_many_elements(int64_t h, int64_t w, int64_t c)
{
    return h >= elements_limit || w >= elements_limit || c >= elements_limit ||
           count_product(count_product(h, w), c) >= elements_limit;
}

enum status shape_check(const char *name, int64_t h, int64_t w, int64_t c, struct shape *shape)
{
    if (h < 1 || w < 1 || c < 1)
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": its output would be %" PRId64 "x%" PRId64 "x%" PRId64
                         " (H x W x C); every dimension must be 1 or more",
                         name, h, w, c);
    if (has_too_many_elements(h, w, c))
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": its output would be %" PRId64 "x%" PRId64 "x%" PRId64
                         " (H x W x C); an image may have fewer than 2^31 elements",
                         name, h, w, c);
    *shape = (struct shape){(int32_t)h, (int32_t)w, (int32_t)c};
    return STATUS_OK;
}

static const struct layer *input_of(const struct network *network, const struct layer *layer, int32_t which)
{
    return &network->layers[layer->inputs[which]];
}

static enum status require_at_least(const struct layer *layer, const char *option, int64_t value,
                                    int64_t least)
{
    if (value >= least)
        return STATUS_OK;
    return error_set(STATUS_USAGE,
                     "layer \"%s\": %s of this %s is %" PRId64 "; it must be %" PRId64 " or more",
                     layer->name, option, layer_kind_name(layer->kind), value, least);
}

/* Kernel, stride and padding: what convolution and pooling have in common. */
static enum status check_window_options(const struct layer *layer)
{
    const struct layer_options *o = &layer->options;
    const struct {
        const char *name;
        int32_t value, least;
    } options[] = {
        {"kernel height", o->kernel_h, 1},           {"kernel width", o->kernel_w, 1},
        {"stride height", o->stride_h, 1},           {"stride width", o->stride_w, 1},
        {"padding at the top", o->pad_top, 0},       {"padding at the left", o->pad_left, 0},
        {"padding at the bottom", o->pad_bottom, 0}, {"padding at the right", o->pad_right, 0},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        enum status status = require_at_least(layer, options[i].name, options[i].value, options[i].least);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Pixels a kernel reaches over: dilation·(R−1) + 1. */
static int64_t reach(int32_t kernel, int32_t dilation)
{
    return (int64_t)dilation * (kernel - 1) + 1;
}

/* Kernels count their way through a padded image in 32 bits. */
static enum status check_kernel_fits(const struct layer *layer, const struct layer *input, int64_t reach_h,
                                     int64_t reach_w)
{
    const struct layer_options *o = &layer->options;
    int64_t padded_h = (int64_t)input->shape.h + o->pad_top + o->pad_bottom;
    int64_t padded_w = (int64_t)input->shape.w + o->pad_left + o->pad_right;
    if (has_too_many_elements(padded_h, padded_w, input->shape.c))
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": its input \"%s\" (%dx%dx%d) would be padded to %" PRId64 "x%" PRId64
                         "; a padded image may have fewer than 2^31 elements",
                         layer->name, input->name, input->shape.h, input->shape.w, input->shape.c, padded_h,
                         padded_w);
    if (reach_h <= padded_h && reach_w <= padded_w)
        return STATUS_OK;
    return error_set(STATUS_SHAPE,
                     "layer \"%s\": its kernel reaches over %" PRId64 "x%" PRId64
                     " pixels, but its input \"%s\" is %dx%dx%d, padded to %" PRId64 "x%" PRId64
                     "; a kernel of at most that size fits, or more padding, or larger images",
                     layer->name, reach_h, reach_w, input->name, input->shape.h, input->shape.w,
                     input->shape.c, padded_h, padded_w);
}

static enum status infer_convolution(const struct network *network, struct layer *layer)
{
    const struct layer *input = input_of(network, layer, 0);
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.out_c = o->out_c,
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
                                .groups = o->groups,
                                .bias = o->bias};
    enum status status = check_window_options(layer);
    if (status == STATUS_OK)
        status = require_at_least(layer, "number of output channels", o->out_c, 1);
    if (status == STATUS_OK)
        status = require_at_least(layer, "dilation height", o->dilation_h, 1);
    if (status == STATUS_OK)
        status = require_at_least(layer, "dilation width", o->dilation_w, 1);
    if (status == STATUS_OK)
        status = require_at_least(layer, "number of groups", o->groups, 1);
    if (status != STATUS_OK)
        return status;
    int32_t in_c = input->shape.c;
    if (in_c % o->groups != 0 || o->out_c % o->groups != 0)
        return error_set(
            STATUS_SHAPE,
            "layer \"%s\": %d groups do not divide the %d channels of its input \"%s\" (%dx%dx%d) "
            "and its %d output channels; the number of groups must divide both",
            layer->name, o->groups, in_c, input->name, input->shape.h, input->shape.w, in_c, o->out_c);
    int64_t reach_h = reach(o->kernel_h, o->dilation_h), reach_w = reach(o->kernel_w, o->dilation_w);
    status = check_kernel_fits(layer, input, reach_h, reach_w);
    if (status != STATUS_OK)
        return status;
    int64_t out_h = ((int64_t)input->shape.h + o->pad_top + o->pad_bottom - reach_h) / o->stride_h + 1;
    int64_t out_w = ((int64_t)input->shape.w + o->pad_left + o->pad_right - reach_w) / o->stride_w + 1;
    status = shape_check(layer->name, out_h, out_w, o->out_c, &layer->shape);
    if (status != STATUS_OK)
        return status;
    int64_t kernel = count_product(o->kernel_h, o->kernel_w);
    int64_t weights = count_product(count_product(kernel, in_c / o->groups), o->out_c);
    layer->weight_count = (size_t)weights;
    layer->parameter_count = (size_t)weights + (o->bias ? (size_t)o->out_c : 0);
    return STATUS_OK;
}

static enum status infer_dense(const struct network *network, struct layer *layer)
{
    const struct layer *input = input_of(network, layer, 0);
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.out_c = o->out_c, .bias = o->bias};
    enum status status = require_at_least(layer, "number of output channels", o->out_c, 1);
    if (status != STATUS_OK)
        return status;
    if (input->shape.h != 1 || input->shape.w != 1)
        return error_set(
            STATUS_SHAPE,
            "layer \"%s\": a dense layer reads a vector (1x1xC), but its input \"%s\" is %dx%dx%d; "
            "put a flatten layer (giving 1x1x%zu) or a global_avgpool between",
            layer->name, input->name, input->shape.h, input->shape.w, input->shape.c,
            shape_count(input->shape));
    status = shape_check(layer->name, 1, 1, o->out_c, &layer->shape);
    layer->weight_count = (size_t)count_product(input->shape.c, o->out_c);
    layer->parameter_count = layer->weight_count + (o->bias ? (size_t)o->out_c : 0);
    return status;
}

static enum status infer_batchnorm(const struct network *network, struct layer *layer)
{
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.epsilon = o->epsilon, .momentum = o->momentum};
    if (!isfinite(o->epsilon) || o->epsilon <= 0)
        return error_set(STATUS_USAGE, "layer \"%s\": epsilon is %g; it must be a number above 0, e.g. 1e-5",
                         layer->name, (double)o->epsilon);
    if (!(o->momentum >= 0 && o->momentum <= 1))
        return error_set(STATUS_USAGE, "layer \"%s\": momentum is %g; it must lie in 0 to 1, e.g. 0.1",
                         layer->name, (double)o->momentum);
    layer->shape = input_of(network, layer, 0)->shape;
    layer->parameter_count = layer->statistic_count = 2 * (size_t)layer->shape.c;
    return STATUS_OK;
}

static enum status infer_same_shape(const struct network *network, struct layer *layer)
{
    layer->options = (struct layer_options){0};
    layer->shape = input_of(network, layer, 0)->shape;
    return STATUS_OK;
}

/* Windows along one side. In ceil mode the last may reach past the padding, but must start inside the image
 * or the padding before it (the rule of ONNX and PyTorch). */
static int64_t pooled_size(int32_t in, int32_t pad_before, int32_t pad_after, int32_t kernel, int32_t stride,
                           bool ceil_mode)
{
    int64_t room = (int64_t)in + pad_before + pad_after - kernel;
    int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (out - 1) * stride >= (int64_t)in + pad_before)
        out--;
    return out;
}

static enum status infer_pooling(const struct network *network, struct layer *layer)
{
    enum { WINNER_LIMIT = 65535 }; /* maxpool_forward notes the winning pixel in 16 bits */
    const struct layer *input = input_of(network, layer, 0);
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.kernel_h = o->kernel_h,
                                .kernel_w = o->kernel_w,
                                .stride_h = o->stride_h,
                                .stride_w = o->stride_w,
                                .pad_top = o->pad_top,
                                .pad_left = o->pad_left,
                                .pad_bottom = o->pad_bottom,
                                .pad_right = o->pad_right,
                                .ceil_mode = o->ceil_mode,
                                .count_padding = layer->kind == LAYER_AVGPOOL && o->count_padding};
    enum status status = check_window_options(layer);
    if (status != STATUS_OK)
        return status;
    if (o->pad_top >= o->kernel_h || o->pad_bottom >= o->kernel_h || o->pad_left >= o->kernel_w ||
        o->pad_right >= o->kernel_w)
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": padding of %d, %d, %d, %d (top, left, bottom, right) round a %dx%d "
                         "window gives windows without a pixel; each must be smaller than the window",
                         layer->name, o->pad_top, o->pad_left, o->pad_bottom, o->pad_right, o->kernel_h,
                         o->kernel_w);
    if (count_product(o->kernel_h, o->kernel_w) > WINNER_LIMIT)
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": a pooling window of %dx%d; at most %d pixels are possible",
                         layer->name, o->kernel_h, o->kernel_w, WINNER_LIMIT);
    status = check_kernel_fits(layer, input, o->kernel_h, o->kernel_w);
    if (status != STATUS_OK)
        return status;
    int64_t out_h =
        pooled_size(input->shape.h, o->pad_top, o->pad_bottom, o->kernel_h, o->stride_h, o->ceil_mode);
    int64_t out_w =
        pooled_size(input->shape.w, o->pad_left, o->pad_right, o->kernel_w, o->stride_w, o->ceil_mode);
    return shape_check(layer->name, out_h, out_w, input->shape.c, &layer->shape);
}

static enum status infer_global_avgpool(const struct network *network, struct layer *layer)
{
    layer->options = (struct layer_options){0};
    layer->shape = (struct shape){1, 1, input_of(network, layer, 0)->shape.c};
    return STATUS_OK;
}

static enum status infer_add(const struct network *network, struct layer *layer)
{
    const struct layer *a = input_of(network, layer, 0), *b = input_of(network, layer, 1);
    layer->options = (struct layer_options){0};
    if (!shape_equals(a->shape, b->shape))
        return error_set(
            STATUS_SHAPE,
            "layer \"%s\": cannot add \"%s\" (%dx%dx%d) and \"%s\" (%dx%dx%d); both must have the "
            "same shape",
            layer->name, a->name, a->shape.h, a->shape.w, a->shape.c, b->name, b->shape.h, b->shape.w,
            b->shape.c);
    layer->shape = a->shape;
    return STATUS_OK;
}

/* A factor a channel, or one a number. */
static enum status infer_multiply(const struct network *network, struct layer *layer)
{
    const struct layer *a = input_of(network, layer, 0), *b = input_of(network, layer, 1);
    bool alike = a->shape.h == b->shape.h && a->shape.w == b->shape.w;
    layer->options = (struct layer_options){0};
    if (a->shape.c != b->shape.c || !(alike || (b->shape.h == 1 && b->shape.w == 1)))
        return error_set(
            STATUS_SHAPE,
            "layer \"%s\": cannot multiply \"%s\" (%dx%dx%d) by \"%s\" (%dx%dx%d); the second must "
            "have the first's shape, or be 1x1 with as many channels",
            layer->name, a->name, a->shape.h, a->shape.w, a->shape.c, b->name, b->shape.h, b->shape.w,
            b->shape.c);
    layer->shape = a->shape;
    return STATUS_OK;
}

static enum status infer_concat(const struct network *network, struct layer *layer)
{
    const struct layer *first = input_of(network, layer, 0);
    int64_t c = 0;
    layer->options = (struct layer_options){0};
    for (int32_t i = 0; i < layer->input_count; i++) {
        const struct layer *input = input_of(network, layer, i);
        if (input->shape.h != first->shape.h || input->shape.w != first->shape.w)
            return error_set(
                STATUS_SHAPE,
                "layer \"%s\": cannot join the channels of \"%s\" (%dx%dx%d) and \"%s\" (%dx%dx%d); "
                "height and width must be the same",
                layer->name, first->name, first->shape.h, first->shape.w, first->shape.c, input->name,
                input->shape.h, input->shape.w, input->shape.c);
        c += input->shape.c;
    }
    return shape_check(layer->name, first->shape.h, first->shape.w, c, &layer->shape);
}

static enum status infer_flatten(const struct network *network, struct layer *layer)
{
    layer->options = (struct layer_options){0};
    layer->shape = (struct shape){1, 1, (int32_t)shape_count(input_of(network, layer, 0)->shape)};
    return STATUS_OK;
}

/* Whether positions from, from + step, … (out of them) touch 0 … in−1 and stay within 32 bits. */
static bool window_touches(int32_t from, int32_t step, int32_t out, int32_t in)
{
    int64_t last = (int64_t)(out - 1) * step + from;
    if (last > INT32_MAX || from >= in || last < 0)
        return false;
    int64_t skipped = from < 0 ? (-(int64_t)from + step - 1) / step : 0; /* positions before the image */
    return skipped * step + from < in;
}

static enum status infer_window(const struct network *network, struct layer *layer)
{
    const struct layer *input = input_of(network, layer, 0);
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.out_c = o->out_c,
                                .from_h = o->from_h,
                                .from_w = o->from_w,
                                .from_c = o->from_c,
                                .step_h = o->step_h,
                                .step_w = o->step_w,
                                .out_h = o->out_h,
                                .out_w = o->out_w};
    enum status status = require_at_least(layer, "step in height", o->step_h, 1);
    if (status == STATUS_OK)
        status = require_at_least(layer, "step in width", o->step_w, 1);
    if (status == STATUS_OK)
        status = shape_check(layer->name, o->out_h, o->out_w, o->out_c, &layer->shape);
    if (status != STATUS_OK)
        return status;
    if (!window_touches(o->from_h, o->step_h, o->out_h, input->shape.h) ||
        !window_touches(o->from_w, o->step_w, o->out_w, input->shape.w) ||
        !window_touches(o->from_c, 1, o->out_c, input->shape.c))
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": a window of %dx%dx%d from (%d, %d, %d) in steps of (%d, %d) touches "
                         "nothing of its input \"%s\" (%dx%dx%d); it must overlap it",
                         layer->name, o->out_h, o->out_w, o->out_c, o->from_h, o->from_w, o->from_c,
                         o->step_h, o->step_w, input->name, input->shape.h, input->shape.w, input->shape.c);
    return STATUS_OK;
}

static enum status require_finite(const struct layer *layer, const char *option, float value)
{
    if (isfinite(value))
        return STATUS_OK;
    return error_set(STATUS_USAGE, "layer \"%s\": %s of this %s is %g; it must be a finite number",
                     layer->name, option, layer_kind_name(layer->kind), (double)value);
}

static enum status infer_clip(const struct network *network, struct layer *layer)
{
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.low = o->low, .high = o->high};
    if (!isfinite(o->low) || !isfinite(o->high) || o->low > o->high)
        return error_set(
            STATUS_USAGE,
            "layer \"%s\": it clips to %g … %g; both must be finite, the first not above the second",
            layer->name, (double)o->low, (double)o->high);
    layer->shape = input_of(network, layer, 0)->shape;
    return STATUS_OK;
}

static enum status infer_leaky_relu(const struct network *network, struct layer *layer)
{
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.slope = o->slope};
    if (!(o->slope >= 0 && o->slope <= 1))
        return error_set(STATUS_USAGE, "layer \"%s\": its slope is %g; it must lie in 0 to 1, e.g. 0.01",
                         layer->name, (double)o->slope);
    layer->shape = input_of(network, layer, 0)->shape;
    return STATUS_OK;
}

static enum status infer_hard_sigmoid(const struct network *network, struct layer *layer)
{
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.slope = o->slope, .offset = o->offset};
    enum status status = require_finite(layer, "slope", o->slope);
    if (status == STATUS_OK)
        status = require_finite(layer, "offset", o->offset);
    layer->shape = input_of(network, layer, 0)->shape;
    return status;
}

static enum status infer_scale(const struct network *network, struct layer *layer)
{
    layer->options = (struct layer_options){0};
    layer->shape = input_of(network, layer, 0)->shape;
    layer->parameter_count = 2 * (size_t)layer->shape.c;
    return STATUS_OK;
}

static enum status infer_unit_scale(const struct network *network, struct layer *layer)
{
    layer->options = (struct layer_options){0};
    layer->shape = input_of(network, layer, 0)->shape;
    layer->parameter_count = 2 * shape_count(layer->shape);
    return STATUS_OK;
}

static enum status infer_lrn(const struct network *network, struct layer *layer)
{
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.size = o->size, .alpha = o->alpha, .beta = o->beta, .constant = o->constant};
    enum status status = require_at_least(layer, "number of channels summed over", o->size, 1);
    if (status == STATUS_OK)
        status = require_finite(layer, "beta", o->beta);
    if (status != STATUS_OK)
        return status;
    if (!isfinite(o->alpha) || o->alpha < 0 || !isfinite(o->constant) || o->constant <= 0)
        return error_set(STATUS_USAGE,
                         "layer \"%s\": alpha is %g and the constant %g; expected finite numbers, alpha 0 or "
                         "more, the constant above 0",
                         layer->name, (double)o->alpha, (double)o->constant);
    layer->shape = input_of(network, layer, 0)->shape;
    return STATUS_OK;
}

static enum status infer_shuffle(const struct network *network, struct layer *layer)
{
    const struct layer *input = input_of(network, layer, 0);
    struct layer_options *o = &layer->options;
    *o = (struct layer_options){.groups = o->groups};
    enum status status = require_at_least(layer, "number of groups", o->groups, 1);
    if (status != STATUS_OK)
        return status;
    if (input->shape.c % o->groups != 0)
        return error_set(STATUS_SHAPE,
                         "layer \"%s\": %d groups do not divide the %d channels of its input \"%s\"",
                         layer->name, o->groups, input->shape.c, input->name);
    layer->shape = input->shape;
    return STATUS_OK;
}

/* One row a kind. `infer` may rely on the number of inputs; it clears the options it does not use and sets
 * shape and counts (which are 0 before). */
struct inference {
    int32_t inputs_least, inputs_most;
    enum status (*infer)(const struct network *network, struct layer *layer);
};

static const struct inference inferences[LAYER_KIND_COUNT] = {
    [LAYER_CONVOLUTION] = {1, 1, infer_convolution},
    [LAYER_BATCHNORM] = {1, 1, infer_batchnorm},
    [LAYER_RELU] = {1, 1, infer_same_shape},
    [LAYER_MAXPOOL] = {1, 1, infer_pooling},
    [LAYER_AVGPOOL] = {1, 1, infer_pooling},
    [LAYER_GLOBAL_AVGPOOL] = {1, 1, infer_global_avgpool},
    [LAYER_DENSE] = {1, 1, infer_dense},
    [LAYER_ADD] = {2, 2, infer_add},
    [LAYER_CONCAT] = {2, NETWORK_LAYERS_MAX, infer_concat},
    [LAYER_FLATTEN] = {1, 1, infer_flatten},
    [LAYER_WINDOW] = {1, 1, infer_window},
    [LAYER_CLIP] = {1, 1, infer_clip},
    [LAYER_LEAKY_RELU] = {1, 1, infer_leaky_relu},
    [LAYER_SIGMOID] = {1, 1, infer_same_shape},
    [LAYER_TANH] = {1, 1, infer_same_shape},
    [LAYER_HARD_SIGMOID] = {1, 1, infer_hard_sigmoid},
    [LAYER_HARD_SWISH] = {1, 1, infer_same_shape},
    [LAYER_SOFTMAX] = {1, 1, infer_same_shape},
    [LAYER_LOG_SOFTMAX] = {1, 1, infer_same_shape},
    [LAYER_SCALE] = {1, 1, infer_scale},
    [LAYER_LRN] = {1, 1, infer_lrn},
    [LAYER_SHUFFLE] = {1, 1, infer_shuffle},
    [LAYER_MULTIPLY] = {2, 2, infer_multiply},
    [LAYER_UNIT_SCALE] = {1, 1, infer_unit_scale},
};

enum status layer_infer(const struct network *network, struct layer *layer)
{
    const char *kind = layer_kind_name(layer->kind);
    if (kind == NULL || inferences[layer->kind].infer == NULL)
        return error_set(STATUS_USAGE, "layer \"%s\": kind %d cannot be added; kinds go from %d to %d",
                         layer->name, (int)layer->kind, (int)LAYER_CONVOLUTION, (int)LAYER_KIND_COUNT - 1);
    const struct inference *inference = &inferences[layer->kind];
    if (layer->input_count < inference->inputs_least || layer->input_count > inference->inputs_most)
        return error_set(
            STATUS_USAGE, "layer \"%s\": a %s layer reads %s %d input%s; it was given %d", layer->name, kind,
            inference->inputs_most > inference->inputs_least ? "at least" : "exactly",
            inference->inputs_least, inference->inputs_least == 1 ? "" : "s", layer->input_count);
    layer->parameter_count = layer->weight_count = layer->statistic_count = 0;
    enum status status = inference->infer(network, layer);
    if (status != STATUS_OK)
        return status;
    if (layer->weight_count >= (size_t)elements_limit)
        return error_set(
            STATUS_SHAPE,
            "layer \"%s\": a %s layer from %dx%dx%d to %dx%dx%d would have 2^31 weights or more; use "
            "fewer channels or more groups",
            layer->name, kind, input_of(network, layer, 0)->shape.h, input_of(network, layer, 0)->shape.w,
            input_of(network, layer, 0)->shape.c, layer->shape.h, layer->shape.w, layer->shape.c);
    return STATUS_OK;
}
