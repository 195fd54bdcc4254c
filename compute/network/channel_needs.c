/* Backwards: which channels live ones read, layer by layer. */
#include "compute/network/channel_view.h"

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

/* Whether any pixel of channel c is multiplied with something. */
static bool unit_scale_reads(const struct view *view, size_t c)
{
    const float *factor = weights_of(view);
    for (size_t i = c; i < view->layer->parameter_count / 2; i += (size_t)view->out_c)
        if (factor[i] != 0)
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

void channel_needs(const struct view *view)
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
