#include "activation_test.h"

#include <math.h>

static void assert_map(const struct bench *bench, int32_t class_index, uint8_t expected)
{
    struct module module;
    assert_ok(bench_make(bench, class_index, &module));
    assert_int_equal(module.map[0], expected);
    assert_int_equal(module.kept.units, __builtin_popcount(expected));
    module_clear(&module);
}

/* --- the map --- */

static void test_the_papers_rule_keeps_what_was_active_on_either_side(void **state)
{
    (void)state;
    const uint8_t pixels[4][2] = {{255, 0}, {255, 0}, {0, 255}, {0, 255}};
    const int32_t labels[4] = {0, 0, 1, 1};
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 4));
    bench_count(&bench);
    assert_map(&bench, 0, 0x03); /* unit 1 left and came back, unit 2 left */
    bench.options.tau_minus = 1.0F;
    assert_map(&bench, 0, 0x01);
    assert_map(&bench, 1, 0x02);
    bench.options.tau_plus = 1.0F; /* all leave, none returns */
    assert_map(&bench, 0, 0x00);
    bench.options.tau_minus = 0.0F; /* those active on negatives return */
    assert_map(&bench, 0, 0x02);
    bench_close(&bench);
}

/* Seven of ten is not more than 0.7, though 0.7F·10 is less than 7. */
static void test_fractions_are_compared_exactly(void **state)
{
    (void)state;
    uint8_t pixels[11][2];
    int32_t labels[11] = {0};
    for (size_t i = 0; i < 10; i++) {
        pixels[i][0] = 255;
        pixels[i][1] = i < 7;
    }
    pixels[10][0] = 0;
    pixels[10][1] = 255;
    labels[10] = 1;
    struct bench bench;
    bench_open(&bench, known_network(), known_dataset((const uint8_t(*)[2])pixels, labels, 11));
    bench_count(&bench);
    assert_int_equal(bench.counts[0]->positive[1], 7);
    bench.options.tau_minus = 1.0F;
    bench.options.tau_plus = 0.7F;
    assert_map(&bench, 0, 0x01);
    bench.options.tau_plus = 0.699999F;
    assert_map(&bench, 0, 0x03);
    bench.options.tau_plus = 0.0F;
    bench.options.tau_minus = 0.7F; /* of class 1's negatives, seven of ten fire unit 1, ten unit 0 */
    bench.counts[1]->positive[1] = 0;
    assert_map(&bench, 1, 0x01);
    bench.options.tau_minus = 0.699999F;
    assert_map(&bench, 1, 0x03);
    bench_close(&bench);
}

static void test_head_is_the_class_against_the_mean_of_the_others(void **state)
{
    (void)state;
    struct network *network = dense_network(5, 4);
    struct module_set *set = full_set(network);
    const struct layer *output = &network->layers[network->layer_count - 1];
    const float *w = network->parameters + output->parameter_offset;
    for (int32_t c = 0; c < 4; c++) {
        const struct module *module = &set->modules[c];
        for (int32_t f = 0; f <= 9; f++) { /* row 9 is the bias */
            double rest = 0.0;
            for (int32_t d = 0; d < 4; d++)
                rest += d == c ? 0.0 : (double)w[f * 4 + d];
            const float *head = f < 9 ? module->head_weights + 2 * f : module->head_bias;
            assert_true(head[0] == w[f * 4 + c]);
            assert_true(fabs((double)head[1] - rest / 3) < 1e-6);
        }
        assert_int_equal(module->class_index, c);
        assert_string_equal(module->class_name, network->class_names[c]);
        assert_string_equal(module->label, network->class_names[c]);
        assert_true(module->scale == 1.0F && module->offset == 0.0F);
        assert_int_equal(module->positive_images, 10);
        assert_int_equal(module->negative_images, 90);
    }
    module_set_destroy(&set);
}

/* --- properties on random networks --- */

/* Negatives merged by subtraction against a direct sum over the other classes. */
static void test_merged_counts_give_the_map_of_the_definition(void **state)
{
    (void)state;
    struct network *network = residual_network(8, 5);
    struct bench bench;
    bench_open(&bench, network, random_dataset(network, 30, 3));
    bench.options = (struct activation_options){
        .tau_plus = 0.25F, .tau_minus = 0.5F, .positives = 9, .confidence = 0.0F, .negatives = 40};
    bench_count(&bench);
    for (int32_t c = 0; c < 5; c++) {
        struct module module;
        if (bench.counts[c]->positive_images == 0)
            continue;
        assert_ok(bench_make(&bench, c, &module));
        assert_int_equal(module.negative_images, 40);
        for (size_t u = 0; u < bench.layout->unit_count; u++) {
            uint32_t negatives = 0;
            for (int32_t d = 0; d < 5; d++)
                negatives += d == c ? 0 : bench.counts[d]->negative[u];
            bool stays = 4 * bench.counts[c]->positive[u] > (uint32_t)bench.counts[c]->positive_images;
            assert_int_equal(unit_map_get(module.map, u), stays || 2 * negatives > 40);
        }
        module_clear(&module);
    }
    bench_close(&bench);
}

/* --- stopping and failing --- */

/* dense_network with a layer behind its output. */
static struct network *network_ending_in(enum layer_kind kind, const struct network *like)
{
    struct network *network = new_network(4, 5, 1);
    int32_t at = add_plain(network, LAYER_FLATTEN, "flatten", 0);
    at = add_plain(network, LAYER_RELU, "relu1", add_dense(network, "dense1", at, 11));
    at = add_plain(network, LAYER_RELU, "relu2", add_dense(network, "dense2", at, 9));
    add_plain(network, kind, "end", add_dense(network, "output", at, like->class_count));
    finish(network);
    assert_int_equal(network->parameter_count, like->parameter_count);
    memcpy(network->parameters, like->parameters, like->parameter_count * sizeof(float));
    return network;
}

static void test_a_final_softmax_is_looked_through(void **state)
{
    (void)state;
    static const enum layer_kind ends[2] = {LAYER_SOFTMAX, LAYER_LOG_SOFTMAX};
    struct network *network = dense_network(5, 3);
    struct bench bench;
    bench_open(&bench, network, random_dataset(network, 60, 4));
    int32_t positives = 0;
    bench.options.confidence = 0.4F;
    bench_count(&bench);
    for (int32_t i = 0; i < 2; i++) {
        struct network *ending = network_ending_in(ends[i], network);
        struct bench other;
        bench_open(&other, ending, random_dataset(ending, 60, 4));
        other.options.confidence = 0.4F;
        bench_count(&other);
        for (int32_t c = 0; c < 3; c++) {
            positives += other.counts[c]->positive_images;
            assert_int_equal(other.counts[c]->positive_images, bench.counts[c]->positive_images);
            assert_memory_equal(other.counts[c]->positive, bench.counts[c]->positive,
                                bench.layout->unit_count * sizeof(uint32_t));
        }
        bench_close(&other);
    }
    assert_true(positives > 0);
    bench_close(&bench);
}

static void test_a_class_without_positives_makes_no_module(void **state)
{
    (void)state;
    const uint8_t pixels[2][2] = {{0, 255}, {0, 255}};
    const int32_t labels[2] = {0, 1};
    struct bench bench;
    struct module module;
    bench_open(&bench, known_network(), known_dataset(pixels, labels, 2));
    bench_count(&bench);
    assert_fails(bench_make(&bench, 0, &module), STATUS_NOT_FOUND, "class 0 has no positives");
    assert_null(module.map);
    module_clear(&module);
    assert_map(&bench, 1, 0x02);
    bench_close(&bench);
}

static void test_options_out_of_range_are_usage_errors(void **state)
{
    (void)state;
    struct activation_options options = activation_options_default();
    assert_ok(activation_options_check(&options));
    options.tau_plus = 1.5F;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "tau-plus is 1.5");
    options = activation_options_default();
    options.tau_minus = NAN;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "tau-minus");
    options = activation_options_default();
    options.confidence = -0.1F;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "confidence");
    options = activation_options_default();
    options.positives = 0;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "positives");
    options = activation_options_default();
    options.negatives = 0;
    assert_fails(activation_options_check(&options), STATUS_USAGE, "negatives");
}

static void test_a_network_that_does_not_end_dense_is_refused(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 2);
    int32_t output, at = add_convolution(network, "conv", 0, 3, 3, 1, 1);
    at = add_plain(network, LAYER_RELU, "relu", at);
    add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    finish(network);
    assert_fails(module_output_layer(network, &output), STATUS_SHAPE, "cut: network ");
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_papers_rule_keeps_what_was_active_on_either_side),
        cmocka_unit_test(test_fractions_are_compared_exactly),
        cmocka_unit_test(test_head_is_the_class_against_the_mean_of_the_others),
        cmocka_unit_test(test_merged_counts_give_the_map_of_the_definition),
        cmocka_unit_test(test_a_final_softmax_is_looked_through),
        cmocka_unit_test(test_a_class_without_positives_makes_no_module),
        cmocka_unit_test(test_options_out_of_range_are_usage_errors),
        cmocka_unit_test(test_a_network_that_does_not_end_dense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
