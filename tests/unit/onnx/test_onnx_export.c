/* Networks written as ONNX and read again compute the same. */
#include "onnx_test.h"

#include <stdio.h>

#include "compute/formats/onnx/export/onnx_network.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/network/random_network.h"

static void check_round_trip(struct scratch *scratch, struct network *network, double tolerance)
{
    struct network *again;
    const char *path = scratch_path(scratch, "net.onnx");
    assert_int_equal(onnx_export_network(network, false, path), STATUS_OK);
    if (onnx_import(path, &again, NULL) != STATUS_OK)
        fail_msg("%s: %s", network->architecture, error_message());
    float *images = random_images(network_input_shape(network), 5);
    float *expected = network_outputs(network, images), *got = network_outputs(again, images);
    size_t count = IMAGES * (size_t)network->class_count;
    double largest = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabsf(expected[i]));
        difference = fmax(difference, fabsf(expected[i] - got[i]));
    }
    assert_int_equal(again->class_count, network->class_count);
    if (!(difference <= tolerance * largest))
        fail_msg("%s: outputs differ by %g from up to %g", network->architecture, difference, largest);
    free(images);
    free(expected);
    free(got);
    network_destroy(&again);
}

/* Every kind of layer, many times over. */
static void test_random_networks(void **state)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct network *network = random_network(seed, 9, 3);
        check_round_trip(*state, network, 1e-5);
        network_destroy(&network);
    }
}

static int64_t set_of_file(const char *path)
{
    Onnx__ModelProto *model;
    assert_int_equal(onnx_model_read(path, &model), STATUS_OK);
    int64_t set = model->opset_import[0]->version;
    onnx_model_free(&model);
    return set;
}

/* Bounds and paddings are attributes where the set has them so, and a dense layer without bias has one there.
 */
static void test_sets(void **state)
{
    const char *path = scratch_path(*state, "net.onnx");
    const struct layer_options
        bounds = {.low = -0.5F, .high = 1},
        dense = {.out_c = 3},
        window = {.from_h = -1, .from_w = 1, .step_h = 1, .step_w = 2, .out_c = 2, .out_h = 5, .out_w = 3};
    for (int with_softmax = 0; with_softmax < 2; with_softmax++) {
        struct network *network = new_network(4, 5, 2);
        int32_t last = 0;
        assert_int_equal(network_add_layer(network, LAYER_CLIP, "c", &bounds, &last, 1, &last), STATUS_OK);
        assert_int_equal(network_add_layer(network, LAYER_WINDOW, "w", &window, &last, 1, &last), STATUS_OK);
        if (with_softmax)
            last = add_plain(network, LAYER_SOFTMAX, "s", last);
        last = add_plain(network, LAYER_FLATTEN, "f", last);
        assert_int_equal(network_add_layer(network, LAYER_DENSE, "d", &dense, &last, 1, &last), STATUS_OK);
        finish(network);
        randomise(network, 1);
        check_round_trip(*state, network, 1e-6);
        assert_int_equal(set_of_file(path), with_softmax ? ONNX_SET_INPUTS : ONNX_SET_ATTRIBUTES);
        network_destroy(&network);
    }
}

static void test_names_and_scaling_come_back(void **state)
{
    struct network *network = new_network(4, 4, 3), *again;
    const class_name names[2] = {"cat, or dog", "Fähre"};
    add_dense(network, "output", add_plain(network, LAYER_FLATTEN, "flatten", 0), 2);
    finish(network);
    randomise(network, 1);
    assert_int_equal(network_set_class_names(network, names, 2), STATUS_OK);
    network->scaling =
        (struct scaling){.scale = 1.0F / 65025, .mean = {0.1F, 0.2F, 0.3F}, .std = {1, 0.3F, 2}};
    const char *path = scratch_path(*state, "net.onnx");
    assert_int_equal(onnx_export_network(network, false, path), STATUS_OK);
    assert_int_equal(onnx_import(path, &again, NULL), STATUS_OK);
    assert_string_equal(again->class_names[0], names[0]);
    assert_string_equal(again->class_names[1], names[1]);
    assert_true(again->scaling.scale == network->scaling.scale);
    assert_memory_equal(again->scaling.mean, network->scaling.mean, 3 * sizeof(float));
    assert_memory_equal(again->scaling.std, network->scaling.std, 3 * sizeof(float));
    network_destroy(&again);
    network_destroy(&network);
}

static void test_scaling_in_the_graph(void **state)
{
    struct network *network = new_network(3, 3, 2), *again;
    add_dense(network, "output", add_plain(network, LAYER_FLATTEN, "flatten", 0), 2);
    finish(network);
    randomise(network, 1);
    network->scaling = (struct scaling){.scale = 0.5F, .mean = {0.1F, 0.2F}, .std = {0.5F, 2}};
    const char *path = scratch_path(*state, "net.onnx");
    assert_int_equal(onnx_export_network(network, true, path), STATUS_OK);
    assert_int_equal(onnx_import(path, &again, NULL), STATUS_OK);
    assert_true(again->scaling.scale == 1);
    uint8_t pixels[IMAGES * 3 * 3 * 2];
    float raw[sizeof pixels], scaled[sizeof pixels];
    for (size_t i = 0; i < sizeof pixels; i++)
        raw[i] = pixels[i] = (uint8_t)(i * 7);
    scaling_apply(&network->scaling, IMAGES * 9, 2, pixels, scaled);
    float *expected = network_outputs(network, scaled), *got = network_outputs(again, raw);
    for (size_t i = 0; i < IMAGES * 2; i++)
        assert_true(fabsf(expected[i] - got[i]) <= 1e-4F * (1 + fabsf(expected[i])));
    free(expected);
    free(got);
    network_destroy(&again);
    network_destroy(&network);
}

static void test_a_folder_that_is_not_there(void **state)
{
    struct network *network = random_network(1, 5, 3);
    assert_int_equal(onnx_export_network(network, false, scratch_path(*state, "none/net.onnx")), STATUS_IO);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_networks, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_sets, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_names_and_scaling_come_back, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_scaling_in_the_graph, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_not_there, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
