#include "tests/unit/base/scratch_folder.h"

#include <hdf5.h>
#include <math.h>

#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_error.h"
#include "compute/formats/keras/keras_import.h"

/* --- files as Keras writes them --- */

static void write_text(hid_t object, const char *name, const char *text, bool variable)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text));
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, variable ? (const void *)&text : text) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

/* Begins a file with that configuration, in which ' stands for ". */
static hid_t begin(const char *path, const char *config, bool variable)
{
    char text[4096];
    snprintf(text, sizeof text, "%s", config);
    for (char *at = text; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    hdf5_quiet();
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    write_text(file, "model_config", text, variable);
    H5Gclose(H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    return file;
}

/* A weight of a layer. */
struct weight {
    const char *role;
    int rank;
    hsize_t extent[4];
    float first; /* element i is first + i */
};

/* model_weights/LAYER/LAYER_1/ROLE:0 and the list of names. */
static void add_weights(hid_t file, const char *layer, const struct weight *weights, size_t count)
{
    char path[128], names[4][64] = {""};
    snprintf(path, sizeof path, "model_weights/%s", layer);
    hid_t group = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    snprintf(path, sizeof path, "%s_1", layer);
    H5Gclose(H5Gcreate2(group, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (size_t i = 0; i < count; i++) {
        float data[1024];
        size_t elements = 1;
        for (int d = 0; d < weights[i].rank; d++)
            elements *= weights[i].extent[d];
        assert_true(elements <= 1024);
        for (size_t e = 0; e < elements; e++)
            data[e] = weights[i].first + (float)e;
        snprintf(names[i], sizeof names[i], "%s_1/%s:0", layer, weights[i].role);
        assert_int_equal(
            hdf5_write_array(group, names[i], H5T_NATIVE_FLOAT, weights[i].rank, weights[i].extent, data),
            STATUS_OK);
    }
    hsize_t extent = count;
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &extent, NULL);
    H5Tset_size(type, sizeof names[0]);
    hid_t attribute = H5Acreate2(group, "weight_names", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, names) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    H5Gclose(group);
}

static struct network *import(const char *path)
{
    struct network *network;
    if (keras_import(path, &network) != STATUS_OK)
        fail_msg("%s", error_message());
    return network;
}

static void refuse(const char *path, enum status expected, const char *word)
{
    static struct network untouched;
    struct network *network = &untouched;
    enum status status = keras_import(path, &network);
    if (status != expected || strstr(error_message(), word) == NULL)
        fail_msg("status %d (%s); expected %d and \"%s\"", status, error_message(), expected, word);
    assert_null(network);
}

/* --- what is right --- */

#define SEQUENTIAL(layers) "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': [" layers "]}}"
#define FIRST(class_name, shape, config)                                                                     \
    "{'class_name': '" class_name "', 'config': {'batch_input_shape': [null, " shape "], " config "}}"
#define LAYER(class_name, config) ", {'class_name': '" class_name "', 'config': {" config "}}"

static void assert_kinds(const struct network *network, const enum layer_kind *kinds, int32_t count)
{
    assert_int_equal(network->layer_count, count + 1);
    for (int32_t i = 0; i < count; i++)
        assert_int_equal(network->layers[i + 1].kind, kinds[i]);
}

static float parameter(const struct network *network, int32_t layer, size_t index)
{
    return network->parameters[network->layers[layer].parameter_offset + index];
}

static void test_a_convolutional_network(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "n.h5");
    static const char config[] = SEQUENTIAL(
        FIRST("Conv2D", "7, 6, 3",
              "'name': 'input', 'filters': 4, 'kernel_size': [3, 2], 'strides': [2, 2], 'padding': 'same', "
              "'activation': 'linear', 'use_bias': true, 'data_format': 'channels_last'")
            LAYER("BatchNormalization",
                  "'name': 'bn', 'axis': [3], 'epsilon': 0.01, 'momentum': 0.75, 'scale': false")
                LAYER("ReLU", "'name': 'r', 'max_value': 6.0")
                    LAYER("DepthwiseConv2D", "'name': 'd', 'kernel_size': 3, 'depth_multiplier': 2, "
                                             "'use_bias': false, 'activation': 'relu'")
                        LAYER("Dropout", "'name': 'o', 'rate': 0.5")
                            LAYER("AveragePooling2D", "'name': 'p', 'pool_size': [2, 1], 'strides': null")
                                LAYER("Flatten", "'name': 'f'")
                                    LAYER("Dense", "'name': 'y', 'units': 5, 'activation': 'softmax'"));
    static const enum layer_kind kinds[] = {LAYER_CONVOLUTION, LAYER_BATCHNORM, LAYER_CLIP,
                                            LAYER_CONVOLUTION, LAYER_RELU,      LAYER_AVGPOOL,
                                            LAYER_FLATTEN,     LAYER_DENSE};
    static const struct weight conv[] = {{"kernel", 4, {3, 2, 3, 4}, 100}, {"bias", 1, {4}, 0.5F}};
    static const struct weight bn[] = {
        {"beta", 1, {4}, 1}, {"moving_mean", 1, {4}, 2}, {"moving_variance", 1, {4}, 3}};
    static const struct weight depthwise[] = {{"depthwise_kernel", 4, {3, 3, 4, 2}, 7}};
    static const struct weight dense[] = {{"kernel", 2, {8, 5}, 50}, {"bias", 1, {5}, -5}};
    hid_t file = begin(path, config, true);
    add_weights(file, "input", conv, 2);
    add_weights(file, "bn", bn, 3);
    add_weights(file, "d", depthwise, 1);
    add_weights(file, "y", dense, 2);
    H5Fclose(file);
    struct network *network = import(path);
    assert_kinds(network, kinds, 8);
    assert_string_equal(network->layers[1].name, "input/layer");
    assert_string_equal(network->layers[5].name, "d/activation");
    const struct layer_options *o = &network->layers[1].options;
    /* 7 rows: 4 outputs of stride 2 need 9, one on each side; 6 columns: 3 outputs need 6 */
    assert_true(o->pad_top == 1 && o->pad_bottom == 1 && o->pad_left == 0 && o->pad_right == 0);
    assert_true(network->layers[1].shape.h == 4 && network->layers[1].shape.w == 3);
    assert_true(parameter(network, 1, 71) == 171.0F && parameter(network, 1, 72) == 0.5F);
    assert_true(network->layers[2].options.epsilon == 0.01F && network->layers[2].options.momentum == 0.25F);
    assert_true(parameter(network, 2, 0) == 1.0F && parameter(network, 2, 4) == 1.0F); /* gamma stays 1 */
    assert_true(parameter(network, 2, 7) == 4.0F);
    assert_true(network->statistics[0] == 2.0F && network->statistics[4] == 3.0F);
    assert_true(network->layers[3].options.high == 6.0F);
    assert_int_equal(network->layers[4].options.groups, 4);
    assert_int_equal(network->layers[4].shape.c, 8);
    assert_true(parameter(network, 4, 71) == 78.0F);
    assert_true(network->layers[6].shape.h == 1 && network->layers[6].shape.w == 1);
    assert_true(parameter(network, 8, 39) == 89.0F && parameter(network, 8, 44) == -1.0F);
    assert_int_equal(network->class_count, 5);
    network_destroy(&network);
}

/* Layers out of order, one that nothing needs, a sum, a join; padding [[top, bottom], [left, right]]. */
static void test_a_functional_model(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "n.h5");
    static const char config[] =
        "{'class_name': 'Model', 'config': {'name': 'm', 'layers': ["
        "{'class_name': 'Concatenate', 'name': 'cat', 'config': {'axis': -1}, 'inbound_nodes': [[['sum', 0, "
        "0, "
        "{}], ['pad', 0, 0, {}]]]},"
        "{'class_name': 'InputLayer', 'name': 'in', 'config': {'batch_input_shape': [null, 4, 4, 2]}, "
        "'inbound_nodes': []},"
        "{'class_name': 'ZeroPadding2D', 'name': 'z', 'config': {'padding': [[1, 0], [2, 3]]}, "
        "'inbound_nodes': [[['in', 0, 0, {}]]]},"
        "{'class_name': 'MaxPooling2D', 'name': 'pad', 'config': {'pool_size': [2, 3], 'strides': [1, 2]}, "
        "'inbound_nodes': [[['z', 0, 0, {}]]]},"
        "{'class_name': 'Activation', 'name': 'act', 'config': {'activation': 'tanh'}, 'inbound_nodes': "
        "[[['in', 0, 0, {}]]]},"
        "{'class_name': 'Flatten', 'name': 'unused', 'config': {}, 'inbound_nodes': [[['in', 0, 0, {}]]]},"
        "{'class_name': 'Add', 'name': 'sum', 'config': {}, 'inbound_nodes': [[['in', 0, 0, {}], ['act', 0, "
        "0, "
        "{}]]]},"
        "{'class_name': 'GlobalAveragePooling2D', 'name': 'g', 'config': {}, 'inbound_nodes': [[['cat', 0, "
        "0, "
        "{}]]]}],"
        "'input_layers': [['in', 0, 0]], 'output_layers': [['g', 0, 0]]}}";
    static const enum layer_kind kinds[] = {LAYER_WINDOW, LAYER_MAXPOOL, LAYER_TANH,
                                            LAYER_ADD,    LAYER_CONCAT,  LAYER_GLOBAL_AVGPOOL};
    H5Fclose(begin(path, config, false));
    struct network *network = import(path);
    assert_kinds(network, kinds, 6);
    const struct layer *window = &network->layers[1];
    assert_true(window->options.from_h == -1 && window->options.from_w == -2);
    assert_true(window->shape.h == 5 && window->shape.w == 9);
    assert_int_equal(network->layers[5].shape.c, 4);
    assert_int_equal(network->class_count, 4);
    network_destroy(&network);
}

/* A softmax inside stays; a dense layer of an image is a 1 × 1 convolution. */
static void test_softmax_is_dropped_at_the_end_alone(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "n.h5");
    static const char config[] = SEQUENTIAL(
        FIRST("Dense", "2, 2, 3", "'name': 'd', 'units': 2, 'use_bias': false, 'activation': 'softmax'")
            LAYER("LeakyReLU", "'name': 'l', 'alpha': 0.25") LAYER("Softmax", "'name': 's', 'axis': -1"));
    static const enum layer_kind kinds[] = {LAYER_CONVOLUTION, LAYER_SOFTMAX, LAYER_LEAKY_RELU};
    static const struct weight dense[] = {{"kernel", 2, {3, 2}, 1}};
    hid_t file = begin(path, config, false);
    add_weights(file, "d", dense, 1);
    H5Fclose(file);
    struct network *network = import(path);
    assert_kinds(network, kinds, 3);
    assert_true(network->layers[3].options.slope == 0.25F);
    network_destroy(&network);
}

/* --- what is wrong --- */

static void refuse_config(struct scratch *scratch, const char *config, const char *word)
{
    const char *path = scratch_path(scratch, "bad.h5");
    H5Fclose(begin(path, config, false));
    refuse(path, STATUS_FORMAT, word);
}

static void test_configurations_that_are_wrong(void **state)
{
    struct scratch *scratch = *state;
    refuse_config(scratch, "{'class_name'", "not JSON");
    refuse_config(scratch, "[]", "a model of class \"\"");
    refuse_config(scratch, "{'class_name': 'Bayes', 'config': {}}", "a model of class \"Bayes\"");
    refuse_config(scratch, SEQUENTIAL(""), "0 layers");
    refuse_config(scratch, SEQUENTIAL("{'class_name': 'Flatten'}"), "without class_name, name or config");
    refuse_config(scratch, SEQUENTIAL(FIRST("LSTM", "4, 4, 1", "'name': 'rnn'")),
                  "layer rnn (LSTM): layers of this class are not read");
    refuse_config(scratch, SEQUENTIAL(FIRST("Flatten", "null, 4, 1", "'name': 'f'")), "dimension 1");
    refuse_config(scratch, SEQUENTIAL(FIRST("Flatten", "4, 4", "'name': 'f'")), "batch_input_shape");
    refuse_config(scratch, SEQUENTIAL(FIRST("Flatten", "4, 1000000000, 4", "'name': 'f'")), "dimension 2");
    refuse_config(scratch,
                  SEQUENTIAL(FIRST("Flatten", "4, 4, 1", "'name': 'f'") LAYER("Flatten", "'name': 'f'")),
                  "two layers");
    refuse_config(scratch, SEQUENTIAL(FIRST("Activation", "4, 4, 1", "'name': 'a', 'activation': 'selu'")),
                  "\"selu\" is not read");
    refuse_config(scratch,
                  SEQUENTIAL(FIRST("Conv2D", "4, 4, 1", "'name': 'c', 'filters': 1, 'kernel_size': [0, 3]")),
                  "kernel_size is not");
    refuse_config(scratch,
                  SEQUENTIAL(FIRST("Conv2D", "4, 4, 1",
                                   "'name': 'c', 'filters': 1, 'kernel_size': 3, 'data_format': "
                                   "'channels_first'")),
                  "channels_last");
    refuse_config(scratch, SEQUENTIAL(FIRST("Dropout", "4, 4, 1", "'name': 'd'")), "computes nothing");
}

#define NODE(class_name, name, inputs)                                                                       \
    "{'class_name': '" class_name "', 'name': '" name                                                        \
    "', 'config': {'batch_input_shape': [null, 4, 4, 2]}, 'inbound_nodes': [[" inputs "]]}"
#define GRAPH(nodes, in, out)                                                                                \
    "{'class_name': 'Functional', 'config': {'layers': [" nodes "], 'input_layers': [" in                    \
    "], 'output_layers': [" out "]}}"

static void test_graphs_that_are_wrong(void **state)
{
    struct scratch *scratch = *state;
    refuse_config(scratch,
                  GRAPH(NODE("InputLayer", "i", "") "," NODE("Add", "a", "['i', 0, 0], ['b', 0, 0]") "," NODE(
                            "Flatten", "b", "['a', 0, 0]"),
                        "['i', 0, 0]", "['b', 0, 0]"),
                  "its inputs depend on its output");
    refuse_config(scratch, GRAPH(NODE("Flatten", "f", "['x', 0, 0]"), "['f', 0, 0]", "['f', 0, 0]"),
                  "a layer \"x\" that is not there");
    refuse_config(scratch, GRAPH(NODE("Flatten", "f", ""), "['f', 0, 0]", "['f', 0, 0], ['f', 0, 0]"),
                  "2 outputs; expected one");
    refuse_config(scratch, GRAPH(NODE("Flatten", "f", ""), "['f', 0, 0]", "['f', 1, 0]"), "several times");
    refuse_config(scratch,
                  GRAPH(NODE("InputLayer", "i", "") "," NODE("Flatten", "f", "['i', 0, 0], ['i', 0, 0]"),
                        "['i', 0, 0]", "['f', 0, 0]"),
                  "reads several layers");
}

static void test_weights_that_are_wrong(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "bad.h5");
    static const char config[] = SEQUENTIAL(FIRST("Dense", "3", "'name': 'd', 'units': 2"));
    static const struct weight good[] = {{"kernel", 2, {3, 2}, 1}, {"bias", 1, {2}, 1}};
    static const struct weight turned[] = {{"kernel", 2, {2, 3}, 1}, {"bias", 1, {2}, 1}};
    static const struct weight infinite[] = {{"kernel", 2, {3, 2}, INFINITY}, {"bias", 1, {2}, 1}};
    H5Fclose(begin(path, config, false));
    refuse(path, STATUS_FORMAT, "layer d (Dense): the file has no weights for it");
    hid_t file = begin(path, config, false);
    add_weights(file, "d", good, 1);
    H5Fclose(file);
    refuse(path, STATUS_FORMAT, "the file has no bias for it");
    file = begin(path, config, false);
    add_weights(file, "d", turned, 2);
    H5Fclose(file);
    refuse(path, STATUS_SHAPE, "its kernel in the file is 2×3; by the configuration it should be 3×2");
    file = begin(path, config, false);
    add_weights(file, "d", infinite, 2);
    H5Fclose(file);
    refuse(path, STATUS_FORMAT, "not a finite number");
    file = begin(path, SEQUENTIAL(FIRST("Dense", "30000", "'name': 'd', 'units': 60000")), false);
    add_weights(file, "d", good, 2);
    H5Fclose(file);
    refuse(path, STATUS_SHAPE, "by the configuration it should be 30000×60000");
}

static void test_other_files(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "n.h5");
    refuse(path, STATUS_IO, "No such file");
    file_write(path, "no HDF5", 7);
    refuse(path, STATUS_FORMAT, "not an HDF5 file");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    refuse(path, STATUS_FORMAT, "no model_config");
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    write_text(file, "facet.kind", "network", false);
    H5Fclose(file);
    refuse(path, STATUS_FORMAT, "one of Facet's own files");
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_a_convolutional_network),
        SCRATCH_TEST(test_a_functional_model),
        SCRATCH_TEST(test_softmax_is_dropped_at_the_end_alone),
        SCRATCH_TEST(test_configurations_that_are_wrong),
        SCRATCH_TEST(test_graphs_that_are_wrong),
        SCRATCH_TEST(test_weights_that_are_wrong),
        SCRATCH_TEST(test_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
