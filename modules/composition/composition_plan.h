/* The composition compiler: which of the ways to run a composition to take.
 *
 * votes  every module runs and gives its own score; what several share is computed once (forward_plan.h).
 *        Always possible, and what a composition file is run as.
 * union  one network (composition_union.h), for modules that are maps over one parent. Its scores are its
 *        own.
 * auto   union when it is exact and takes fewer multiply-adds, else votes. */
#ifndef FACET_MODULES_COMPOSITION_COMPOSITION_PLAN_H
#define FACET_MODULES_COMPOSITION_COMPOSITION_PLAN_H

#include "modules/module_set.h"

enum composition_plan { PLAN_VOTES, PLAN_UNION, PLAN_AUTO };

/* By name; false for another. */
bool composition_plan_from_name(const char *name, enum composition_plan *plan);

struct planned_composition {
    struct network *united; /* of a union; NULL: votes. Owned */
    uint64_t multiply_adds; /* for one image */
    char reason[256];       /* why `auto` took it; "" otherwise */
};

/* STATUS_MISMATCH when a union is asked for and impossible. The caller clears *planned. */
enum status composition_plan_make(const struct module_set *set, enum composition_plan plan,
                                  struct planned_composition *planned);
void planned_composition_clear(struct planned_composition *planned);

#endif
