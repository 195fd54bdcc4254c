#include "modules/distill/module_channels.h"

#include "compute/base/memory.h"
#include "modules/unit_layout.h"

/* The bits of the layout's layer, from bit `first` on. */
static enum status keep_layer(const struct teacher *teacher, const struct pruning *pruning, int32_t layer,
                              size_t first, uint8_t *channels)
{
    int32_t count = teacher->parent->layers[layer].shape.c;
    bool *kept = NULL;
    enum status status = memory_allocate(&kept, (size_t)count, sizeof *kept, "channels kept");
    if (status != STATUS_OK)
        return status;
    if (layer > teacher->stem_layer) /* the tail's layers follow its input */
        pruning_kept(pruning, layer - teacher->stem_layer, kept);
    for (int32_t c = 0; c < count; c++)
        if (layer <= teacher->stem_layer || kept[c])
            unit_map_keep(channels, first + (size_t)c);
    memory_free(&kept);
    return STATUS_OK;
}

enum status module_channels_of(const struct teacher *teacher, const struct pruning *pruning,
                               uint8_t **channels)
{
    struct unit_layout *layout = NULL;
    size_t first = 0;
    *channels = NULL;
    enum status status = unit_layout_create(teacher->parent, &layout);
    if (status == STATUS_SHAPE)
        return STATUS_OK; /* activations without units: there is nothing to compare */
    if (status == STATUS_OK)
        status = memory_allocate(channels, (layout->channel_count + 7) / 8, 1, "channels kept");
    for (int32_t i = 0; status == STATUS_OK && i < layout->layer_count; i++) {
        status = keep_layer(teacher, pruning, layout->layers[i], first, *channels);
        first += (size_t)layout->layer_channels[i];
    }
    unit_layout_destroy(&layout);
    if (status != STATUS_OK)
        memory_free(channels);
    return status;
}
