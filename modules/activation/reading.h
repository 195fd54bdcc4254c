/* Which elements of its inputs a layer reads for given elements of its output, taking weights that are zero
 * for no connection. An element is one number of one image: (h, w, c) of a layer, in memory order. */
#ifndef FACET_MODULES_ACTIVATION_READING_H
#define FACET_MODULES_ACTIVATION_READING_H

#include "compute/network/network.h"

/* A network's connections. */
struct reading;

/* The network must outlive it and keep its weights. */
enum status reading_create(const struct network *network, struct reading **reading);
void reading_destroy(struct reading **reading);

/* in[e] becomes true for each element of input `which` that layer `index` reads for an output element marked
 * in out; what is true stays. Both are as long as those layers have elements. One call at a time. */
void reading_mark(struct reading *reading, int32_t index, int32_t which, const bool *out, bool *in);

#endif
