/* Modules and what they stand on. A module is a classifier "class c, or not", cut from a parent network.
 *
 * A channelled module (method `activation`) is a map over its parent: one bit a unit (a unit is one scalar
 * output of a ReLU layer, per image), 1 = kept, 0 = held at zero; and a head that replaces the parent's
 * output layer: two nodes, "c" and "not c". It shares the parent's weights, which a set keeps once.
 *
 * A module set is the content of a modules file (all classes of one parent, in class order) and of a
 * composition file (any modules of any parents, with a label each). */
#ifndef FACET_MODULES_MODULE_SET_H
#define FACET_MODULES_MODULE_SET_H

#include "compute/network/network.h"

/* Where a network's units are: its ReLU layers, in order. */
struct unit_layout {
    int32_t layer_count;
    int32_t *layers;     /* indices into network.layers */
    size_t *unit_offset; /* layer_count + 1: units of layers[i] are unit_offset[i] … unit_offset[i+1]−1, in
                            NHWC order */
    size_t unit_count;
    size_t channel_count; /* Σ of the layers' channels */
};

enum status unit_layout_create(const struct network *network, struct unit_layout **layout);
void unit_layout_destroy(struct unit_layout **layout);

/* Bytes of a map: one bit a unit, unit u is bit u%8 of byte u/8; unused bits are 0. */
size_t unit_map_bytes(const struct unit_layout *layout);
bool unit_map_get(const uint8_t *map, size_t unit);

struct module {
    class_name class_name; /* of the parent's class it recognises */
    class_name label;      /* what a composition calls it; class_name unless renamed */
    int32_t parent;        /* index into module_set.parents */
    int32_t class_index;   /* in the parent */

    uint8_t *map;        /* unit_map_bytes of the parent's layout; owned */
    float *head_weights; /* (features, 2): columns "c", "not c"; owned */
    float head_bias[2];
    float scale, offset; /* calibration: score = scale·(c − not c) + offset; 1 and 0 unless fitted */

    int32_t positive_images, negative_images; /* how many the decomposition looked at */
    uint64_t units_kept, channels_kept;       /* of layout.unit_count, layout.channel_count */
};

struct module_set {
    int32_t parent_count;
    struct network **parents; /* owned */
    int32_t module_count;
    struct module *modules; /* owned */
};

enum status module_set_create(int32_t parent_count, int32_t module_count, struct module_set **set);
void module_set_destroy(struct module_set **set);
void module_clear(struct module *module);

/* The layer whose input is the features that a head reads: the parent's output layer. STATUS_SHAPE when that
 * is not a dense layer with bias or without on a 1×1×F input (the one kind of output layer method
 * `activation` channels). */
enum status module_output_layer(const struct network *parent, int32_t *layer);

/* Index of the module with that label, or "#index". */
enum status module_set_find(const struct module_set *set, const char *label, const char *where,
                            int32_t *index);

#endif
