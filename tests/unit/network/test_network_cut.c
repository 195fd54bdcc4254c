/* Cutting a network in two, and giving it other outputs. */
#include "random_network.h"

#include <math.h>
#include <string.h>

#include "compute/network/network_cut.h"
#include "compute/network/pass.h"
#include "compute/network/zoo.h"

enum { IMAGES = 3 };

/* The outputs of the last layer; the caller frees them. */
static float *new_outputs(const struct network *network, const float *images)
{
    struct pass *pass;
    size_t count = IMAGES * shape_count(network->layers[network->layer_count - 1].shape);
    float *outputs;
    assert_int_equal(pass_create(network, IMAGES, PASS_INFER, &pass), STATUS_OK);
    assert_int_equal(memory_allocate(&outputs, count, sizeof *outputs, "test"), STATUS_OK);
    memcpy(outputs, pass_forward(pass, IMAGES, images), count * sizeof *outputs);
    pass_destroy(&pass);
    return outputs;
}

static void assert_close(float a, float b)
{
    assert_true(fabs((double)a - (double)b) <= 1e-5 * fmax(1, fabs((double)b)));
}

static void stem_and_tail_give_what_the_network_gives_wherever_it_can_be_cut(void **state)
{
    (void)state;
    int32_t cuts = 0, refusals = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct network *network = random_network(seed, 8, 3);
        float *images = new_images(network, IMAGES, seed), *whole = new_outputs(network, images);
        network->scaling.scale = 0.5F;
        for (int32_t layer = 1; layer < network->layer_count - 1; layer++) {
            struct network *stem, *tail;
            enum status status = network_split(network, layer, &stem, &tail);
            if (status != STATUS_OK) {
                assert_int_equal(status, STATUS_SHAPE);
                assert_null(stem);
                assert_null(tail);
                refusals++;
                continue;
            }
            cuts++;
            float *middle = new_outputs(stem, images), *outputs = new_outputs(tail, middle);
            for (int32_t i = 0; i < IMAGES * 3; i++)
                assert_close(outputs[i], whole[i]);
            assert_true(stem->scaling.scale == 0.5F);
            assert_string_equal(tail->layers[tail->layer_count - 1].name, "output");
            memory_free(&middle);
            memory_free(&outputs);
            network_destroy(&stem);
            network_destroy(&tail);
        }
        memory_free(&images);
        memory_free(&whole);
        network_destroy(&network);
    }
    assert_true(cuts > 20);
    assert_true(refusals > 20);
}

static void a_cut_needs_layers_on_both_sides(void **state)
{
    (void)state;
    struct network *network = random_network(1, 5, 3), *stem, *tail;
    assert_int_equal(network_split(network, 0, &stem, &tail), STATUS_USAGE);
    assert_int_equal(network_split(network, network->layer_count - 1, &stem, &tail), STATUS_USAGE);
    assert_int_equal(network_split(network, -1, &stem, &tail), STATUS_USAGE);
    assert_null(stem);
    assert_null(tail);
    network_destroy(&network);
}

static void a_cut_inside_a_block_names_the_shortcut(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 2), *stem, *tail;
    int32_t a = add_convolution(network, "a", 0, 3, 3, 1, 1);
    int32_t b = add_convolution(network, "b", a, 3, 3, 1, 1);
    int32_t sum = add_layer(network, LAYER_ADD, "sum", NULL, b, a);
    add_dense(network, "output", add_plain(network, LAYER_FLATTEN, "flat", sum), 2);
    finish(network);
    assert_int_equal(network_split(network, b, &stem, &tail), STATUS_SHAPE);
    assert_non_null(strstr(error_message(), "\"sum\" reads \"a\""));
    network_destroy(&network);
}

/* A network of 3 classes called red, green and blue, with a softmax at the end or without. */
static struct network *new_classifier(bool softmax)
{
    static const class_name names[3] = {"red", "green", "blue"};
    struct network *network = new_network(4, 3, 2);
    int32_t flat = add_plain(network, LAYER_FLATTEN, "flat", 0);
    int32_t hidden = add_plain(network, LAYER_RELU, "relu", add_dense(network, "hidden", flat, 5));
    int32_t logits = add_dense(network, "logits", hidden, 3);
    if (softmax)
        add_plain(network, LAYER_SOFTMAX, "softmax", logits);
    finish(network);
    randomise(network, 7);
    assert_int_equal(network_set_class_names(network, names, 3), STATUS_OK);
    return network;
}

static void chosen_outputs_keep_their_values_and_names(void **state)
{
    (void)state;
    static const int32_t chosen[2] = {2, 0};
    struct network *network = new_classifier(true), *plain = new_classifier(false), *selected;
    assert_int_equal(plain->parameter_count, network->parameter_count);
    memcpy(plain->parameters, network->parameters, plain->parameter_count * sizeof(float));
    float *images = new_images(network, IMAGES, 3), *logits = new_outputs(plain, images);
    int32_t layer;
    assert_int_equal(network_logits_layer(network, &layer), STATUS_OK);
    assert_string_equal(network->layers[layer].name, "logits");
    assert_int_equal(network_select_outputs(network, layer, chosen, 2, &selected), STATUS_OK);
    assert_int_equal(selected->class_count, 2);
    assert_string_equal(selected->class_names[0], "blue");
    assert_string_equal(selected->class_names[1], "red");
    float *outputs = new_outputs(selected, images);
    for (int32_t i = 0; i < IMAGES; i++)
        for (int32_t k = 0; k < 2; k++)
            assert_close(outputs[2 * i + k], logits[3 * i + chosen[k]]);
    memory_free(&outputs);
    memory_free(&logits);
    memory_free(&images);
    network_destroy(&selected);
    network_destroy(&plain);
    network_destroy(&network);
}

static void a_given_head_replaces_the_outputs(void **state)
{
    (void)state;
    static const float weights[5] = {1, 0, 0, 0, 0}, bias[1] = {0.25F};
    static const class_name names[1] = {"margin"};
    struct network *network = new_classifier(false), *replaced, *unbiased;
    float *images = new_images(network, IMAGES, 3);
    int32_t layer = network->layer_count - 1;
    network->scaling.scale = 0.125F;
    assert_int_equal(network_replace_outputs(network, layer, weights, bias, names, 1, &replaced), STATUS_OK);
    assert_int_equal(network_replace_outputs(network, layer, weights, NULL, NULL, 1, &unbiased), STATUS_OK);
    assert_string_equal(replaced->class_names[0], "margin");
    assert_string_equal(unbiased->class_names[0], "0");
    assert_true(replaced->scaling.scale == 0.125F);
    float *outputs = new_outputs(replaced, images), *others = new_outputs(unbiased, images);
    for (int32_t i = 0; i < IMAGES; i++) {
        assert_true(others[i] >= 0); /* the first feature, a ReLU's */
        assert_close(outputs[i], others[i] + 0.25F);
    }
    memory_free(&outputs);
    memory_free(&others);
    memory_free(&images);
    network_destroy(&replaced);
    network_destroy(&unbiased);
    network_destroy(&network);
}

static void outputs_that_are_not_there_and_layers_that_have_none_are_refused(void **state)
{
    (void)state;
    static const int32_t outside[1] = {3}, inside[1] = {0};
    static const float weights[5] = {0};
    struct network *network = new_classifier(false), *made, *headless = new_network(4, 4, 2);
    int32_t last = network->layer_count - 1, layer;
    assert_int_equal(network_select_outputs(network, last, outside, 1, &made), STATUS_USAGE);
    assert_null(made);
    assert_int_equal(network_select_outputs(network, last, inside, 0, &made), STATUS_USAGE);
    assert_int_equal(network_select_outputs(network, last - 1, inside, 1, &made), STATUS_USAGE);
    assert_int_equal(network_replace_outputs(network, last - 1, weights, NULL, NULL, 1, &made), STATUS_SHAPE);
    add_plain(headless, LAYER_GLOBAL_AVGPOOL, "pool", 0);
    finish(headless);
    assert_int_equal(network_logits_layer(headless, &layer), STATUS_SHAPE);
    network_destroy(&headless);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stem_and_tail_give_what_the_network_gives_wherever_it_can_be_cut),
        cmocka_unit_test(a_cut_needs_layers_on_both_sides),
        cmocka_unit_test(a_cut_inside_a_block_names_the_shortcut),
        cmocka_unit_test(chosen_outputs_keep_their_values_and_names),
        cmocka_unit_test(a_given_head_replaces_the_outputs),
        cmocka_unit_test(outputs_that_are_not_there_and_layers_that_have_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
