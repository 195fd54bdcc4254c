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

/* The network a module was made from. */
struct module_origin {
    char architecture[LAYER_NAME_BYTES];
    uint8_t digest[DIGEST_BYTES]; /* network_digest; zeros: none, it was trained from scratch */
};

struct module {
    enum module_kind kind;
    class_name class_name; /* of the origin's class it recognises */
    class_name label;      /* what a composition calls it; class_name unless renamed */
    int32_t parent; /* index into module_set.parents: MODULE_MAP: its parent; MODULE_NETWORK: its stem, or
                       −1 when its network takes images */
    int32_t class_index; /* in the network it came from, or the dataset it was trained on */

    uint8_t *map;        /* over the units of the parent, or of its own network (NULL there: all kept);
                            owned */
    float *head_weights; /* MODULE_MAP: (features, 2): columns "c", "not c"; owned */
    float head_bias[2];
    struct network *network; /* MODULE_NETWORK: one output, the margin, and one class name, class_name; its
                                input is the image, or what the stem gives; owned */
    float scale, offset;     /* calibration: score = scale·(c − not c) + offset; 1 and 0 unless fitted */

    int32_t positive_images, negative_images; /* how many the decomposition looked at; 0: not counted */
    struct module_origin origin; /* MODULE_NETWORK; of a map it is the parent (module_set_origin) */
    struct module_size kept;     /* MODULE_NETWORK: of its stem and its own network together */
    struct module_size whole;    /* of the origin; of a module without one, the same as kept */
    uint8_t *channels;           /* which of the origin's whole.channels it keeps, laid out like a map
                                    (unit_layout.h, layer by layer); NULL: not known; owned */
};

struct module_set {
    int32_t parent_count;     /* 0 when all modules are networks that take images */
    struct network **parents; /* owned; an entry is NULL when its network was moved into a composition */
    int32_t module_count;
    struct module *modules; /* owned */
};

/* Parents NULL, modules zero. */
enum status module_set_create(int32_t parent_count, int32_t module_count, struct module_set **set);
void module_set_destroy(struct module_set **set);

/* What a module of the set stands on: its parent or stem; NULL when it takes images. */
const struct network *module_set_base(const struct module_set *set, const struct module *module);

/* The origin of a module of either kind. */
struct module_origin module_set_origin(const struct module_set *set, const struct module *module);

/* Architecture and digest of a network. */
struct module_origin module_origin_of(const struct network *network);
/* Whether there is one. */
bool module_origin_exists(const struct module_origin *origin);

/* --- modules --- */

/* What a MODULE_NETWORK module is made of. */
struct module_parts {
    const struct network *stem;         /* NULL: the network takes images */
    int32_t stem_index;                 /* of the stem in the set's parents; ignored without */
    const struct module_origin *origin; /* NULL: none */
    const struct module_size *whole;    /* of the origin; ignored without */
    const char *class_name;             /* also the label */
    int32_t class_index;
};

/* A module of kind MODULE_NETWORK around `network`, which becomes the module's (on success) and gets the
 * class's name. Fills kept (module_network_measure) and what `parts` says, scale 1, everything else zero:
 * map, channels, counts of images and calibration are the caller's to set, and kept.units and kept.channels,
 * too, when a map is. STATUS_SHAPE when the network has not one output, or does not take what the stem gives.
 * *module is overwritten. */
enum status module_from_network(struct network *network, const struct module_parts *parts,
                                struct module *module);

/* What a module of that stem (or NULL), network and map over the network's units (or NULL) keeps: everything
 * of the stem, all weights and multiply-adds of the network, and the units of the map. */
enum status module_network_measure(const struct network *stem, const struct network *network,
                                   const uint8_t *map, struct module_size *kept);

/* What a whole network has; no units or channels when modules cannot have maps over it. */
struct module_size module_size_of_network(const struct network *network);

/* A module's arrays of varying length. */
enum module_array {
    MODULE_ARRAY_MAP,      /* map, in bytes */
    MODULE_ARRAY_HEAD,     /* head_weights: 2·F */
    MODULE_ARRAY_CHANNELS, /* channels, in bytes */
    MODULE_ARRAY_LAYERS,   /* of its own network, as are the following */
    MODULE_ARRAY_INPUTS,   /* of all its layers */
    MODULE_ARRAY_PARAMETERS,
    MODULE_ARRAY_STATISTICS,
    MODULE_ARRAY_COUNT
};
struct module_lengths {
    int64_t of[MODULE_ARRAY_COUNT]; /* elements; 0 where it has none */
};
/* `base` is module_set_base. STATUS_SHAPE when a module of its kind cannot stand on it. */
enum status module_lengths_of(const struct module *module, const struct network *base,
                              struct module_lengths *lengths);

/* A deep copy. *copy is overwritten; the caller clears it. */
enum status module_copy(const struct module *module, const struct network *base, struct module *copy);
/* Frees what the module owns and zeroes it. */
void module_clear(struct module *module);

/* Whether `network` can be a module's own: one output, and an input that is what the stem (NULL: none) gives.
 * STATUS_SHAPE when not. */
enum status module_network_check(const struct network *network, const struct network *stem);

/* The parent's output layer, whose input (1×1×F) is the features that a head reads: the last layer, or the
 * one before a final softmax. STATUS_SHAPE when that is not a dense layer (with bias or without), the one
 * kind of output layer that is channelled. */
enum status module_output_layer(const struct network *parent, int32_t *layer);
/* F of it: channels of the output layer's input. `output` is what module_output_layer gave. */
int32_t module_features(const struct network *parent, int32_t output);

/* Index of the module with that label, or "#index"; STATUS_NOT_FOUND names `where`. */
enum status module_set_find(const struct module_set *set, const char *label, const char *where,
                            int32_t *index);

/* The labels in order, an array of module_count for the caller to memory_free. */
enum status module_set_labels(const struct module_set *set, class_name **labels);

#endif
