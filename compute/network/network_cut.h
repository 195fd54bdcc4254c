/* Parts of a network: its first and its last layers by themselves, and the same layers with other outputs. */
#ifndef FACET_COMPUTE_NETWORK_NETWORK_CUT_H
#define FACET_COMPUTE_NETWORK_NETWORK_CUT_H

#include "compute/network/network.h"

/* Whether it can be cut behind that layer: one between the input and the last that everything behind it reads
 * through. */
bool network_can_cut_behind(const struct network *network, int32_t layer);

/* Cuts the network in two at a layer that everything behind it reads through: *stem is the layers up to and
 * with it (its outputs are classes named "0", "1", …) and keeps the scaling; *tail takes that layer's output
 * as its input and has the rest, the class names too. tail(stem(x)) is the network's output up to rounding.
 * STATUS_SHAPE when a layer behind reads one before, naming both; STATUS_USAGE for the input, the last layer,
 * or an index outside. The caller owns both, which are NULL after a failure. */
enum status network_split(const struct network *network, int32_t layer, struct network **stem,
                          struct network **tail);

/* The dense layer that makes the logits: the last layer, or the one before a final softmax or log-softmax.
 * STATUS_SHAPE when there is none. */
enum status network_logits_layer(const struct network *network, int32_t *layer);

/* A copy with other outputs: the dense layer `layer` becomes the last one, with weights (F, count), bias
 * (count; NULL: without) and class names (NULL: "0", "1", …). STATUS_SHAPE when that layer is not dense,
 * STATUS_USAGE when there are no outputs or weights, or a layer that stays would be read by nobody. The
 * caller owns *replaced. */
enum status network_replace_outputs(const struct network *network, int32_t layer, const float *weights,
                                    const float *bias, const class_name *names, int32_t count,
                                    struct network **replaced);

/* The same with some of its own outputs, by index, and (layer being that of the logits) their class names.
 * STATUS_USAGE for an index outside. */
enum status network_select_outputs(const struct network *network, int32_t layer, const int32_t *outputs,
                                   int32_t count, struct network **selected);

#endif
