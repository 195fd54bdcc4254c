/* Building graphs: what fits, what is refused with which words, copies and digests. */
#include "building.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void assert_mentions(const char *text)
{
    if (strstr(error_message(), text) == NULL)
        fail_msg("message \"%s\" does not mention \"%s\"", error_message(), text);
}

static void assert_shape(const struct network *network, int32_t layer, int32_t h, int32_t w, int32_t c)
{
    const struct shape shape = network->layers[layer].shape;
    assert_int_equal(shape.h, h);
    assert_int_equal(shape.w, w);
    assert_int_equal(shape.c, c);
}

/* Adding must fail with `status` and leave the network as it was. */
static void assert_refused(struct network *network, enum status status, enum layer_kind kind,
                           const char *name, const struct layer_options *options, int32_t a, int32_t b)
{
    const int32_t inputs[2] = {a, b}, layers = network->layer_count;
    const size_t parameters = network->parameter_count, statistics = network->statistic_count;
    int32_t index = -7;
    assert_int_equal(network_add_layer(network, kind, name, options, inputs, b < 0 ? 1 : 2, &index), status);
    assert_int_equal(index, -7);
    assert_int_equal(network->layer_count, layers);
    assert_int_equal(network->parameter_count, parameters);
    assert_int_equal(network->statistic_count, statistics);
}

/* --- names of kinds --- */

static void test_kind_names_go_both_ways(void **state)
{
    (void)state;
    for (int kind = 0; kind < LAYER_KIND_COUNT; kind++)
        assert_int_equal(layer_kind_from_name(layer_kind_name((enum layer_kind)kind)), kind);
    assert_null(layer_kind_name(LAYER_KIND_COUNT));
    assert_null(layer_kind_name((enum layer_kind) - 1));
    assert_int_equal(layer_kind_from_name("softplus"), LAYER_KIND_COUNT);
}

/* --- shapes that fit --- */

static void test_convolution_shape_and_counts(void **state)
{
    (void)state;
    struct network *network = new_network(11, 9, 4);
    struct layer_options options = convolution_options(6, 3, 2, 1);
    options.kernel_w = 2;
    options.dilation_h = 2;
    options.pad_bottom = 2;
    options.groups = 2;
    int32_t conv = add_layer(network, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    assert_shape(network, conv, (11 + 3 - 5) / 2 + 1, (9 + 2 - 2) / 2 + 1, 6);
    assert_int_equal(network->layers[conv].weight_count, 3 * 2 * 2 * 6);
    assert_int_equal(network->layers[conv].parameter_count, 3 * 2 * 2 * 6 + 6);
    assert_int_equal(layer_multiply_adds(network, conv), 5 * 5 * 3 * 2 * 2 * 6);
    network_destroy(&network);
}

static void check_pooled(bool ceil_mode, int32_t in, int32_t kernel, int32_t stride, int32_t padding,
                         int32_t expected)
{
    struct network *network = new_network(in, 8, 2);
    struct layer_options options = pooling_options(1, 1, 0);
    options.kernel_h = kernel;
    options.stride_h = stride;
    options.pad_top = options.pad_bottom = padding;
    options.ceil_mode = ceil_mode;
    assert_shape(network, add_layer(network, LAYER_MAXPOOL, "pool", &options, 0, -1), expected, 8, 2);
    network_destroy(&network);
}

static void test_pooling_rounds_down(void **state)
{
    (void)state;
    check_pooled(false, 8, 3, 2, 0, 3);
    check_pooled(false, 7, 2, 2, 0, 3);
    check_pooled(false, 112, 3, 2, 1, 56);
}

static void test_pooling_rounds_up_in_ceil_mode(void **state)
{
    (void)state;
    check_pooled(true, 8, 3, 2, 0, 4);
    check_pooled(true, 7, 2, 2, 0, 4);
    check_pooled(true, 9, 3, 2, 0, 4);
    check_pooled(true, 3, 1, 3, 0, 1); /* a second window would start outside */
    check_pooled(true, 4, 2, 3, 1, 2); /* … also when it would start in the padding after the image */
}

static void test_shapes_of_the_other_kinds(void **state)
{
    (void)state;
    struct network *network = new_network(4, 5, 3);
    const struct layer_options window = {
        .out_h = 2, .out_w = 7, .out_c = 5, .from_w = -1, .from_c = -1, .step_h = 2, .step_w = 1};
    int32_t bn = add_batchnorm(network, "bn", 0);
    assert_shape(network, bn, 4, 5, 3);
    assert_int_equal(network->layers[bn].parameter_count, 6);
    assert_int_equal(network->layers[bn].weight_count, 0);
    assert_int_equal(network->layers[bn].statistic_count, 6);
    int32_t relu = add_plain(network, LAYER_RELU, "relu", bn);
    assert_shape(network, relu, 4, 5, 3);
    assert_shape(network, add_layer(network, LAYER_ADD, "add", NULL, bn, relu), 4, 5, 3);
    int32_t concat = add_layer(network, LAYER_CONCAT, "concat", NULL, bn, relu);
    assert_shape(network, concat, 4, 5, 6);
    assert_shape(network, add_layer(network, LAYER_WINDOW, "window", &window, 0, -1), 2, 7, 5);
    assert_shape(network, add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", concat), 1, 1, 6);
    int32_t flat = add_plain(network, LAYER_FLATTEN, "flatten", concat);
    assert_shape(network, flat, 1, 1, 120);
    int32_t dense = add_dense(network, "dense", flat, 7);
    assert_shape(network, dense, 1, 1, 7);
    assert_int_equal(network->layers[dense].weight_count, 840);
    assert_int_equal(network->layers[dense].parameter_count, 847);
    assert_int_equal(network->layers[dense].parameter_offset, 6);
    network_destroy(&network);
}

static void test_options_a_kind_does_not_use_are_cleared(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 2);
    struct layer_options options = convolution_options(3, 3, 1, 1), expected = options;
    options.epsilon = 1;
    options.ceil_mode = true;
    options.step_h = 3;
    int32_t conv = add_layer(network, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    const struct layer_options *kept = &network->layers[conv].options;
    assert_true(kept->epsilon == 0 && !kept->ceil_mode && kept->step_h == 0);
    assert_int_equal(kept->kernel_h, expected.kernel_h);
    int32_t relu = add_layer(network, LAYER_RELU, "relu", &options, conv, -1);
    assert_int_equal(network->layers[relu].options.out_c, 0);
    network_destroy(&network);
}

/* --- shapes that do not --- */

static void test_sum_of_different_shapes(void **state)
{
    (void)state;
    struct network *network = new_network(8, 8, 3);
    add_convolution(network, "wide", 0, 5, 3, 1, 1);
    assert_refused(network, STATUS_SHAPE, LAYER_ADD, "sum", NULL, 0, 1);
    assert_mentions("\"sum\"");
    assert_mentions("8x8x3");
    assert_mentions("\"wide\" (8x8x5)");
    assert_mentions("same shape");
    network_destroy(&network);
}

static void test_concatenation_of_different_sizes(void **state)
{
    (void)state;
    struct network *network = new_network(8, 8, 3);
    add_convolution(network, "small", 0, 5, 3, 2, 1);
    assert_refused(network, STATUS_SHAPE, LAYER_CONCAT, "joined", NULL, 0, 1);
    assert_mentions("\"joined\"");
    assert_mentions("8x8x3");
    assert_mentions("4x4x5");
    network_destroy(&network);
}

static void test_kernel_larger_than_the_padded_image(void **state)
{
    (void)state;
    struct network *network = new_network(3, 3, 2);
    struct layer_options options = convolution_options(4, 3, 1, 0);
    options.dilation_h = 2;
    options.pad_top = 1;
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    assert_mentions("\"conv\"");
    assert_mentions("reaches over 5x3");
    assert_mentions("3x3x2");
    assert_mentions("padded to 4x3");
    options = pooling_options(4, 1, 0);
    assert_refused(network, STATUS_SHAPE, LAYER_AVGPOOL, "pool", &options, 0, -1);
    network_destroy(&network);
}

static void test_groups_that_do_not_divide(void **state)
{
    (void)state;
    struct network *network = new_network(3, 3, 6);
    struct layer_options options = convolution_options(8, 3, 1, 1);
    options.groups = 4;
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    assert_mentions("4 groups");
    assert_mentions("6 channels");
    options.groups = 3;
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    assert_mentions("8 output channels");
    network_destroy(&network);
}

static void test_dense_wants_a_vector(void **state)
{
    (void)state;
    struct network *network = new_network(3, 4, 5);
    const struct layer_options options = {.out_c = 2};
    assert_refused(network, STATUS_SHAPE, LAYER_DENSE, "dense", &options, 0, -1);
    assert_mentions("3x4x5");
    assert_mentions("1x1x60");
    network_destroy(&network);
}

static void test_pooling_padding_must_be_smaller_than_the_window(void **state)
{
    (void)state;
    struct network *network = new_network(8, 8, 1);
    struct layer_options options = pooling_options(2, 2, 2);
    assert_refused(network, STATUS_SHAPE, LAYER_MAXPOOL, "pool", &options, 0, -1);
    assert_mentions("smaller than the window");
    network_destroy(&network);
}

static void test_window_that_misses_its_input(void **state)
{
    (void)state;
    struct network *network = new_network(8, 8, 4);
    struct layer_options options = {
        .out_h = 2, .out_w = 2, .out_c = 4, .from_h = 8, .step_h = 1, .step_w = 1};
    assert_refused(network, STATUS_SHAPE, LAYER_WINDOW, "window", &options, 0, -1);
    assert_mentions("touches nothing");
    options.from_h = -2;
    assert_refused(network, STATUS_SHAPE, LAYER_WINDOW, "window", &options, 0, -1);
    options.from_h = INT32_MIN;
    options.step_h = INT32_MAX;
    assert_refused(network, STATUS_SHAPE, LAYER_WINDOW, "window", &options, 0, -1);
    options.from_h = -1; /* steps over the whole image: -1, 9 */
    options.step_h = 10;
    assert_refused(network, STATUS_SHAPE, LAYER_WINDOW, "window", &options, 0, -1);
    options.from_h = 0;
    options.step_h = INT32_MAX;
    options.out_h = 3; /* the last position is beyond 32 bits */
    assert_refused(network, STATUS_SHAPE, LAYER_WINDOW, "window", &options, 0, -1);
    options.from_h = -1;
    options.step_h = 1;
    options.out_h = 2;
    add_layer(network, LAYER_WINDOW, "window", &options, 0, -1);
    network_destroy(&network);
}

static void test_elements_beyond_the_limit(void **state)
{
    (void)state;
    struct network *network = NULL;
    assert_int_equal(network_create("big", (struct shape){1 << 16, 1 << 15, 1}, &network), STATUS_SHAPE);
    assert_null(network);
    assert_mentions("2^31");
    assert_int_equal(network_create("flat", (struct shape){0, 4, 1}, &network), STATUS_SHAPE);
    assert_int_equal(network_create("negative", (struct shape){4, 4, -1}, &network), STATUS_SHAPE);
    network = new_network(1 << 12, 1 << 12, 1);
    struct layer_options options = convolution_options(128, 1, 1, 0);
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    assert_mentions("2^31");
    options = convolution_options(1, 1, 1, INT32_MAX); /* the padding alone is beyond 32 bits */
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    network_destroy(&network);
}

static void test_padding_beyond_the_limit(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 16);
    struct layer_options options = convolution_options(16, 1, 1 << 30, 1 << 30);
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    assert_mentions("2147483649x2147483649");
    options = convolution_options(16, 1, 1 << 14, 1 << 14);
    assert_refused(network, STATUS_SHAPE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    options = convolution_options(16, 1, 1 << 12, 1 << 12);
    add_layer(network, LAYER_CONVOLUTION, "conv", &options, 0, -1);
    network_destroy(&network);
}

static void test_weights_beyond_the_limit(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 1 << 16);
    struct layer_options options = {.out_c = 1 << 15};
    assert_refused(network, STATUS_SHAPE, LAYER_DENSE, "dense", &options, 0, -1);
    assert_mentions("2^31 weights");
    options.out_c = 1 << 14;
    int32_t at = add_layer(network, LAYER_DENSE, "first", &options, 0, -1);
    assert_int_equal(at, 1);
    assert_refused(network, STATUS_SHAPE, LAYER_DENSE, "second", &options, 0, -1); /* together 2^31 */
    assert_mentions("1073741824");
    network_destroy(&network);
}

/* --- what makes no sense --- */

static void test_options_that_make_no_sense(void **state)
{
    (void)state;
    struct network *network = new_network(8, 8, 2);
    for (int which = 0; which < 9; which++) {
        struct layer_options options = convolution_options(4, 3, 1, 1);
        int32_t *const values[9] = {&options.out_c,      &options.kernel_h, &options.kernel_w,
                                    &options.stride_h,   &options.stride_w, &options.dilation_h,
                                    &options.dilation_w, &options.groups,   &options.pad_left};
        *values[which] = -1;
        assert_refused(network, STATUS_USAGE, LAYER_CONVOLUTION, "conv", &options, 0, -1);
        assert_mentions("-1");
    }
    struct layer_options options = pooling_options(2, 0, 0);
    assert_refused(network, STATUS_USAGE, LAYER_MAXPOOL, "pool", &options, 0, -1);
    assert_mentions("stride height");
    options = (struct layer_options){.out_h = 1, .out_w = 1, .out_c = 1, .step_h = 1};
    assert_refused(network, STATUS_USAGE, LAYER_WINDOW, "window", &options, 0, -1);
    assert_mentions("step in width");
    network_destroy(&network);
}

static void test_batchnorm_options_that_make_no_sense(void **state)
{
    (void)state;
    struct network *network = new_network(8, 8, 2);
    const float wrong[][2] = {{0, 0.1F},      {NAN, 0.1F},   {INFINITY, 0.1F},
                              {1e-5F, -0.1F}, {1e-5F, 1.5F}, {1e-5F, NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct layer_options options = {.epsilon = wrong[i][0], .momentum = wrong[i][1]};
        assert_refused(network, STATUS_USAGE, LAYER_BATCHNORM, "bn", &options, 0, -1);
    }
    network_destroy(&network);
}

static void test_inputs_must_be_earlier_layers(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "relu", NULL, 1, -1); /* itself */
    assert_mentions("layer 1");
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "relu", NULL, -1, -1);
    assert_refused(network, STATUS_USAGE, LAYER_ADD, "sum", NULL, 0, 5);
    network_destroy(&network);
}

static void test_number_of_inputs(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    const int32_t inputs[3] = {0, 0, 0};
    int32_t index;
    assert_refused(network, STATUS_USAGE, LAYER_ADD, "sum", NULL, 0, -1);
    assert_mentions("exactly 2 inputs; it was given 1");
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "relu", NULL, 0, 0);
    assert_mentions("exactly 1 input; it was given 2");
    assert_refused(network, STATUS_USAGE, LAYER_CONCAT, "concat", NULL, 0, -1);
    assert_mentions("at least 2");
    assert_int_equal(network_add_layer(network, LAYER_ADD, "sum", NULL, inputs, 3, &index), STATUS_USAGE);
    assert_int_equal(network_add_layer(network, LAYER_RELU, "relu", NULL, inputs, 0, &index), STATUS_USAGE);
    assert_int_equal(network_add_layer(network, LAYER_RELU, "relu", NULL, inputs, -1, &index), STATUS_USAGE);
    network_destroy(&network);
}

static void test_names(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    char longest[LAYER_NAME_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    longest[LAYER_NAME_BYTES] = '\0';
    assert_refused(network, STATUS_USAGE, LAYER_RELU, longest, NULL, 0, -1);
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "", NULL, 0, -1);
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "a\tb", NULL, 0, -1);
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "a\xc2\x9bJ", NULL, 0, -1); /* a terminal's command */
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "caf\xe9", NULL, 0, -1);    /* not UTF-8 */
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "input", NULL, 0, -1);
    assert_mentions("\"input\"");
    longest[LAYER_NAME_BYTES - 1] = '\0';
    int32_t relu = add_plain(network, LAYER_RELU, longest, 0);
    assert_string_equal(network->layers[relu].name, longest);
    assert_refused(network, STATUS_USAGE, LAYER_RELU, longest, NULL, 0, -1);
    network_destroy(&network);
}

static void test_kinds_that_cannot_be_added(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2);
    assert_refused(network, STATUS_USAGE, LAYER_INPUT, "second", NULL, 0, -1);
    assert_refused(network, STATUS_USAGE, LAYER_KIND_COUNT, "kind", NULL, 0, -1);
    assert_refused(network, STATUS_USAGE, (enum layer_kind) - 3, "kind", NULL, 0, -1);
    network_destroy(&network);
}

static void test_number_of_layers_is_bounded(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 1);
    char name[32];
    while (network->layer_count < NETWORK_LAYERS_MAX) {
        snprintf(name, sizeof name, "relu%d", network->layer_count);
        add_plain(network, LAYER_RELU, name, network->layer_count - 1);
    }
    assert_refused(network, STATUS_SHAPE, LAYER_RELU, "one more", NULL, 0, -1);
    assert_mentions("4096");
    finish(network);
    network_destroy(&network);
}

/* --- finishing --- */

static void test_finish_sets_neutral_values_and_names(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 3);
    int32_t bn = add_batchnorm(network, "bn", 0);
    add_dense(network, "output", add_plain(network, LAYER_FLATTEN, "flatten", bn), 12);
    finish(network);
    assert_int_equal(network->parameter_count, 6 + 12 * 12 + 12);
    for (size_t i = 0; i < network->parameter_count; i++)
        assert_true(network->parameters[i] == (i < 3 ? 1 : 0));
    for (size_t i = 0; i < network->statistic_count; i++)
        assert_true(network->statistics[i] == (i < 3 ? 0 : 1));
    assert_int_equal(network->class_count, 12);
    assert_string_equal(network->class_names[0], "0");
    assert_string_equal(network->class_names[11], "11");
    assert_int_equal(network_multiply_adds(network), 144);
    assert_int_equal(network_finish(network), STATUS_USAGE);
    assert_refused(network, STATUS_USAGE, LAYER_RELU, "late", NULL, 0, -1);
    network_destroy(&network);
}

static void test_a_layer_nobody_reads(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 3);
    assert_int_equal(network_finish(network), STATUS_USAGE); /* nothing but the input */
    add_plain(network, LAYER_RELU, "forgotten", 0);
    add_plain(network, LAYER_RELU, "last", 0);
    assert_int_equal(network_finish(network), STATUS_USAGE);
    assert_mentions("\"forgotten\"");
    assert_null(network->parameters);
    add_layer(network, LAYER_ADD, "sum", NULL, 1, 2);
    finish(network);
    network_destroy(&network);
}

static void test_class_names(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 2);
    const class_name good[2] = {"cat", "dog"}, twice[2] = {"cat", "cat"};
    add_plain(network, LAYER_RELU, "relu", 0);
    finish(network);
    assert_int_equal(network_set_class_names(network, good, 1), STATUS_SHAPE);
    assert_mentions("2 classes");
    assert_int_equal(network_set_class_names(network, twice, 2), STATUS_FORMAT);
    assert_string_equal(network->class_names[1], "1");
    assert_int_equal(network_set_class_names(network, good, 2), STATUS_OK);
    assert_string_equal(network->class_names[1], "dog");
    network_destroy(&network);
}

static void test_destroying_nothing_is_fine(void **state)
{
    (void)state;
    struct network *network = new_network(1, 1, 2);
    network_destroy(&network);
    assert_null(network);
    network_destroy(&network);
}

/* --- copies and digests --- */

static struct network *small_network(void)
{
    struct network *network = new_network(4, 4, 3);
    int32_t at = add_batchnorm(network, "bn", add_convolution(network, "conv", 0, 4, 3, 1, 1));
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "pool", add_plain(network, LAYER_RELU, "relu", at));
    add_dense(network, "output", at, 2);
    finish(network);
    randomise(network, 8);
    return network;
}

static bool same_digest(const struct network *a, const struct network *b)
{
    uint8_t x[DIGEST_BYTES], y[DIGEST_BYTES];
    network_digest(a, x);
    network_digest(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

static void test_copy_is_equal_and_its_own(void **state)
{
    (void)state;
    struct network *network = small_network(), *copy;
    network->scaling.mean[1] = 0.5F;
    snprintf(network->class_names[0], sizeof network->class_names[0], "cat");
    assert_int_equal(network_copy(network, &copy), STATUS_OK);
    assert_true(same_digest(network, copy));
    assert_string_equal(copy->architecture, network->architecture);
    assert_ptr_not_equal(copy->parameters, network->parameters);
    copy->parameters[0] += 1;
    assert_false(same_digest(network, copy));
    network_destroy(&network);
    network_destroy(&copy);
}

static void test_copy_of_an_unfinished_network_can_go_on(void **state)
{
    (void)state;
    struct network *network = new_network(2, 2, 2), *copy;
    add_plain(network, LAYER_RELU, "relu", 0);
    assert_int_equal(network_copy(network, &copy), STATUS_OK);
    assert_null(copy->parameters);
    add_plain(copy, LAYER_RELU, "another", 1);
    finish(copy);
    network_destroy(&network);
    network_destroy(&copy);
}

/* Everything that counts changes the digest; the architecture's name, what follows a class name's end and the
 * scaling of channels that are not there do not. */
static void test_what_the_digest_covers(void **state)
{
    (void)state;
    struct network *network = small_network(), *other = small_network();
    snprintf(other->architecture, sizeof other->architecture, "else");
    memset(other->class_names[0] + 2, 'z', 8);
    other->scaling.mean[3] = 4;
    assert_true(same_digest(network, other));
    float *const floats[] = {&other->parameters[5], &other->statistics[1], &other->scaling.scale,
                             &other->scaling.std[2], &other->layers[2].options.epsilon};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        float kept = *floats[i];
        *floats[i] += 0.25F;
        assert_false(same_digest(network, other));
        *floats[i] = kept;
    }
    int32_t *const integers[] = {&other->layers[1].options.stride_w, &other->layers[2].inputs[0],
                                 &other->layers[3].shape.h};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        *integers[i] += 1;
        assert_false(same_digest(network, other));
        *integers[i] -= 1;
    }
    char *const texts[] = {other->class_names[1], other->layers[1].name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        texts[i][0]++;
        assert_false(same_digest(network, other));
        texts[i][0]--;
    }
    assert_true(same_digest(network, other));
    network_destroy(&network);
    network_destroy(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind_names_go_both_ways),
        cmocka_unit_test(test_convolution_shape_and_counts),
        cmocka_unit_test(test_pooling_rounds_down),
        cmocka_unit_test(test_pooling_rounds_up_in_ceil_mode),
        cmocka_unit_test(test_shapes_of_the_other_kinds),
        cmocka_unit_test(test_options_a_kind_does_not_use_are_cleared),
        cmocka_unit_test(test_sum_of_different_shapes),
        cmocka_unit_test(test_concatenation_of_different_sizes),
        cmocka_unit_test(test_kernel_larger_than_the_padded_image),
        cmocka_unit_test(test_groups_that_do_not_divide),
        cmocka_unit_test(test_dense_wants_a_vector),
        cmocka_unit_test(test_pooling_padding_must_be_smaller_than_the_window),
        cmocka_unit_test(test_window_that_misses_its_input),
        cmocka_unit_test(test_elements_beyond_the_limit),
        cmocka_unit_test(test_padding_beyond_the_limit),
        cmocka_unit_test(test_weights_beyond_the_limit),
        cmocka_unit_test(test_options_that_make_no_sense),
        cmocka_unit_test(test_batchnorm_options_that_make_no_sense),
        cmocka_unit_test(test_inputs_must_be_earlier_layers),
        cmocka_unit_test(test_number_of_inputs),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_kinds_that_cannot_be_added),
        cmocka_unit_test(test_number_of_layers_is_bounded),
        cmocka_unit_test(test_finish_sets_neutral_values_and_names),
        cmocka_unit_test(test_a_layer_nobody_reads),
        cmocka_unit_test(test_class_names),
        cmocka_unit_test(test_destroying_nothing_is_fine),
        cmocka_unit_test(test_copy_is_equal_and_its_own),
        cmocka_unit_test(test_copy_of_an_unfinished_network_can_go_on),
        cmocka_unit_test(test_what_the_digest_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
