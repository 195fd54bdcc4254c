#include "modules/margin.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network_cut.h"
#include "compute/network/slicing.h"

/* --- the parent's --- */

static enum status margin_network(const struct network *parent, struct network **network)
{
    int32_t output = 0;
    float *weights = NULL;
    static const float bias[1] = {0.0f};
    enum status status = module_output_layer(parent, &output);
    if (status == STATUS_OK)
        status = memory_allocate(&weights, (size_t)module_features(parent, output), sizeof(float),
                                 "weights of a margin");
    if (status == STATUS_OK)
        status = network_replace_outputs(parent, output, weights, bias, NULL, 1, network);
    memory_free(&weights);
    return status;
}

static enum status margin_fill(const struct network *parent, struct margin *made)
{
    enum status status = margin_network(parent, &made->network);
    if (status == STATUS_OK)
        status = unit_layout_create(made->network, &made->layout);
    if (status == STATUS_OK)
        status = channel_bits_create(made->network, &made->bits);
    if (status == STATUS_OK)
        status = memory_allocate(&made->alive, (size_t)made->network->layer_count, sizeof *made->alive,
                                 "living channels");
    for (int32_t i = 0; status == STATUS_OK && i < made->layout->layer_count; i++)
        status = memory_allocate(&made->alive[made->layout->layers[i]],
                                 (size_t)made->layout->layer_channels[i], sizeof(bool), "living channels");
    if (status == STATUS_OK) {
        made->whole = module_size_of_network(parent);
        made->origin = module_origin_of(parent);
    }
    return status;
}

enum status margin_create(const struct network *parent, struct margin **margin)
{
    enum status status = memory_allocate(margin, 1, sizeof **margin, "margin of modules");
    if (status != STATUS_OK)
        return status;
    status = margin_fill(parent, *margin);
    if (status != STATUS_OK)
        margin_destroy(margin);
    return status;
}

void margin_destroy(struct margin **margin)
{
    if (*margin == NULL)
        return;
    for (int32_t i = 0; (*margin)->alive != NULL && i < (*margin)->network->layer_count; i++)
        memory_free(&(*margin)->alive[i]);
    memory_free(&(*margin)->alive);
    channel_bits_clear(&(*margin)->bits);
    unit_layout_destroy(&(*margin)->layout);
    network_destroy(&(*margin)->network);
    memory_free(margin);
}

/* --- one module's --- */

/* Makes it the margin of that module. */
static void margin_set(struct margin *margin, const struct module *module)
{
    const struct unit_layout *layout = margin->layout;
    const struct layer *output = &margin->network->layers[margin->network->layer_count - 1];
    float *weights = margin->network->parameters + output->parameter_offset;
    for (size_t f = 0; f < output->weight_count; f++)
        weights[f] = module->head_weights[2 * f] - module->head_weights[2 * f + 1];
    weights[output->weight_count] = module->head_bias[0] - module->head_bias[1];
    for (int32_t i = 0; i < layout->layer_count; i++) {
        bool *alive = margin->alive[layout->layers[i]];
        size_t channels = (size_t)layout->layer_channels[i], c = 0;
        memset(alive, false, channels * sizeof *alive);
        for (size_t u = layout->unit_offset[i]; u < layout->unit_offset[i + 1]; u++) {
            alive[c] = alive[c] || unit_map_get(module->map, u);
            c = c + 1 < channels ? c + 1 : 0;
        }
    }
}

static const bool *const *alive_of(const struct margin *margin)
{
    return (const bool *const *)margin->alive;
}

enum status margin_measure(struct margin *margin, const struct module *module, struct module_size *kept,
                           uint64_t *bits)
{
    struct channel_liveness liveness = {0};
    uint64_t *own = NULL;
    margin_set(margin, module);
    enum status status = channel_liveness_find(margin->network, alive_of(margin), &liveness);
    if (status == STATUS_OK && bits == NULL)
        status = memory_allocate(&own, margin->bits.words, sizeof *own, "channels of a module");
    if (status == STATUS_OK) {
        uint64_t *packed = bits != NULL ? bits : own;
        channel_bits_pack(&margin->bits, &liveness, packed);
        struct kept_count count =
            channel_bits_shared(&margin->bits, margin->network->layer_count, packed, packed);
        unit_map_measure(margin->layout, module->map, &kept->units, &kept->channels);
        kept->weights = count.weights;
        kept->multiply_adds = count.multiply_adds;
    }
    memory_free(&own);
    channel_liveness_clear(&liveness);
    return status;
}

/* --- slicing --- */

/* The module's map over the units that are left; NULL when all of them are kept. */
static enum status carry_map(const struct margin *margin, const struct slicing *slicing, const uint8_t *map,
                             uint8_t **carried)
{
    struct unit_layout *left = NULL;
    enum status status = unit_layout_create(slicing->network, &left);
    if (status == STATUS_OK)
        status = memory_allocate(carried, unit_map_bytes(left), 1, "unit map");
    size_t kept = 0;
    for (int32_t i = 0; status == STATUS_OK && i < left->layer_count; i++) {
        int32_t layer = left->layers[i];
        int32_t in_layout = unit_layout_find(margin->layout, slicing->origin[layer]);
        const int32_t *channels = slicing->channels + slicing->first_channel[layer];
        size_t c = (size_t)left->layer_channels[i], all = (size_t)margin->layout->layer_channels[in_layout];
        size_t first = left->unit_offset[i], count = left->unit_offset[i + 1] - first;
        for (size_t u = 0; u < count; u++) {
            size_t original = margin->layout->unit_offset[in_layout] + u / c * all + (size_t)channels[u % c];
            if (unit_map_get(map, original)) {
                unit_map_keep(*carried, first + u);
                kept++;
            }
        }
    }
    if (status == STATUS_OK && kept == left->unit_count)
        memory_free(carried);
    unit_layout_destroy(&left);
    return status;
}

static bool has_units(const struct network *network)
{
    for (int32_t i = 0; i < network->layer_count; i++)
        if (layer_has_units(&network->layers[i]))
            return true;
    return false;
}

/* The channels that the module keeps a unit of, as bits over the parent's layers with units. */
static enum status channel_map(const struct margin *margin, uint8_t **channels)
{
    const struct unit_layout *layout = margin->layout;
    size_t at = 0;
    enum status status =
        memory_allocate(channels, (layout->channel_count + 7) / 8, 1, "channels of a module");
    for (int32_t i = 0; status == STATUS_OK && i < layout->layer_count; i++)
        for (int32_t c = 0; c < layout->layer_channels[i]; c++, at++)
            if (margin->alive[layout->layers[i]][c])
                unit_map_keep(*channels, at);
    return status;
}

/* The slicing's network becomes the module's. */
static enum status sliced_fill(const struct margin *margin, const struct module *module,
                               struct slicing *slicing, struct module *sliced)
{
    const struct module_parts parts = {.origin = &margin->origin,
                                       .whole = &margin->whole,
                                       .class_name = module->class_name,
                                       .class_index = module->class_index};
    enum status status = module_from_network(slicing->network, &parts, sliced);
    if (status != STATUS_OK)
        return status;
    slicing->network = NULL;
    memcpy(sliced->label, module->label, sizeof sliced->label);
    sliced->scale = module->scale;
    sliced->offset = module->offset;
    sliced->positive_images = module->positive_images;
    sliced->negative_images = module->negative_images;
    return STATUS_OK;
}

enum status margin_slice(struct margin *margin, const struct module *module, struct module *sliced)
{
    struct slicing slicing = {0};
    uint8_t *map = NULL;
    memset(sliced, 0, sizeof *sliced);
    margin_set(margin, module);
    enum status status = network_slice(margin->network, alive_of(margin), &slicing);
    if (status == STATUS_OK && has_units(slicing.network))
        status = carry_map(margin, &slicing, module->map, &map);
    if (status == STATUS_OK)
        status = sliced_fill(margin, module, &slicing, sliced);
    if (status == STATUS_OK) {
        sliced->map = map;
        map = NULL;
        status = channel_map(margin, &sliced->channels);
    }
    if (status == STATUS_OK)
        status = module_network_measure(NULL, sliced->network, sliced->map, &sliced->kept);
    if (status != STATUS_OK)
        module_clear(sliced);
    memory_free(&map);
    slicing_clear(&slicing);
    return status;
}
