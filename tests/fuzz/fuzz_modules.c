/* Modules and composition files, above HDF5: a good file (a byte tells which: maps, networks on a stem,
 * networks on images, or all of them) in which arrays and attributes are exchanged, as the following bytes
 * say. What is still accepted must be writable again. */
#include "fuzz_hdf5.h"

#include "compute/base/memory.h"
#include "modules/file/modules_file.h"

enum { FILES = 4, CLASSES = 2 };
_Static_assert(FILES <= (int)GOOD_FILES_MAX, "each is kept");

static void make_map(const struct network *parent, int32_t index, struct module *module)
{
    *module = (struct module){.kind = MODULE_MAP, .class_index = index, .scale = 1};
    snprintf(module->class_name, sizeof module->class_name, "%d", (int)index);
    snprintf(module->label, sizeof module->label, "map %d", (int)index);
    must(memory_allocate(&module->map, 1, 1, "fuzz"));
    must(memory_allocate(&module->head_weights, 6, sizeof(float), "fuzz"));
    module->map[0] = 5;
    module->whole = module_size_of_network(parent);
    module->kept = module->whole;
    module->kept.units = module->kept.channels = 2;
}

static void make_own(const struct module_set *set, int32_t stem, int32_t index, struct module *module)
{
    static const struct module_origin origin = {.architecture = "whole", .digest = {1}};
    static const struct module_size whole = {.channels = 9};
    const struct module_parts parts = {.stem = stem < 0 ? NULL : set->parents[stem],
                                       .stem_index = stem,
                                       .origin = stem < 0 ? NULL : &origin,
                                       .whole = &whole,
                                       .class_name = index == 0 ? "ant" : "bee"};
    must(module_from_network(make_network(stem < 0 ? 3 : CLASSES, 1), &parts, module));
    snprintf(module->label, sizeof module->label, "network %d on %d", (int)index, (int)stem);
    if (index == 0)
        return;
    must(memory_allocate(&module->map, 1, 1, "fuzz"));
    module->map[0] = 1;
    must(module_network_measure(parts.stem, module->network, module->map, &module->kept));
    if (stem < 0)
        module->whole = module->kept;
    must(memory_allocate(&module->channels, 2, 1, "fuzz"));
    module->channels[1] = 1;
    if (stem < 0)
        module->channels[1] = 0;
}

/* 0: maps; 1: networks on a stem; 2: networks on images; 3: all of them, in a composition. */
static void make_file(uint8_t which, const char *path)
{
    struct module_set *set;
    bool all = which == 3;
    int32_t at = 0;
    must(module_set_create(which == 2 ? 0 : 1, all ? 3 * CLASSES : CLASSES, &set));
    if (which != 2)
        set->parents[0] = make_network(3, CLASSES);
    for (int32_t i = 0; i < CLASSES; i++) {
        if (all || which == 0)
            make_map(set->parents[0], i, &set->modules[at++]);
        if (all || which == 1)
            make_own(set, 0, i, &set->modules[at++]);
        if (all || which == 2)
            make_own(set, -1, i, &set->modules[at++]);
    }
    must(modules_file_save(set, all ? "composition" : "modules", path));
    module_set_destroy(&set);
}

static void mutate(hid_t file, struct fuzz_input *input)
{
    static const char *const arrays[] = {"modules",
                                         "map_offsets",
                                         "maps",
                                         "head_offsets",
                                         "heads",
                                         "layer_offsets",
                                         "layers",
                                         "inputs",
                                         "input_offsets",
                                         "channels",
                                         "parameters",
                                         "parameter_offsets",
                                         "statistics",
                                         "statistic_offsets",
                                         "channel_offsets",
                                         "parents/0/layers",
                                         "parents/0/parameters",
                                         "modules",
                                         "modules",
                                         "layers"};
    static const char *const attributes[] = {"facet.kind", "facet.version", "count", "architecture"};
    static const char *const groups[] = {"/", "/", "parents", "parents/0"};
    const char *array = arrays[fuzz_byte(input) % (sizeof arrays / sizeof *arrays)];
    size_t attribute = fuzz_byte(input) % (sizeof attributes / sizeof *attributes);
    bool parent = H5Lexists(file, "parents/0", H5P_DEFAULT) > 0;
    if (!parent && strchr(array, '/') != NULL)
        array = NULL;
    if (!parent && attribute == 3)
        attribute = 2;
    mutate_file(file, array, groups[attribute], attributes[attribute], input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct module_set *set = NULL;
    char path[128];
    uint8_t which = fuzz_byte(&input) % FILES;
    changed_file(which, make_file, mutate, &input, path);
    if (modules_file_load(path, NULL, &set) == STATUS_OK)
        must(modules_file_save(set, "composition", path));
    module_set_destroy(&set);
    return 0;
}
