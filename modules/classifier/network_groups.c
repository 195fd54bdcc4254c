#include "modules/classifier/network_groups.h"

#include "compute/base/memory.h"
#include "compute/network/channel_padding.h"
#include "compute/network/network_merge.h"

/* Networks are merged as long as that fills vectors better and what they have in common stays in cache: up to
 * so many channels of the first layer, and so many networks. */
enum { MOST_CHANNELS = 96, MOST_NETWORKS = 16 };

/* Making groups. */
struct grouping {
    const struct module_set *set;
    const struct forward_plan *plan;
    struct network **padded; /* (network_count): by forward_plan.network_order; NULL: as it is; owned */
    const struct network **members; /* (network_count): scratch */
    struct network_groups *groups;
};

static const struct module *module_at(const struct grouping *grouping, int32_t index)
{
    return &grouping->set->modules[grouping->plan->network_order[index]];
}

static const struct network *network_at(const struct grouping *grouping, int32_t index)
{
    return grouping->padded[index] != NULL ? grouping->padded[index] : module_at(grouping, index)->network;
}

/* Small networks that were cut out of larger ones have any number of channels. Whole vectors, where that is
 * at most an eighth more, are worth the multiplications by zero; what is thinner is better left so. A map
 * over the network's own units speaks of its own channels. */
static enum status pad_networks(struct grouping *grouping)
{
    const int32_t channels = 8;
    const double most = 1.125;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < grouping->plan->network_count && status == STATUS_OK; i++)
        if (module_at(grouping, i)->map == NULL)
            status =
                network_pad_channels(module_at(grouping, i)->network, channels, most, &grouping->padded[i]);
    return status;
}

bool networks_take_alike(const struct network *a, const struct network *b)
{
    struct shape shape = network_input_shape(a);
    return shape_equals(shape, network_input_shape(b)) && shape.c <= SCALING_CHANNELS_MAX &&
           scaling_equals(&a->scaling, &b->scaling, shape.c);
}

/* Whether modules a and b of the plan's order take the same input. */
static bool share_input(const struct grouping *grouping, int32_t a, int32_t b)
{
    const struct module *one = module_at(grouping, a), *other = module_at(grouping, b);
    return one->parent == other->parent &&
           (one->parent >= 0 || networks_take_alike(one->network, other->network));
}

/* How many networks from `first` on run as one. */
static int32_t group_length(const struct grouping *grouping, int32_t first)
{
    const struct network *leader = network_at(grouping, first);
    int64_t channels = leader->layer_count > 1 ? leader->layers[1].shape.c : 0;
    int32_t count = 1;
    if (module_at(grouping, first)->map != NULL)
        return 1;
    for (int32_t i = first + 1; i < grouping->plan->network_count && count < MOST_NETWORKS; i++, count++) {
        const struct network *next = network_at(grouping, i);
        if (module_at(grouping, i)->map != NULL || !share_input(grouping, first, i) ||
            network_common_layers(leader, next) == 0)
            break;
        channels += next->layers[1].shape.c;
        if (channels > MOST_CHANNELS)
            break;
    }
    return count;
}

static enum status make_group(struct grouping *grouping, int32_t first, struct network_group *group)
{
    const struct module *leader = module_at(grouping, first);
    *group = (struct network_group){
        .first = first, .count = group_length(grouping, first), .parent = leader->parent};
    for (int32_t i = 0; i < group->count; i++)
        grouping->members[i] = network_at(grouping, first + i);
    if (group->count > 1) {
        enum status status = network_merge(grouping->members, group->count, &group->made);
        group->network = group->made;
        return status;
    }
    group->made = grouping->padded[first];
    grouping->padded[first] = NULL;
    group->network = grouping->members[0];
    return leader->map == NULL ? STATUS_OK : unit_layout_create(leader->network, &group->layout);
}

static enum status make_groups(struct grouping *grouping)
{
    struct network_groups *groups = grouping->groups;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < grouping->plan->network_count && status == STATUS_OK;) {
        struct network_group *group = &groups->groups[groups->count++];
        status = make_group(grouping, i, group);
        i += group->count;
    }
    return status;
}

enum status network_groups_create(const struct module_set *set, const struct forward_plan *plan,
                                  struct network_groups **groups)
{
    const char *what = "networks to run";
    struct grouping grouping = {.set = set, .plan = plan};
    size_t networks = (size_t)plan->network_count;
    enum status status = memory_allocate(groups, 1, sizeof **groups, what);
    grouping.groups = *groups;
    if (status == STATUS_OK)
        status = memory_allocate(&(*groups)->groups, networks, sizeof *(*groups)->groups, what);
    if (status == STATUS_OK)
        status = memory_allocate(&grouping.padded, networks, sizeof *grouping.padded, what);
    if (status == STATUS_OK)
        status = memory_allocate(&grouping.members, networks, sizeof *grouping.members, what);
    if (status == STATUS_OK)
        status = pad_networks(&grouping);
    if (status == STATUS_OK)
        status = make_groups(&grouping);
    for (size_t i = 0; grouping.padded != NULL && i < networks; i++)
        network_destroy(&grouping.padded[i]);
    memory_free(&grouping.padded);
    memory_free(&grouping.members);
    if (status != STATUS_OK)
        network_groups_destroy(groups);
    return status;
}

void network_groups_destroy(struct network_groups **groups)
{
    if (*groups == NULL)
        return;
    for (int32_t i = 0; i < (*groups)->count; i++) {
        network_destroy(&(*groups)->groups[i].made);
        unit_layout_destroy(&(*groups)->groups[i].layout);
    }
    memory_free(&(*groups)->groups);
    memory_free(groups);
}
