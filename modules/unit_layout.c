#include "modules/unit_layout.h"

#include "compute/base/memory.h"

/* An activation whose outputs do not say whether it is active. */
static enum status refuse_other_activations(const struct network *network)
{
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (layer_kind_is_activation(layer->kind) && !layer_has_units(layer))
            return error_set(
                STATUS_SHAPE,
                "network %s: layer \"%s\" is a %s, whose units are never at rest; method activation "
                "needs ReLU, ReLU6, leaky ReLU or hard-swish throughout",
                network->architecture, layer->name, layer_kind_name(layer->kind));
    }
    return STATUS_OK;
}

static enum status layout_fill(const struct network *network, struct unit_layout *layout)
{
    int32_t count = 0;
    enum status status = refuse_other_activations(network);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < network->layer_count; i++)
        count += layer_has_units(&network->layers[i]);
    if (count == 0)
        return error_set(STATUS_SHAPE,
                         "network %s has no ReLU layer (nor one like it) and so no units "
                         "that a module could leave out; "
                         "method activation needs a ReLU network",
                         network->architecture);
    status = memory_allocate(&layout->layers, (size_t)count, sizeof *layout->layers, "layers with units");
    if (status == STATUS_OK)
        status = memory_allocate(&layout->unit_offset, (size_t)count + 1, sizeof *layout->unit_offset,
                                 "unit offsets");
    if (status == STATUS_OK)
        status = memory_allocate(&layout->layer_channels, (size_t)count, sizeof *layout->layer_channels,
                                 "channels of layers with units");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (!layer_has_units(layer))
            continue;
        int32_t at = layout->layer_count++;
        layout->layers[at] = i;
        layout->unit_offset[at] = layout->unit_count;
        layout->layer_channels[at] = layer->shape.c;
        layout->unit_count += shape_count(layer->shape);
        layout->channel_count += (size_t)layer->shape.c;
    }
    layout->unit_offset[count] = layout->unit_count;
    return STATUS_OK;
}

enum status unit_layout_create(const struct network *network, struct unit_layout **layout)
{
    enum status status = memory_allocate(layout, 1, sizeof **layout, "unit layout");
    if (status == STATUS_OK)
        status = layout_fill(network, *layout);
    if (status != STATUS_OK)
        unit_layout_destroy(layout);
    return status;
}

void unit_layout_destroy(struct unit_layout **layout)
{
    if (*layout == NULL)
        return;
    memory_free(&(*layout)->layers);
    memory_free(&(*layout)->unit_offset);
    memory_free(&(*layout)->layer_channels);
    memory_free(layout);
}

int32_t unit_layout_find(const struct unit_layout *layout, int32_t layer)
{
    int32_t place = 0;
    while (layout->layers[place] != layer)
        place++;
    return place;
}

size_t unit_map_bytes(const struct unit_layout *layout)
{
    return layout->unit_count / 8 + (layout->unit_count % 8 != 0);
}

static bool channel_is_kept(const uint8_t *map, size_t first, size_t end, size_t stride)
{
    for (size_t unit = first; unit < end; unit += stride)
        if (unit_map_get(map, unit))
            return true;
    return false;
}

void unit_map_measure(const struct unit_layout *layout, const uint8_t *map, uint64_t *units_kept,
                      uint64_t *channels_kept)
{
    *units_kept = 0;
    *channels_kept = 0;
    size_t bytes = unit_map_bytes(layout);
    for (size_t i = 0; i < bytes; i++)
        *units_kept += (uint64_t)__builtin_popcount(map[i]);
    for (int32_t i = 0; i < layout->layer_count; i++) {
        size_t channels = (size_t)layout->layer_channels[i];
        for (size_t c = 0; c < channels; c++)
            *channels_kept +=
                channel_is_kept(map, layout->unit_offset[i] + c, layout->unit_offset[i + 1], channels);
    }
}

bool unit_map_is_clean(const struct unit_layout *layout, const uint8_t *map)
{
    size_t used = layout->unit_count % 8;
    return used == 0 || map[layout->unit_count / 8] >> used == 0;
}

size_t unit_map_expand(const uint8_t *map, size_t first, size_t count, float *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool on = unit_map_get(map, first + i);
        keep[i] = on ? 1.0f : 0.0f;
        kept += on;
    }
    return kept;
}
