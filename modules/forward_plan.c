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
        if (leader->kept.units == module->kept.units && memcmp(leader->map, module->map, map_bytes) == 0)
            return i;
    }
    return end;
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
            forward_of[m] = at;
            plan->forwards[at].count++;
        }
        parent->forward_count = plan->forward_count - parent->first_forward;
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

static uint64_t masked_pass_multiply_adds(const struct network *parent, int32_t features_layer)
{
    uint64_t pass = 0;
    for (int32_t layer = 0; layer <= features_layer; layer++)
        pass += layer_multiply_adds(parent, layer);
    return pass;
}

uint64_t forward_plan_multiply_adds(const struct forward_plan *plan, const struct module_set *set)
{
    uint64_t sum = 0;
    for (int32_t p = 0; p < plan->parent_count; p++) {
        const struct parent_plan *parent = &plan->parents[p];
        if (parent->forward_count > 0)
            sum += masked_pass_multiply_adds(set->parents[p], parent->features_layer) *
                   (uint64_t)parent->forward_count;
        if (parent->network_count > 0)
            sum += network_multiply_adds(set->parents[p]);
    }
    for (int32_t i = 0; i < plan->map_count; i++)
        sum += 2 * (uint64_t)plan->parents[set->modules[plan->module_order[i]].parent].features;
    for (int32_t i = 0; i < plan->network_count; i++)
        sum += network_multiply_adds(set->modules[plan->network_order[i]].network);
    return sum;
}
