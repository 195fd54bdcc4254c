#include "modules/module_set.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network_cut.h"

enum status module_set_create(int32_t parent_count, int32_t module_count, struct module_set **set)
{
    enum status status = memory_allocate(set, 1, sizeof **set, "module set");
    if (status != STATUS_OK)
        return status;
    status = memory_allocate(&(*set)->parents, (size_t)parent_count, sizeof(struct network *), "parents");
    if (status == STATUS_OK)
        status = memory_allocate(&(*set)->modules, (size_t)module_count, sizeof(struct module), "modules");
    if (status != STATUS_OK) {
        module_set_destroy(set);
        return status;
    }
    (*set)->parent_count = parent_count;
    (*set)->module_count = module_count;
    return STATUS_OK;
}

void module_set_destroy(struct module_set **set)
{
    if (*set == NULL)
        return;
    for (int32_t i = 0; i < (*set)->parent_count; i++)
        network_destroy(&(*set)->parents[i]);
    for (int32_t i = 0; i < (*set)->module_count; i++)
        module_clear(&(*set)->modules[i]);
    memory_free(&(*set)->parents);
    memory_free(&(*set)->modules);
    memory_free(set);
}

/* --- what modules stand on and come from --- */

const struct network *module_set_base(const struct module_set *set, const struct module *module)
{
    return module->parent < 0 ? NULL : set->parents[module->parent];
}

struct module_origin module_origin_of(const struct network *network)
{
    struct module_origin origin = {.architecture = ""};
    snprintf(origin.architecture, sizeof origin.architecture, "%s", network->architecture);
    network_digest(network, origin.digest);
    return origin;
}

struct module_origin module_set_origin(const struct module_set *set, const struct module *module)
{
    return module->kind == MODULE_MAP ? module_origin_of(module_set_base(set, module)) : module->origin;
}

bool module_origin_exists(const struct module_origin *origin)
{
    static const uint8_t none[DIGEST_BYTES];
    return memcmp(origin->digest, none, DIGEST_BYTES) != 0;
}

/* --- sizes --- */

struct module_size module_size_of_network(const struct network *network)
{
    struct module_size size = {.weights = network->parameter_count,
                               .multiply_adds = network_multiply_adds(network)};
    for (int32_t i = 0; i < network->layer_count; i++) {
        if (!layer_has_units(&network->layers[i]))
            continue;
        size.units += shape_count(network->layers[i].shape);
        size.channels += (uint64_t)network->layers[i].shape.c;
    }
    return size;
}

enum status module_network_measure(const struct network *stem, const struct network *network,
                                   const uint8_t *map, struct module_size *kept)
{
    struct module_size own = module_size_of_network(network), below = {0};
    if (map != NULL) {
        struct unit_layout *layout = NULL;
        enum status status = unit_layout_create(network, &layout);
        if (status != STATUS_OK)
            return status;
        unit_map_measure(layout, map, &own.units, &own.channels);
        unit_layout_destroy(&layout);
    }
    if (stem != NULL)
        below = module_size_of_network(stem);
    *kept = (struct module_size){.units = own.units + below.units,
                                 .channels = own.channels + below.channels,
                                 .weights = own.weights + below.weights,
                                 .multiply_adds = own.multiply_adds + below.multiply_adds};
    return STATUS_OK;
}

/* Lengths of a map over that network, and of its bytes. */
static enum status map_length(const struct network *network, int64_t *bytes)
{
    struct unit_layout *layout = NULL;
    enum status status = unit_layout_create(network, &layout);
    if (status != STATUS_OK)
        return status;
    *bytes = (int64_t)unit_map_bytes(layout);
    unit_layout_destroy(&layout);
    return STATUS_OK;
}

static enum status lengths_of_map(const struct network *parent, struct module_lengths *lengths)
{
    int32_t output = 0;
    if (parent == NULL)
        return error_set(STATUS_SHAPE, "a module that is a map stands on no network");
    enum status status = module_output_layer(parent, &output);
    if (status == STATUS_OK)
        status = map_length(parent, &lengths->of[MODULE_ARRAY_MAP]);
    if (status == STATUS_OK)
        lengths->of[MODULE_ARRAY_HEAD] = 2 * (int64_t)module_features(parent, output);
    return status;
}

static enum status lengths_of_network(const struct module *module, const struct network *stem,
                                      struct module_lengths *lengths)
{
    const struct network *network = module->network;
    enum status status = module_network_check(network, stem);
    if (status == STATUS_OK && module->map != NULL)
        status = map_length(network, &lengths->of[MODULE_ARRAY_MAP]);
    lengths->of[MODULE_ARRAY_LAYERS] = network->layer_count;
    for (int32_t i = 0; i < network->layer_count; i++)
        lengths->of[MODULE_ARRAY_INPUTS] += network->layers[i].input_count;
    lengths->of[MODULE_ARRAY_PARAMETERS] = (int64_t)network->parameter_count;
    lengths->of[MODULE_ARRAY_STATISTICS] = (int64_t)network->statistic_count;
    return status;
}

enum status module_lengths_of(const struct module *module, const struct network *base,
                              struct module_lengths *lengths)
{
    memset(lengths, 0, sizeof *lengths);
    if (module->channels != NULL)
        lengths->of[MODULE_ARRAY_CHANNELS] = (int64_t)((module->whole.channels + 7) / 8);
    return module->kind == MODULE_MAP ? lengths_of_map(base, lengths)
                                      : lengths_of_network(module, base, lengths);
}

/* --- modules --- */

enum status module_network_check(const struct network *network, const struct network *stem)
{
    struct shape in = network_input_shape(network), out = network->layers[network->layer_count - 1].shape;
    if (out.h != 1 || out.w != 1 || out.c != 1)
        return error_set(STATUS_SHAPE,
                         "network %s gives %d×%d×%d numbers; a module's own network gives one, the margin",
                         network->architecture, (int)out.h, (int)out.w, (int)out.c);
    if (stem == NULL)
        return STATUS_OK;
    struct shape given = stem->layers[stem->layer_count - 1].shape;
    if (!shape_equals(given, in))
        return error_set(STATUS_SHAPE, "network %s takes %d×%d×%d; its stem %s gives %d×%d×%d",
                         network->architecture, (int)in.h, (int)in.w, (int)in.c, stem->architecture,
                         (int)given.h, (int)given.w, (int)given.c);
    return STATUS_OK;
}

enum status module_from_network(struct network *network, const struct module_parts *parts,
                                struct module *module)
{
    class_name name = "";
    memset(module, 0, sizeof *module);
    snprintf(name, sizeof name, "%s", parts->class_name);
    enum status status = module_network_check(network, parts->stem);
    if (status == STATUS_OK)
        status = network_set_class_names(network, (const class_name *)&name, 1);
    if (status == STATUS_OK)
        status = module_network_measure(parts->stem, network, NULL, &module->kept);
    if (status != STATUS_OK)
        return status;
    module->kind = MODULE_NETWORK;
    memcpy(module->class_name, name, sizeof name);
    memcpy(module->label, name, sizeof name);
    module->parent = parts->stem == NULL ? -1 : parts->stem_index;
    module->class_index = parts->class_index;
    module->network = network;
    module->scale = 1.0F;
    module->whole = module->kept;
    if (parts->origin != NULL) {
        module->origin = *parts->origin;
        module->whole = *parts->whole;
    }
    return STATUS_OK;
}

/* A copy of `count` elements; of nothing, when there is nothing. */
static enum status copy_array(const void *from, int64_t count, size_t element_bytes, const char *what,
                              void *to)
{
    void *copy = NULL;
    enum status status = STATUS_OK;
    if (from != NULL)
        status = memory_allocate(&copy, (size_t)count, element_bytes, what);
    if (copy != NULL)
        memcpy(copy, from, (size_t)count * element_bytes);
    memcpy(to, &copy, sizeof copy);
    return status;
}

enum status module_copy(const struct module *module, const struct network *base, struct module *copy)
{
    struct module_lengths lengths;
    memset(copy, 0, sizeof *copy);
    enum status status = module_lengths_of(module, base, &lengths);
    if (status != STATUS_OK)
        return status;
    *copy = *module;
    copy->map = copy->channels = NULL;
    copy->head_weights = NULL;
    copy->network = NULL;
    status = copy_array(module->map, lengths.of[MODULE_ARRAY_MAP], 1, "unit map", &copy->map);
    if (status == STATUS_OK)
        status = copy_array(module->head_weights, lengths.of[MODULE_ARRAY_HEAD], sizeof(float), "module head",
                            &copy->head_weights);
    if (status == STATUS_OK)
        status = copy_array(module->channels, lengths.of[MODULE_ARRAY_CHANNELS], 1, "module channels",
                            &copy->channels);
    if (status == STATUS_OK && module->network != NULL)
        status = network_copy(module->network, &copy->network);
    if (status != STATUS_OK)
        module_clear(copy);
    return status;
}

void module_clear(struct module *module)
{
    memory_free(&module->map);
    memory_free(&module->head_weights);
    memory_free(&module->channels);
    network_destroy(&module->network);
    memset(module, 0, sizeof *module);
}

/* --- output layers --- */

enum status module_output_layer(const struct network *parent, int32_t *layer)
{
    enum status status = network_logits_layer(parent, layer);
    if (status != STATUS_OK)
        return error_prefix(status, "no modules can be cut: ");
    return STATUS_OK;
}

int32_t module_features(const struct network *parent, int32_t output)
{
    return parent->layers[parent->layers[output].inputs[0]].shape.c;
}

enum status module_set_labels(const struct module_set *set, class_name **labels)
{
    enum status status =
        memory_allocate(labels, (size_t)set->module_count, sizeof(class_name), "module labels");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < set->module_count; i++)
        memcpy((*labels)[i], set->modules[i].label, sizeof(class_name));
    return STATUS_OK;
}

enum status module_set_find(const struct module_set *set, const char *label, const char *where,
                            int32_t *index)
{
    class_name *labels = NULL;
    enum status status = module_set_labels(set, &labels);
    if (status == STATUS_OK)
        status = class_names_find((const class_name *)labels, set->module_count, label, where, index);
    memory_free(&labels);
    return status;
}
