/* Modules with networks of their own, and sets in which all kinds stand side by side, for the tests of this
 * folder. */
#ifndef FACET_TESTS_UNIT_MODULES_NETWORK_MODULE_TEST_H
#define FACET_TESTS_UNIT_MODULES_NETWORK_MODULE_TEST_H

#include "module_test.h"

/* The first layers of some network: 8×8×3 to 4×4×5. */
static inline struct network *stem_network(uint64_t seed)
{
    struct network *network = new_network(8, 8, 3);
    const struct layer_options pool = pooling_options(2, 2, 0);
    int32_t at = add_convolution(network, "conv1", 0, 5, 3, 1, 1);
    at = add_batchnorm(network, "norm1", at);
    at = add_plain(network, LAYER_RELU, "relu1", at);
    add_layer(network, LAYER_MAXPOOL, "pool", &pool, at, -1);
    finish(network);
    randomise(network, seed);
    return network;
}

/* A small network of one output. */
static inline struct network *margin_network(struct shape input, int32_t channels, uint64_t seed)
{
    struct network *network = new_network(input.h, input.w, input.c);
    int32_t at = add_convolution(network, "conv", 0, channels, 3, 1, 1);
    at = add_batchnorm(network, "norm", at);
    at = add_plain(network, LAYER_RELU, "relu", at);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    return finished(network, at, 1, seed);
}

/* A module of such a network, on parents[stem] of the set or (−1) on images. */
static inline void network_module(const struct module_set *set, int32_t stem, struct network *network,
                                  const char *name, struct module *module)
{
    const struct module_origin origin = {.architecture = "whole", .digest = {1, 2, 3}};
    const struct module_size whole = {.units = 900, .channels = 30, .weights = 5000, .multiply_adds = 90000};
    const struct module_parts parts = {.stem = stem < 0 ? NULL : set->parents[stem],
                                       .stem_index = stem,
                                       .origin = stem < 0 ? NULL : &origin,
                                       .whole = &whole,
                                       .class_name = name,
                                       .class_index = 4};
    assert_ok(module_from_network(network, &parts, module));
}

/* Gives it a map over its own network's units, of which some are held at zero, and the channels of its
 * origin. */
static inline void give_own_map(const struct module_set *set, struct module *module)
{
    struct unit_layout *layout;
    assert_ok(unit_layout_create(module->network, &layout));
    assert_ok(memory_allocate(&module->map, unit_map_bytes(layout), 1, "test"));
    for (size_t u = 0; u < layout->unit_count; u++)
        if (u % 3 != 0)
            unit_map_keep(module->map, u);
    unit_layout_destroy(&layout);
    assert_ok(
        module_network_measure(module_set_base(set, module), module->network, module->map, &module->kept));
    assert_ok(memory_allocate(&module->channels, 4, 1, "test")); /* of 30 */
    module->channels[0] = 0x55;
    module->channels[3] = 0x21;
}

enum { MIXED_MODULES = 6 };

/* Two maps over a parent, three networks (one with a map over its own units) on two stems, of which one is
 * also that parent, and one network that takes images. */
static inline struct module_set *every_kind(uint64_t seed)
{
    struct network *parent = plain_network(seed, 3);
    struct module_set *maps = random_set(parent, 0.7, seed), *set;
    const struct shape shapes[2] = {{4, 4, 5}, {1, 1, 3}};
    assert_ok(module_set_create(2, MIXED_MODULES, &set));
    set->parents[0] = parent;
    set->parents[1] = stem_network(seed + 1);
    assert_ok(module_copy(&maps->modules[0], parent, &set->modules[0]));
    assert_ok(module_copy(&maps->modules[2], parent, &set->modules[4]));
    maps->parents[0] = NULL;
    module_set_destroy(&maps);
    network_module(set, 1, margin_network(shapes[0], 3, seed + 2), "ant", &set->modules[1]);
    network_module(set, 1, margin_network(shapes[0], 4, seed + 3), "bee", &set->modules[2]);
    network_module(set, -1, margin_network((struct shape){6, 6, 3}, 2, seed + 4), "cat", &set->modules[3]);
    network_module(set, 0, margin_network(shapes[1], 2, seed + 5), "dog", &set->modules[5]);
    give_own_map(set, &set->modules[2]);
    set->modules[1].scale = 1.5F;
    set->modules[2].offset = -0.5F;
    return set;
}

#endif
