/* Initial weights: their variance, what is constant, and that the seed alone decides. */
#include "building.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static struct network *wide_network(void)
{
    struct network *network = new_network(3, 3, 32);
    struct layer_options options = convolution_options(64, 3, 1, 1);
    options.groups = 2;
    int32_t at = add_layer(network, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    at = add_plain(network, LAYER_FLATTEN, "flatten", add_batchnorm(network, "bn", at));
    at = add_plain(network, LAYER_RELU, "relu", add_dense(network, "hidden", at, 50));
    add_dense(network, "output", at, 400);
    finish(network);
    return network;
}

static void check_weights(const struct network *network, const char *name, double variance)
{
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        if (strcmp(layer->name, name) != 0)
            continue;
        const float *weights = network->parameters + layer->parameter_offset;
        double count = (double)layer->weight_count, sum = 0, squares = 0;
        for (size_t j = 0; j < layer->weight_count; j++) {
            sum += weights[j];
            squares += (double)weights[j] * weights[j];
        }
        /* the mean of n numbers strays by √(variance/n), their variance by √(2/n) of itself: four times that
         */
        assert_true(fabs(sum / count) < 4 * sqrt(variance / count));
        assert_true(fabs(squares / count / variance - 1) < 4 * sqrt(2 / count));
        for (size_t j = layer->weight_count; j < layer->parameter_count; j++)
            assert_true(weights[j] == 0);
        return;
    }
    fail_msg("no layer %s", name);
}

static void test_variances(void **state)
{
    (void)state;
    struct network *network = wide_network();
    network_initialise(network, 21);
    check_weights(network, "conv", 2.0 / (9 * 16));
    check_weights(network, "hidden", 2.0 / (9 * 64));
    check_weights(network, "output", 1.0 / 50);
    network_destroy(&network);
}

static void test_batchnorm_starts_neutral(void **state)
{
    (void)state;
    struct network *network = wide_network();
    const struct layer *bn = &network->layers[2];
    for (size_t i = 0; i < network->parameter_count; i++)
        network->parameters[i] = 9;
    for (size_t i = 0; i < network->statistic_count; i++)
        network->statistics[i] = 9;
    network_initialise(network, 21);
    for (size_t c = 0; c < 64; c++) {
        assert_true(network->parameters[bn->parameter_offset + c] == 1);
        assert_true(network->parameters[bn->parameter_offset + 64 + c] == 0);
        assert_true(network->statistics[bn->statistic_offset + c] == 0);
        assert_true(network->statistics[bn->statistic_offset + 64 + c] == 1);
    }
    network_destroy(&network);
}

static void test_scales_start_neutral(void **state)
{
    (void)state;
    struct network *network = new_network(2, 3, 4);
    int32_t scale = add_plain(network, LAYER_SCALE, "scale", 0);
    int32_t unit_scale = add_plain(network, LAYER_UNIT_SCALE, "unit_scale", scale);
    finish(network);
    for (size_t i = 0; i < network->parameter_count; i++)
        network->parameters[i] = 9;
    network_initialise(network, 21);
    for (int32_t i = scale; i <= unit_scale; i++) {
        const struct layer *layer = &network->layers[i];
        for (size_t j = 0; j < layer->parameter_count; j++)
            assert_true(network->parameters[layer->parameter_offset + j] ==
                        (j < layer->parameter_count / 2 ? 1 : 0));
    }
    network_destroy(&network);
}

static void test_the_seed_alone_decides(void **state)
{
    (void)state;
    struct network *a = wide_network(), *b = wide_network();
    size_t bytes = a->parameter_count * sizeof(float);
    int before = omp_get_max_threads();
    network_initialise(a, 1);
    omp_set_num_threads(3);
    network_initialise(b, 2);
    assert_memory_not_equal(a->parameters, b->parameters, bytes);
    network_initialise(b, 1);
    omp_set_num_threads(before);
    assert_memory_equal(a->parameters, b->parameters, bytes);
    network_destroy(&a);
    network_destroy(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variances),
        cmocka_unit_test(test_batchnorm_starts_neutral),
        cmocka_unit_test(test_scales_start_neutral),
        cmocka_unit_test(test_the_seed_alone_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
