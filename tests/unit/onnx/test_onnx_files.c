/* Files: types and places of weights, networks of the world, and hostile ones. */
#include "onnx_test.h"

#include <stdio.h>

#include "compute/formats/onnx/onnx_scan.h"
#include "tests/unit/base/scratch_folder.h"

/* --- weights: y = relu(image · w) for one pixel of two channels --- */

static const float weight_values[4] = {0.5F, -2, 3, 0.25F}; /* (2, 2), exact in every float type */

static struct graph dense_graph(Onnx__TensorProto **weights)
{
    struct graph graph = graph_begin(1, 1, 2);
    onnx_write_floats(&graph.writer, "w", 2, INTS(2, 2), weight_values);
    *weights = graph.writer.model->graph->initializer[0];
    node(&graph, "Flatten", LIST("image"), "f");
    node(&graph, "Gemm", LIST("f", "w"), "y");
    return graph;
}

static void replace_raw(Onnx__TensorProto *weights, int32_t type, const void *data, size_t bytes)
{
    free(weights->raw_data.data);
    weights->raw_data.data = NULL;
    weights->raw_data.len = bytes;
    weights->has_raw_data = data != NULL;
    weights->data_type = type;
    if (data == NULL)
        return;
    weights->raw_data.data = malloc(bytes);
    assert_non_null(weights->raw_data.data);
    memcpy(weights->raw_data.data, data, bytes);
}

static void check_weights(struct graph *graph)
{
    struct network *network = graph_import(graph);
    assert_memory_equal(network->parameters, weight_values, sizeof weight_values);
    network_destroy(&network);
}

static void test_raw_types(void **state)
{
    (void)state;
    const double wide[4] = {0.5, -2, 3, 0.25};
    const uint16_t half[4] = {0x3800, 0xc000, 0x4200, 0x3400}, brain[4] = {0x3f00, 0xc000, 0x4040, 0x3e80};
    Onnx__TensorProto *weights;
    struct graph graph = dense_graph(&weights);
    check_weights(&graph);
    graph = dense_graph(&weights);
    replace_raw(weights, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, wide, sizeof wide);
    check_weights(&graph);
    graph = dense_graph(&weights);
    replace_raw(weights, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, half, sizeof half);
    check_weights(&graph);
    graph = dense_graph(&weights);
    replace_raw(weights, ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, brain, sizeof brain);
    check_weights(&graph);
}

static void test_typed_fields(void **state)
{
    (void)state;
    const int32_t half[4] = {0x3800, 0xc000, 0x4200, 0x3400};
    Onnx__TensorProto *weights;
    struct graph graph = dense_graph(&weights);
    replace_raw(weights, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, NULL, 0);
    weights->float_data = malloc(sizeof weight_values);
    memcpy(weights->float_data, weight_values, sizeof weight_values);
    weights->n_float_data = 4;
    check_weights(&graph);
    graph = dense_graph(&weights);
    replace_raw(weights, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, NULL, 0);
    weights->int32_data = malloc(sizeof half);
    memcpy(weights->int32_data, half, sizeof half);
    weights->n_int32_data = 4;
    check_weights(&graph);
}

static void test_sizes_that_lie(void **state)
{
    (void)state;
    Onnx__TensorProto *weights;
    struct graph graph = dense_graph(&weights);
    weights->raw_data.len = 12;
    graph_refused(&graph, STATUS_FORMAT, "has 12 bytes; its shape asks for 16");
    graph = dense_graph(&weights);
    weights->dims[0] = 1000000000;
    graph_refused(&graph, STATUS_FORMAT, "has 16 bytes; its shape asks for 8000000000");
    graph = dense_graph(&weights);
    weights->dims[0] = weights->dims[1] = INT64_MAX;
    graph_refused(&graph, STATUS_FORMAT, "fewer than 2^31 elements");
    graph = dense_graph(&weights);
    weights->dims[0] = -2;
    graph_refused(&graph, STATUS_FORMAT, "claims a shape of -2x2");
    graph = dense_graph(&weights);
    weights->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
    graph_refused(&graph, STATUS_FORMAT, "of type 8");
}

/* --- external data --- */

static void add_external(Onnx__TensorProto *weights, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = malloc(sizeof *entry);
    assert_non_null(entry);
    onnx__string_string_entry_proto__init(entry);
    entry->key = strdup(key);
    entry->value = strdup(value);
    weights->external_data =
        realloc(weights->external_data, (weights->n_external_data + 1) * sizeof *weights->external_data);
    assert_non_null(weights->external_data);
    weights->external_data[weights->n_external_data++] = entry;
}

static enum status import_external(struct scratch *scratch, const char *location, const char *offset,
                                   struct network **network)
{
    Onnx__TensorProto *weights;
    struct graph graph = dense_graph(&weights);
    size_t bytes;
    replace_raw(weights, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, NULL, 0);
    weights->has_data_location = 1;
    weights->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    add_external(weights, "location", location);
    add_external(weights, "offset", offset);
    add_external(weights, "length", "16");
    uint8_t *data = graph_pack(&graph, &bytes);
    const char *path = scratch_path(scratch, "model/net.onnx");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
    free(data);
    return onnx_import(path, network, NULL);
}

/* FOLDER/model with the weights from byte 8 on, and the same file outside, where none may be read. */
static void make_folders(struct scratch *scratch)
{
    static const char *const names[] = {"model/w.bin", "w.bin"};
    assert_int_equal(mkdir(scratch_path(scratch, "model"), 0700), 0);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(scratch_path(scratch, names[i]), "wb");
        assert_non_null(file);
        fwrite("eight...", 1, 8, file);
        fwrite(weight_values, 1, sizeof weight_values, file);
        fclose(file);
    }
}

static void test_external_data(void **state)
{
    struct network *network;
    make_folders(*state);
    assert_int_equal(import_external(*state, "w.bin", "8", &network), STATUS_OK);
    assert_memory_equal(network->parameters, weight_values, sizeof weight_values);
    network_destroy(&network);
}

static void test_external_data_outside_is_refused(void **state)
{
    struct network *network;
    char absolute[SCRATCH_PATH_BYTES], link[SCRATCH_PATH_BYTES];
    make_folders(*state);
    snprintf(absolute, sizeof absolute, "%s", scratch_path(*state, "w.bin"));
    snprintf(link, sizeof link, "%s", scratch_path(*state, "model/link.bin"));
    assert_int_equal(symlink(absolute, link), 0);
    const char *const outside[] = {absolute, "../w.bin", "a/../../w.bin", "..", "link.bin", "", "a\\b"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(import_external(*state, outside[i], "8", &network), STATUS_FORMAT);
        assert_null(network);
    }
}

static void test_external_data_that_is_not_there(void **state)
{
    struct network *network;
    make_folders(*state);
    assert_int_equal(import_external(*state, "none.bin", "8", &network), STATUS_IO);
    assert_int_equal(import_external(*state, "w.bin", "9", &network), STATUS_FORMAT); /* past the end */
    assert_int_equal(import_external(*state, "w.bin", "-8", &network), STATUS_FORMAT);
    assert_int_equal(import_external(*state, "w.bin", "99999999999999999999", &network), STATUS_FORMAT);
    assert_int_equal(import_external(*state, ".", "0", &network), STATUS_FORMAT);
}

/* --- hostile files --- */

static void test_truncation_anywhere(void **state)
{
    (void)state;
    Onnx__TensorProto *weights;
    struct graph graph = dense_graph(&weights);
    size_t bytes;
    uint8_t *data = graph_pack(&graph, &bytes);
    for (size_t length = 0; length < bytes; length++) {
        struct network *network;
        uint8_t *cut = malloc(length > 0 ? length : 1); /* of its own, so that reading on is seen */
        assert_non_null(cut);
        memcpy(cut, data, length);
        assert_int_equal(onnx_import_bytes("cut.onnx", cut, length, &network, NULL), STATUS_FORMAT);
        assert_null(network);
        free(cut);
    }
    free(data);
}

static void test_any_changed_byte_is_survived(void **state)
{
    (void)state;
    Onnx__TensorProto *weights;
    struct graph graph = dense_graph(&weights);
    size_t bytes;
    uint8_t *data = graph_pack(&graph, &bytes);
    static const uint8_t flips[] = {0x01, 0x10, 0x80, 0xff};
    for (size_t i = 0; i < bytes; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            struct network *network;
            data[i] ^= flips[k];
            enum status status = onnx_import_bytes("changed.onnx", data, bytes, &network, NULL);
            assert_true((status == STATUS_OK) == (network != NULL));
            network_destroy(&network);
            data[i] ^= flips[k];
        }
    free(data);
}

static void test_deep_nesting(void **state)
{
    (void)state;
    enum { LEVELS = 1000 };
    uint8_t data[5 * LEVELS];
    size_t at = sizeof data;
    /* model.graph (7) . node (1) . attribute (5) . g (6) . node … from the inside out; 5 bytes each at most
     */
    static const uint8_t fields[] = {1, 5, 6};
    for (int i = 0; i < LEVELS; i++) {
        size_t length = sizeof data - at;
        uint8_t field = i == LEVELS - 1 ? 7 : fields[(LEVELS - 2 - i) % 3];
        data[--at] = (uint8_t)(length >> 7);
        data[--at] = (uint8_t)((length & 0x7f) | 0x80);
        data[--at] = (uint8_t)(field << 3 | 2);
    }
    struct network *network;
    assert_int_equal(onnx_import_bytes("deep.onnx", data + at, sizeof data - at, &network, NULL),
                     STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "nested too deeply"));
}

static void test_too_many_fields(void **state)
{
    (void)state;
    size_t bytes = 2 * ((size_t)ONNX_FIELDS_MAX + 1);
    uint8_t *data = calloc(bytes, 1);
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i += 2)
        data[i] = 8 << 3 | 2; /* an empty opset_import */
    struct network *network;
    assert_int_equal(onnx_import_bytes("wide.onnx", data, bytes, &network, NULL), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "more than 1048576 fields"));
    free(data);
}

static void test_circles(void **state)
{
    (void)state;
    struct graph graph = graph_begin(2, 2, 2);
    node(&graph, "Add", LIST("image", "b"), "a");
    node(&graph, "Relu", LIST("a"), "b");
    node(&graph, "Relu", LIST("b"), "y");
    graph_refused(&graph, STATUS_FORMAT, "the graph has a circle");
    graph = graph_begin(2, 2, 2);
    node(&graph, "Relu", LIST("y"), "y");
    graph_refused(&graph, STATUS_FORMAT, "needs its own result");
}

static void test_names_that_stand_twice_or_nowhere(void **state)
{
    (void)state;
    struct graph graph = graph_begin(2, 2, 2);
    node(&graph, "Relu", LIST("image"), "y");
    node(&graph, "Relu", LIST("image"), "y");
    graph_refused(&graph, STATUS_FORMAT, "given to two values");
    graph = graph_begin(2, 2, 2);
    node(&graph, "Relu", LIST("nobody"), "y");
    graph_refused(&graph, STATUS_FORMAT, "nobody's output");
    graph = graph_begin(2, 2, 2);
    node(&graph, "Relu", LIST("image"), "z");
    graph_refused(&graph, STATUS_FORMAT, "is not computed from the images");
}

static void test_order_of_nodes_does_not_matter(void **state)
{
    (void)state;
    struct graph graph = graph_begin(2, 2, 2);
    node(&graph, "Sigmoid", LIST("a"), "y");
    node(&graph, "Relu", LIST("image"), "a");
    struct network *network = graph_import(&graph);
    assert_int_equal(network->layers[1].kind, LAYER_RELU);
    assert_int_equal(network->layers[2].kind, LAYER_SIGMOID);
    network_destroy(&network);
}

static void test_huge_dimensions(void **state)
{
    (void)state;
    struct graph graph = graph_begin(1000000000, 1, 1);
    node(&graph, "Relu", LIST("image"), "y");
    graph_refused(&graph, STATUS_SHAPE, "is 1000000000; at most");
    graph = graph_begin(1 << 20, 1 << 20, 100);
    node(&graph, "Relu", LIST("image"), "y");
    graph_refused(&graph, STATUS_SHAPE, "an image of at most");
    graph = graph_begin(2, 2, 2);
    integers(&graph, "dims", 2, INTS(1000000000, 1000000000));
    node(&graph, "ConstantOfShape", LIST("dims"), "c");
    node(&graph, "Add", LIST("image", "c"), "y");
    graph_refused(&graph, STATUS_FORMAT, "1000000000x1000000000 elements");
    graph = graph_begin(2, 2, 2);
    integers(&graph, "pads", 8, INTS(0, 0, 100000000, 100000000, 0, 0, 0, 0));
    node(&graph, "Pad", LIST("image", "pads"), "p");
    node(&graph, "Relu", LIST("p"), "y");
    graph_refused(&graph, STATUS_FORMAT, "layer \"p\"");
}

/* Every node that cannot be imported is named, also those behind others. */
static void test_all_unsupported_nodes_are_reported(void **state)
{
    (void)state;
    struct graph graph = graph_begin(2, 2, 2);
    struct network *network;
    char *problems;
    size_t bytes;
    node(&graph, "Relu", LIST("image"), "a");
    node(&graph, "Einsum", LIST("a"), "b");
    node(&graph, "Sigmoid", LIST("b"), "c");
    node(&graph, "Mul", LIST("a", "a"), "d");
    node(&graph, "Mish", LIST("c", "d"), "y");
    uint8_t *data = graph_pack(&graph, &bytes);
    assert_int_equal(onnx_import_bytes("odd.onnx", data, bytes, &network, &problems), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "2 nodes cannot be imported"));
    assert_non_null(strstr(problems, "node 1 \"b\" (Einsum)"));
    assert_non_null(strstr(problems, "node 4 \"y\" (Mish)"));
    assert_null(strstr(problems, "Sigmoid"));
    assert_null(strstr(problems, "Mul"));
    memory_free(&problems);
    free(data);
}

static void test_operator_sets(void **state)
{
    (void)state;
    struct graph graph = graph_begin(2, 2, 2);
    graph_opset(&graph, 6);
    node(&graph, "Relu", LIST("image"), "y");
    graph_refused(&graph, STATUS_FORMAT, "of set 6; expected 7 or later");
    graph = graph_begin(2, 2, 2);
    node(&graph, "Relu", LIST("image"), "y")->domain = strdup("com.example");
    graph_refused(&graph, STATUS_FORMAT, "an operator that is not read");
}

static void test_other_files(void **state)
{
    struct network *network;
    static const char text[] = "This is no ONNX file, but text.";
    assert_int_equal(onnx_import(scratch_path(*state, "none.onnx"), &network, NULL), STATUS_IO);
    assert_int_equal(onnx_import(scratch_path(*state, ""), &network, NULL), STATUS_IO);
    assert_int_equal(onnx_import_bytes("t", (const uint8_t *)text, sizeof text, &network, NULL),
                     STATUS_FORMAT);
    assert_int_equal(onnx_import_bytes("empty", (const uint8_t *)text, 0, &network, NULL), STATUS_FORMAT);
}

/* --- networks of the world --- */

/* ResNet-20 as PyTorch exports it, and the same with batch normalisation in the convolutions. */
static void test_resnet20_fused_and_unfused_agree(void **state)
{
    (void)state;
    struct network *apart, *fused;
    if (access(FACET_SHARED_MODELS "/resnet20-cifar10.onnx", R_OK) != 0)
        skip();
    assert_int_equal(onnx_import(FACET_SHARED_MODELS "/resnet20-cifar10.onnx", &apart, NULL), STATUS_OK);
    assert_int_equal(onnx_import(FACET_SHARED_MODELS "/resnet20-cifar10-fused.onnx", &fused, NULL),
                     STATUS_OK);
    /* 19 × convolution, batch norm, ReLU; 9 sums; 2 shortcuts, one window each; average, dense */
    assert_int_equal(apart->layer_count, 1 + 3 * 19 + 9 + 2 + 2);
    assert_int_equal(fused->layer_count, apart->layer_count - 19);
    assert_int_equal(network_multiply_adds(apart), network_multiply_adds(fused));
    assert_int_equal(apart->class_count, 10);
    float *images = random_images(network_input_shape(apart), 1);
    float *a = network_outputs(apart, images), *b = network_outputs(fused, images);
    float difference = 0, largest = 0;
    for (int i = 0; i < IMAGES * 10; i++) {
        largest = fmaxf(largest, fabsf(a[i]));
        difference = fmaxf(difference, fabsf(a[i] - b[i]));
    }
    assert_true(difference < 1e-4F * largest);
    free(images);
    free(a);
    free(b);
    network_destroy(&apart);
    network_destroy(&fused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_types),
        cmocka_unit_test(test_typed_fields),
        cmocka_unit_test(test_sizes_that_lie),
        cmocka_unit_test_setup_teardown(test_external_data, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_external_data_outside_is_refused, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_external_data_that_is_not_there, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(test_truncation_anywhere),
        cmocka_unit_test(test_any_changed_byte_is_survived),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_circles),
        cmocka_unit_test(test_names_that_stand_twice_or_nowhere),
        cmocka_unit_test(test_order_of_nodes_does_not_matter),
        cmocka_unit_test(test_huge_dimensions),
        cmocka_unit_test(test_all_unsupported_nodes_are_reported),
        cmocka_unit_test(test_operator_sets),
        cmocka_unit_test_setup_teardown(test_other_files, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_resnet20_fused_and_unfused_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
