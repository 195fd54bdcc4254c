/* Which channels of a network's layers a module keeps, and the weights that follow: a weight is kept when the
 * channel that it reads and the one that it makes are; of dense layers, weights that are zero are no edges
 * and are never kept (modules/activation/edges.h). */
#ifndef FACET_MODULES_KEPT_CHANNELS_H
#define FACET_MODULES_KEPT_CHANNELS_H

#include "compute/network/channel_liveness.h"

/* Where a layer's channels are among the bits: channel c of layer i is bit c%64 of word first_word[i] + c/64;
 * other bits are 0. */
struct channel_bits {
    const struct network *network; /* must outlive it */
    size_t *first_word;            /* (layer_count + 1); owned */
    size_t words;                  /* in all */
    /* By layer: which weights of a dense layer before the last layer are not zero, NULL when all are. Weight
     * (input, channel) is bit channel%64 of word input·⌈channels/64⌉ + channel/64. Owned. */
    uint64_t **edges;
};

/* The caller clears *bits. */
enum status channel_bits_create(const struct network *network, struct channel_bits *bits);
/* Also of a zeroed one. */
void channel_bits_clear(struct channel_bits *bits);

/* kept (words) from what the liveness of that network says is kept. */
void channel_bits_pack(const struct channel_bits *bits, const struct channel_liveness *liveness,
                       uint64_t *kept);

struct kept_count {
    uint64_t weights;       /* parameters */
    uint64_t multiply_adds; /* for one image, convolutions and dense layers, those with zero included */
};

/* What is kept by a and by b (which may be the same) of layers 1 … end − 1. Of grouped convolutions both keep
 * whole groups. */
struct kept_count channel_bits_shared(const struct channel_bits *bits, int32_t end, const uint64_t *a,
                                      const uint64_t *b);

#endif
