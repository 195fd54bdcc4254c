#include "module_test.h"

#include "modules/unit_layout.h"

static void test_units_are_the_outputs_of_relu_layers(void **state)
{
    (void)state;
    struct network *network = plain_network(1, 3);
    struct unit_layout *layout;
    assert_ok(unit_layout_create(network, &layout));
    assert_int_equal(layout->layer_count, 2);
    assert_string_equal(network->layers[layout->layers[0]].name, "relu1");
    assert_string_equal(network->layers[layout->layers[1]].name, "relu2");
    assert_int_equal(layout->unit_offset[1], 8 * 8 * 5);
    assert_int_equal(layout->unit_offset[2], 8 * 8 * 5 + 2 * 2 * 7);
    assert_int_equal(layout->unit_count, layout->unit_offset[2]);
    assert_int_equal(layout->channel_count, 12);
    assert_int_equal(unit_map_bytes(layout), (8 * 8 * 5 + 2 * 2 * 7 + 7) / 8);
    unit_layout_destroy(&layout);
    assert_null(layout);
    unit_layout_destroy(&layout);
    network_destroy(&network);
}

static void test_network_without_relu_is_refused(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 4);
    struct unit_layout *layout = (struct unit_layout *)state;
    finished(network, 0, 3, 1);
    assert_fails(unit_layout_create(network, &layout), STATUS_SHAPE, "no ReLU layer");
    assert_null(layout);
    network_destroy(&network);
}

static void test_all_activations_with_an_off_state_have_units(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 4);
    struct unit_layout *layout;
    const struct layer_options relu6 = {.high = 6}, leaky = {.slope = 0.1F};
    int32_t at = add_layer(network, LAYER_CLIP, "relu6", &relu6, 0, -1);
    at = add_layer(network, LAYER_LEAKY_RELU, "leaky", &leaky, at, -1);
    at = add_plain(network, LAYER_HARD_SWISH, "swish", at);
    finished(network, at, 3, 1);
    assert_ok(unit_layout_create(network, &layout));
    assert_int_equal(layout->layer_count, 3);
    assert_int_equal(layout->unit_count, 12);
    unit_layout_destroy(&layout);
    network_destroy(&network);
}

static void test_other_activations_are_refused(void **state)
{
    (void)state;
    const struct layer_options clip = {.low = -1, .high = 1};
    const enum layer_kind kinds[] = {LAYER_CLIP, LAYER_SIGMOID, LAYER_TANH, LAYER_HARD_SIGMOID};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct network *network = new_network(1, 1, 4);
        struct unit_layout *layout;
        int32_t at = add_plain(network, LAYER_RELU, "relu", 0);
        finished(network, add_layer(network, kinds[i], "other", &clip, at, -1), 3, 1);
        assert_fails(unit_layout_create(network, &layout), STATUS_SHAPE, "never at rest");
        assert_null(layout);
        network_destroy(&network);
    }
}

static void test_a_channel_is_kept_when_one_of_its_units_is(void **state)
{
    (void)state;
    struct network *network = plain_network(1, 3);
    struct unit_layout *layout;
    uint8_t map[64] = {0};
    uint64_t units, channels;
    assert_ok(unit_layout_create(network, &layout));
    unit_map_measure(layout, map, &units, &channels);
    assert_int_equal(units, 0);
    assert_int_equal(channels, 0);
    unit_map_keep(map, 5 * 17 + 3);                     /* relu1, channel 3 */
    unit_map_keep(map, 5 * 60 + 3);                     /* the same channel */
    unit_map_keep(map, layout->unit_offset[1] + 2 * 7); /* relu2, channel 0 */
    unit_map_measure(layout, map, &units, &channels);
    assert_int_equal(units, 3);
    assert_int_equal(channels, 2);
    assert_true(unit_map_get(map, 5 * 17 + 3));
    assert_false(unit_map_get(map, 5 * 17 + 2));
    unit_layout_destroy(&layout);
    network_destroy(&network);
}

static void test_bits_beyond_the_units_are_seen(void **state)
{
    (void)state;
    struct network *network = dense_network(1, 3); /* 20 units: 4 bits of the third byte */
    struct unit_layout *layout;
    uint8_t map[3] = {0xff, 0xff, 0x0f};
    assert_ok(unit_layout_create(network, &layout));
    assert_int_equal(unit_map_bytes(layout), 3);
    assert_true(unit_map_is_clean(layout, map));
    map[2] = 0x1f;
    assert_false(unit_map_is_clean(layout, map));
    unit_layout_destroy(&layout);
    network_destroy(&network);
}

static void test_expanding_gives_zeros_and_ones_and_their_count(void **state)
{
    (void)state;
    const uint8_t map[2] = {0xa5, 0x01}; /* units 0, 2, 5, 7, 8 */
    float keep[7] = {0};
    const float expected[7] = {1, 0, 0, 1, 0, 1, 1};
    assert_int_equal(unit_map_expand(map, 2, 7, keep), 4);
    assert_memory_equal(keep, expected, sizeof keep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_are_the_outputs_of_relu_layers),
        cmocka_unit_test(test_network_without_relu_is_refused),
        cmocka_unit_test(test_all_activations_with_an_off_state_have_units),
        cmocka_unit_test(test_other_activations_are_refused),
        cmocka_unit_test(test_a_channel_is_kept_when_one_of_its_units_is),
        cmocka_unit_test(test_bits_beyond_the_units_are_seen),
        cmocka_unit_test(test_expanding_gives_zeros_and_ones_and_their_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
