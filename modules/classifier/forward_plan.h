/* What a set of modules needs computed for an image, each thing once:
 *
 * - Modules that are maps over one parent and have the same map share a masked pass of it, since they differ
 *   only in their heads. Their maps agree nearly everywhere, and a unit that one of them holds at zero is
 *   mostly zero anyway: so one pass with all units that any of them keeps comes first, and a map's own pass
 *   is taken up where it first makes a difference for the images at hand (map_run.h), if it does at all.
 * - Modules that are networks run by themselves, on the images or on what their stem gives; a stem is run
 *   once for all modules that stand on it. */
#ifndef FACET_MODULES_CLASSIFIER_FORWARD_PLAN_H
#define FACET_MODULES_CLASSIFIER_FORWARD_PLAN_H

#include "modules/module_set.h"

/* One map over a parent, and the modules that have it. */
struct forward {
    int32_t first, count; /* its modules are module_order[first] … module_order[first+count−1]; count ≥ 1 */
    int32_t differs;      /* the first of the layout's layers where the map lacks a unit that another has;
                             layout->layer_count: nowhere */
};

/* A parent as the plan sees it. It may serve maps, or networks as their stem, or both. */
struct parent_plan {
    /* Of maps over it: */
    struct unit_layout *layout;           /* owned; NULL when there are none, as are the numbers below 0 */
    int32_t features_layer;               /* the last layer to run */
    int32_t features;                     /* its channels */
    int32_t first_forward, forward_count; /* of forward_plan.forwards */
    uint8_t *common;                      /* the units that any of the maps keeps; owned */
    size_t *disputed;                     /* the units of `common` that not all maps keep, ascending; owned */
    size_t *disputed_offset; /* (layout->layer_count + 1): where those of each layer begin; owned */
    int32_t *resume_places; /* (layout->layer_count): at which of the layout's layers a pass is taken up whose
                               mask makes a difference from that one on: itself, or one not far before it, so
                               that not all values of a pass need be kept; owned */
    /* Of networks that stand on it: modules network_order[first_network] … */
    int32_t first_network, network_count;
};

struct forward_plan {
    int32_t parent_count;
    struct parent_plan *parents; /* owned */
    int32_t forward_count;
    struct forward *forwards; /* owned */
    int32_t map_count, network_count;
    int32_t *module_order;  /* (map_count) modules that are maps, forward by forward; owned */
    int32_t *network_order; /* (network_count) those that are networks: first those that take images, then
                               stem by stem; owned */
    int32_t direct_count;   /* of network_order: networks that take images */
};

/* STATUS_SHAPE when a module cannot stand on what it stands on. The set may change only in labels and
 * calibration afterwards. */
enum status forward_plan_create(const struct module_set *set, struct forward_plan **plan);
void forward_plan_destroy(struct forward_plan **plan);

/* The layer of the network at which a pass is taken up so that the layout's layer `place` is masked anew: the
 * convolution (or whatever else makes its numbers) behind it. */
int32_t forward_plan_resume_layer(const struct parent_plan *plan, const struct network *parent,
                                  int32_t place);

/* Multiply-adds for one image of a pass of the network that is taken up there. */
uint64_t forward_plan_resumed_multiply_adds(const struct parent_plan *plan, const struct network *parent,
                                            int32_t place);

/* Multiply-adds for one image: the masked passes, as if each unit that a map lacks made a difference (so at
 * most), two dot products for each module that is a map, stems, and the modules' own networks. */
uint64_t forward_plan_multiply_adds(const struct forward_plan *plan, const struct module_set *set);

#endif
