#include "compute/network/channel_liveness.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/layer_kernels.h"

/* One layer seen by its rules: where its channels and those of its first input are. */
struct view {
    const struct network *network;
    const struct channel_liveness *liveness;
    const struct layer *layer;
    size_t out, in; /* first channels */
    int32_t out_c, in_c;
};

static struct view view_of(const struct network *network, const struct channel_liveness *liveness,
                           int32_t index)
{
    const struct layer *layer = &network->layers[index];
    return (struct view){.network = network,
                         .liveness = liveness,
                         .layer = layer,
                         .out = liveness->first[index],
                         .in = liveness->first[layer->inputs[0]],
                         .out_c = layer->shape.c,
                         .in_c = network->layers[layer->inputs[0]].shape.c};
}

static const float *weights_of(const struct view *view)
{
    return view->network->parameters + view->layer->parameter_offset;
}

static bool is_zero(const struct channel_liveness *liveness, size_t channel)
{
    return liveness->constant[channel] && liveness->value[channel] == 0;
}

/* Where channel c of a shuffle's input goes. */
static size_t shuffled(const struct view *view, size_t c)
{
    size_t groups = (size_t)view->layer->options.groups, each = (size_t)view->in_c / groups;
    return c % each * groups + c / each;
}

/* --- forwards: constants --- */

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

/* Whether any pixel of channel c is multiplied with something. */
static bool unit_scale_reads(const struct view *view, size_t c)
{
    const float *factor = weights_of(view);
    for (size_t i = c; i < view->layer->parameter_count / 2; i += (size_t)view->out_c)
        if (factor[i] != 0)
            return true;
    return false;
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

static void constants_of_layer(const struct view *view, const bool *alive)
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

/* --- backwards: what live channels read --- */

static void need(const struct view *view, size_t channel)
{
    if (!is_zero(view->liveness, channel))
        view->liveness->live[channel] = true;
}

static void needs_of_products(const struct view *view)
{
    const struct layer *layer = view->layer;
    bool convolution = layer->kind == LAYER_CONVOLUTION;
    int32_t groups = convolution ? layer->options.groups : 1;
    int32_t taps = convolution ? layer->options.kernel_h * layer->options.kernel_w : 1;
    int32_t in_each = view->in_c / groups, out_each = view->out_c / groups;
    const float *row = weights_of(view);
    for (int32_t tap = 0; tap < taps; tap++)
        for (int32_t c = 0; c < in_each; c++, row += view->out_c)
            for (int32_t k = 0; k < view->out_c; k++)
                if (view->liveness->live[view->out + (size_t)k] && row[k] != 0)
                    need(view, view->in + (size_t)(k / out_each) * (size_t)in_each + (size_t)c);
}

/* Channels one range to the other wherever live. */
static void needs_same(const struct view *view, size_t in, size_t out, size_t count)
{
    for (size_t c = 0; c < count; c++)
        if (view->liveness->live[out + c])
            need(view, in + c);
}

static void needs_of_operands(const struct view *view)
{
    size_t out = view->out;
    for (int32_t i = 0; i < view->layer->input_count; i++) {
        size_t in = view->liveness->first[view->layer->inputs[i]];
        size_t count = view->liveness->first[view->layer->inputs[i] + 1] - in;
        needs_same(view, in, out, count);
        if (view->layer->kind == LAYER_CONCAT)
            out += count;
    }
}

/* The channels of a window that come from its input: out channel c from in channel c + from_c. */
struct range {
    size_t in, out, count;
};

static struct range window_range(const struct view *view)
{
    int64_t from = view->layer->options.from_c, begin = from < 0 ? -from : 0;
    int64_t end = view->out_c < view->in_c - from ? view->out_c : view->in_c - from;
    return (struct range){view->in + (size_t)(begin + from), view->out + (size_t)begin,
                          (size_t)(end - begin)};
}

static bool any_of(const bool *flags, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (flags[first + i])
            return true;
    return false;
}

static void needs_of_lrn(const struct view *view)
{
    int32_t before = (view->layer->options.size - 1) / 2, after = view->layer->options.size / 2;
    for (int32_t k = 0; k < view->out_c; k++) {
        if (!view->liveness->live[view->out + (size_t)k])
            continue;
        int64_t end = (int64_t)k + after + 1 < view->in_c ? (int64_t)k + after + 1 : view->in_c;
        for (int64_t c = k > before ? k - before : 0; c < end; c++)
            need(view, view->in + (size_t)c);
    }
}

static void needs_of_layer(const struct view *view)
{
    const bool *live = view->liveness->live;
    struct range range;
    switch (view->layer->kind) {
    case LAYER_CONVOLUTION:
    case LAYER_DENSE:
        needs_of_products(view);
        break;
    case LAYER_BATCHNORM:
    case LAYER_SCALE:
        for (int32_t c = 0; c < view->out_c; c++)
            if (live[view->out + (size_t)c] && weights_of(view)[c] != 0)
                need(view, view->in + (size_t)c);
        break;
    case LAYER_UNIT_SCALE:
        for (size_t c = 0; c < (size_t)view->out_c; c++)
            if (live[view->out + c] && unit_scale_reads(view, c))
                need(view, view->in + c);
        break;
    case LAYER_ADD:
    case LAYER_MULTIPLY:
    case LAYER_CONCAT:
        needs_of_operands(view);
        break;
    case LAYER_WINDOW:
        range = window_range(view);
        needs_same(view, range.in, range.out, range.count);
        break;
    case LAYER_FLATTEN:
        for (size_t c = 0; c < (size_t)view->out_c; c++)
            if (live[view->out + c])
                need(view, view->in + c % (size_t)view->in_c);
        break;
    case LAYER_SHUFFLE:
        for (size_t c = 0; c < (size_t)view->in_c; c++)
            if (live[view->out + shuffled(view, c)])
                need(view, view->in + c);
        break;
    case LAYER_LRN:
        needs_of_lrn(view);
        break;
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
        for (int32_t c = 0; any_of(live, view->out, (size_t)view->out_c) && c < view->in_c; c++)
            need(view, view->in + (size_t)c);
        break;
    case LAYER_INPUT:
    case LAYER_KIND_COUNT:
        break;
    default: /* pooling and activations: channel by channel */
        needs_same(view, view->in, view->out, (size_t)view->out_c);
        break;
    }
}

/* --- what the graph makes us keep besides: rules applied until nothing changes --- */

/* Both, or none of the two. Returns whether that changed something. */
static bool keep_together(bool *kept, size_t a, size_t b)
{
    bool changed = kept[a] != kept[b];
    if (changed)
        kept[a] = kept[b] = true;
    return changed;
}

static bool keep_ranges_together(bool *kept, size_t a, size_t b, size_t count)
{
    bool changed = false;
    for (size_t c = 0; c < count; c++)
        changed |= keep_together(kept, a + c, b + c);
    return changed;
}

/* All of a range. */
static bool keep_whole(bool *kept, size_t first, size_t count)
{
    bool changed = false;
    for (size_t c = 0; c < count; c++) {
        changed |= !kept[first + c];
        kept[first + c] = true;
    }
    return changed;
}

static bool keep_groups(const struct view *view)
{
    size_t groups = (size_t)view->layer->options.groups;
    size_t in_each = (size_t)view->in_c / groups, out_each = (size_t)view->out_c / groups;
    bool *kept = view->liveness->kept, changed = false;
    for (size_t g = 0; groups > 1 && g < groups; g++) {
        size_t in = view->in + g * in_each, out = view->out + g * out_each;
        if (any_of(kept, in, in_each) || any_of(kept, out, out_each)) {
            changed |= keep_whole(kept, in, in_each);
            changed |= keep_whole(kept, out, out_each);
        }
    }
    return changed;
}

/* An operand of a concatenation of which no channel is wanted there is left out of it, whoever else reads
 * it. */
static bool keep_operands(const struct view *view)
{
    bool *kept = view->liveness->kept, changed = false;
    size_t out = view->out;
    for (int32_t i = 0; i < view->layer->input_count; i++) {
        size_t in = view->liveness->first[view->layer->inputs[i]];
        size_t count = view->liveness->first[view->layer->inputs[i] + 1] - in;
        if (view->layer->kind != LAYER_CONCAT || any_of(kept, out, count))
            changed |= keep_ranges_together(kept, in, out, count);
        if (view->layer->kind == LAYER_CONCAT)
            out += count;
    }
    return changed;
}

static bool keep_window(const struct view *view)
{
    struct range range = window_range(view);
    bool *kept = view->liveness->kept;
    bool changed = keep_ranges_together(kept, range.in, range.out, range.count);
    if (!any_of(kept, range.in, range.count)) /* a window must touch its input */
        changed = kept[range.in] = kept[range.out] = true;
    return changed;
}

static bool keep_flattened(const struct view *view)
{
    bool *kept = view->liveness->kept, changed = false;
    for (size_t c = 0; c < (size_t)view->in_c; c++) {
        bool any = kept[view->in + c];
        for (size_t f = c; !any && f < (size_t)view->out_c; f += (size_t)view->in_c)
            any = kept[view->out + f];
        for (size_t f = c; any && f < (size_t)view->out_c; f += (size_t)view->in_c)
            changed |= keep_whole(kept, view->out + f, 1);
        changed |= any && keep_whole(kept, view->in + c, 1);
    }
    return changed;
}

/* A shuffle turns a matrix: what is kept of it is a matrix again, rows times columns. */
static bool keep_shuffled(const struct view *view)
{
    size_t groups = (size_t)view->layer->options.groups, each = (size_t)view->in_c / groups;
    bool *kept = view->liveness->kept, changed = false;
    for (size_t c = 0; c < (size_t)view->in_c; c++)
        changed |= keep_together(kept, view->in + c, view->out + shuffled(view, c));
    for (size_t row = 0; row < groups; row++) {
        if (!any_of(kept, view->in + row * each, each))
            continue;
        for (size_t column = 0; column < each; column++) /* a column's channels lie together in the output */
            if (any_of(kept, view->out + column * groups, groups))
                changed |= keep_whole(kept, view->in + row * each + column, 1);
    }
    return changed;
}

static bool keep_all_or_nothing(const struct view *view)
{
    bool *kept = view->liveness->kept;
    bool changed = keep_whole(kept, view->in, (size_t)view->in_c);
    return keep_whole(kept, view->out, (size_t)view->out_c) || changed;
}

/* The rule of a layer that stays (some channel of it is kept). Returns whether more is kept now. */
static bool keep_by_layer(const struct view *view)
{
    bool *kept = view->liveness->kept, changed = false;
    switch (view->layer->kind) {
    case LAYER_CONVOLUTION:
        changed = keep_groups(view);
        break;
    case LAYER_DENSE:
        break;
    case LAYER_ADD:
    case LAYER_MULTIPLY:
    case LAYER_CONCAT:
        changed = keep_operands(view);
        break;
    case LAYER_WINDOW:
        changed = keep_window(view);
        break;
    case LAYER_FLATTEN:
        changed = keep_flattened(view);
        break;
    case LAYER_SHUFFLE:
        changed = keep_shuffled(view);
        break;
    case LAYER_LRN:
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
        changed = keep_all_or_nothing(view);
        break;
    case LAYER_INPUT:
    case LAYER_KIND_COUNT:
        break;
    default: /* batch norm, scale, pooling and activations: channel by channel */
        changed = keep_ranges_together(kept, view->in, view->out, (size_t)view->out_c);
        break;
    }
    if (view->layer->kind != LAYER_CONCAT && !any_of(kept, view->in, (size_t)view->in_c))
        changed = kept[view->in] = true;
    return changed;
}

static void keep_until_settled(const struct network *network, struct channel_liveness *liveness)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = network->layer_count - 1; i > 0; i--) {
            struct view view = view_of(network, liveness, i);
            if (any_of(liveness->kept, view.out, (size_t)view.out_c))
                changed |= keep_by_layer(&view);
        }
    }
}

/* --- */

static enum status liveness_allocate(const struct network *network, struct channel_liveness *liveness)
{
    static const char what[] = "which channels of a network matter";
    size_t layers = (size_t)network->layer_count;
    enum status status = memory_allocate(&liveness->first, layers + 1, sizeof(size_t), what);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < layers; i++)
        liveness->first[i + 1] = liveness->first[i] + (size_t)network->layers[i].shape.c;
    size_t channels = liveness->first[layers];
    status = memory_allocate(&liveness->constant, channels, sizeof(bool), what);
    if (status == STATUS_OK)
        status = memory_allocate(&liveness->value, channels, sizeof(float), what);
    if (status == STATUS_OK)
        status = memory_allocate(&liveness->live, channels, sizeof(bool), what);
    if (status == STATUS_OK)
        status = memory_allocate(&liveness->kept, channels, sizeof(bool), what);
    return status;
}

enum status channel_liveness_find(const struct network *network, const bool *const *alive,
                                  struct channel_liveness *liveness)
{
    *liveness = (struct channel_liveness){0};
    enum status status = liveness_allocate(network, liveness);
    if (status != STATUS_OK) {
        channel_liveness_clear(liveness);
        return status;
    }
    int32_t last = network->layer_count - 1;
    for (int32_t i = 1; i <= last; i++) {
        struct view view = view_of(network, liveness, i);
        constants_of_layer(&view, alive == NULL ? NULL : alive[i]);
    }
    for (size_t c = liveness->first[last]; c < liveness->first[last + 1]; c++)
        liveness->live[c] = true;
    for (int32_t i = last; i > 0; i--) {
        struct view view = view_of(network, liveness, i);
        needs_of_layer(&view);
    }
    memcpy(liveness->kept, liveness->live, liveness->first[last + 1] * sizeof(bool));
    memset(liveness->kept, true, (size_t)network->layers[0].shape.c * sizeof(bool));
    keep_until_settled(network, liveness);
    return STATUS_OK;
}

void channel_liveness_clear(struct channel_liveness *liveness)
{
    memory_free(&liveness->first);
    memory_free(&liveness->constant);
    memory_free(&liveness->value);
    memory_free(&liveness->live);
    memory_free(&liveness->kept);
}
