/* What is run for the modules of a set that are networks, so that small networks run fast: those of several
 * modules that take the same input and begin alike run as one (compute/network/network_merge.h), and channels
 * are filled up to whole vectors (compute/network/channel_padding.h). */
#ifndef FACET_MODULES_CLASSIFIER_NETWORK_GROUPS_H
#define FACET_MODULES_CLASSIFIER_NETWORK_GROUPS_H

#include "modules/classifier/forward_plan.h"

/* Modules that run as one network, whose outputs are their margins. */
struct network_group {
    int32_t first, count; /* forward_plan.network_order[first …] */
    int32_t parent;       /* the stem they stand on; −1: they take images */
    const struct network *network;
    struct network *made;       /* that network when it was made for running, else NULL; owned */
    struct unit_layout *layout; /* of the one module, when that has a map over its network's own units, else
                                   NULL; owned */
};

struct network_groups {
    int32_t count;
    struct network_group *groups; /* owned; in the order of forward_plan.network_order */
};

/* Whether both networks take images of the same shape, and scale pixels alike. */
bool networks_take_alike(const struct network *a, const struct network *b);

/* The set must outlive the groups. */
enum status network_groups_create(const struct module_set *set, const struct forward_plan *plan,
                                  struct network_groups **groups);
void network_groups_destroy(struct network_groups **groups);

#endif
