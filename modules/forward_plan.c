#include "modules/forward_plan.h"

#include <string.h>

#include "compute/base/memory.h"

/* --- maps --- */

static enum status parent_plan_fill(const struct network *parent, struct parent_plan *plan)
{
    int32_t output = 0;
    enum status status = module_output_layer(parent, &output);
    if (status == STATUS_OK)
        status = unit_layout_create(parent, &plan->layout);
    if (status != STATUS_OK)
        return status;
    plan->features_layer = parent->layers[output].inputs[0];
    plan->features = module_features(parent, output);
    return STATUS_OK;
}

static bool is_map_over(const struct module *module, int32_t parent)
{
    return module->kind == MODULE_MAP && module->parent == parent;
}

/* The forward of modules[leaders[i]] for first ≤ i < end that has the module's map; end when there is none.
 */
static int32_t find_forward(const struct module_set *set, size_t map_bytes, const int32_t *leaders,
                            int32_t first, int32_t end, const struct module *module)
{
    for (int32_t i = first; i < end; i++) {
        const struct module *leader = &set->modules[leaders[i]];
        if (memcmp(leader->map, module->map, map_bytes) == 0)
            return i;
    }
    return end;
}

/* The first unit that two maps differ in; unit_count when they do not. */
static size_t first_difference(const struct unit_layout *layout, const uint8_t *a, const uint8_t *b)
{
    size_t bytes = unit_map_bytes(layout), at = 0;
    while (at < bytes && a[at] == b[at])
        at++;
    return at == bytes ? layout->unit_count : 8 * at + (size_t)__builtin_ctz((unsigned)(a[at] ^ b[at]));
}

/* Sorts a parent's forwards so that those that agree in more of the first units are nearer: each shares with
 * the one before it all that it shares with any earlier one. leaders: the first module of each, sorted along.
 * The order among equals cannot matter: no two are equal. */
static void sort_forwards(const struct module_set *set, struct forward_plan *plan,
                          const struct parent_plan *parent, int32_t *leaders)
{
    int32_t end = parent->first_forward + parent->forward_count;
    for (int32_t i = parent->first_forward + 1; i < end; i++) {
        struct forward forward = plan->forwards[i];
        int32_t leader = leaders[i], at = i;
        const uint8_t *map = set->modules[leader].map;
        for (; at > parent->first_forward; at--) {
            const uint8_t *before = set->modules[leaders[at - 1]].map;
            size_t unit = first_difference(parent->layout, before, map);
            if (unit_map_get(before, unit)) /* those that keep the unit come first */
                break;
            plan->forwards[at] = plan->forwards[at - 1];
            leaders[at] = leaders[at - 1];
        }
        plan->forwards[at] = forward;
        leaders[at] = leader;
    }
}

/* Where a pass must go on for the units of that layer to be masked anew: at the convolution (or whatever else
 * makes numbers) behind it. */
static int32_t making_layer(const struct network *parent, int32_t layer)
{
    bool stop = false;
    while (!stop) {
        const struct layer *above = &parent->layers[layer];
        int32_t below = above->inputs[0];
        for (int32_t k = 1; k < above->input_count; k++)
            below = above->inputs[k] > below ? above->inputs[k] : below;
        enum layer_kind kind = parent->layers[below].kind;
        stop = kind != LAYER_CONVOLUTION && kind != LAYER_BATCHNORM && kind != LAYER_ADD;
        if (!stop)
            layer = below;
        stop = stop || kind == LAYER_CONVOLUTION;
    }
    return layer;
}

static void find_resumes(const struct module_set *set, struct forward_plan *plan,
                         const struct parent_plan *parent, const struct network *network,
                         const int32_t *leaders)
{
    for (int32_t i = 0; i < parent->forward_count; i++) {
        int32_t at = parent->first_forward + i, place = 0;
        plan->forwards[at].resume_layer = 1;
        plan->forwards[at].resume_place = 0;
        if (i == 0)
            continue;
        size_t unit = first_difference(parent->layout, set->modules[leaders[at - 1]].map,
                                       set->modules[leaders[at]].map);
        while (parent->layout->unit_offset[place + 1] <= unit)
            place++;
        plan->forwards[at].resume_layer = making_layer(network, parent->layout->layers[place]);
        plan->forwards[at].resume_place = place;
    }
}

/* Gives every module its forward, parent by parent. leaders: the first module of each forward. */
static void assign_forwards(const struct module_set *set, struct forward_plan *plan, int32_t *leaders,
                            int32_t *forward_of)
{
    for (int32_t p = 0; p < plan->parent_count; p++) {
        struct parent_plan *parent = &plan->parents[p];
        if (parent->layout == NULL)
            continue;
        size_t map_bytes = unit_map_bytes(parent->layout);
        parent->first_forward = plan->forward_count;
        for (int32_t m = 0; m < set->module_count; m++) {
            if (!is_map_over(&set->modules[m], p))
                continue;
            int32_t at = find_forward(set, map_bytes, leaders, parent->first_forward, plan->forward_count,
                                      &set->modules[m]);
            if (at == plan->forward_count)
                leaders[plan->forward_count++] = m;
        }
        parent->forward_count = plan->forward_count - parent->first_forward;
        sort_forwards(set, plan, parent, leaders);
        find_resumes(set, plan, parent, set->parents[p], leaders);
        for (int32_t m = 0; m < set->module_count; m++) {
            if (!is_map_over(&set->modules[m], p))
                continue;
            forward_of[m] = find_forward(set, map_bytes, leaders, parent->first_forward, plan->forward_count,
                                         &set->modules[m]);
            plan->forwards[forward_of[m]].count++;
        }
    }
}

/* Lists the modules forward by forward, in their own order within one. forward_of[m] is −1 for a network. */
static void order_maps(const struct module_set *set, struct forward_plan *plan, const int32_t *forward_of)
{
    int32_t at = 0;
    for (int32_t i = 0; i < plan->forward_count; i++) {
        plan->forwards[i].first = at;
        at += plan->forwards[i].count;
        plan->forwards[i].count = 0;
    }
    for (int32_t m = 0; m < set->module_count; m++) {
        if (forward_of[m] < 0)
            continue;
        struct forward *forward = &plan->forwards[forward_of[m]];
        plan->module_order[forward->first + forward->count++] = m;
    }
    plan->map_count = at;
}

static enum status plan_maps(const struct module_set *set, struct forward_plan *plan)
{
    size_t modules = (size_t)set->module_count;
    int32_t *leaders = NULL, *forward_of = NULL;
    enum status status = memory_allocate(&plan->forwards, modules, sizeof *plan->forwards, "forward passes");
    if (status == STATUS_OK)
        status = memory_allocate(&plan->module_order, modules, sizeof(int32_t), "order of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&leaders, modules, sizeof(int32_t), "planning forward passes");
    if (status == STATUS_OK)
        status = memory_allocate(&forward_of, modules, sizeof(int32_t), "planning forward passes");
    if (status == STATUS_OK) {
        for (size_t m = 0; m < modules; m++)
            forward_of[m] = -1;
        assign_forwards(set, plan, leaders, forward_of);
        order_maps(set, plan, forward_of);
    }
    memory_free(&leaders);
    memory_free(&forward_of);
    return status;
}

/* --- networks --- */

/* Lists the networks that stand on `base` (−1: on nothing), in their own order. */
static void append_networks(const struct module_set *set, int32_t base, struct forward_plan *plan)
{
    for (int32_t m = 0; m < set->module_count; m++)
        if (set->modules[m].kind == MODULE_NETWORK && set->modules[m].parent == base)
            plan->network_order[plan->network_count++] = m;
}

static enum status plan_networks(const struct module_set *set, struct forward_plan *plan)
{
    enum status status =
        memory_allocate(&plan->network_order, (size_t)set->module_count, sizeof(int32_t), "order of modules");
    if (status != STATUS_OK)
        return status;
    append_networks(set, -1, plan);
    plan->direct_count = plan->network_count;
    for (int32_t p = 0; p < plan->parent_count; p++) {
        plan->parents[p].first_network = plan->network_count;
        append_networks(set, p, plan);
        plan->parents[p].network_count = plan->network_count - plan->parents[p].first_network;
    }
    return STATUS_OK;
}

/* --- both --- */

static enum status check_module(const struct module_set *set, const struct module *module)
{
    struct module_lengths lengths;
    enum status status = module_lengths_of(module, module_set_base(set, module), &lengths);
    return status == STATUS_OK ? status : error_prefix(status, "module %s: ", module->label);
}

static enum status plan_fill(const struct module_set *set, struct forward_plan *plan)
{
    enum status status =
        memory_allocate(&plan->parents, (size_t)set->parent_count, sizeof *plan->parents, "parents' plans");
    plan->parent_count = status == STATUS_OK ? set->parent_count : 0;
    for (int32_t m = 0; m < set->module_count && status == STATUS_OK; m++) {
        const struct module *module = &set->modules[m];
        status = check_module(set, module);
        if (status == STATUS_OK && module->kind == MODULE_MAP && plan->parents[module->parent].layout == NULL)
            status = parent_plan_fill(set->parents[module->parent], &plan->parents[module->parent]);
    }
    if (status == STATUS_OK)
        status = plan_maps(set, plan);
    if (status == STATUS_OK)
        status = plan_networks(set, plan);
    return status;
}

enum status forward_plan_create(const struct module_set *set, struct forward_plan **plan)
{
    enum status status = memory_allocate(plan, 1, sizeof **plan, "plan of forward passes");
    if (status == STATUS_OK)
        status = plan_fill(set, *plan);
    if (status != STATUS_OK)
        forward_plan_destroy(plan);
    return status;
}

void forward_plan_destroy(struct forward_plan **plan)
{
    if (*plan == NULL)
        return;
    for (int32_t p = 0; p < (*plan)->parent_count; p++)
        unit_layout_destroy(&(*plan)->parents[p].layout);
    memory_free(&(*plan)->parents);
    memory_free(&(*plan)->forwards);
    memory_free(&(*plan)->module_order);
    memory_free(&(*plan)->network_order);
    memory_free(plan);
}

/* --- counting --- */

/* Of the layers from `first` to `last`. */
static uint64_t layers_multiply_adds(const struct network *parent, int32_t first, int32_t last)
{
    uint64_t sum = 0;
    for (int32_t layer = first; layer <= last; layer++)
        sum += layer_multiply_adds(parent, layer);
    return sum;
}

uint64_t forward_plan_multiply_adds(const struct forward_plan *plan, const struct module_set *set)
{
    uint64_t sum = 0;
    for (int32_t p = 0; p < plan->parent_count; p++) {
        const struct parent_plan *parent = &plan->parents[p];
        for (int32_t i = 0; i < parent->forward_count; i++)
            sum +=
                layers_multiply_adds(set->parents[p], plan->forwards[parent->first_forward + i].resume_layer,
                                     parent->features_layer);
        if (parent->network_count > 0)
            sum += network_multiply_adds(set->parents[p]);
    }
    for (int32_t i = 0; i < plan->map_count; i++)
        sum += 2 * (uint64_t)plan->parents[set->modules[plan->module_order[i]].parent].features;
    for (int32_t i = 0; i < plan->network_count; i++)
        sum += network_multiply_adds(set->modules[plan->network_order[i]].network);
    return sum;
}
