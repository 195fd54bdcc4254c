/* Convolution and pooling of one-node graphs against the reference layers: odd strides, asymmetric padding,
 * dilation, groups, each auto_pad. */
#include "onnx_test.h"

#include "compute/reference/reference.h"

enum { H = 9, W = 8, C = 4 };

struct window_case {
    const char *auto_pad; /* NULL: pads */
    int64_t kernel[2], strides[2], pads[4], dilations[2];
    int32_t groups, outputs;
};

static const struct window_case cases[] = {
    {NULL, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1, 6},
    {NULL, {3, 2}, {2, 3}, {0, 1, 2, 1}, {1, 1}, 1, 5},
    {NULL, {3, 3}, {3, 2}, {2, 0, 1, 2}, {2, 3}, 2, 6},
    {NULL, {1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 1, 3},
    {NULL, {3, 3}, {1, 2}, {1, 1, 0, 0}, {1, 1}, C, C},
    {"SAME_UPPER", {3, 4}, {2, 3}, {0}, {1, 1}, 1, 3},
    {"SAME_LOWER", {4, 3}, {2, 3}, {0}, {1, 1}, 1, 3},
    {"SAME_UPPER", {2, 3}, {1, 1}, {0}, {3, 2}, 2, 4},
    {"SAME_LOWER", {2, 2}, {3, 2}, {0}, {1, 1}, 1, 2},
    {"VALID", {3, 2}, {2, 1}, {0}, {1, 1}, 1, 2},
    {"NOTSET", {3, 2}, {2, 1}, {1, 0, 1, 1}, {1, 1}, 1, 2},
};
enum { CASES = sizeof cases / sizeof *cases };

/* The padding of one axis by the definition of auto_pad. */
static void pad_axis(const struct window_case *c, int axis, int32_t size, int32_t *before, int32_t *after)
{
    *before = (int32_t)c->pads[axis];
    *after = (int32_t)c->pads[axis + 2];
    if (c->auto_pad == NULL || strncmp(c->auto_pad, "SAME", 4) != 0)
        return;
    int32_t stride = (int32_t)c->strides[axis];
    int32_t out = (size + stride - 1) / stride;
    int32_t total = (out - 1) * stride + (int32_t)((c->kernel[axis] - 1) * c->dilations[axis]) + 1 - size;
    total = total < 0 ? 0 : total;
    *before = strcmp(c->auto_pad, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
    *after = total - *before;
}

static struct convolution convolution_of(const struct window_case *c)
{
    struct convolution conv = {.in_h = H,
                               .in_w = W,
                               .in_c = C,
                               .out_c = c->outputs,
                               .kernel_h = (int32_t)c->kernel[0],
                               .kernel_w = (int32_t)c->kernel[1],
                               .stride_h = (int32_t)c->strides[0],
                               .stride_w = (int32_t)c->strides[1],
                               .dilation_h = (int32_t)c->dilations[0],
                               .dilation_w = (int32_t)c->dilations[1],
                               .groups = c->groups};
    pad_axis(c, 0, H, &conv.pad_top, &conv.pad_bottom);
    pad_axis(c, 1, W, &conv.pad_left, &conv.pad_right);
    conv.out_h =
        (H + conv.pad_top + conv.pad_bottom - conv.dilation_h * (conv.kernel_h - 1) - 1) / conv.stride_h + 1;
    conv.out_w =
        (W + conv.pad_left + conv.pad_right - conv.dilation_w * (conv.kernel_w - 1) - 1) / conv.stride_w + 1;
    return conv;
}

static void set_window(struct graph *graph, Onnx__NodeProto *to, const struct window_case *c, bool dilated)
{
    set_ints(graph, to, "kernel_shape", 2, c->kernel);
    set_ints(graph, to, "strides", 2, c->strides);
    if (c->auto_pad != NULL)
        set_text(graph, to, "auto_pad", c->auto_pad);
    if (c->auto_pad == NULL || strcmp(c->auto_pad, "NOTSET") == 0)
        set_ints(graph, to, "pads", 4, c->pads);
    if (dilated)
        set_ints(graph, to, "dilations", 2, c->dilations);
}

static double *doubles(const float *from, size_t count)
{
    double *to = malloc(count * sizeof *to);
    assert_non_null(to);
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
    return to;
}

static void check_convolution(const struct window_case *c, bool bias)
{
    struct graph graph = graph_begin(H, W, C);
    const struct convolution conv = convolution_of(c);
    size_t c_count = (size_t)(C / c->groups), k_count = (size_t)c->outputs;
    size_t taps = (size_t)(c->kernel[0] * c->kernel[1]), weight_count = taps * c_count * k_count;
    float *weights = constant(&graph, "w", 4, INTS(c->outputs, C / c->groups, c->kernel[0], c->kernel[1]), 1);
    float *biases = constant(&graph, "b", 1, INTS(c->outputs), 2);
    Onnx__NodeProto *to = node(&graph, "Conv", bias ? LIST("image", "w", "b") : LIST("image", "w"), "y");
    set_window(&graph, to, c, true);
    set_int(&graph, to, "group", c->groups);
    struct network *network = graph_import(&graph);
    assert_int_equal(network->layer_count, 2);

    double *w = doubles(weights, weight_count), *b = doubles(biases, k_count);
    for (size_t k = 0; k < k_count; k++) /* (K, C/G, R, S) to (R, S, C/G, K) */
        for (size_t j = 0; j < c_count; j++)
            for (size_t tap = 0; tap < taps; tap++)
                w[(tap * c_count + j) * k_count + k] = weights[(k * c_count + j) * taps + tap];
    float *images = random_images(graph.image, 3), *y = network_outputs(network, images);
    double *x = doubles(images, IMAGES * H * W * C);
    size_t outputs = IMAGES * (size_t)conv.out_h * (size_t)conv.out_w * k_count;
    double *expected = malloc(outputs * sizeof *expected);
    assert_non_null(expected);
    assert_int_equal(network->layers[1].shape.h, conv.out_h);
    assert_int_equal(network->layers[1].shape.w, conv.out_w);
    reference_convolution_forward(&conv, IMAGES, x, w, bias ? b : NULL, expected);
    assert_close("Conv", outputs, y, expected);
    void *all[] = {weights, biases, w, b, images, y, x, expected};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    network_destroy(&network);
}

static void test_convolution(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        check_convolution(&cases[i], false);
        check_convolution(&cases[i], true);
    }
}

static int32_t pooled(int32_t size, int32_t before, int32_t after, int64_t kernel, int64_t stride,
                      bool ceil_mode)
{
    double steps = (double)(size + before + after - kernel) / (double)stride;
    int32_t out = (int32_t)(ceil_mode ? ceil(steps) : floor(steps)) + 1;
    return ceil_mode && (out - 1) * stride >= size + before ? out - 1 : out;
}

static void check_pooling(const struct window_case *c, bool maximum, bool ceil_mode, bool count_padding)
{
    struct graph graph = graph_begin(H, W, C);
    Onnx__NodeProto *to = node(&graph, maximum ? "MaxPool" : "AveragePool", LIST("image"), "y");
    set_window(&graph, to, c, false);
    set_int(&graph, to, "ceil_mode", ceil_mode);
    if (!maximum)
        set_int(&graph, to, "count_include_pad", count_padding);
    struct pooling pool = {.in_h = H,
                           .in_w = W,
                           .c = C,
                           .kernel_h = (int32_t)c->kernel[0],
                           .kernel_w = (int32_t)c->kernel[1],
                           .stride_h = (int32_t)c->strides[0],
                           .stride_w = (int32_t)c->strides[1],
                           .count_padding = count_padding};
    pad_axis(c, 0, H, &pool.pad_top, &pool.pad_bottom);
    pad_axis(c, 1, W, &pool.pad_left, &pool.pad_right);
    pool.out_h = pooled(H, pool.pad_top, pool.pad_bottom, c->kernel[0], c->strides[0], ceil_mode);
    pool.out_w = pooled(W, pool.pad_left, pool.pad_right, c->kernel[1], c->strides[1], ceil_mode);
    struct network *network = graph_import(&graph);
    assert_int_equal(network->layers[1].shape.h, pool.out_h);
    assert_int_equal(network->layers[1].shape.w, pool.out_w);
    float *images = random_images(graph.image, 3), *y = network_outputs(network, images);
    double *x = doubles(images, IMAGES * H * W * C);
    size_t outputs = IMAGES * (size_t)pool.out_h * (size_t)pool.out_w * C;
    double *expected = malloc(outputs * sizeof *expected);
    assert_non_null(expected);
    if (maximum)
        reference_maxpool_forward(&pool, IMAGES, x, expected);
    else
        reference_avgpool_forward(&pool, IMAGES, x, expected);
    assert_close("pooling", outputs, y, expected);
    free(images);
    free(y);
    free(x);
    free(expected);
    network_destroy(&network);
}

static void test_pooling(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct window_case c = cases[i];
        c.dilations[0] = c.dilations[1] = 1;
        for (int mode = 0; mode < 4; mode++) {
            check_pooling(&c, true, mode & 1, false);
            check_pooling(&c, false, mode & 1, mode & 2);
        }
    }
}

static void test_global_pooling(void **state)
{
    (void)state;
    static const char *const operators[] = {"GlobalAveragePool", "ReduceMean", "GlobalMaxPool"};
    for (int k = 0; k < 3; k++) {
        struct graph graph = graph_begin(H, W, C);
        Onnx__NodeProto *to = node(&graph, operators[k], LIST("image"), "y");
        if (k == 1) {
            set_ints(&graph, to, "axes", 2, INTS(-1, 2));
            set_int(&graph, to, "keepdims", 0);
        }
        struct network *network = graph_import(&graph);
        float *images = random_images(graph.image, 3), *y = network_outputs(network, images);
        double expected[IMAGES * C];
        for (int32_t n = 0; n < IMAGES; n++)
            for (int32_t c = 0; c < C; c++) {
                double sum = 0, most = -INFINITY;
                for (int32_t i = 0; i < H * W; i++) {
                    double value = images[at_nhwc(graph.image, n, c, i / W, i % W)];
                    sum += value;
                    most = fmax(most, value);
                }
                expected[n * C + c] = k == 2 ? most : sum / (H * W);
            }
        assert_close(operators[k], IMAGES * C, y, expected);
        free(images);
        free(y);
        network_destroy(&network);
    }
}

static void test_what_is_not_a_window_is_refused(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    Onnx__NodeProto *to = node(&graph, "MaxPool", LIST("image"), "y");
    set_ints(&graph, to, "kernel_shape", 2, INTS(2, 2));
    set_ints(&graph, to, "dilations", 2, INTS(2, 2));
    graph_refused(&graph, STATUS_FORMAT, "dilation");

    graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 3, INTS(2, C, 3), 1));
    node(&graph, "Conv", LIST("image", "w"), "y");
    graph_refused(&graph, STATUS_FORMAT, "only 2-D");

    graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 4, INTS(2, C + 1, 3, 3), 1));
    node(&graph, "Conv", LIST("image", "w"), "y");
    graph_refused(&graph, STATUS_FORMAT, "do not fit an image of 4 channels");

    graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 4, INTS(2, C, 3, 3), 1));
    to = node(&graph, "Conv", LIST("image", "w"), "y");
    set_ints(&graph, to, "strides", 2, INTS(0, 1));
    graph_refused(&graph, STATUS_FORMAT, "strides");

    graph = graph_begin(H, W, C);
    free(constant(&graph, "w", 4, INTS(2, C, 11, 3), 1));
    node(&graph, "Conv", LIST("image", "w"), "y");
    graph_refused(&graph, STATUS_FORMAT, "kernel reaches over 11x3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_pooling),
        cmocka_unit_test(test_global_pooling),
        cmocka_unit_test(test_what_is_not_a_window_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
