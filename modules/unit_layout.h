/* Where a network's units are, and maps over them. A unit is one scalar output of an activation
 * (layer_has_units), per image: a channel at a position, or a node of a dense layer. A map has one bit a
 * unit: 1 kept, 0 held at zero. */
#ifndef FACET_MODULES_UNIT_LAYOUT_H
#define FACET_MODULES_UNIT_LAYOUT_H

#include "compute/network/network.h"

struct unit_layout {
    int32_t layer_count; /* ≥ 1 */
    int32_t *layers;     /* the layers with units in order: indices into network.layers */
    size_t *unit_offset; /* layer_count + 1: units of layers[i] are unit_offset[i] … unit_offset[i+1]−1, in
                            NHWC order */
    size_t unit_count;
    int32_t *layer_channels; /* (layer_count) */
    size_t channel_count;    /* Σ of layer_channels */
};

/* STATUS_SHAPE when the network has no layer with units, or an activation of another kind. */
enum status unit_layout_create(const struct network *network, struct unit_layout **layout);
void unit_layout_destroy(struct unit_layout **layout);

/* The place of that layer of the network among those with units; it is one of them. */
int32_t unit_layout_find(const struct unit_layout *layout, int32_t layer);

/* Bytes of a map: unit u is bit u%8 of byte u/8; unused bits of the last byte are 0. */
size_t unit_map_bytes(const struct unit_layout *layout);

static inline bool unit_map_get(const uint8_t *map, size_t unit)
{
    return (map[unit / 8] >> (unit % 8) & 1) != 0;
}

static inline void unit_map_keep(uint8_t *map, size_t unit)
{
    map[unit / 8] = (uint8_t)(map[unit / 8] | 1u << (unit % 8));
}

/* Kept units, and channels with at least one kept unit. */
void unit_map_measure(const struct unit_layout *layout, const uint8_t *map, uint64_t *units_kept,
                      uint64_t *channels_kept);

/* Whether the unused bits of the last byte are 0, as they must be. */
bool unit_map_is_clean(const struct unit_layout *layout, const uint8_t *map);

/* keep[i] = 1 or 0 for `count` units from `first` on. Returns how many are kept. */
size_t unit_map_expand(const uint8_t *map, size_t first, size_t count, float *keep);

#endif
