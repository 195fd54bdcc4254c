/* A network whose channels can be shut and opened again: after each layer with units stands a `scale` layer
 * with a factor a channel, 1 (open) or 0 (shut). Its gradient tells what opening would change even of a shut
 * one: the straight-through estimator (Bengio, Leonard & Courville, arXiv 1308.3432). */
#ifndef FACET_MODULES_DISTILL_GATES_H
#define FACET_MODULES_DISTILL_GATES_H

#include "modules/distill/channel_groups.h"

struct gates {
    struct network *network;      /* owned: a copy of `whole` with gates, all open at first */
    int32_t layer_count;          /* of whole */
    int32_t *gate_of;             /* by layer of whole: its gate in `network`, or 0; owned */
    struct channel_groups groups; /* of whole: channels of a group have one gate in common */
};

/* The caller clears *gates. */
enum status gates_create(const struct network *whole, struct gates *gates);
/* Also of zeroed ones. */
void gates_clear(struct gates *gates);

/* Opens and shuts: open (groups.count). */
void gates_set(struct gates *gates, const bool *open);

/* effect (groups.count): the derivative of the loss by each group's gate, from the gradient of
 * gates->network. */
void gates_effect(const struct gates *gates, const float *gradient, double *effect);

#endif
