/* Which forward passes a set of modules needs: modules of one parent with the same map share one, since they
 * differ only in their heads. */
#ifndef FACET_MODULES_FORWARD_PLAN_H
#define FACET_MODULES_FORWARD_PLAN_H

#include "modules/module_set.h"

/* One masked pass of a parent, up to the features its heads read. */
struct forward {
    int32_t first, count; /* its modules are module_order[first] … module_order[first+count−1]; count ≥ 1 */
};

struct parent_plan {
    struct unit_layout *layout;           /* owned */
    int32_t features_layer;               /* the last layer to run */
    int32_t features;                     /* its channels */
    int32_t first_forward, forward_count; /* of forward_plan.forwards */
};

struct forward_plan {
    int32_t parent_count;
    struct parent_plan *parents; /* owned */
    int32_t forward_count;
    struct forward *forwards; /* owned */
    int32_t module_count;
    int32_t *module_order; /* (module_count), owned */
};

/* STATUS_SHAPE when a parent cannot have modules. The set may change only in labels and calibration
 * afterwards. */
enum status forward_plan_create(const struct module_set *set, struct forward_plan **plan);
void forward_plan_destroy(struct forward_plan **plan);

/* Multiply-adds for one image: the passes, and two dot products a module. */
uint64_t forward_plan_multiply_adds(const struct forward_plan *plan, const struct module_set *set);

#endif
