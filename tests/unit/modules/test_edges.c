/* Irrelevant edges: which weights leave, and that what is kept is counted without them. */
#include "margin_test.h"

#include "modules/activation/edges.h"
#include "modules/overlap.h"

enum { CLASSES = 3 };

/* Its first dense layer's weights, (20 inputs, 11 nodes); the second's are (11, 9). */
static float *weights_of_layer(const struct network *network, int32_t number, size_t *count)
{
    for (int32_t i = 0; i < network->layer_count; i++)
        if (network->layers[i].kind == LAYER_DENSE && number-- == 0) {
            *count = network->layers[i].weight_count;
            return network->parameters + network->layers[i].parameter_offset;
        }
    fail();
    return NULL;
}

static uint64_t zeros(const float *weights, size_t count)
{
    uint64_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += weights[i] == 0.0f;
    return found;
}

static void test_weights_up_to_the_fraction_leave(void **state)
{
    (void)state;
    struct network *network = dense_network(1, CLASSES), *without;
    size_t count = 0, nodes = 11;
    float *weights = weights_of_layer(network, 0, &count);
    for (size_t i = 0; i < count; i++) { /* into node 0: 1 … 20; into the others 20 each, but one */
        size_t number = i / nodes + 1;
        weights[i] = i % nodes == 0 ? -(float)number : 20.0F;
    }
    weights[1] = 4.0F;
    assert_ok(edges_remove(network, 0.2F, &without));
    const float *left = weights_of_layer(without, 0, &count);
    for (size_t i = 0; i < count; i++) {
        bool leaves = i == 1 || (i % nodes == 0 && i / nodes < 4);
        assert_true(left[i] == (leaves ? 0.0F : weights[i]));
    }
    network_destroy(&without);
    network_destroy(&network);
}

static void test_the_output_layer_and_convolutions_stay(void **state)
{
    (void)state;
    for (int maker = 0; maker < NETWORK_MAKERS; maker++) {
        struct network *network = network_makers[maker](2, CLASSES), *without;
        assert_ok(edges_remove(network, 1.0F, &without));
        for (int32_t i = 0; i < network->layer_count; i++) {
            const struct layer *layer = &network->layers[i];
            bool hidden_dense = layer->kind == LAYER_DENSE && layer->shape.c != CLASSES;
            const float *before = network->parameters + layer->parameter_offset;
            const float *after = without->parameters + layer->parameter_offset;
            if (hidden_dense)
                assert_int_equal(zeros(after, layer->weight_count), layer->weight_count);
            else if (layer->parameter_count > 0)
                assert_memory_equal(before, after, layer->parameter_count * sizeof(float));
        }
        network_destroy(&without);
        network_destroy(&network);
    }
}

static void test_fraction_0_changes_nothing(void **state)
{
    (void)state;
    struct network *network = dense_network(3, CLASSES), *without;
    uint8_t digests[2][DIGEST_BYTES];
    assert_ok(edges_remove(network, 0, &without));
    network_digest(network, digests[0]);
    network_digest(without, digests[1]);
    assert_memory_equal(digests[0], digests[1], DIGEST_BYTES);
    network_destroy(&without);
    network_destroy(&network);
}

/* Of a module that keeps everything, all but the edges that left; its index is that of edges. */
static void test_edges_that_left_are_not_kept(void **state)
{
    (void)state;
    struct network *network = dense_network(4, CLASSES), *without;
    size_t counts[2] = {0, 0};
    assert_ok(edges_remove(network, 0.3F, &without));
    uint64_t left = 0;
    for (int32_t i = 0; i < 2; i++) {
        const float *weights = weights_of_layer(without, i, &counts[i]);
        left += zeros(weights, counts[i]);
    }
    assert_true(left > 20);
    struct margin *whole, *thin;
    struct module_size before, after;
    struct module_set *set = full_set(without);
    assert_ok(margin_create(network, &whole));
    assert_ok(margin_create(set->parents[0], &thin));
    assert_ok(margin_measure(whole, &set->modules[0], &before, NULL));
    assert_ok(margin_measure(thin, &set->modules[0], &after, NULL));
    assert_int_equal(before.weights - after.weights, left);
    assert_int_equal(before.multiply_adds, after.multiply_adds);
    struct overlap *overlap;
    double all = (double)(counts[0] + 11 + counts[1] + 9);
    assert_ok(overlap_of_set(set, &overlap));
    assert_true(fabs(overlap->with_origin[0] - (all - (double)left) / all) < 1e-12);
    overlap_destroy(&overlap);
    margin_destroy(&whole);
    margin_destroy(&thin);
    module_set_destroy(&set);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_up_to_the_fraction_leave),
        cmocka_unit_test(test_the_output_layer_and_convolutions_stay),
        cmocka_unit_test(test_fraction_0_changes_nothing),
        cmocka_unit_test(test_edges_that_left_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
