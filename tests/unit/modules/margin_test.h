/* Margins of modules, computed directly, for the tests that change modules. */
#ifndef FACET_TESTS_UNIT_MODULES_MARGIN_TEST_H
#define FACET_TESTS_UNIT_MODULES_MARGIN_TEST_H

#include "module_test.h"

#include <math.h>

#include "compute/network/pass.h"
#include "tests/unit/network/random_network.h"

enum { MARGIN_IMAGES = 3 };

/* A pass of `network` with a map over its units (NULL: all kept). The caller destroys the pass and frees
 * *keep after it. */
static inline struct pass *masked_pass(const struct network *network, const uint8_t *map, float **keep)
{
    struct pass *pass;
    struct unit_layout *layout = NULL;
    *keep = NULL;
    assert_ok(pass_create(network, MARGIN_IMAGES, PASS_INFER, &pass));
    if (map == NULL)
        return pass;
    assert_ok(unit_layout_create(network, &layout));
    assert_ok(memory_allocate(keep, layout->unit_count, sizeof **keep, "test"));
    unit_map_expand(map, 0, layout->unit_count, *keep);
    for (int32_t i = 0; i < layout->layer_count; i++)
        pass_set_mask(pass, layout->layers[i], *keep + layout->unit_offset[i]);
    unit_layout_destroy(&layout);
    return pass;
}

/* "c" minus "not c" of a module of the network (MODULE_MAP), or of its own. */
static inline void compute_margins(const struct network *parent, const struct module *module,
                                   const float *images, double margins[MARGIN_IMAGES])
{
    bool own = module->kind == MODULE_NETWORK;
    const struct network *network = own ? module->network : parent;
    float *keep;
    struct pass *pass = masked_pass(network, module->map, &keep);
    int32_t output = 0;
    size_t features = 1;
    if (!own) {
        assert_ok(module_output_layer(network, &output));
        features = (size_t)module_features(network, output);
        pass_set_last_layer(pass, network->layers[output].inputs[0]);
    }
    const float *values = pass_forward(pass, MARGIN_IMAGES, images), *head = module->head_weights;
    for (size_t i = 0; i < MARGIN_IMAGES; i++) {
        margins[i] = own ? (double)values[i] : (double)module->head_bias[0] - (double)module->head_bias[1];
        for (size_t f = 0; !own && f < features; f++)
            margins[i] += (double)values[i * features + f] * ((double)head[2 * f] - (double)head[2 * f + 1]);
    }
    pass_destroy(&pass);
    memory_free(&keep);
}

static inline void assert_same_margins(const struct network *network, const double *before,
                                       const double *after)
{
    for (int32_t i = 0; i < MARGIN_IMAGES; i++)
        if (!(fabs(before[i] - after[i]) <= 1e-5 * fmax(1, fabs(before[i]))))
            fail_msg("%s: margin %d was %.9g, is %.9g", network->architecture, i, before[i], after[i]);
}

/* A random network that modules with maps can be cut from; NULL when that seed's is none. */
static inline struct network *random_parent(uint64_t seed, int32_t layers, int32_t classes)
{
    struct network *network = random_network(seed, layers, classes);
    struct unit_layout *layout;
    if (unit_layout_create(network, &layout) != STATUS_OK)
        network_destroy(&network);
    unit_layout_destroy(&layout);
    return network;
}

/* One module of the network, of class 1, which keeps each unit with that probability. The caller clears it.
 */
static inline struct module module_of(struct network *network, double kept, uint64_t seed)
{
    struct module_set *set = random_set(network, kept, seed);
    struct module module = set->modules[1];
    set->modules[1] = (struct module){0};
    set->parents[0] = NULL;
    module_set_destroy(&set);
    return module;
}

#endif
