#include "tests/unit/formats/hdf5_test.h"

#include <math.h>

#include "compute/formats/network_file.h"

/* --- a network with every kind of layer --- */

static int32_t add(struct network *network, enum layer_kind kind, const char *name,
                   struct layer_options options, int32_t a, int32_t b)
{
    int32_t index = -1;
    const int32_t inputs[2] = {a, b};
    assert_status(network_add_layer(network, kind, name, &options, inputs, b < 0 ? 1 : 2, &index), STATUS_OK);
    return index;
}

static const struct layer_options no_options = {0};
static const struct layer_options convolution_3x3 = {.out_c = 6,
                                                     .kernel_h = 3,
                                                     .kernel_w = 3,
                                                     .stride_h = 1,
                                                     .stride_w = 1,
                                                     .pad_top = 1,
                                                     .pad_left = 1,
                                                     .pad_bottom = 1,
                                                     .pad_right = 1,
                                                     .dilation_h = 1,
                                                     .dilation_w = 1,
                                                     .groups = 3,
                                                     .bias = true};
static const struct layer_options pool_2x2 = {.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};

/* Layers by index, for tampering. */
enum { INPUT, CONV, NORM, RELU, WINDOW, SUM, JOIN, MAXPOOL, AVGPOOL, FLAT, DENSE, LAYERS };

static const class_name names[4] = {"cat", "dog", "eel", "fox"};

static struct network *make(void)
{
    struct network *network = NULL;
    struct layer_options average = pool_2x2;
    average.count_padding = average.ceil_mode = true;
    average.pad_top = 1;
    assert_status(network_create("everything", (struct shape){8, 8, 3}, &network), STATUS_OK);
    add(network, LAYER_CONVOLUTION, "conv", convolution_3x3, INPUT, -1);
    add(network, LAYER_BATCHNORM, "norm", (struct layer_options){.epsilon = 1e-5F, .momentum = 0.1F}, CONV,
        -1);
    add(network, LAYER_RELU, "relu", no_options, NORM, -1);
    add(network, LAYER_WINDOW, "window",
        (struct layer_options){.out_c = 6, .out_h = 8, .out_w = 8, .from_c = -1, .step_h = 1, .step_w = 1},
        INPUT, -1);
    add(network, LAYER_ADD, "sum", no_options, RELU, WINDOW);
    add(network, LAYER_CONCAT, "join", no_options, SUM, INPUT);
    add(network, LAYER_MAXPOOL, "maxpool", pool_2x2, JOIN, -1);
    add(network, LAYER_AVGPOOL, "avgpool", average, MAXPOOL, -1);
    add(network, LAYER_FLATTEN, "flat", no_options, AVGPOOL, -1);
    assert_int_equal(
        add(network, LAYER_DENSE, "dense", (struct layer_options){.out_c = 4, .bias = true}, FLAT, -1),
        DENSE);
    assert_status(network_finish(network), STATUS_OK);
    assert_status(network_set_class_names(network, names, 4), STATUS_OK);
    network_initialise(network, 5);
    network->scaling = (struct scaling){.scale = 0.25F, .mean = {1, 2, 3}, .std = {4, 5, 6}};
    for (size_t i = 0; i < network->statistic_count; i++)
        network->statistics[i] = 0.5F * (float)i;
    return network;
}

/* Writes the network above; the path is valid until scratch_path's next call. */
static const char *written(void **state)
{
    struct network *network = make();
    const char *path = scratch_path(*state, "n.h5");
    assert_status(network_file_write(network, path), STATUS_OK);
    network_destroy(&network);
    return path;
}

/* --- what is right --- */

static void test_everything_comes_back(void **state)
{
    const char *path = written(state);
    struct network *expected = make(), *network = NULL;
    uint8_t expected_digest[DIGEST_BYTES], digest[DIGEST_BYTES];
    assert_status(network_file_read(path, &network), STATUS_OK);
    assert_string_equal(network->architecture, "everything");
    network_digest(expected, expected_digest);
    network_digest(network, digest);
    assert_memory_equal(digest, expected_digest, DIGEST_BYTES);
    network_destroy(&network);
    network_destroy(&expected);
}

static void test_same_network_same_bytes(void **state)
{
    struct scratch *scratch = *state;
    char first[SCRATCH_PATH_BYTES];
    struct network *network = NULL;
    snprintf(first, sizeof first, "%s", written(state));
    assert_status(network_file_read(first, &network), STATUS_OK);
    memset(network->class_names[0] + 4, 0x55, 8); /* what follows a name's end is not written */
    assert_status(network_file_write(network, scratch_path(scratch, "again.h5")), STATUS_OK);
    assert_true(files_equal(first, scratch->path));
    network_destroy(&network);
}

/* Empty arrays are left out, for the sake of h5repack. */
static void test_network_without_statistics(void **state)
{
    const char *path = scratch_path(*state, "n.h5");
    struct network *network = NULL, *read = NULL;
    assert_status(network_create("dense alone", (struct shape){1, 1, 20}, &network), STATUS_OK);
    add(network, LAYER_DENSE, "dense", (struct layer_options){.out_c = 2}, 0, -1);
    assert_status(network_finish(network), STATUS_OK);
    assert_status(network_file_write(network, path), STATUS_OK);
    assert_status(network_file_read(path, &read), STATUS_OK);
    assert_int_equal(read->statistic_count, 0);
    assert_int_equal(read->parameter_count, 40);
    hid_t file = tamper_open(path);
    assert_true(H5Lexists(file, "network/parameters", H5P_DEFAULT) > 0);
    assert_true(H5Lexists(file, "network/statistics", H5P_DEFAULT) == 0);
    tamper_close(file);
    network_destroy(&read);
    network_destroy(&network);
}

/* Products, constants for each pixel, and outputs that are arrays of four dimensions although 1 × 1. */
static void test_products_and_output_rank_come_back(void **state)
{
    const char *path = scratch_path(*state, "n.h5");
    struct network *network = NULL, *read = NULL;
    uint8_t expected[DIGEST_BYTES], digest[DIGEST_BYTES];
    assert_status(network_create("products", (struct shape){4, 3, 2}, &network), STATUS_OK);
    int32_t pool = add(network, LAYER_GLOBAL_AVGPOOL, "pool", no_options, 0, -1);
    int32_t gated = add(network, LAYER_MULTIPLY, "gated", no_options, 0, pool);
    int32_t scaled = add(network, LAYER_UNIT_SCALE, "scaled", no_options, gated, -1);
    add(network, LAYER_GLOBAL_AVGPOOL, "mean", no_options, scaled, -1);
    assert_status(network_finish(network), STATUS_OK);
    assert_int_equal(network->parameter_count, 2 * 4 * 3 * 2);
    assert_true(network->parameters[23] == 1 && network->parameters[24] == 0); /* factors, summands */
    for (size_t i = 0; i < network->parameter_count; i++)
        network->parameters[i] = (float)i;
    assert_int_equal(network->output_rank, 2);
    assert_status(network_set_output_rank(network, 4), STATUS_OK);
    assert_status(network_set_output_rank(network, 5), STATUS_SHAPE);
    assert_status(network_file_write(network, path), STATUS_OK);
    assert_status(network_file_read(path, &read), STATUS_OK);
    assert_int_equal(read->output_rank, 4);
    network_digest(network, expected);
    network_digest(read, digest);
    assert_memory_equal(digest, expected, DIGEST_BYTES);
    network_destroy(&read);

    hid_t file = tamper_open(path); /* files of before have no rank: the one that the shape has then */
    H5Adelete_by_name(file, "network", "output_rank", H5P_DEFAULT);
    tamper_close(file);
    assert_status(network_file_read(path, &read), STATUS_OK);
    assert_int_equal(read->output_rank, 2);
    network_destroy(&read);
    network_destroy(&network);
}

static void test_network_without_parameters(void **state)
{
    const char *path = scratch_path(*state, "n.h5");
    struct network *network = NULL, *read = NULL;
    assert_status(network_create("pool alone", (struct shape){4, 4, 2}, &network), STATUS_OK);
    add(network, LAYER_GLOBAL_AVGPOOL, "pool", no_options, 0, -1);
    assert_status(network_finish(network), STATUS_OK);
    assert_status(network_file_write(network, path), STATUS_OK);
    assert_status(network_file_read(path, &read), STATUS_OK);
    assert_int_equal(read->layer_count, 2);
    assert_int_equal(read->class_count, 2);
    network_destroy(&read);
    network_destroy(&network);
}

static void test_two_networks_in_one_file(void **state)
{
    const char *path = scratch_path(*state, "m.h5");
    struct network *network = make(), *read = NULL;
    hid_t file;
    assert_status(hdf5_create(path, "modules", H5P_DEFAULT, &file), STATUS_OK);
    assert_status(network_group_write(file, "0", network), STATUS_OK);
    network->parameters[0] = 77.0F;
    assert_status(network_group_write(file, "1", network), STATUS_OK);
    assert_status(network_group_write(file, "1", network), STATUS_IO);
    assert_status(hdf5_close(&file, path), STATUS_OK);
    assert_status(hdf5_open(path, "modules", H5P_DEFAULT, &file, NULL), STATUS_OK);
    assert_status(network_group_read(file, "1", &read), STATUS_OK);
    assert_true(read->parameters[0] == 77.0F);
    network_destroy(&read);
    assert_status(network_group_read(file, "2", &read), STATUS_FORMAT);
    assert_null(read);
    assert_status(hdf5_close(&file, path), STATUS_OK);
    network_destroy(&network);
}

/* --- what is not written --- */

static void refuse_write(void **state, const struct network *network, enum status expected,
                         const char *reason)
{
    struct scratch *scratch = *state;
    assert_status(network_file_write(network, scratch_path(scratch, "n.h5")), expected);
    assert_says(reason);
    assert_false(file_exists(scratch->path));
    assert_false(file_exists(scratch_path(scratch, "n.h5.part")));
}

static void test_unreadable_networks_are_not_written(void **state)
{
    struct network *network = make();
    size_t weight = network->layers[DENSE].parameter_offset + 3;
    network->parameters[weight] = NAN;
    refuse_write(state, network, STATUS_FORMAT, "parameter 3 of layer \"dense\" is nan");
    network->parameters[weight] = 0;
    network->statistics[network->statistic_count - 1] = -1.0F;
    refuse_write(state, network, STATUS_FORMAT, "a running variance of layer \"norm\" is -1");
    network->statistics[network->statistic_count - 1] = 1.0F;
    network->scaling.std[1] = 0;
    refuse_write(state, network, STATUS_FORMAT, "scaling of channel 1");
    network->scaling.std[1] = 1;
    network->scaling.scale = INFINITY;
    refuse_write(state, network, STATUS_FORMAT, "scaling.scale is inf");
    network_destroy(&network);
}

static void test_unfinished_network_is_not_written(void **state)
{
    struct network *network = NULL;
    assert_status(network_create("begun", (struct shape){1, 1, 2}, &network), STATUS_OK);
    refuse_write(state, network, STATUS_USAGE, "network \"begun\" is not finished");
    network_destroy(&network);
}

/* --- what is not read --- */

static void refuse(const char *path, const char *reason)
{
    static struct network other;
    struct network *network = &other;
    assert_status(network_file_read(path, &network), STATUS_FORMAT);
    assert_null(network);
    assert_says(path);
    assert_says(reason);
}

static void test_other_files_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct network *network = NULL;
    empty_file(scratch_path(scratch, "d.h5"), "dataset");
    refuse(scratch->path, "a dataset file; expected a network file");
    empty_file(scratch_path(scratch, "e.h5"), "network");
    refuse(scratch->path, "no group \"network\"");
    file_write(scratch_path(scratch, "t.h5"), "PK\3\4 and so on", 14);
    refuse(scratch->path, "not an HDF5 file");
    assert_status(network_file_read(scratch_path(scratch, "missing.h5"), &network), STATUS_IO);
}

static void test_truncated_files_are_refused(void **state)
{
    const char *path = written(state);
    size_t whole;
    uint8_t *data = file_read(path, &whole);
    for (size_t bytes = 0; bytes < whole; bytes += 211) {
        file_write(path, data, bytes);
        refuse(path, "");
    }
    free(data);
}

static void test_missing_arrays_are_refused(void **state)
{
    static const char *const arrays[] = {"layers",     "inputs",          "parameters",
                                         "statistics", "parameter_index", "class_names"};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        char name[64];
        const char *path = written(state);
        snprintf(name, sizeof name, "network/%s", arrays[i]);
        tamper_remove(path, name);
        refuse(path, arrays[i]);
    }
}

static void test_missing_attributes_are_refused(void **state)
{
    static const char *const attributes[] = {"architecture", "scaling.scale", "scaling.mean", "scaling.std"};
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        const char *path = written(state);
        hid_t file = tamper_open(path), group = H5Gopen2(file, "network", H5P_DEFAULT);
        assert_true(H5Adelete(group, attributes[i]) >= 0);
        H5Gclose(group);
        tamper_close(file);
        refuse(path, attributes[i]);
    }
}

/* One number of one layer's row changed. */
static void refuse_layer(void **state, hsize_t layer, const char *member, int32_t value, const char *reason)
{
    const char *path = written(state);
    tamper_member(path, "network/layers", member, H5T_NATIVE_INT32, layer, &value);
    refuse(path, reason);
}

static void test_tampered_shapes_are_refused(void **state)
{
    refuse_layer(state, CONV, "h", 9, "layer \"conv\" claims an output of 9×8×6; it gives 8×8×6");
    refuse_layer(state, JOIN, "c", 10, "layer \"join\" claims an output of 8×8×10; it gives 8×8×9");
    refuse_layer(state, INPUT, "h", 0, "input");
    refuse_layer(state, INPUT, "w", -8, "input");
    refuse_layer(state, INPUT, "c", INT32_MAX, "input");
    refuse_layer(state, INPUT, "h", 6, "layer \"conv\" claims an output of 8×8×6; it gives 6×8×6");
}

static void test_tampered_options_are_refused(void **state)
{
    static const struct {
        int layer;
        int32_t value;
        const char *member;
    } tampered[] = {
        {CONV, 0, "out_c"},         {CONV, -6, "out_c"},
        {CONV, INT32_MAX, "out_c"}, {CONV, 9, "out_c"},
        {CONV, 0, "kernel_h"},      {CONV, -3, "kernel_h"},
        {CONV, 11, "kernel_w"},     {CONV, 5, "kernel_w"},
        {CONV, 0, "stride_h"},      {CONV, -1, "stride_w"},
        {CONV, 2, "stride_w"},      {CONV, -1, "pad_top"},
        {CONV, 7, "pad_left"},      {CONV, INT32_MAX, "pad_bottom"},
        {CONV, 0, "pad_right"},     {CONV, 0, "dilation_h"},
        {CONV, 9, "dilation_w"},    {CONV, 0, "groups"},
        {CONV, 2, "groups"},        {CONV, -1, "groups"},
        {CONV, 1, "groups"},        {MAXPOOL, 0, "kernel_h"},
        {MAXPOOL, 0, "stride_w"},   {MAXPOOL, 9, "kernel_h"},
        {MAXPOOL, -1, "pad_top"},   {WINDOW, 0, "step_h"},
        {WINDOW, -1, "step_w"},     {WINDOW, 8, "from_h"},
        {WINDOW, 3, "from_c"},      {WINDOW, INT32_MIN, "from_w"},
        {WINDOW, 0, "out_h"},       {WINDOW, -8, "out_w"},
        {WINDOW, 5, "out_c"},       {DENSE, 5, "out_c"},
        {DENSE, -4, "out_c"},
    };
    for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++)
        refuse_layer(state, (hsize_t)tampered[i].layer, tampered[i].member, tampered[i].value, "layer \"");
}

static void test_tampered_floats_are_refused(void **state)
{
    static const float bad[] = {0.0F, -1.0F, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *path = written(state);
        tamper_member(path, "network/layers", "epsilon", H5T_NATIVE_FLOAT, NORM, &bad[i]);
        refuse(path, "epsilon");
    }
    const float two = 2.0F;
    const char *path = written(state);
    tamper_member(path, "network/layers", "momentum", H5T_NATIVE_FLOAT, NORM, &two);
    refuse(path, "momentum");
}

static void test_tampered_flags_are_refused(void **state)
{
    static const char *const flags[] = {"bias", "ceil_mode", "count_padding"};
    const uint8_t two = 2, none = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const char *path = written(state);
        tamper_member(path, "network/layers", flags[i], H5T_NATIVE_UINT8, CONV, &two);
        refuse(path, "layer \"conv\" has a flag other than 0 and 1");
    }
    const char *path = written(state);
    tamper_member(path, "network/layers", "bias", H5T_NATIVE_UINT8, CONV, &none);
    refuse(path, "layer \"conv\" claims 60 parameters and 0 statistics; it has 54 and 0");
}

static void test_tampered_counts_are_refused(void **state)
{
    const int64_t many = INT64_MAX;
    const char *path = written(state);
    tamper_member(path, "network/layers", "parameter_count", H5T_NATIVE_INT64, DENSE, &many);
    refuse(path, "layer \"dense\" claims 9223372036854775807 parameters");
    path = written(state);
    tamper_member(path, "network/layers", "statistic_count", H5T_NATIVE_INT64, RELU, &many);
    refuse(path, "layer \"relu\" claims 0 parameters and 9223372036854775807 statistics");
}

static void test_tampered_graph_is_refused(void **state)
{
    static const int32_t bad[] = {-1, NORM, DENSE, LAYERS, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) { /* entry 1 of "inputs" is norm's */
        const char *path = written(state);
        tamper_element(path, "network/inputs", H5T_NATIVE_INT32, 1, &bad[i]);
        refuse(path, "layer \"norm\"");
    }
    refuse_layer(state, SUM, "first_input", 0, "layer \"sum\" has inputs 0 and the 2 after it");
    refuse_layer(state, SUM, "first_input", -4, "layer \"sum\"");
    refuse_layer(state, SUM, "input_count", INT32_MAX, "layer \"sum\"");
    refuse_layer(state, SUM, "input_count", -1, "layer \"sum\"");
    refuse_layer(state, SUM, "input_count", 1, "layer \"sum\"");
    refuse_layer(state, INPUT, "input_count", 1, "layer 0 is not the input layer");
}

static void test_inputs_left_over_are_refused(void **state)
{
    const int32_t more[13] = {0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 9, 9};
    const hsize_t extent = 13;
    const char *path = written(state);
    tamper_replace(path, "network/inputs", H5T_NATIVE_INT32, 1, &extent, more);
    refuse(path, "has 13 layer inputs; its layers use 12");
}

static void tamper_text(const char *path, const char *member, size_t bytes, hsize_t layer, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    assert_true(H5Tset_size(type, bytes) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0);
    tamper_member(path, "network/layers", member, type, layer, text);
    H5Tclose(type);
}

static void test_tampered_names_are_refused(void **state)
{
    char text[LAYER_NAME_BYTES] = "relu";
    const char *path = written(state);
    tamper_text(path, "name", LAYER_NAME_BYTES, NORM, text);
    refuse(path, "\"relu\" is that of layer 2 already");
    path = written(state);
    text[0] = '\0';
    tamper_text(path, "name", LAYER_NAME_BYTES, NORM, text);
    refuse(path, "name");
    path = written(state);
    memset(text, 'x', sizeof text);
    tamper_text(path, "name", LAYER_NAME_BYTES, NORM, text);
    refuse(path, "kind or name of layer 2 has no end");
    path = written(state);
    tamper_text(path, "kind", 24, NORM, text);
    refuse(path, "kind or name of layer 2 has no end");
    path = written(state);
    memset(text, 0, sizeof text);
    memcpy(text, "\xc2\x9bJ", 3);
    tamper_text(path, "name", LAYER_NAME_BYTES, NORM, text);
    refuse(path, "the name of layer 2 has a control character");
    path = written(state);
    tamper_text(path, "kind", 24, NORM, "transformer\0xxxxxxxxxxxx");
    refuse(path, "layer \"norm\" is of an unknown kind");
    path = written(state);
    tamper_text(path, "kind", 24, NORM, "input\0xxxxxxxxxxxxxxxxxx");
    refuse(path, "layer \"norm\"");
    path = written(state);
    tamper_text(path, "kind", 24, INPUT, "relu\0xxxxxxxxxxxxxxxxxxx");
    refuse(path, "layer 0 is not the input layer");
}

static void test_tampered_values_are_refused(void **state)
{
    const float nan = NAN, infinite = -INFINITY, negative = -0.25F;
    const char *path = written(state);
    tamper_element(path, "network/parameters", H5T_NATIVE_FLOAT, 0, &nan);
    refuse(path, "parameter 0 of layer \"conv\" is nan");
    path = written(state);
    tamper_element(path, "network/parameters", H5T_NATIVE_FLOAT, 60 + 7, &infinite);
    refuse(path, "parameter 7 of layer \"norm\" is -inf");
    path = written(state);
    tamper_element(path, "network/statistics", H5T_NATIVE_FLOAT, 6, &negative);
    refuse(path, "a running variance of layer \"norm\" is -0.25");
    path = written(state);
    tamper_element(path, "network/statistics", H5T_NATIVE_FLOAT, 5, &nan);
    refuse(path, "a running mean of layer \"norm\" is nan");
}

static void test_negative_mean_is_fine(void **state)
{
    const float negative = -0.25F;
    struct network *network = NULL;
    const char *path = written(state);
    tamper_element(path, "network/statistics", H5T_NATIVE_FLOAT, 5, &negative);
    assert_status(network_file_read(path, &network), STATUS_OK);
    assert_true(network->statistics[5] == -0.25F);
    network_destroy(&network);
}

static void test_wrong_parameter_counts_are_refused(void **state)
{
    static const float zeros[100];
    const hsize_t fewer = 100;
    const char *path = written(state);
    tamper_replace(path, "network/parameters", H5T_NATIVE_FLOAT, 1, &fewer, zeros);
    refuse(path, "has 100 parameters and 12 statistics; its layers need");
    path = written(state);
    tamper_replace(path, "network/statistics", H5T_NATIVE_FLOAT, 1, &fewer, zeros);
    refuse(path, "and 100 statistics; its layers need");
}

static void test_tampered_scaling_is_refused(void **state)
{
    static const float zero_std[3] = {1, 0, 1}, two[2] = {1, 1};
    static const struct {
        const char *name;
        const float *values;
        int32_t count;
        const char *reason;
    } tampered[] = {
        {"scaling.std", zero_std, 3, "scaling of channel 1"},
        {"scaling.std", two, 2, "\"scaling.std\" is not as many floats as expected"},
        {"scaling.mean", two, 2, "\"scaling.mean\" is not as many floats as expected"},
    };
    for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++) {
        const char *path = written(state);
        hid_t file = tamper_open(path), group = H5Gopen2(file, "network", H5P_DEFAULT);
        assert_true(H5Adelete(group, tampered[i].name) >= 0);
        assert_status(
            hdf5_write_floats_attribute(group, tampered[i].name, tampered[i].values, tampered[i].count),
            STATUS_OK);
        H5Gclose(group);
        tamper_close(file);
        refuse(path, tampered[i].reason);
    }
}

static void test_tampered_index_is_refused(void **state)
{
    static const struct {
        hsize_t row;
        const char *member;
        int64_t value;
        const char *reason;
    } tampered[] = {
        {0, "offset", 1, "row 0 of parameter_index is not where the weight of layer \"conv\" lies"},
        {1, "offset", -1, "where the bias of layer \"conv\" lies"},
        {5, "offset", 0, "where the variance of layer \"norm\" lies"},
    };
    for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++) {
        const char *path = written(state);
        tamper_member(path, "network/parameter_index", tampered[i].member, H5T_NATIVE_INT64, tampered[i].row,
                      &tampered[i].value);
        refuse(path, tampered[i].reason);
    }
    const int32_t wrong = 3;
    const char *path = written(state);
    tamper_member(path, "network/parameter_index", "layer", H5T_NATIVE_INT32, 7, &wrong);
    refuse(path, "row 7 of parameter_index is not where the bias of layer \"dense\" lies");
    path = written(state);
    tamper_member(path, "network/parameter_index", "rank", H5T_NATIVE_INT32, 0, &wrong);
    refuse(path, "row 0 of parameter_index");
}

static void test_class_names_must_fit(void **state)
{
    hid_t file;
    const char *path = written(state);
    tamper_remove(path, "network/class_names");
    file = tamper_open(path);
    assert_status(hdf5_write_class_names(file, "network/class_names", names, 3), STATUS_OK);
    tamper_close(file);
    refuse(path, "has 3 class names; its last layer has 4 outputs");
}

static void test_no_layers_at_all(void **state)
{
    const hsize_t none = 0;
    const char *path = written(state);
    hid_t file = tamper_open(path);
    hid_t layers = H5Dopen2(file, "network/layers", H5P_DEFAULT), type = H5Dget_type(layers);
    H5Dclose(layers);
    tamper_close(file);
    tamper_replace(path, "network/layers", type, 1, &none, NULL);
    H5Tclose(type);
    refuse(path, "has no layers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_everything_comes_back),
        SCRATCH_TEST(test_same_network_same_bytes),
        SCRATCH_TEST(test_network_without_statistics),
        SCRATCH_TEST(test_products_and_output_rank_come_back),
        SCRATCH_TEST(test_network_without_parameters),
        SCRATCH_TEST(test_two_networks_in_one_file),
        SCRATCH_TEST(test_unreadable_networks_are_not_written),
        SCRATCH_TEST(test_unfinished_network_is_not_written),
        SCRATCH_TEST(test_other_files_are_refused),
        SCRATCH_TEST(test_truncated_files_are_refused),
        SCRATCH_TEST(test_missing_arrays_are_refused),
        SCRATCH_TEST(test_missing_attributes_are_refused),
        SCRATCH_TEST(test_tampered_shapes_are_refused),
        SCRATCH_TEST(test_tampered_options_are_refused),
        SCRATCH_TEST(test_tampered_floats_are_refused),
        SCRATCH_TEST(test_tampered_flags_are_refused),
        SCRATCH_TEST(test_tampered_counts_are_refused),
        SCRATCH_TEST(test_tampered_graph_is_refused),
        SCRATCH_TEST(test_inputs_left_over_are_refused),
        SCRATCH_TEST(test_tampered_names_are_refused),
        SCRATCH_TEST(test_tampered_values_are_refused),
        SCRATCH_TEST(test_negative_mean_is_fine),
        SCRATCH_TEST(test_wrong_parameter_counts_are_refused),
        SCRATCH_TEST(test_tampered_scaling_is_refused),
        SCRATCH_TEST(test_tampered_index_is_refused),
        SCRATCH_TEST(test_class_names_must_fit),
        SCRATCH_TEST(test_no_layers_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
