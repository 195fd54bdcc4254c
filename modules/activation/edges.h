/* Irrelevant edges (docs/method.md; FSE'20 "remove irrelevant edges"): a dense layer has one weight for each
 * edge from an input to a node, so that single ones can be taken out of it. */
#ifndef FACET_MODULES_ACTIVATION_EDGES_H
#define FACET_MODULES_ACTIVATION_EDGES_H

#include "compute/network/network.h"

/* A copy of the network without irrelevant edges: in every dense layer but the output layer, which heads
 * replace, weights become zero whose magnitude is at most `fraction` of the largest into the same node. With
 * fraction 0 (of 0 … 1) nothing changes. STATUS_SHAPE when the network cannot have modules. */
enum status edges_remove(const struct network *network, float fraction, struct network **without);

#endif
