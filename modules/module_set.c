#include "modules/module_set.h"

#include <string.h>

#include "compute/base/memory.h"

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

void module_clear(struct module *module)
{
    memory_free(&module->map);
    memory_free(&module->head_weights);
    network_destroy(&module->network);
    memset(module, 0, sizeof *module);
}

enum status module_copy(const struct module *module, const struct module_sizes *sizes, struct module *copy)
{
    *copy = *module;
    copy->head_weights = NULL;
    enum status status = memory_allocate(&copy->map, sizes->map_bytes, 1, "unit map");
    if (status == STATUS_OK)
        status = memory_allocate(&copy->head_weights, sizes->head_floats, sizeof(float), "module head");
    if (status != STATUS_OK) {
        module_clear(copy);
        return status;
    }
    memcpy(copy->map, module->map, sizes->map_bytes);
    memcpy(copy->head_weights, module->head_weights, sizes->head_floats * sizeof(float));
    return STATUS_OK;
}

enum status module_sizes_of(const struct network *parent, struct module_sizes *sizes)
{
    int32_t output = 0;
    struct unit_layout *layout = NULL;
    enum status status = module_output_layer(parent, &output);
    if (status == STATUS_OK)
        status = unit_layout_create(parent, &layout);
    if (status != STATUS_OK)
        return status;
    sizes->map_bytes = unit_map_bytes(layout);
    sizes->head_floats = 2 * (size_t)module_features(parent, output);
    unit_layout_destroy(&layout);
    return STATUS_OK;
}

enum status module_output_layer(const struct network *parent, int32_t *layer)
{
    int32_t last = parent->layer_count - 1;
    const struct layer *output = &parent->layers[last];
    if (output->kind != LAYER_DENSE)
        return error_set(STATUS_SHAPE,
                         "network %s ends in the %s layer %s; modules are cut only from networks whose last "
                         "layer is dense",
                         parent->architecture, layer_kind_name(output->kind), output->name);
    struct shape features = parent->layers[output->inputs[0]].shape;
    if (features.h != 1 || features.w != 1)
        return error_set(
            STATUS_SHAPE, "network %s: output layer %s reads %d×%d×%d; it must read a vector (1×1×F)",
            parent->architecture, output->name, (int)features.h, (int)features.w, (int)features.c);
    *layer = last;
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
