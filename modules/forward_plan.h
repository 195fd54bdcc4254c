/* What a set of modules needs computed for an image, each thing once:
 *
 * - Modules that are maps over one parent and have the same map share a masked pass of it, since they differ
 *   only in their heads. Passes whose maps agree in the first layers share those: they are in such an order
 *   that each goes on where it first differs from the one before, and nothing is computed twice (but for the
 *   one convolution whose result is masked differently).
 * - Modules that are networks run by themselves, on the images or on what their stem gives; a stem is run
 *   once for all modules that stand on it. */
#ifndef FACET_MODULES_FORWARD_PLAN_H
#define FACET_MODULES_FORWARD_PLAN_H

#include "modules/module_set.h"

/* One masked pass of a parent, up to the features its heads read. */
struct forward {
    int32_t first, count; /* its modules are module_order[first] … module_order[first+count−1]; count ≥ 1 */
    int32_t resume_layer; /* of the parent: earlier layers are as the forward before left them; 1 for the
                             parent's first */
    int32_t resume_place; /* of the layout's layers: their masks differ from this place on */
};

/* A parent as the plan sees it. It may serve maps, or networks as their stem, or both. */
struct parent_plan {
    /* Of maps over it: */
    struct unit_layout *layout;           /* owned; NULL when there are none, as are the numbers below 0 */
    int32_t features_layer;               /* the last layer to run */
    int32_t features;                     /* its channels */
    int32_t first_forward, forward_count; /* of forward_plan.forwards */
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

/* Multiply-adds for one image: the masked passes, two dot products for each module that is a map, stems, and
 * the modules' own networks. */
uint64_t forward_plan_multiply_adds(const struct forward_plan *plan, const struct module_set *set);

#endif
