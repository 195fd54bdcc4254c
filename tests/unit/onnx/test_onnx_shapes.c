/* Graphs of operators that move, cut and join, and of the arithmetic on shapes around them. */
#include "onnx_probe.h"

/* --- how the output's array looks --- */

static int32_t imported_rank(struct graph *graph)
{
    struct network *network = graph_import(graph);
    int32_t rank = network->output_rank;
    network_destroy(&network);
    return rank;
}

static void test_output_keeps_its_dimensions(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "GlobalAveragePool", LIST("image"), "y");
    assert_int_equal(imported_rank(&graph), 4);
    graph = graph_begin(H, W, C);
    node(&graph, "GlobalAveragePool", LIST("image"), "p");
    node(&graph, "Flatten", LIST("p"), "y");
    assert_int_equal(imported_rank(&graph), 2);
    graph = graph_begin(H, W, C);
    node(&graph, "GlobalAveragePool", LIST("image"), "p");
    integers(&graph, "axes", 1, INTS(3));
    node(&graph, "Squeeze", LIST("p", "axes"), "y");
    assert_int_equal(imported_rank(&graph), 3);
}

/* --- shapes --- */

static double flattened(const struct probe *x, int32_t f, int32_t h, int32_t w)
{
    (void)h;
    (void)w;
    return pixel(x, f / (H * W), f / W % H, f % W);
}

static void test_flatten(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Flatten", LIST("image"), "y");
    check("Flatten", &graph, flat, 2, flattened);
}

static double shuffled(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return pixel(x, c % 2 * 3 + c / 2, h, w); /* two groups of three */
}

/* As exporters write it, with the batch's size read from the shape. */
static void test_channel_shuffle(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "zero", 1, INTS(0));
    integers(&graph, "rest", 4, INTS(2, 3, H, W));
    integers(&graph, "image_dims", 3, INTS(C, H, W));
    node(&graph, "Shape", LIST("image"), "dims");
    node(&graph, "Gather", LIST("dims", "zero"), "batch");
    set_int(&graph, node(&graph, "Concat", LIST("batch", "rest"), "split"), "axis", 0);
    node(&graph, "Reshape", LIST("image", "split"), "groups");
    set_ints(&graph, node(&graph, "Transpose", LIST("groups"), "swapped"), "perm", 5, INTS(0, 2, 1, 3, 4));
    set_int(&graph, node(&graph, "Concat", LIST("batch", "image_dims"), "joined"), "axis", 0);
    node(&graph, "Reshape", LIST("swapped", "joined"), "shuffled");
    node(&graph, "Identity", LIST("shuffled"), "y");
    check("channel shuffle", &graph, same, 1, shuffled);
}

/* Some exporters merge the batch with the groups for a while. */
static void test_channel_shuffle_through_the_batch(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "split", 3, INTS(-1, 3, H * W));
    integers(&graph, "groups", 4, INTS(-1, 2, 3, H * W));
    integers(&graph, "joined", 4, INTS(-1, C, H, W));
    node(&graph, "Reshape", LIST("image", "split"), "a"); /* (2N, 3, HW) */
    node(&graph, "Reshape", LIST("a", "groups"), "b");
    set_ints(&graph, node(&graph, "Transpose", LIST("b"), "c"), "perm", 4, INTS(0, 2, 1, 3));
    node(&graph, "Reshape", LIST("c", "joined"), "y");
    check("channel shuffle", &graph, same, 1, shuffled);
}

/* The input (N, C, H, W) of the graph is (N, 6, 3, 4); with channels last these are 6 rows of 3 pixels of 4.
 */
static double channels_forward(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return fmax(x->images[((x->n * C + h) * H + w) * W + c], 0);
}

static void test_channels_last(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "Transpose", LIST("image"), "t"), "perm", 4, INTS(0, 3, 1, 2));
    node(&graph, "Relu", LIST("t"), "y");
    check("channels last", &graph, (struct shape){C, H, W}, 1, channels_forward);
}

static void test_squeeze_and_unsqueeze(void **state)
{
    (void)state;
    for (int opset = 11; opset <= 13; opset += 2) {
        struct graph graph = graph_begin(H, W, C);
        graph_opset(&graph, opset);
        integers(&graph, "axes", 2, INTS(2, -1));
        node(&graph, "GlobalMaxPool", LIST("image"), "g");
        Onnx__NodeProto *to = node(&graph, "Squeeze", opset < 13 ? LIST("g") : LIST("g", "axes"), "s");
        if (opset < 13)
            set_ints(&graph, to, "axes", 2, INTS(2, 3));
        to = node(&graph, "Unsqueeze", opset < 13 ? LIST("s") : LIST("s", "axes"), "u");
        if (opset < 13)
            set_ints(&graph, to, "axes", 2, INTS(2, 3));
        node(&graph, "GlobalAveragePool", LIST("u"), "y");
        struct network *network = graph_import(&graph);
        assert_int_equal(network->layer_count, 3);
        network_destroy(&network);
    }
}

static double joined(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return c < C ? pixel(x, c, h, w) : fmax(pixel(x, c - C, h, w), 0);
}

static void test_concat(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Relu", LIST("image"), "r");
    set_int(&graph, node(&graph, "Concat", LIST("image", "r"), "y"), "axis", -3);
    check("Concat", &graph, (struct shape){H, W, 2 * C}, 2, joined);
    graph = graph_begin(H, W, C);
    node(&graph, "Relu", LIST("image"), "r");
    set_int(&graph, node(&graph, "Concat", LIST("image", "r"), "y"), "axis", 2);
    graph_refused(&graph, STATUS_FORMAT, "over their channels");
}

static double from_channel_four(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return fmax(pixel(x, c + 4, h, w), 0);
}

static void test_split(void **state)
{
    (void)state;
    for (int opset = 11; opset <= 13; opset += 2) {
        struct graph graph = graph_begin(H, W, C);
        graph_opset(&graph, opset);
        integers(&graph, "sizes", 2, INTS(4, 2));
        Onnx__NodeProto *to = node(&graph, "Split", opset < 13 ? LIST("image") : LIST("image", "sizes"), "a");
        to->output = realloc(to->output, 2 * sizeof *to->output);
        assert_non_null(to->output);
        to->output[to->n_output++] = strdup("b");
        set_int(&graph, to, "axis", 1);
        if (opset < 13)
            set_ints(&graph, to, "split", 2, INTS(4, 2));
        node(&graph, "Relu", LIST("b"), "y");
        check("Split", &graph, (struct shape){H, W, 2}, 2, from_channel_four);
    }
}

static double shortcut(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return c < 2 || c >= C + 2 ? 0 : pixel(x, c - 2, 2 * h, 2 * w);
}

/* ResNet's option A: every second pixel, zeros for the new channels. Three nodes, one window. */
static void test_option_a_shortcut(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "start", 1, INTS(0));
    integers(&graph, "end", 1, INTS(INT64_MAX));
    integers(&graph, "two", 1, INTS(2));
    integers(&graph, "three", 1, INTS(3));
    integers(&graph, "pads", 8, INTS(0, 2, 0, 0, 0, 2, 0, 0));
    node(&graph, "Slice", LIST("image", "start", "end", "two", "two"), "rows");
    node(&graph, "Slice", LIST("rows", "start", "end", "three", "two"), "pixels");
    node(&graph, "Pad", LIST("pixels", "pads"), "y");
    check("option A", &graph, (struct shape){2, 2, C + 4}, 1, shortcut);
}

static double cropped_and_padded(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return h < 1 || w > 1 ? 0
                          : pixel(x, c, h, w + 2); /* rows 1 and 2, columns 2 and 3 are left; one row above */
}

/* A padding that covers what was cut away cannot be one window with the cut. */
static void test_cut_then_pad(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    graph_opset(&graph, 9);
    Onnx__NodeProto *to = node(&graph, "Slice", LIST("image"), "cut");
    set_ints(&graph, to, "starts", 2, INTS(1, -2));
    set_ints(&graph, to, "ends", 2, INTS(3, 100));
    set_ints(&graph, to, "axes", 2, INTS(2, 3));
    to = node(&graph, "Pad", LIST("cut"), "y");
    set_ints(&graph, to, "pads", 8, INTS(0, 0, 1, 0, 0, 0, 0, 1));
    check("Slice and Pad", &graph, (struct shape){3, 3, C}, 2, cropped_and_padded);
}

static void test_other_padding_is_refused(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "pads", 8, INTS(0, 0, 1, 1, 0, 0, 1, 1));
    set_text(&graph, node(&graph, "Pad", LIST("image", "pads"), "y"), "mode", "reflect");
    graph_refused(&graph, STATUS_FORMAT, "anything but zeros");
    graph = graph_begin(H, W, C);
    integers(&graph, "pads", 8, INTS(1, 0, 0, 0, 0, 0, 0, 0));
    node(&graph, "Pad", LIST("image", "pads"), "y");
    graph_refused(&graph, STATUS_FORMAT, "padding by 1 and 0 of dimension 0");
}

/* --- arithmetic on shapes --- */

/* ((2·3 − 1)·C·H·W) / 5 = C·H·W, and a slice from the end backwards. */
static void test_folded_arithmetic(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "one", 1, INTS(1));
    integers(&graph, "two", 1, INTS(2));
    integers(&graph, "three", 1, INTS(3));
    integers(&graph, "five", 1, INTS(5));
    integers(&graph, "size", 1, INTS(SIZE));
    integers(&graph, "last", 1, INTS(-1));
    integers(&graph, "before", 1, INTS(INT64_MIN + 1));
    integers(&graph, "zero", 1, INTS(0));
    node(&graph, "Mul", LIST("two", "three"), "six");
    node(&graph, "Sub", LIST("six", "one"), "f");
    node(&graph, "Mul", LIST("f", "size"), "g");
    node(&graph, "Div", LIST("g", "five"), "h");
    node(&graph, "ConstantOfShape", LIST("one"), "none"); /* 0.0 */
    set_int(&graph, node(&graph, "Cast", LIST("none"), "nothing"), "to", 7);
    node(&graph, "Add", LIST("nothing", "h"), "i");
    set_int(&graph, node(&graph, "Concat", LIST("i", "last"), "reversed"), "axis", 0);
    node(&graph, "Slice", LIST("reversed", "last", "before", "zero", "last"), "shape");
    node(&graph, "Reshape", LIST("image", "shape"), "y");
    check("shape arithmetic", &graph, flat, 2, flattened);
}

static void test_impossible_arithmetic_is_reported(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "zero", 1, INTS(0));
    node(&graph, "Div", LIST("zero", "zero"), "d");
    node(&graph, "Reshape", LIST("image", "d"), "y");
    graph_refused(&graph, STATUS_FORMAT, "divided by 0");
    graph = graph_begin(H, W, C);
    integers(&graph, "most", 1, INTS(INT64_MAX));
    node(&graph, "Add", LIST("most", "most"), "d");
    node(&graph, "Reshape", LIST("image", "d"), "y");
    graph_refused(&graph, STATUS_FORMAT, "overflows");
    graph = graph_begin(H, W, C);
    integers(&graph, "shape", 2, INTS(-1, 7));
    node(&graph, "Reshape", LIST("image", "shape"), "y");
    graph_refused(&graph, STATUS_FORMAT, "no whole size");
}

static void test_identity_alone_is_no_network(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Identity", LIST("image"), "y");
    graph_refused(&graph, STATUS_FORMAT, "its output is its input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_keeps_its_dimensions),
        cmocka_unit_test(test_flatten),
        cmocka_unit_test(test_channel_shuffle),
        cmocka_unit_test(test_channel_shuffle_through_the_batch),
        cmocka_unit_test(test_channels_last),
        cmocka_unit_test(test_squeeze_and_unsqueeze),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_option_a_shortcut),
        cmocka_unit_test(test_cut_then_pad),
        cmocka_unit_test(test_other_padding_is_refused),
        cmocka_unit_test(test_folded_arithmetic),
        cmocka_unit_test(test_impossible_arithmetic_is_reported),
        cmocka_unit_test(test_identity_alone_is_no_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
