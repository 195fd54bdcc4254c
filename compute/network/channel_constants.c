/* Forwards: which channels are constant, layer by layer. */
#include <math.h>

#include "compute/network/channel_view.h"
#include "compute/network/layer_kernels.h"

static void set_constant(const struct view *view, int32_t c, bool constant, double value)
{
    view->liveness->constant[view->out + (size_t)c] = constant;
    view->liveness->value[view->out + (size_t)c] = constant ? (float)value : 0;
}

/* Convolution, and dense as one of a 1×1 kernel and one group: the bias, where everything read is zero. Other
 * constants are not followed through products: then a constant never depends on a channel that may be cut
 * away. */
static void constants_of_products(const struct view *view)
{
    const struct layer *layer = view->layer;
    bool convolution = layer->kind == LAYER_CONVOLUTION;
    int32_t groups = convolution ? layer->options.groups : 1;
    int32_t taps = convolution ? layer->options.kernel_h * layer->options.kernel_w : 1;
    int32_t in_each = view->in_c / groups, out_each = view->out_c / groups;
    const float *weights = weights_of(view), *bias = weights + layer->weight_count;
    for (int32_t k = 0; k < view->out_c; k++) {
        bool constant = true;
        size_t input = view->in + (size_t)(k / out_each) * (size_t)in_each;
        for (int32_t row = 0; constant && row < taps * in_each; row++)
            constant = weights[(size_t)row * (size_t)view->out_c + (size_t)k] == 0 ||
                       is_zero(view->liveness, input + (size_t)(row % in_each));
        set_constant(view, k, constant, layer->options.bias ? (double)bias[k] : 0);
    }
}

static void constants_of_affine(const struct view *view)
{
    const struct layer *layer = view->layer;
    const float *factor = weights_of(view), *summand = factor + view->out_c;
    const float *mean = view->network->statistics + layer->statistic_offset, *variance = mean + view->out_c;
    for (int32_t c = 0; c < view->out_c; c++) {
        double x = (double)view->liveness->value[view->in + (size_t)c];
        if (layer->kind == LAYER_BATCHNORM)
            x = (x - (double)mean[c]) / sqrt((double)variance[c] + (double)layer->options.epsilon);
        set_constant(view, c, view->liveness->constant[view->in + (size_t)c] || factor[c] == 0,
                     (double)factor[c] * x + (double)summand[c]);
    }
}

static float activation_value(const struct layer *layer, float x)
{
    float y = x > 0 ? x : 0;
    if (layer->kind != LAYER_RELU) {
        const struct activation activation = layer_activation(layer);
        activation_forward(&activation, 1, &x, &y);
    }
    return y;
}

static void constants_of_activation(const struct view *view, const bool *alive)
{
    for (int32_t c = 0; c < view->out_c; c++) {
        bool held = alive != NULL && !alive[c];
        float x = view->liveness->value[view->in + (size_t)c];
        set_constant(view, c, held || view->liveness->constant[view->in + (size_t)c],
                     held ? 0 : (double)activation_value(view->layer, x));
    }
}

/* The channels of the input as they are; `zeros_alone`: where a border or its neighbours have a say. */
static void constants_copied(const struct view *view, bool zeros_alone)
{
    for (int32_t c = 0; c < view->out_c; c++) {
        size_t in = view->in + (size_t)c;
        set_constant(view, c, zeros_alone ? is_zero(view->liveness, in) : view->liveness->constant[in],
                     (double)view->liveness->value[in]);
    }
}

static void constants_of_add(const struct view *view)
{
    size_t other = view->liveness->first[view->layer->inputs[1]];
    for (int32_t c = 0; c < view->out_c; c++) {
        size_t a = view->in + (size_t)c, b = other + (size_t)c;
        set_constant(view, c, view->liveness->constant[a] && view->liveness->constant[b],
                     (double)view->liveness->value[a] + (double)view->liveness->value[b]);
    }
}

/* Whatever is multiplied by zeros is zero. */
static void constants_of_multiply(const struct view *view)
{
    size_t other = view->liveness->first[view->layer->inputs[1]];
    for (int32_t c = 0; c < view->out_c; c++) {
        size_t a = view->in + (size_t)c, b = other + (size_t)c;
        bool zero = is_zero(view->liveness, a) || is_zero(view->liveness, b);
        set_constant(view, c, zero || (view->liveness->constant[a] && view->liveness->constant[b]),
                     zero ? 0 : (double)view->liveness->value[a] * (double)view->liveness->value[b]);
    }
}

/* The same at every pixel. */
static void constants_of_unit_scale(const struct view *view)
{
    size_t channels = (size_t)view->out_c, units = view->layer->parameter_count / 2;
    const float *factor = weights_of(view), *summand = factor + units;
    for (size_t c = 0; c < channels; c++) {
        double x = (double)view->liveness->value[view->in + c];
        double first = (double)factor[c] * x + (double)summand[c];
        bool known = view->liveness->constant[view->in + c], constant = true;
        for (size_t i = c; i < units; i += channels)
            constant =
                constant && (known || factor[i] == 0) && (double)factor[i] * x + (double)summand[i] == first;
        set_constant(view, (int32_t)c, constant, first);
    }
}

static void constants_of_concat(const struct view *view)
{
    int32_t c = 0;
    for (int32_t i = 0; i < view->layer->input_count; i++) {
        size_t in = view->liveness->first[view->layer->inputs[i]],
               end = view->liveness->first[view->layer->inputs[i] + 1];
        for (; in < end; in++)
            set_constant(view, c++, view->liveness->constant[in], (double)view->liveness->value[in]);
    }
}

static void constants_of_window(const struct view *view)
{
    for (int32_t c = 0; c < view->out_c; c++) {
        int64_t from = (int64_t)c + view->layer->options.from_c;
        bool inside = from >= 0 && from < view->in_c;
        set_constant(view, c, !inside || is_zero(view->liveness, view->in + (size_t)from), 0);
    }
}

/* Flatten repeats the channels for every pixel. */
static void constants_of_flatten(const struct view *view)
{
    for (int32_t c = 0; c < view->out_c; c++) {
        size_t in = view->in + (size_t)(c % view->in_c);
        set_constant(view, c, view->liveness->constant[in], (double)view->liveness->value[in]);
    }
}

static void constants_of_shuffle(const struct view *view)
{
    for (int32_t c = 0; c < view->in_c; c++) {
        size_t in = view->in + (size_t)c;
        set_constant(view, (int32_t)shuffled(view, (size_t)c), view->liveness->constant[in],
                     (double)view->liveness->value[in]);
    }
}

void channel_constants(const struct view *view, const bool *alive)
{
    switch (view->layer->kind) {
    case LAYER_CONVOLUTION:
    case LAYER_DENSE:
        constants_of_products(view);
        break;
    case LAYER_BATCHNORM:
    case LAYER_SCALE:
        constants_of_affine(view);
        break;
    case LAYER_RELU:
    case LAYER_CLIP:
    case LAYER_LEAKY_RELU:
    case LAYER_SIGMOID:
    case LAYER_TANH:
    case LAYER_HARD_SIGMOID:
    case LAYER_HARD_SWISH:
        constants_of_activation(view, alive);
        break;
    case LAYER_MAXPOOL:
    case LAYER_GLOBAL_AVGPOOL:
        constants_copied(view, false);
        break;
    case LAYER_AVGPOOL:
    case LAYER_LRN:
        constants_copied(view, true);
        break;
    case LAYER_ADD:
        constants_of_add(view);
        break;
    case LAYER_MULTIPLY:
        constants_of_multiply(view);
        break;
    case LAYER_UNIT_SCALE:
        constants_of_unit_scale(view);
        break;
    case LAYER_CONCAT:
        constants_of_concat(view);
        break;
    case LAYER_WINDOW:
        constants_of_window(view);
        break;
    case LAYER_FLATTEN:
        constants_of_flatten(view);
        break;
    case LAYER_SHUFFLE:
        constants_of_shuffle(view);
        break;
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
    case LAYER_INPUT:
    case LAYER_KIND_COUNT:
        break;
    }
}
