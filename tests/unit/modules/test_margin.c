/* Modules measured and sliced: the sliced module gives the margins of the map, and is as large as measured.
 */
#include "margin_test.h"

#include "modules/margin.h"

enum { CLASSES = 4 };

/* Besides single units, whole channels leave the map: each with that probability. */
static void drop_channels(const struct network *network, struct module *module, float dropped, uint64_t seed)
{
    struct unit_layout *layout;
    assert_ok(unit_layout_create(network, &layout));
    for (int32_t i = 0; i < layout->layer_count; i++) {
        size_t channels = (size_t)layout->layer_channels[i];
        for (size_t u = layout->unit_offset[i]; u < layout->unit_offset[i + 1]; u++)
            if (random_uniform(seed, 200 + (uint64_t)i, (u - layout->unit_offset[i]) % channels) < dropped)
                module->map[u / 8] = (uint8_t)(module->map[u / 8] & ~(1U << u % 8));
    }
    unit_map_measure(layout, module->map, &module->kept.units, &module->kept.channels);
    unit_layout_destroy(&layout);
}

/* Slices a module of the network, which becomes this function's. Returns whether a map is left. */
static bool assert_slicing_keeps_margins(struct network *network, double units, float dropped, uint64_t seed)
{
    double before[MARGIN_IMAGES], after[MARGIN_IMAGES];
    struct module module = module_of(network, units, seed), sliced;
    struct margin *margin;
    struct module_size kept;
    drop_channels(network, &module, dropped, seed);
    float *images = new_images(network, MARGIN_IMAGES, seed);
    assert_ok(margin_create(network, &margin));
    assert_ok(margin_measure(margin, &module, &kept, NULL));
    assert_ok(margin_slice(margin, &module, &sliced));
    compute_margins(network, &module, images, before);
    compute_margins(network, &sliced, images, after);
    assert_same_margins(network, before, after);
    assert_int_equal(sliced.kept.weights, kept.weights);
    assert_int_equal(sliced.kept.weights, sliced.network->parameter_count);
    assert_int_equal(sliced.kept.multiply_adds, kept.multiply_adds);
    assert_int_equal(kept.units, module.kept.units);
    assert_int_equal(kept.channels, module.kept.channels);
    assert_true(sliced.kept.units <= kept.units); /* fewer, where nobody reads them */
    assert_true(kept.weights < sliced.whole.weights);
    bool mapped = sliced.map != NULL;
    module_clear(&sliced);
    module_clear(&module);
    margin_destroy(&margin);
    memory_free(&images);
    network_destroy(&network);
    return mapped;
}

static void test_sliced_modules_of_random_networks_keep_their_margins(void **state)
{
    (void)state;
    int32_t mapped = 0, plain = 0;
    for (uint64_t seed = 0; seed < 700; seed++) {
        struct network *network = random_parent(seed, 2 + (int32_t)(seed % 12), CLASSES);
        if (network == NULL)
            continue;
        bool has_map = assert_slicing_keeps_margins(network, seed % 2 == 0 ? 2.0 : 0.8, 0.5F, seed);
        mapped += has_map;
        plain += !has_map;
    }
    assert_true(mapped > 0);
    assert_true(plain > 0);
}

static void test_sliced_modules_of_known_networks_keep_their_margins(void **state)
{
    (void)state;
    for (int32_t i = 0; i < NETWORK_MAKERS; i++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            assert_slicing_keeps_margins(network_makers[i](seed, CLASSES), 2.0, 0.4F, seed);
            assert_true(assert_slicing_keeps_margins(network_makers[i](seed, CLASSES), 0.7, 0.2F, seed) ||
                        network_makers[i] == dense_network);
        }
}

static void test_a_sliced_module_says_where_it_comes_from(void **state)
{
    (void)state;
    struct network *network = plain_network(1, CLASSES);
    struct module module = module_of(network, 2.0, 1), sliced;
    struct module_origin origin = module_origin_of(network);
    struct margin *margin;
    drop_channels(network, &module, 0.5F, 9);
    module.scale = 2.0F;
    module.offset = -1.0F;
    strcpy(module.label, "another");
    assert_ok(margin_create(network, &margin));
    assert_ok(margin_slice(margin, &module, &sliced));
    assert_int_equal(sliced.kind, MODULE_NETWORK);
    assert_int_equal(sliced.parent, -1);
    assert_int_equal(sliced.class_index, 1);
    assert_string_equal(sliced.class_name, network->class_names[1]);
    assert_string_equal(sliced.label, "another");
    assert_true(sliced.scale == 2.0F && sliced.offset == -1.0F);
    assert_int_equal(sliced.positive_images, module.positive_images);
    assert_int_equal(sliced.negative_images, module.negative_images);
    assert_memory_equal(sliced.origin.digest, origin.digest, DIGEST_BYTES);
    assert_int_equal(sliced.whole.weights, network->parameter_count);
    uint64_t channels = 0;
    for (uint64_t c = 0; c < sliced.whole.channels; c++)
        channels += unit_map_get(sliced.channels, c);
    assert_int_equal(channels, module.kept.channels);
    module_clear(&sliced);
    module_clear(&module);
    margin_destroy(&margin);
    network_destroy(&network);
}

static void test_a_module_that_keeps_all_has_all_weights_but_its_head(void **state)
{
    (void)state;
    struct network *network = dense_network(1, CLASSES); /* 20, 11, 9 */
    struct module module = module_of(network, 2.0, 1);
    struct margin *margin;
    struct module_size kept;
    assert_ok(margin_create(network, &margin));
    assert_ok(margin_measure(margin, &module, &kept, NULL));
    assert_int_equal(kept.weights, 20 * 11 + 11 + 11 * 9 + 9 + 9 + 1);
    assert_int_equal(kept.multiply_adds, 20 * 11 + 11 * 9 + 9);
    module_clear(&module);
    margin_destroy(&margin);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sliced_modules_of_random_networks_keep_their_margins),
        cmocka_unit_test(test_sliced_modules_of_known_networks_keep_their_margins),
        cmocka_unit_test(test_a_sliced_module_says_where_it_comes_from),
        cmocka_unit_test(test_a_module_that_keeps_all_has_all_weights_but_its_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
