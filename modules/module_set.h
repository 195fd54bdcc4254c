/* Modules and what they stand on. A module is a classifier "class c, or not", of one of two kinds:
 *
 * - A map over its parent's units (unit_layout.h) and a head that replaces the parent's output layer: two
 *   nodes, "c" and "not c" (method `activation`). It shares the parent's weights, which a set keeps once.
 * - A small network of its own, whose one output is the margin, "c" minus "not c". It takes images, or the
 *   output of a stem: the first layers of the network it came from, which a set keeps once for all modules
 *   that begin alike.
 *
 * A module set is the content of a modules file (all classes of one parent, in class order) and of a
 * composition file (any modules of any parents, with a label each). */
#ifndef FACET_MODULES_MODULE_SET_H
#define FACET_MODULES_MODULE_SET_H

#include "compute/network/network.h"
#include "modules/unit_layout.h"

enum module_kind { MODULE_MAP, MODULE_NETWORK };

/* What is counted of a network, or of the part of it that a module keeps. */
struct module_size {
    uint64_t units, channels; /* of all layers with units; a channel counts when one of its units does */
    uint64_t weights;         /* parameters */
    uint64_t multiply_adds;   /* for one image, convolutions and dense layers */
};

struct module {
    enum module_kind kind;
    class_name class_name; /* of the parent's class it recognises */
    class_name label;      /* what a composition calls it; class_name unless renamed */
    int32_t parent; /* index into module_set.parents: MODULE_MAP: its parent; MODULE_NETWORK: its stem, or
                       −1 when its network takes images */
    int32_t class_index; /* in the network it came from, or the dataset it was trained on */

    uint8_t *map;        /* over the units of the parent, or of its own network (NULL there: all kept);
                            owned */
    float *head_weights; /* MODULE_MAP: (features, 2): columns "c", "not c"; owned */
    float head_bias[2];
    struct network *network; /* MODULE_NETWORK: one output, the margin; owned */
    float scale, offset;     /* calibration: score = scale·(c − not c) + offset; 1 and 0 unless fitted */

    int32_t positive_images, negative_images; /* how many the decomposition looked at */
    uint64_t units_kept, channels_kept;       /* of layout.unit_count, layout.channel_count */
};

struct module_set {
    int32_t parent_count;
    struct network **parents; /* owned; an entry is NULL when its network was moved into a composition */
    int32_t module_count;
    struct module *modules; /* owned */
};

/* Parents NULL, modules zero. */
enum status module_set_create(int32_t parent_count, int32_t module_count, struct module_set **set);
void module_set_destroy(struct module_set **set);

/* How large the arrays of a parent's modules are. */
struct module_sizes {
    size_t map_bytes;
    size_t head_floats; /* 2·F */
};
/* STATUS_SHAPE when no modules can be cut from the network. */
enum status module_sizes_of(const struct network *parent, struct module_sizes *sizes);

/* A deep copy. *copy is overwritten; the caller clears it. */
enum status module_copy(const struct module *module, const struct module_sizes *sizes, struct module *copy);
/* Frees what the module owns and zeroes it. */
void module_clear(struct module *module);

/* The parent's output layer, whose input is the features that a head reads. STATUS_SHAPE when that is not a
 * dense layer (with bias or without) on a 1×1×F input, the one kind of output layer that is channelled. */
enum status module_output_layer(const struct network *parent, int32_t *layer);
/* F of it: channels of the output layer's input. `output` is what module_output_layer gave. */
int32_t module_features(const struct network *parent, int32_t output);

/* Index of the module with that label, or "#index"; STATUS_NOT_FOUND names `where`. */
enum status module_set_find(const struct module_set *set, const char *label, const char *where,
                            int32_t *index);

/* The labels in order, an array of module_count for the caller to memory_free. */
enum status module_set_labels(const struct module_set *set, class_name **labels);

#endif
