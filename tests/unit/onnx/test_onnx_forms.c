/* The forms an operator can be written in: what is left out, what is an attribute or an input, what is
 * counted from the end, and constants of each kind. */
#include "onnx_probe.h"

#include <stdio.h>

enum { OUTPUTS = 5, OLDER = 13, NEWER = 18 };

static const struct shape vector = {1, 1, C};

/* --- attributes that are left out --- */

static const float *taps; /* (OUTPUTS, C, 2, 2) */

static double convolved(const struct probe *x, int32_t k, int32_t h, int32_t w)
{
    double sum = 0;
    for (int32_t i = 0; i < C * 4; i++)
        sum += (double)taps[k * C * 4 + i] * pixel(x, i / 4, h + i / 2 % 2, w + i % 2);
    return sum;
}

static double largest_of_four(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return fmax(fmax(pixel(x, c, h, w), pixel(x, c, h, w + 1)),
                fmax(pixel(x, c, h + 1, w), pixel(x, c, h + 1, w + 1)));
}

static double mean_of_four(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return (pixel(x, c, h, w) + pixel(x, c, h, w + 1) + pixel(x, c, h + 1, w) + pixel(x, c, h + 1, w + 1)) /
           4;
}

static void test_windows_step_by_one(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    float *weights = constant(&graph, "w", 4, INTS(OUTPUTS, C, 2, 2), 1);
    taps = weights;
    node(&graph, "Conv", LIST("image", "w"), "y");
    check("Conv", &graph, (struct shape){H - 1, W - 1, OUTPUTS}, 1, convolved);
    free(weights);
    graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "MaxPool", LIST("image"), "y"), "kernel_shape", 2, INTS(2, 2));
    check("MaxPool", &graph, (struct shape){H - 1, W - 1, C}, 1, largest_of_four);
    graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "AveragePool", LIST("image"), "y"), "kernel_shape", 2, INTS(2, 2));
    check("AveragePool", &graph, (struct shape){H - 1, W - 1, C}, 1, mean_of_four);
}

static void test_kernels_that_contradict_their_weights_are_refused(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 4, INTS(OUTPUTS, C, 2, 2), 1));
    set_ints(&graph, node(&graph, "Conv", LIST("image", "w"), "y"), "kernel_shape", 2, INTS(3, 3));
    graph_refused(&graph, STATUS_FORMAT, "its kernel is 3x3; its weights are 2x2");
}

static double leaky(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double v = pixel(x, c, h, w);
    return v > 0 ? v : 0.01 * v;
}

static double lrn(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double v = pixel(x, c, h, w);
    return v / pow(1 + 1e-4 * v * v, 0.75);
}

static void test_constants_of_activations(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "LeakyRelu", LIST("image"), "y");
    check("LeakyRelu", &graph, same, 1, leaky);
    graph = graph_begin(H, W, C);
    set_int(&graph, node(&graph, "LRN", LIST("image"), "y"), "size", 1);
    check("LRN", &graph, same, 1, lrn);
    graph = graph_begin(H, W, C); /* the last axis, since set 13 */
    node(&graph, "Softmax", LIST("image"), "y");
    graph_refused(&graph, STATUS_FORMAT, "only channels");
}

/* --- dense layers --- */

static const float *columns; /* (SIZE, OUTPUTS) */

static double product(const struct probe *x, int32_t k, int32_t h, int32_t w)
{
    (void)h;
    (void)w;
    double sum = 0;
    for (int32_t f = 0; f < SIZE; f++)
        sum += pixel(x, f / (H * W), f / W % H, f % W) * (double)columns[f * OUTPUTS + k];
    return sum;
}

static void test_dense_layers_without_bias(void **state)
{
    (void)state;
    static const char *const operators[] = {"Gemm", "MatMul"};
    for (int i = 0; i < 2; i++) {
        struct graph graph = graph_begin(H, W, C);
        float *weights = constant(&graph, "w", 2, INTS(SIZE, OUTPUTS), 1);
        columns = weights;
        node(&graph, "Flatten", LIST("image"), "f");
        node(&graph, operators[i], LIST("f", "w"), "y");
        check(operators[i], &graph, (struct shape){1, 1, OUTPUTS}, 2, product);
        free(weights);
    }
}

static void test_products_that_are_no_dense_layer_are_refused(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 2, INTS(SIZE, OUTPUTS), 1));
    node(&graph, "Flatten", LIST("image"), "f");
    set_int(&graph, node(&graph, "Gemm", LIST("f", "w"), "y"), "transA", 1);
    graph_refused(&graph, STATUS_FORMAT, "no dense layer");
    graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 2, INTS(SIZE + 1, OUTPUTS), 1));
    node(&graph, "Flatten", LIST("image"), "f");
    node(&graph, "MatMul", LIST("f", "w"), "y");
    graph_refused(&graph, STATUS_FORMAT, "no dense layer");
}

/* --- shapes --- */

static double flattened(const struct probe *x, int32_t f, int32_t h, int32_t w)
{
    (void)h;
    (void)w;
    return pixel(x, f / (H * W), f / W % H, f % W);
}

static double flattened_rows(const struct probe *x, int32_t f, int32_t h, int32_t w)
{
    (void)h;
    (void)w;
    return pixel(x, f % C, f / C / W, f / C % W);
}

static double largest(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double most = -INFINITY;
    (void)h;
    (void)w;
    for (int32_t i = 0; i < H * W; i++)
        most = fmax(most, pixel(x, c, i / W, i % W));
    return most;
}

static double mean(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double sum = 0;
    (void)h;
    (void)w;
    for (int32_t i = 0; i < H * W; i++)
        sum += pixel(x, c, i / W, i % W);
    return sum / (H * W);
}

static void test_flatten_from_the_end(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    set_int(&graph, node(&graph, "Flatten", LIST("image"), "y"), "axis", -3);
    check("Flatten", &graph, flat, 2, flattened);
}

static void test_reshape_by_zero_and_the_rest(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "shape", 2, INTS(0, -1));
    node(&graph, "Reshape", LIST("image", "shape"), "y");
    check("Reshape", &graph, flat, 2, flattened);
}

static void test_transpose_before_flatten(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "Transpose", LIST("image"), "t"), "perm", 4, INTS(0, 2, 3, 1));
    node(&graph, "Flatten", LIST("t"), "y");
    check("Transpose", &graph, flat, 1, flattened_rows); /* as the image lies in memory */
}

static void test_transpose_that_is_no_order_is_refused(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "Transpose", LIST("image"), "t"), "perm", 4, INTS(0, 2, 2, 1));
    node(&graph, "Flatten", LIST("t"), "y");
    graph_refused(&graph, STATUS_FORMAT, "perm is no order");
    graph = graph_begin(H, W, C); /* the batch would not stay first */
    set_ints(&graph, node(&graph, "Transpose", LIST("image"), "t"), "perm", 4, INTS(1, 0, 2, 3));
    node(&graph, "Flatten", LIST("t"), "y");
    graph_refused(&graph, STATUS_FORMAT, "would not stay apart");
}

static void test_squeeze_of_all_that_is_one(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "GlobalMaxPool", LIST("image"), "p");
    node(&graph, "Squeeze", LIST("p"), "y");
    check("Squeeze", &graph, vector, 1, largest);
    graph = graph_begin(H, W, C);
    integers(&graph, "axes", 1, INTS(1));
    node(&graph, "Squeeze", LIST("image", "axes"), "y");
    graph_refused(&graph, STATUS_FORMAT, "dimension 1 is 6, not 1");
}

static void test_unsqueeze_from_the_end(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "axes", 2, INTS(-1, 2));
    node(&graph, "GlobalAveragePool", LIST("image"), "p");
    node(&graph, "Flatten", LIST("p"), "f");
    node(&graph, "Unsqueeze", LIST("f", "axes"), "y");
    check("Unsqueeze", &graph, vector, 1, mean);
}

/* Axes became an input in set 18. */
static void test_mean_over_space(void **state)
{
    (void)state;
    for (int opset = OLDER; opset <= NEWER; opset += NEWER - OLDER) {
        struct graph graph = graph_begin(H, W, C);
        graph_opset(&graph, opset);
        Onnx__NodeProto *to;
        if (opset == NEWER) {
            integers(&graph, "axes", 2, INTS(3, -2));
            to = node(&graph, "ReduceMean", LIST("image", "axes"), "y");
        } else {
            to = node(&graph, "ReduceMean", LIST("image"), "y");
            set_ints(&graph, to, "axes", 2, INTS(3, -2));
        }
        set_int(&graph, to, "keepdims", opset == NEWER);
        check("ReduceMean", &graph, vector, 1, mean);
    }
    struct graph graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "ReduceMean", LIST("image"), "y"), "axes", 2, INTS(1, 2));
    graph_refused(&graph, STATUS_FORMAT, "over other axes than height and width");
}

/* --- cutting and padding --- */

static double from_channel_one(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return pixel(x, c + 1, h, w);
}

static void test_slice_of_channels(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "starts", 2, INTS(0, 1));
    integers(&graph, "ends", 2, INTS(INT64_MAX, -1));
    node(&graph, "Slice", LIST("image", "starts", "ends"), "y"); /* axes left out: from the first on */
    check("Slice", &graph, (struct shape){H, W, C - 2}, 1, from_channel_one);
}

static void refuse_slice(int64_t start, int64_t end, int64_t axis, int64_t step, const char *message)
{
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "starts", 2, INTS(0, start));
    integers(&graph, "ends", 2, INTS(H, end));
    integers(&graph, "axes", 2, INTS(2, axis));
    integers(&graph, "steps", 2, INTS(1, step));
    node(&graph, "Slice", LIST("image", "starts", "ends", "axes", "steps"), "y");
    graph_refused(&graph, STATUS_FORMAT, message);
}

static void test_slices_that_are_no_window_are_refused(void **state)
{
    (void)state;
    refuse_slice(-1, 0, 3, -1, "goes backwards");
    refuse_slice(2, 2, 3, 1, "takes nothing");
    refuse_slice(0, C, 1, 2, "every so many channels");
    refuse_slice(1, 2, 0, 1, "some images of a batch");
    refuse_slice(0, 1, -2, 1, "names an axis twice"); /* 2 is named already */
    refuse_slice(0, 1, 4, 1, "axis 4 of 4 dimensions");
}

static double padded(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return c < 1 || h < 2 || h >= H + 2 || w >= W ? 0 : pixel(x, c - 1, h - 2, w);
}

static double cropped(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return pixel(x, c, h + 1, w);
}

static double below(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return h < 1 ? 0 : pixel(x, c, h - 1, w);
}

static void test_pad(void **state)
{
    (void)state;
    const float zero = 0, one = 1;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "pads", 8, INTS(0, 1, 2, 0, 0, 0, 1, 3));
    onnx_write_floats(&graph.writer, "zero", 0, NULL, &zero);
    node(&graph, "Pad", LIST("image", "pads", "zero"), "y");
    check("Pad", &graph, (struct shape){H + 3, W + 3, C + 1}, 1, padded);
    graph = graph_begin(H, W, C); /* below zero: cut away */
    integers(&graph, "pads", 8, INTS(0, 0, -1, 0, 0, 0, 0, -2));
    node(&graph, "Pad", LIST("image", "pads"), "y");
    check("Pad below zero", &graph, (struct shape){H - 1, W - 2, C}, 1, cropped);
    graph = graph_begin(H, W, C); /* of some axes */
    graph_opset(&graph, NEWER);
    integers(&graph, "pads", 2, INTS(1, 0));
    integers(&graph, "axes", 1, INTS(-2));
    node(&graph, "Pad", LIST("image", "pads", "", "axes"), "y");
    check("Pad of axes", &graph, (struct shape){H + 1, W, C}, 1, below);
    graph = graph_begin(H, W, C);
    integers(&graph, "pads", 8, INTS(0, 0, 1, 1, 0, 0, 1, 1));
    onnx_write_floats(&graph.writer, "one", 0, NULL, &one);
    node(&graph, "Pad", LIST("image", "pads", "one"), "y");
    graph_refused(&graph, STATUS_FORMAT, "anything but zeros");
}

static double from_channel_four(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return pixel(x, c + 4, h, w);
}

static void add_output(Onnx__NodeProto *to, const char *name)
{
    char **outputs = realloc(to->output, (to->n_output + 1) * sizeof *outputs);
    assert_non_null(outputs);
    to->output = outputs;
    to->output[to->n_output++] = strdup(name);
}

static void test_split_into_equal_parts(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    Onnx__NodeProto *to = node(&graph, "Split", LIST("image"), "a");
    add_output(to, "b");
    add_output(to, "y");
    set_int(&graph, to, "axis", -3);
    check("Split", &graph, (struct shape){H, W, 2}, 1, from_channel_four);
    graph = graph_begin(H, W, C);
    to = node(&graph, "Split", LIST("image"), "a");
    add_output(to, "y");
    set_int(&graph, to, "axis", 2);
    graph_refused(&graph, STATUS_FORMAT, "only the channels");
}

static double three_times(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double v = pixel(x, c % C, h, w);
    return c < C ? fmax(v, 0) : c < 2 * C ? v : tanh(v);
}

static void test_concat_of_three(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Relu", LIST("image"), "r");
    node(&graph, "Tanh", LIST("image"), "t");
    set_int(&graph, node(&graph, "Concat", LIST("r", "image", "t"), "y"), "axis", 1);
    check("Concat", &graph, (struct shape){H, W, 3 * C}, 3, three_times);
}

/* --- constants, and shapes computed from them --- */

static Onnx__AttributeProto *last_attribute(struct graph *graph, Onnx__NodeProto *to, const char *name)
{
    set_int(graph, to, name, 0);
    Onnx__AttributeProto *attribute = to->attribute[to->n_attribute - 1];
    attribute->has_i = 0;
    return attribute;
}

static const float by_column[W] = {1, -2, 0.5F, 4};

static double plus_column(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return pixel(x, c, h, w) + (double)by_column[w];
}

static double halved(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return pixel(x, c, h, w) / 2;
}

static void test_constants_of_each_kind(void **state)
{
    (void)state;
    const char *const none[] = {NULL};
    struct graph graph = graph_begin(H, W, C); /* a tensor */
    onnx_write_floats(&graph.writer, "k", 1, INTS(W), by_column);
    Onnx__GraphProto *proto = graph.writer.model->graph;
    Onnx__AttributeProto *attribute = last_attribute(&graph, node(&graph, "Constant", none, "c"), "value");
    attribute->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    attribute->t = proto->initializer[--proto->n_initializer];
    node(&graph, "Add", LIST("image", "c"), "y");
    check("value", &graph, same, 1, plus_column);

    graph = graph_begin(H, W, C); /* a list of floats */
    attribute = last_attribute(&graph, node(&graph, "Constant", none, "c"), "value_floats");
    attribute->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
    attribute->floats = malloc(sizeof by_column);
    assert_non_null(attribute->floats);
    memcpy(attribute->floats, by_column, sizeof by_column);
    attribute->n_floats = W;
    node(&graph, "Add", LIST("image", "c"), "y");
    check("value_floats", &graph, same, 1, plus_column);

    graph = graph_begin(H, W, C);
    set_float(&graph, node(&graph, "Constant", none, "two"), "value_float", 2);
    node(&graph, "Div", LIST("image", "two"), "y");
    check("value_float", &graph, same, 1, halved);

    graph = graph_begin(H, W, C);
    set_ints(&graph, node(&graph, "Constant", none, "shape"), "value_ints", 2, INTS(-1, SIZE));
    node(&graph, "Reshape", LIST("image", "shape"), "y");
    check("value_ints", &graph, flat, 2, flattened);
}

/* x.view(x.size(0), -1), as PyTorch writes it. */
static void test_view_of_the_batch(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "rest", 1, INTS(-1));
    integers(&graph, "first", 1, INTS(0));
    set_int(&graph, node(&graph, "Constant", (const char *[]){NULL}, "zero"), "value_int", 0);
    node(&graph, "Shape", LIST("image"), "dims");
    node(&graph, "Gather", LIST("dims", "zero"), "size");
    node(&graph, "Unsqueeze", LIST("size", "first"), "batch");
    set_int(&graph, node(&graph, "Concat", LIST("batch", "rest"), "shape"), "axis", 0);
    node(&graph, "Reshape", LIST("image", "shape"), "y");
    check("view", &graph, flat, 2, flattened);
}

/* Since set 15. */
static void test_part_of_a_shape(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    integers(&graph, "rest", 1, INTS(SIZE));
    Onnx__NodeProto *to = node(&graph, "Shape", LIST("image"), "batch");
    set_int(&graph, to, "start", -4);
    set_int(&graph, to, "end", 1);
    set_int(&graph, node(&graph, "Concat", LIST("batch", "rest"), "shape"), "axis", 0);
    node(&graph, "Reshape", LIST("image", "shape"), "y");
    check("Shape", &graph, flat, 2, flattened);
}

static void test_constant_over_image_is_refused(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    free(constant(&graph, "k", 3, INTS(C, 1, 1), 9));
    node(&graph, "Div", LIST("k", "image"), "y");
    graph_refused(&graph, STATUS_FORMAT, "(Div)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_step_by_one),
        cmocka_unit_test(test_kernels_that_contradict_their_weights_are_refused),
        cmocka_unit_test(test_constants_of_activations),
        cmocka_unit_test(test_dense_layers_without_bias),
        cmocka_unit_test(test_products_that_are_no_dense_layer_are_refused),
        cmocka_unit_test(test_flatten_from_the_end),
        cmocka_unit_test(test_reshape_by_zero_and_the_rest),
        cmocka_unit_test(test_transpose_before_flatten),
        cmocka_unit_test(test_transpose_that_is_no_order_is_refused),
        cmocka_unit_test(test_squeeze_of_all_that_is_one),
        cmocka_unit_test(test_unsqueeze_from_the_end),
        cmocka_unit_test(test_mean_over_space),
        cmocka_unit_test(test_slice_of_channels),
        cmocka_unit_test(test_slices_that_are_no_window_are_refused),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_split_into_equal_parts),
        cmocka_unit_test(test_concat_of_three),
        cmocka_unit_test(test_constants_of_each_kind),
        cmocka_unit_test(test_view_of_the_batch),
        cmocka_unit_test(test_part_of_a_shape),
        cmocka_unit_test(test_constant_over_image_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
