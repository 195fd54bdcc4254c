/* The network that a module with a map is: its parent with one output, "c" minus "not c", in which those
 * channels are dead of which the map keeps no unit. What can be cut away of it says how large the module is;
 * cut away, it is a module with a network of its own. */
#ifndef FACET_MODULES_MARGIN_H
#define FACET_MODULES_MARGIN_H

#include "modules/kept_channels.h"
#include "modules/module_set.h"

/* One parent's, for one module after another. Layer i is layer i of the parent, the last one its output
 * layer. */
struct margin {
    struct network *network;    /* of one output; owned */
    struct unit_layout *layout; /* of the parent as of the network; owned */
    struct channel_bits bits;   /* of the network */
    bool **alive; /* by layer: (channels) of a layer with units, else NULL: which the map keeps a unit of;
                     owned */
    struct module_size whole; /* of the parent, as the following */
    struct module_origin origin;
};

/* STATUS_SHAPE when the parent cannot have modules with maps. */
enum status margin_create(const struct network *parent, struct margin **margin);
void margin_destroy(struct margin **margin);

/* Measures a module of kind MODULE_MAP of the parent: *kept gets its units and channels, and the weights and
 * multiply-adds left when everything it can do without is cut away (with its one output). `bits`
 * (margin->bits.words; may be NULL) gets the channels left. */
enum status margin_measure(struct margin *margin, const struct module *module, struct module_size *kept,
                           uint64_t *bits);

/* A module of kind MODULE_NETWORK that gives the margins of `module` (MODULE_MAP, of the parent): the network
 * without the channels that it can do without, and a map over its units where some of what is left must be
 * held at zero. Class, label, calibration and counts of images are the same. *sliced is overwritten; the
 * caller clears it. */
enum status margin_slice(struct margin *margin, const struct module *module, struct module *sliced);

#endif
