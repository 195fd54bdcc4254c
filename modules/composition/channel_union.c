#include "modules/composition/channel_union.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/network/network_cut.h"
#include "compute/network/slicing.h"

static enum status check_modules(const struct module_set *set, const struct network *parent)
{
    const struct module_origin origin = module_origin_of(parent);
    const struct module_size whole = module_size_of_network(parent);
    for (int32_t m = 0; m < set->module_count; m++) {
        const struct module *module = &set->modules[m];
        struct module_origin own = module_set_origin(set, module);
        if (memcmp(own.digest, origin.digest, sizeof own.digest) != 0)
            return error_set(
                STATUS_MISMATCH,
                "module %s was made of another network (%s) than --parent; give that, or compose "
                "with --plan votes",
                module->label, module_origin_exists(&own) ? own.architecture : "none");
        if (module->kind != MODULE_NETWORK || module->channels == NULL)
            return error_set(
                STATUS_MISMATCH,
                "of module %s it is not known which channels of its network it keeps; compose it "
                "with --plan votes",
                module->label);
        if (module->whole.channels != whole.channels || module->class_index < 0 ||
            module->class_index >= parent->class_count)
            return error_set(
                STATUS_FORMAT,
                "module %s: class %d of a network with %llu channels; its network has %d classes "
                "and %llu channels",
                module->label, (int)module->class_index, (unsigned long long)module->whole.channels,
                (int)parent->class_count, (unsigned long long)whole.channels);
    }
    return STATUS_OK;
}

/* alive[layer] (channels of the layer) for the layers with units: whether any module keeps it. */
static enum status find_living(const struct module_set *set, const struct network *parent, bool **alive)
{
    struct unit_layout *layout = NULL;
    size_t first = 0;
    enum status status = unit_layout_create(parent, &layout);
    for (int32_t i = 0; status == STATUS_OK && i < layout->layer_count; i++) {
        size_t channels = (size_t)layout->layer_channels[i];
        bool *living = NULL;
        status = memory_allocate(&living, channels, sizeof *living, "living channels");
        for (size_t c = 0; status == STATUS_OK && c < channels; c++)
            for (int32_t m = 0; m < set->module_count; m++)
                living[c] = living[c] || unit_map_get(set->modules[m].channels, first + c);
        alive[layout->layers[i]] = living;
        first += channels;
    }
    unit_layout_destroy(&layout);
    return status;
}

/* The parent with the modules' classes alone, by their labels. */
static enum status select_classes(const struct module_set *set, const struct network *parent,
                                  struct network **selected)
{
    int32_t layer, *classes = NULL;
    enum status status =
        memory_allocate(&classes, (size_t)set->module_count, sizeof *classes, "classes of a union");
    for (int32_t m = 0; status == STATUS_OK && m < set->module_count; m++)
        classes[m] = set->modules[m].class_index;
    if (status == STATUS_OK)
        status = network_logits_layer(parent, &layer);
    if (status == STATUS_OK)
        status = network_select_outputs(parent, layer, classes, set->module_count, selected);
    for (int32_t m = 0; status == STATUS_OK && m < set->module_count; m++)
        memcpy((*selected)->class_names[m], set->modules[m].label, sizeof(class_name));
    memory_free(&classes);
    return status;
}

enum status channel_union(const struct module_set *set, const struct network *parent, struct network **united)
{
    struct network *selected = NULL;
    struct slicing slicing = {0};
    bool **alive = NULL;
    *united = NULL;
    enum status status = check_modules(set, parent);
    if (status == STATUS_OK)
        status = memory_allocate(&alive, (size_t)parent->layer_count, sizeof *alive, "living channels");
    if (status == STATUS_OK)
        status = find_living(set, parent, alive);
    if (status == STATUS_OK)
        status = select_classes(set, parent, &selected);
    /* Its layers are the parent's up to the logits. */
    if (status == STATUS_OK)
        status = network_slice(selected, (const bool *const *)alive, &slicing);
    if (status == STATUS_OK) {
        snprintf(slicing.network->architecture, sizeof slicing.network->architecture, "union of %.80s",
                 parent->architecture);
        *united = slicing.network;
        slicing.network = NULL;
    }
    slicing_clear(&slicing);
    network_destroy(&selected);
    for (int32_t i = 0; alive != NULL && i < parent->layer_count; i++)
        memory_free(&alive[i]);
    memory_free(&alive);
    return status;
}
