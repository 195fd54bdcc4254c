/* Removing channels from a network while it learns: each group of channels (channel_groups.h) is a gate, and
 * how much the loss would change if it were shut is measured while training by the first-order Taylor
 * criterion (Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019): the sum of
 * activity times gradient. For a batch norm, a convolution or a dense layer that is the sum of parameter
 * times gradient over the parameters that make the channel, so that nothing but the gradient is needed. Gates
 * are shut by physically removing their channels (network/slicing.h): what is left runs as fast as it is
 * small. */
#ifndef FACET_MODULES_DISTILL_PRUNING_H
#define FACET_MODULES_DISTILL_PRUNING_H

#include "compute/network/network.h"

struct pruning;

/* Starts with a copy of `whole`, which must outlive it. */
enum status pruning_create(const struct network *whole, struct pruning **pruning);
void pruning_destroy(struct pruning **pruning);

/* The network as it is now, owned by the pruning until pruning_cut (which replaces it) or pruning_take. */
struct network *pruning_network(struct pruning *pruning);

/* Adds up importance from the gradient (parameter_count of the present network) of one batch. */
void pruning_observe(struct pruning *pruning, const float *gradient);

/* Removes the groups of least importance a multiply-add saved, so that at most `multiply_adds` are left, and
 * forgets the importance. No layer with units loses more than seven eighths of the channels that it had
 * in `whole`. STATUS_USAGE, with what is possible, when that is not enough. A budget that is kept already
 * changes nothing. */
enum status pruning_cut(struct pruning *pruning, uint64_t multiply_adds);

/* Multiply-adds to be left after `round` of so many rounds of cutting: a geometric series from `whole` to
 * `budget`. */
uint64_t pruning_round_budget(uint64_t whole, uint64_t budget, int32_t round, int32_t rounds);

/* The same choice without the cut: open[g] for every group of the network as it is now (channel_groups_find).
 */
enum status pruning_choose(const struct pruning *pruning, uint64_t multiply_adds, bool *open);

/* How many groups there are now, and giving each an importance of one's own, in place of what was observed.
 */
int32_t pruning_group_count(const struct pruning *pruning);
void pruning_set_importance(struct pruning *pruning, const double *importance);

/* kept[c] (channels of `layer` of whole): whether it is still there. */
void pruning_kept(const struct pruning *pruning, int32_t layer, bool *kept);

/* Hands the network over to the caller. */
struct network *pruning_take(struct pruning *pruning);

/* All that a pruning is beside its `whole`, for a checkpoint. */
struct pruning_state {
    const struct network *network;
    const int32_t *layer_of;   /* (network->layer_count): the layer of whole */
    const int32_t *channel_of; /* (channel_count): layer by layer, the channel of that layer of whole */
    size_t channel_count;
    const double *importance; /* (group_count): as observed so far */
    int32_t group_count;
};

/* Views of the pruning's own, good until it is observed or cut. */
struct pruning_state pruning_state_of(const struct pruning *pruning);

/* One that goes on from a state (copied) as the pruning it was taken of would have. STATUS_FORMAT when it is
 * none of a pruning of `whole`. */
enum status pruning_resume(const struct network *whole, const struct pruning_state *state,
                           struct pruning **pruning);

#endif
