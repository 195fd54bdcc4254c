/* A union (composition_plan.h) of modules with networks of their own: one network of the channels of their
 * parent that they keep. */
#ifndef FACET_MODULES_COMPOSITION_CHANNEL_UNION_H
#define FACET_MODULES_COMPOSITION_CHANNEL_UNION_H

#include "modules/module_set.h"

/* The parent's layers with the channels that some module keeps (the others are cut away) and the parent's
 * weights, whatever weights the modules have of their own; of its outputs the modules' classes, named by
 * their labels. It has the size of a composition but has never run at it: it is to be tuned
 * (mpi/adapt/adapt_network.h).
 *
 * STATUS_MISMATCH, naming the module, for one that was not made of this network, or of which it is not known
 * what it keeps. The caller owns *united, NULL after a failure. */
enum status channel_union(const struct module_set *set, const struct network *parent,
                          struct network **united);

#endif
