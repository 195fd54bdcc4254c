/* One network of the channels that modules with networks of their own keep of their parent. */
#include "network_module_test.h"

#include <math.h>

#include "compute/network/pass.h"
#include "modules/composition/channel_union.h"

enum { CLASSES = 4, UNITED = 2, IMAGES = 6 };

/* Modules of classes 3 and 1 of the parent; module m keeps the channels c of each layer of which
 * c % 4 ≠ drops[m]. */
static struct module_set *set_of(const struct network *parent, const int32_t drops[UNITED])
{
    static const int32_t classes[UNITED] = {3, 1};
    const struct module_origin origin = module_origin_of(parent);
    const struct module_size whole = module_size_of_network(parent);
    struct unit_layout *layout;
    struct module_set *set;
    assert_ok(unit_layout_create(parent, &layout));
    assert_ok(module_set_create(0, UNITED, &set));
    for (int32_t m = 0; m < UNITED; m++) {
        struct module *module = &set->modules[m];
        const struct module_parts parts = {.origin = &origin,
                                           .whole = &whole,
                                           .class_name = parent->class_names[classes[m]],
                                           .class_index = classes[m]};
        assert_ok(module_from_network(margin_network(network_input_shape(parent), 2, 1), &parts, module));
        assert_ok(memory_allocate(&module->channels, (layout->channel_count + 7) / 8, 1, "test"));
        size_t at = 0;
        for (int32_t i = 0; i < layout->layer_count; i++)
            for (int32_t c = 0; c < layout->layer_channels[i]; c++, at++)
                if (c % 4 != drops[m])
                    unit_map_keep(module->channels, at);
    }
    unit_layout_destroy(&layout);
    return set;
}

/* The logits (IMAGES, classes) of the network for some images. */
static void logits_of(const struct network *network, float *logits)
{
    struct pass *pass;
    size_t floats = shape_count(network_input_shape(network));
    float *images;
    assert_ok(memory_allocate(&images, IMAGES * floats, sizeof(float), "test"));
    for (size_t i = 0; i < IMAGES * floats; i++)
        images[i] = (float)(random_below(7, 1, i, 1000)) / 500 - 1;
    assert_ok(pass_create(network, IMAGES, PASS_INFER, &pass));
    memcpy(logits, pass_forward(pass, IMAGES, images), IMAGES * (size_t)network->class_count * sizeof(float));
    pass_destroy(&pass);
    memory_free(&images);
}

/* What one module drops and the other keeps is there: the parent's own logits of the two classes. */
static void test_the_union_keeps_what_any_module_keeps(void **state)
{
    (void)state;
    const int32_t drops[UNITED] = {0, 1};
    for (uint64_t i = 0; i < NETWORK_MAKERS; i++) {
        struct network *parent = network_makers[i](i, CLASSES), *united;
        struct module_set *set = set_of(parent, drops);
        float whole[IMAGES * CLASSES], some[IMAGES * UNITED];
        assert_ok(channel_union(set, parent, &united));
        assert_int_equal(united->class_count, UNITED);
        assert_string_equal(united->class_names[0], parent->class_names[3]);
        assert_string_equal(united->class_names[1], parent->class_names[1]);
        logits_of(parent, whole);
        logits_of(united, some);
        for (int n = 0; n < IMAGES; n++) {
            assert_float_equal(some[n * UNITED], whole[n * CLASSES + 3], 1e-4);
            assert_float_equal(some[n * UNITED + 1], whole[n * CLASSES + 1], 1e-4);
        }
        network_destroy(&united);
        module_set_destroy(&set);
        network_destroy(&parent);
    }
}

/* Channels that no module keeps are gone. */
static void test_what_no_module_keeps_is_cut_away(void **state)
{
    (void)state;
    const int32_t drops[UNITED] = {0, 0};
    struct network *parent = plain_network(3, CLASSES), *united;
    struct module_set *set = set_of(parent, drops);
    assert_ok(channel_union(set, parent, &united));
    assert_true(network_multiply_adds(united) < network_multiply_adds(parent));
    assert_true(module_size_of_network(united).channels < module_size_of_network(parent).channels);
    network_destroy(&united);
    module_set_destroy(&set);
    network_destroy(&parent);
}

static void test_modules_of_another_network_are_named(void **state)
{
    const int32_t drops[UNITED] = {0, 1};
    struct network *parent = plain_network(3, CLASSES), *other = plain_network(4, CLASSES);
    struct network *united = (struct network *)state;
    struct module_set *set = set_of(parent, drops);
    assert_fails(channel_union(set, other, &united), STATUS_MISMATCH, parent->class_names[3]);
    assert_null(united);
    module_set_destroy(&set);
    network_destroy(&other);
    network_destroy(&parent);
}

static void test_what_is_not_known_of_a_module_is_told(void **state)
{
    (void)state;
    const int32_t drops[UNITED] = {0, 1};
    struct network *parent = plain_network(3, CLASSES), *united;
    struct module_set *set = set_of(parent, drops);
    set->modules[0].whole.channels++;
    assert_fails(channel_union(set, parent, &united), STATUS_FORMAT, "channels");
    set->modules[0].whole.channels--;
    set->modules[0].class_index = CLASSES;
    assert_fails(channel_union(set, parent, &united), STATUS_FORMAT, "class 4");
    set->modules[0].class_index = 3;
    memory_free(&set->modules[1].channels);
    assert_fails(channel_union(set, parent, &united), STATUS_MISMATCH, parent->class_names[1]);
    module_set_destroy(&set);
    network_destroy(&parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_union_keeps_what_any_module_keeps),
        cmocka_unit_test(test_what_no_module_keeps_is_cut_away),
        cmocka_unit_test(test_modules_of_another_network_are_named),
        cmocka_unit_test(test_what_is_not_known_of_a_module_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
