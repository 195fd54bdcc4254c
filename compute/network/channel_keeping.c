/* What the graph makes us keep besides what is live: the rule of each layer. */
#include "compute/network/channel_view.h"

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

bool channel_keep(const struct view *view)
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
