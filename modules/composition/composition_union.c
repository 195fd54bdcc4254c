#include "modules/composition/composition_union.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network_cut.h"
#include "compute/network/slicing.h"

enum { NAMES_BYTES = 256 };

/* What is put together. */
struct unity {
    const struct module_set *set;
    const struct network *parent;
    struct unit_layout *layout; /* of the parent, and of the network with the new outputs */
    uint8_t *map;               /* union of all maps */
    bool **alive;               /* by layer of the parent: channels of a layer with units, else NULL */
    float *weights, *bias;      /* of the new outputs: (features, modules), (modules) */
    bool same_maps, whole_channels;
};

static void unity_clear(struct unity *unity)
{
    for (int32_t i = 0; unity->alive != NULL && i < unity->parent->layer_count; i++)
        memory_free(&unity->alive[i]);
    memory_free(&unity->alive);
    memory_free(&unity->map);
    memory_free(&unity->weights);
    memory_free(&unity->bias);
    unit_layout_destroy(&unity->layout);
}

/* --- which modules --- */

/* Labels of the modules with networks of their own, as far as there is room. */
static void name_networks(const struct module_set *set, char names[NAMES_BYTES])
{
    size_t used = 0;
    names[0] = '\0';
    for (int32_t m = 0; m < set->module_count; m++) {
        const char *label = set->modules[m].label;
        if (set->modules[m].kind == MODULE_MAP)
            continue;
        if (used + strlen(label) + 8 > NAMES_BYTES) {
            snprintf(names + used, NAMES_BYTES - used, ", …");
            return;
        }
        used += (size_t)snprintf(names + used, NAMES_BYTES - used, "%s%s", used > 0 ? ", " : "", label);
    }
}

enum status composition_union_check(const struct module_set *set)
{
    char names[NAMES_BYTES];
    name_networks(set, names);
    if (names[0] != '\0')
        return error_set(STATUS_MISMATCH,
                         "these modules have weights of their own and cannot be united with others: %s; "
                         "give the network they were made of as --parent, or compose them with --plan votes",
                         names);
    for (int32_t m = 1; m < set->module_count; m++)
        if (set->modules[m].parent != set->modules[0].parent)
            return error_set(STATUS_MISMATCH,
                             "module %s is of another network than module %s; only modules of one network "
                             "can be united: compose them with --plan votes",
                             set->modules[m].label, set->modules[0].label);
    return STATUS_OK;
}

/* --- units and channels --- */

static void unite_maps(struct unity *unity)
{
    const struct module_set *set = unity->set;
    size_t bytes = unit_map_bytes(unity->layout);
    unity->same_maps = true;
    for (int32_t m = 0; m < set->module_count; m++) {
        for (size_t i = 0; i < bytes; i++)
            unity->map[i] = (uint8_t)(unity->map[i] | set->modules[m].map[i]);
        unity->same_maps = unity->same_maps && memcmp(set->modules[m].map, set->modules[0].map, bytes) == 0;
    }
}

/* A channel lives when one of its units does. */
static enum status find_living(struct unity *unity)
{
    const struct unit_layout *layout = unity->layout;
    enum status status = memory_allocate(&unity->alive, (size_t)unity->parent->layer_count,
                                         sizeof *unity->alive, "living channels");
    unity->whole_channels = true;
    for (int32_t i = 0; status == STATUS_OK && i < layout->layer_count; i++) {
        size_t channels = (size_t)layout->layer_channels[i];
        size_t first = layout->unit_offset[i], units = layout->unit_offset[i + 1] - first;
        bool **alive = &unity->alive[layout->layers[i]];
        status = memory_allocate(alive, channels, sizeof **alive, "living channels");
        for (size_t u = 0; status == STATUS_OK && u < units; u++)
            if (unit_map_get(unity->map, first + u))
                (*alive)[u % channels] = true;
        for (size_t u = 0; status == STATUS_OK && u < units; u++)
            if (!unit_map_get(unity->map, first + u) && (*alive)[u % channels])
                unity->whole_channels = false;
    }
    return status;
}

/* --- outputs --- */

static enum status make_outputs(struct unity *unity, size_t features)
{
    const struct module_set *set = unity->set;
    size_t count = (size_t)set->module_count;
    enum status status =
        memory_allocate(&unity->weights, features * count, sizeof *unity->weights, "outputs of a union");
    if (status == STATUS_OK)
        status = memory_allocate(&unity->bias, count, sizeof *unity->bias, "outputs of a union");
    for (size_t m = 0; status == STATUS_OK && m < count; m++) {
        const struct module *module = &set->modules[m];
        const float *head = module->head_weights;
        for (size_t f = 0; f < features; f++)
            unity->weights[f * count + m] = module->scale * (head[2 * f] - head[2 * f + 1]);
        unity->bias[m] = module->scale * (module->head_bias[0] - module->head_bias[1]) + module->offset;
    }
    return status;
}

/* --- all of it --- */

static enum status slice(const struct unity *unity, const struct network *whole, struct network **united,
                         bool *exact)
{
    struct slicing slicing = {0};
    const bool *const *alive = (const bool *const *)unity->alive;
    enum status status = network_slice(whole, alive, &slicing);
    if (status == STATUS_OK) {
        *exact = unity->same_maps && unity->whole_channels && !slicing_keeps_dead(&slicing, alive);
        *united = slicing.network;
        slicing.network = NULL;
        snprintf((*united)->architecture, sizeof(*united)->architecture, "union of %.80s",
                 unity->parent->architecture);
    }
    slicing_clear(&slicing);
    return status;
}

static enum status unite(struct unity *unity, struct network **united, bool *exact)
{
    int32_t output = 0;
    class_name *labels = NULL;
    struct network *whole = NULL;
    enum status status = module_output_layer(unity->parent, &output);
    if (status == STATUS_OK)
        status = unit_layout_create(unity->parent, &unity->layout);
    if (status == STATUS_OK)
        status = memory_allocate(&unity->map, unit_map_bytes(unity->layout), 1, "unit map");
    if (status == STATUS_OK) {
        unite_maps(unity);
        status = find_living(unity);
    }
    if (status == STATUS_OK)
        status = make_outputs(unity, (size_t)module_features(unity->parent, output));
    if (status == STATUS_OK)
        status = module_set_labels(unity->set, &labels);
    if (status == STATUS_OK)
        status = network_replace_outputs(unity->parent, output, unity->weights, unity->bias,
                                         (const class_name *)labels, unity->set->module_count, &whole);
    if (status == STATUS_OK)
        status = slice(unity, whole, united, exact);
    network_destroy(&whole);
    memory_free(&labels);
    return status;
}

enum status composition_union(const struct module_set *set, struct network **united, bool *exact)
{
    *united = NULL;
    *exact = false;
    enum status status = composition_union_check(set);
    if (status != STATUS_OK)
        return status;
    struct unity unity = {.set = set, .parent = module_set_base(set, &set->modules[0])};
    status = unite(&unity, united, exact);
    unity_clear(&unity);
    return status;
}
