/* One layer seen by the rules of channel_liveness.h: where its channels and those of its first input are. For
 * the files that hold these rules: channel_constants.c, channel_needs.c and channel_keeping.c. */
#ifndef FACET_COMPUTE_NETWORK_CHANNEL_VIEW_H
#define FACET_COMPUTE_NETWORK_CHANNEL_VIEW_H

#include "compute/network/channel_liveness.h"

struct view {
    const struct network *network;
    const struct channel_liveness *liveness;
    const struct layer *layer;
    size_t out, in; /* first channels */
    int32_t out_c, in_c;
};

static inline struct view view_of(const struct network *network, const struct channel_liveness *liveness,
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

static inline const float *weights_of(const struct view *view)
{
    return view->network->parameters + view->layer->parameter_offset;
}

/* Whether the channel is known to be zero everywhere. */
static inline bool is_zero(const struct channel_liveness *liveness, size_t channel)
{
    return liveness->constant[channel] && liveness->value[channel] == 0;
}

static inline bool any_of(const bool *flags, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (flags[first + i])
            return true;
    return false;
}

/* Where channel c of a shuffle's input goes. */
static inline size_t shuffled(const struct view *view, size_t c)
{
    size_t groups = (size_t)view->layer->options.groups, each = (size_t)view->in_c / groups;
    return c % each * groups + c / each;
}

/* The channels of a window that come from its input: out channel c from in channel c + from_c. */
struct range {
    size_t in, out, count;
};

static inline struct range window_range(const struct view *view)
{
    int64_t from = view->layer->options.from_c, begin = from < 0 ? -from : 0;
    int64_t end = view->out_c < view->in_c - from ? view->out_c : view->in_c - from;
    return (struct range){view->in + (size_t)(begin + from), view->out + (size_t)begin,
                          (size_t)(end - begin)};
}

/* --- the rules --- */

/* Which of the layer's channels are constant, and what they are; those of its inputs are known. alive as in
 * channel_liveness_find, the layer's own. */
void channel_constants(const struct view *view, const bool *alive);

/* Marks the channels of its inputs that its live channels read. */
void channel_needs(const struct view *view);

/* What else must be kept since some channel of the layer is. Returns whether more is kept now. */
bool channel_keep(const struct view *view);

#endif
