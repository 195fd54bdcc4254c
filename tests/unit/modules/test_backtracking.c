/* Backtracking: what leaves is what nobody reads, and no margin changes. */
#include "margin_test.h"

#include "modules/activation/backtracking.h"

enum { CLASSES = 4 };

/* A network, its layout and one module of it. */
struct bench {
    struct network *network;
    struct unit_layout *layout;
    struct module module; /* of class 1 */
};

/* The module keeps each unit with that probability. The network becomes the bench's. */
static struct bench bench_of(struct network *network, double kept, uint64_t seed)
{
    struct bench bench = {.network = network};
    assert_ok(unit_layout_create(network, &bench.layout));
    bench.module = module_of(network, kept, seed);
    return bench;
}

static void bench_close(struct bench *bench)
{
    module_clear(&bench->module);
    unit_layout_destroy(&bench->layout);
    network_destroy(&bench->network);
}

static enum status backtrack(struct bench *bench, enum module_variant variant, float epsilon)
{
    struct backtracker *backtracker;
    const struct backtracking_options options = {.variant = variant, .epsilon = epsilon};
    assert_ok(backtracker_create(bench->network, bench->layout, &backtracker));
    enum status status = backtrack_module(backtracker, &options, &bench->module);
    backtracker_destroy(&backtracker);
    return status;
}

/* Some weights of every layer become zero, and some features of no use, so that there is something to leave.
 */
static void thin_out(struct bench *bench, uint64_t seed)
{
    int32_t output;
    assert_ok(module_output_layer(bench->network, &output));
    for (int32_t i = 0; i < output; i++) {
        const struct layer *layer = &bench->network->layers[i];
        for (size_t w = 0; w < layer->weight_count; w++)
            if (random_uniform(seed, 50 + (uint64_t)i, w) < 0.6F)
                bench->network->parameters[layer->parameter_offset + w] = 0;
    }
    int32_t features = module_features(bench->network, output);
    for (int32_t f = 0; f < features; f++)
        if (random_uniform(seed, 49, (uint64_t)f) < 0.4F)
            bench->module.head_weights[2 * f + 1] = bench->module.head_weights[2 * f];
}

/* Backtracks a module of the network, which becomes this function's; counts what left. An empty module, which
 * does not depend on the image, must not have done so before. */
static uint64_t assert_margins_stay(struct network *network, enum module_variant variant, uint64_t seed)
{
    double before[MARGIN_IMAGES], after[MARGIN_IMAGES];
    struct bench bench = bench_of(network, 0.7, seed);
    thin_out(&bench, seed);
    float *images = new_images(bench.network, MARGIN_IMAGES, seed);
    uint64_t kept = bench.module.kept.units;
    compute_margins(bench.network, &bench.module, images, before);
    enum status status = backtrack(&bench, variant, 0);
    if (status == STATUS_OK) {
        compute_margins(bench.network, &bench.module, images, after);
        assert_same_margins(bench.network, before, after);
        assert_true(bench.module.kept.units <= kept);
    } else {
        assert_int_equal(status, STATUS_NOT_FOUND);
        for (int32_t i = 1; i < MARGIN_IMAGES; i++)
            assert_true(fabs(before[i] - before[0]) <= 1e-5 * fmax(1, fabs(before[0])));
    }
    kept -= bench.module.kept.units;
    memory_free(&images);
    bench_close(&bench);
    return kept;
}

static void test_margins_of_random_networks_stay(void **state)
{
    (void)state;
    bool seen[LAYER_KIND_COUNT] = {false};
    uint64_t left = 0;
    for (uint64_t seed = 0; seed < 700; seed++) {
        struct network *network = random_parent(seed, 2 + (int32_t)(seed % 12), CLASSES);
        if (network == NULL)
            continue;
        for (int32_t i = 0; i < network->layer_count; i++)
            seen[network->layers[i].kind] = true;
        left += assert_margins_stay(network, seed % 3 == 0 ? VARIANT_BD : VARIANT_BC, seed);
    }
    assert_true(left > 0);
    for (int kind = 0; kind < LAYER_KIND_COUNT; kind++) /* all but activations without units */
        if (!layer_kind_is_activation((enum layer_kind)kind))
            assert_true(seen[kind]);
}

static void test_margins_of_known_networks_stay_and_units_leave(void **state)
{
    (void)state;
    for (int32_t i = 0; i < NETWORK_MAKERS; i++)
        for (uint64_t seed = 0; seed < 10; seed++)
            assert_true(assert_margins_stay(network_makers[i](seed, CLASSES), VARIANT_BC, seed) > 0);
    assert_true(assert_margins_stay(dense_network(3, CLASSES), VARIANT_BD, 3) > 0);
}

/* dense(2) relu dense(3) relu dense(2 classes) with weights written down. */
static struct bench known_bench(void)
{
    struct network *network = new_network(1, 1, 2);
    int32_t at = add_plain(network, LAYER_RELU, "relu1", add_dense(network, "dense1", 0, 3));
    at = add_plain(network, LAYER_RELU, "relu2", add_dense(network, "dense2", at, 3));
    network = finished(network, at, 2, 1);
    struct bench bench = bench_of(network, 2.0, 0);
    static const float dense2[9] = {1, 0, 0, /* unit 0 of relu1 feeds unit 0 of relu2, … */
                                    0, 1, 0, 0, 0, 1};
    static const float head[6] = {1, 0, 0.5F, 0.4F, 2, 2}; /* differences 1, 0.1 and 0 */
    memcpy(network->parameters + network->layers[3].parameter_offset, dense2, sizeof dense2);
    memcpy(bench.module.head_weights, head, sizeof head);
    return bench;
}

static void test_a_feature_without_a_difference_leaves_with_all_that_feeds_it(void **state)
{
    (void)state;
    struct bench bench = known_bench();
    assert_ok(backtrack(&bench, VARIANT_BD, 0));
    assert_int_equal(bench.module.map[0], 1 | 2 | 8 | 16); /* units 0 and 1 of both layers */
    assert_int_equal(bench.module.kept.units, 4);
    assert_int_equal(bench.module.kept.channels, 4);
    bench_close(&bench);
}

static void test_epsilon_is_a_fraction_of_the_largest_difference(void **state)
{
    (void)state;
    struct bench bench = known_bench();
    assert_ok(backtrack(&bench, VARIANT_BD, 0.05F));
    assert_int_equal(bench.module.map[0], 1 | 2 | 8 | 16);
    assert_ok(backtrack(&bench, VARIANT_BD, 0.2F));
    assert_int_equal(bench.module.map[0], 1 | 8);
    bench_close(&bench);
}

static void test_nothing_leaves_without_backtracking(void **state)
{
    (void)state;
    struct bench bench = known_bench();
    assert_ok(backtrack(&bench, VARIANT_CI_TI_MC, 0.2F));
    assert_int_equal(bench.module.map[0], 63);
    bench_close(&bench);
}

static void test_bd_leaves_units_of_convolutions_alone(void **state)
{
    (void)state;
    struct bench bench = bench_of(plain_network(1, CLASSES), 2.0, 1);
    size_t half = (size_t)module_features(bench.network, bench.network->layer_count - 1);
    for (size_t f = 0; f < half; f++) /* half of the features are of no use */
        if (f % 2 == 0)
            bench.module.head_weights[2 * f] = bench.module.head_weights[2 * f + 1];
    assert_ok(backtrack(&bench, VARIANT_BD, 0));
    assert_int_equal(bench.module.kept.units, bench.layout->unit_count);
    assert_ok(backtrack(&bench, VARIANT_BC, 0));
    assert_true(bench.module.kept.units < bench.layout->unit_count);
    bench_close(&bench);
}

static void test_an_empty_module_names_the_layer_where_it_died(void **state)
{
    (void)state;
    struct bench bench = bench_of(plain_network(2, CLASSES), 2.0, 2);
    size_t bytes = unit_map_bytes(bench.layout);
    for (size_t u = 0; u < bench.layout->unit_offset[1]; u++) /* none of relu1, all of relu2 */
        bench.module.map[u / 8] = (uint8_t)(bench.module.map[u / 8] & ~(1U << u % 8));
    uint8_t *before = NULL;
    assert_ok(memory_allocate(&before, bytes, 1, "test"));
    memcpy(before, bench.module.map, bytes);
    assert_fails(backtrack(&bench, VARIANT_BC, 0), STATUS_NOT_FOUND, "\"relu1\"");
    assert_memory_equal(bench.module.map, before, bytes);
    for (int32_t f = 0; f < 7 * 4; f++)
        bench.module.head_weights[2 * f] = bench.module.head_weights[2 * f + 1];
    assert_fails(backtrack(&bench, VARIANT_BD, 0), STATUS_NOT_FOUND, "\"flatten\"");
    memory_free(&before);
    bench_close(&bench);
}

static void test_epsilon_out_of_range_is_a_usage_error(void **state)
{
    (void)state;
    struct bench bench = known_bench();
    assert_fails(backtrack(&bench, VARIANT_BC, -0.1F), STATUS_USAGE, "epsilon");
    assert_fails(backtrack(&bench, VARIANT_BC, 1.5F), STATUS_USAGE, "1.5");
    assert_fails(backtrack(&bench, VARIANT_BC, NAN), STATUS_USAGE, "epsilon");
    bench_close(&bench);
}

static void test_variants_have_names(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANT_COUNT; v++)
        assert_int_equal(module_variant_from_name(module_variant_name((enum module_variant)v)), v);
    assert_int_equal(module_variant_from_name("bcd"), VARIANT_COUNT);
    assert_null(module_variant_name(VARIANT_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margins_of_random_networks_stay),
        cmocka_unit_test(test_margins_of_known_networks_stay_and_units_leave),
        cmocka_unit_test(test_a_feature_without_a_difference_leaves_with_all_that_feeds_it),
        cmocka_unit_test(test_epsilon_is_a_fraction_of_the_largest_difference),
        cmocka_unit_test(test_nothing_leaves_without_backtracking),
        cmocka_unit_test(test_bd_leaves_units_of_convolutions_alone),
        cmocka_unit_test(test_an_empty_module_names_the_layer_where_it_died),
        cmocka_unit_test(test_epsilon_out_of_range_is_a_usage_error),
        cmocka_unit_test(test_variants_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
