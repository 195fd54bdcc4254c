#include "modules/classifier/forward_plan.h"

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

int32_t forward_plan_resume_layer(const struct parent_plan *plan, const struct network *parent, int32_t place)
{
    return making_layer(parent, plan->layout->layers[place]);
}

/* Of the layers from `first` to `last`. */
static uint64_t layers_multiply_adds(const struct network *parent, int32_t first, int32_t last)
{
    uint64_t sum = 0;
    for (int32_t layer = first; layer <= last; layer++)
        sum += layer_multiply_adds(parent, layer);
    return sum;
}

uint64_t forward_plan_resumed_multiply_adds(const struct parent_plan *plan, const struct network *parent,
                                            int32_t place)
{
    return layers_multiply_adds(parent, forward_plan_resume_layer(plan, parent, place), plan->features_layer);
}

static const uint8_t *forward_map(const struct module_set *set, const int32_t *leaders, int32_t forward)
{
    return set->modules[leaders[forward]].map;
}

/* Fills `common`, and for each unit of it that not all maps keep an entry of `disputed` (NULL: only counts).
 */
static size_t find_disputed(const struct module_set *set, const struct parent_plan *plan,
                            const int32_t *leaders, size_t *disputed)
{
    size_t bytes = unit_map_bytes(plan->layout), count = 0;
    for (size_t at = 0; at < bytes; at++) {
        unsigned any = 0, all = 0xff;
        for (int32_t i = plan->first_forward; i < plan->first_forward + plan->forward_count; i++) {
            any |= forward_map(set, leaders, i)[at];
            all &= forward_map(set, leaders, i)[at];
        }
        plan->common[at] = (uint8_t)any;
        for (unsigned left = any & ~all; left != 0; left &= left - 1, count++)
            if (disputed != NULL)
                disputed[count] = 8 * at + (size_t)__builtin_ctz(left);
    }
    return count;
}

/* The first of the layout's layers where that map lacks a disputed unit. */
static int32_t first_difference(const struct parent_plan *plan, const uint8_t *map)
{
    for (int32_t place = 0; place < plan->layout->layer_count; place++)
        for (size_t i = plan->disputed_offset[place]; i < plan->disputed_offset[place + 1]; i++)
            if (!unit_map_get(map, plan->disputed[i]))
                return place;
    return plan->layout->layer_count;
}

/* A pass may be taken up where maps first differ, and else at layers from which on it takes at least half as
 * much again as from the next such layer. */
static void choose_resume_places(const struct network *network, const struct forward_plan *plan,
                                 struct parent_plan *parent)
{
    const struct unit_layout *layout = parent->layout;
    int32_t *places = parent->resume_places, last = 0;
    uint64_t left = 0;
    memset(places, 0, (size_t)layout->layer_count * sizeof *places); /* 1: may be taken up here */
    for (int32_t i = parent->first_forward; i < parent->first_forward + parent->forward_count; i++)
        if (plan->forwards[i].differs < layout->layer_count)
            places[plan->forwards[i].differs] = 1;
    for (int32_t place = layout->layer_count - 1; place >= 0; place--) {
        uint64_t here = forward_plan_resumed_multiply_adds(parent, network, place);
        if (layout->layers[place] <= parent->features_layer && here >= left + left / 2) {
            places[place] = 1;
            left = here;
        }
    }
    for (int32_t place = 0; place < layout->layer_count; place++)
        places[place] = last = places[place] != 0 ? place : last;
}

/* What maps over a parent have in common, and where they part. leaders: the first module of each forward. */
static enum status compare_maps(const struct module_set *set, struct forward_plan *plan, int32_t index,
                                const int32_t *leaders)
{
    struct parent_plan *parent = &plan->parents[index];
    const struct unit_layout *layout = parent->layout;
    const char *what = "planning forward passes";
    size_t places = (size_t)layout->layer_count, count = 0;
    enum status status = memory_allocate(&parent->common, unit_map_bytes(layout), 1, what);
    if (status == STATUS_OK)
        count = find_disputed(set, parent, leaders, NULL);
    if (status == STATUS_OK)
        status = memory_allocate(&parent->disputed, count, sizeof *parent->disputed, what);
    if (status == STATUS_OK)
        status = memory_allocate(&parent->disputed_offset, places + 1, sizeof *parent->disputed_offset, what);
    if (status == STATUS_OK)
        status = memory_allocate(&parent->resume_places, places, sizeof *parent->resume_places, what);
    if (status != STATUS_OK)
        return status;
    find_disputed(set, parent, leaders, parent->disputed);
    for (size_t place = 0, at = 0; place <= places; place++) {
        while (at < count && parent->disputed[at] < layout->unit_offset[place])
            at++;
        parent->disputed_offset[place] = at;
    }
    for (int32_t i = parent->first_forward; i < parent->first_forward + parent->forward_count; i++)
        plan->forwards[i].differs = first_difference(parent, forward_map(set, leaders, i));
    choose_resume_places(set->parents[index], plan, parent);
    return STATUS_OK;
}

/* Gives every module its forward, parent by parent. leaders: room for the first module of each forward. */
static enum status assign_forwards(const struct module_set *set, struct forward_plan *plan, int32_t *leaders,
                                   int32_t *forward_of)
{
    enum status status = STATUS_OK;
    for (int32_t p = 0; p < plan->parent_count && status == STATUS_OK; p++) {
        struct parent_plan *parent = &plan->parents[p];
        if (parent->layout == NULL)
            continue;
        size_t map_bytes = unit_map_bytes(parent->layout);
        parent->first_forward = plan->forward_count;
        for (int32_t m = 0; m < set->module_count; m++) {
            if (!is_map_over(&set->modules[m], p))
                continue;
            forward_of[m] = find_forward(set, map_bytes, leaders, parent->first_forward, plan->forward_count,
                                         &set->modules[m]);
            if (forward_of[m] == plan->forward_count)
                leaders[plan->forward_count++] = m;
            plan->forwards[forward_of[m]].count++;
        }
        parent->forward_count = plan->forward_count - parent->first_forward;
        status = compare_maps(set, plan, p, leaders);
    }
    return status;
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
        status = assign_forwards(set, plan, leaders, forward_of);
    }
    if (status == STATUS_OK)
        order_maps(set, plan, forward_of);
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
    for (int32_t p = 0; p < (*plan)->parent_count; p++) {
        struct parent_plan *parent = &(*plan)->parents[p];
        unit_layout_destroy(&parent->layout);
        memory_free(&parent->common);
        memory_free(&parent->disputed);
        memory_free(&parent->disputed_offset);
        memory_free(&parent->resume_places);
    }
    memory_free(&(*plan)->parents);
    memory_free(&(*plan)->forwards);
    memory_free(&(*plan)->module_order);
    memory_free(&(*plan)->network_order);
    memory_free(plan);
}

/* --- counting --- */

/* The pass with all units that any map keeps goes on as long as a map has not parted from it. */
static uint64_t maps_multiply_adds(const struct forward_plan *plan, const struct parent_plan *parent,
                                   const struct network *network)
{
    uint64_t sum = 0;
    int32_t together = 0;
    for (int32_t i = parent->first_forward; i < parent->first_forward + parent->forward_count; i++) {
        int32_t place = plan->forwards[i].differs, parted = parent->features_layer;
        if (place < parent->layout->layer_count && parent->layout->layers[place] <= parted) {
            parted = parent->layout->layers[place];
            sum += forward_plan_resumed_multiply_adds(parent, network, place);
        }
        together = parted > together ? parted : together;
    }
    return sum + layers_multiply_adds(network, 1, together);
}

uint64_t forward_plan_multiply_adds(const struct forward_plan *plan, const struct module_set *set)
{
    uint64_t sum = 0;
    for (int32_t p = 0; p < plan->parent_count; p++) {
        const struct parent_plan *parent = &plan->parents[p];
        if (parent->forward_count > 0)
            sum += maps_multiply_adds(plan, parent, set->parents[p]);
        if (parent->network_count > 0)
            sum += network_multiply_adds(set->parents[p]);
    }
    for (int32_t i = 0; i < plan->map_count; i++)
        sum += 2 * (uint64_t)plan->parents[set->modules[plan->module_order[i]].parent].features;
    for (int32_t i = 0; i < plan->network_count; i++)
        sum += network_multiply_adds(set->modules[plan->network_order[i]].network);
    return sum;
}
