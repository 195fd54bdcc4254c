/* One-node graphs (or as few nodes as make sense) of the other operators, against their definitions. */
#include "onnx_test.h"

enum { H = 3, W = 4, C = 6, SIZE = C * H * W };

/* What the output must be: element (c, h, w) of image n; x gives input elements. */
struct probe {
    const float *images;
    int32_t n;
};
typedef double formula(const struct probe *x, int32_t c, int32_t h, int32_t w);

static double pixel(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    const struct shape image = {H, W, C};
    return x->images[at_nhwc(image, x->n, c, h, w)];
}

/* Imports and runs the graph, whose output must have that shape and those elements, from `layers` layers
 * (without the input; 0: any number). */
static void check(const char *what, struct graph *graph, struct shape out, int32_t layers, formula *expected)
{
    struct network *network = graph_import(graph);
    struct shape got = network->layers[network->layer_count - 1].shape;
    if (got.h != out.h || got.w != out.w || got.c != out.c ||
        (layers > 0 && network->layer_count != layers + 1))
        fail_msg("%s: output %dx%dx%d of %d layers", what, got.h, got.w, got.c, network->layer_count - 1);
    float *images = random_images(graph->image, 7), *y = network_outputs(network, images);
    double *wanted = malloc(IMAGES * shape_count(out) * sizeof *wanted);
    assert_non_null(wanted);
    struct probe probe = {.images = images};
    for (probe.n = 0; probe.n < IMAGES; probe.n++)
        for (int32_t h = 0; h < out.h; h++)
            for (int32_t w = 0; w < out.w; w++)
                for (int32_t c = 0; c < out.c; c++)
                    wanted[at_nhwc(out, probe.n, c, h, w)] = expected(&probe, c, h, w);
    assert_close(what, IMAGES * shape_count(out), y, wanted);
    free(images);
    free(y);
    free(wanted);
    network_destroy(&network);
}

static const struct shape same = {H, W, C}, flat = {1, 1, SIZE};

/* --- activations --- */

#define FORMULA(name, expression)                                                                            \
    static double name(const struct probe *x, int32_t c, int32_t h, int32_t w)                               \
    {                                                                                                        \
        double v = pixel(x, c, h, w);                                                                        \
        return expression;                                                                                   \
    }
FORMULA(relu, fmax(v, 0))
FORMULA(leaky, v > 0 ? v : 0.3F * v)
FORMULA(sigmoid, 1 / (1 + exp(-v)))
FORMULA(hyperbolic, tanh(v))
FORMULA(hard_sigmoid, fmin(fmax(0.2F * v + 0.5F, 0), 1))
FORMULA(hard_swish, v *fmin(fmax(v / 6 + 0.5, 0), 1))
FORMULA(clipped, fmin(fmax(v, -0.5), 1.25))
FORMULA(relu6, fmin(fmax(v, 0), 6))
FORMULA(twice, v + fmax(v, 0))
FORMULA(thrice, v + fmax(v, 0) + v)

static void test_activations(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        formula *expected;
    } plain[] = {{"Relu", relu},
                 {"Sigmoid", sigmoid},
                 {"Tanh", hyperbolic},
                 {"HardSigmoid", hard_sigmoid},
                 {"HardSwish", hard_swish}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        struct graph graph = graph_begin(H, W, C);
        node(&graph, plain[i].name, LIST("image"), "y");
        check(plain[i].name, &graph, same, 1, plain[i].expected);
    }
    struct graph graph = graph_begin(H, W, C);
    set_float(&graph, node(&graph, "LeakyRelu", LIST("image"), "y"), "alpha", 0.3F);
    check("LeakyRelu", &graph, same, 1, leaky);
}

static void test_hard_swish_of_two_nodes(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    Onnx__NodeProto *gate = node(&graph, "HardSigmoid", LIST("image"), "gate");
    set_float(&graph, gate, "alpha", 1.0F / 6);
    node(&graph, "Mul", LIST("gate", "image"), "y");
    check("hard-swish", &graph, same, 1, hard_swish);
}

static void test_clip(void **state)
{
    (void)state;
    const float low = -0.5F, high = 1.25F, zero = 0;
    struct graph graph = graph_begin(H, W, C); /* bounds are inputs */
    onnx_write_floats(&graph.writer, "low", 0, NULL, &low);
    onnx_write_floats(&graph.writer, "high", 0, NULL, &high);
    node(&graph, "Clip", LIST("image", "low", "high"), "y");
    check("Clip", &graph, same, 1, clipped);

    graph = graph_begin(H, W, C); /* attributes, as before operator set 11 */
    graph_opset(&graph, 9);
    Onnx__NodeProto *to = node(&graph, "Clip", LIST("image"), "y");
    set_float(&graph, to, "min", 0);
    set_float(&graph, to, "max", 6);
    check("ReLU6", &graph, same, 1, relu6);

    graph = graph_begin(H, W, C); /* only from below: ReLU */
    onnx_write_floats(&graph.writer, "low", 0, NULL, &zero);
    node(&graph, "Clip", LIST("image", "low"), "y");
    check("Clip without an upper bound", &graph, same, 1, relu);
}

static void test_nodes_that_do_nothing(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Identity", LIST("image"), "a");
    node(&graph, "Dropout", LIST("a"), "b");
    set_int(&graph, node(&graph, "Cast", LIST("b"), "c"), "to", 1);
    node(&graph, "Relu", LIST("c"), "y");
    check("Identity, Dropout, Cast", &graph, same, 1, relu);
}

/* --- normalisation --- */

static const float *normal[4]; /* gamma, beta, mean, variance */
FORMULA(batchnorm, normal[0][c] * (v - normal[2][c]) / sqrt(fabs(normal[3][c]) + 1e-3F) + normal[1][c])

static void test_batchnorm(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    float *arrays[4];
    static const char *const names[] = {"gamma", "beta", "mean"};
    for (int i = 0; i < 3; i++)
        normal[i] = arrays[i] = constant(&graph, names[i], 1, INTS(C), (uint64_t)i + 1);
    float variance[C];
    for (int i = 0; i < C; i++)
        variance[i] = 0.5F + (float)i;
    onnx_write_floats(&graph.writer, "variance", 1, INTS(C), variance);
    normal[3] = variance;
    Onnx__NodeProto *to =
        node(&graph, "BatchNormalization", LIST("image", "gamma", "beta", "mean", "variance"), "y");
    set_float(&graph, to, "epsilon", 1e-3F);
    check("BatchNormalization", &graph, same, 1, batchnorm);
    for (int i = 0; i < 3; i++)
        free(arrays[i]);
}

static double lrn(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double squares = 0;
    for (int32_t j = c - 1; j <= c + 2; j++) /* size 4: one before, two after */
        if (j >= 0 && j < C)
            squares += pixel(x, j, h, w) * pixel(x, j, h, w);
    return pixel(x, c, h, w) / pow(1.5 + 0.3F / 4 * squares, 0.6F);
}

static void test_lrn(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    Onnx__NodeProto *to = node(&graph, "LRN", LIST("image"), "y");
    set_int(&graph, to, "size", 4);
    set_float(&graph, to, "alpha", 0.3F);
    set_float(&graph, to, "beta", 0.6F);
    set_float(&graph, to, "bias", 1.5F);
    check("LRN", &graph, same, 1, lrn);
}

static double softmax(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    double sum = 0;
    for (int32_t j = 0; j < C; j++)
        sum += exp(pixel(x, j, h, w));
    return exp(pixel(x, c, h, w)) / sum;
}

static double log_softmax(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return log(softmax(x, c, h, w));
}

static void test_softmax(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    set_int(&graph, node(&graph, "Softmax", LIST("image"), "y"), "axis", 1);
    check("Softmax", &graph, same, 1, softmax);
    graph = graph_begin(H, W, C);
    set_int(&graph, node(&graph, "LogSoftmax", LIST("image"), "y"), "axis", -3);
    check("LogSoftmax", &graph, same, 1, log_softmax);
    graph = graph_begin(H, W, C); /* before set 13, all from the axis on was one row */
    graph_opset(&graph, 11);
    set_int(&graph, node(&graph, "Softmax", LIST("image"), "y"), "axis", 1);
    graph_refused(&graph, STATUS_FORMAT, "only channels");
}

/* --- arithmetic --- */

static const float *channel;
FORMULA(plus_channel, v + channel[c])
FORMULA(times_channel, v *channel[c])
FORMULA(minus_channel, v - channel[c])
FORMULA(channel_minus, channel[c] - v)
FORMULA(over_channel, v / channel[c])
FORMULA(affine, v *channel[c] + channel[c])
FORMULA(times_two, 2 * v)

static void test_arithmetic_with_constants(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool constant_first;
        formula *expected;
    } rows[] = {{"Add", false, plus_channel},  {"Add", true, plus_channel},  {"Mul", false, times_channel},
                {"Sub", false, minus_channel}, {"Sub", true, channel_minus}, {"Div", false, over_channel},
                {"Sum", true, plus_channel},   {"Mul", true, times_channel}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct graph graph = graph_begin(H, W, C);
        float *values = constant(&graph, "k", 3, INTS(C, 1, 1), 9);
        channel = values;
        node(&graph, rows[i].name, rows[i].constant_first ? LIST("k", "image") : LIST("image", "k"), "y");
        check(rows[i].name, &graph, same, 1, rows[i].expected);
        free(values);
    }
    const float two = 2;
    struct graph graph = graph_begin(H, W, C);
    onnx_write_floats(&graph.writer, "two", 0, NULL, &two);
    node(&graph, "Mul", LIST("two", "image"), "y");
    check("Mul by one number", &graph, same, 1, times_two);
}

/* Two in a row are one layer, unless somebody reads what lies between. */
static void test_constants_in_a_row_are_one_layer(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    float *values = constant(&graph, "k", 4, INTS(1, C, 1, 1), 9);
    channel = values;
    node(&graph, "Mul", LIST("image", "k"), "m");
    node(&graph, "Add", LIST("m", "k"), "y");
    check("Mul and Add", &graph, same, 1, affine);
    free(values);
}

static double affine_and_product(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    return affine(x, c, h, w) + times_channel(x, c, h, w);
}

static void test_what_lies_between_stays(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    float *values = constant(&graph, "k", 4, INTS(1, C, 1, 1), 9);
    channel = values;
    node(&graph, "Mul", LIST("image", "k"), "m");
    node(&graph, "Add", LIST("m", "k"), "a");
    node(&graph, "Add", LIST("a", "m"), "y");
    check("a product read twice", &graph, same, 3, affine_and_product);
    free(values);
}

static void test_sums_of_images(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Relu", LIST("image"), "r");
    node(&graph, "Add", LIST("image", "r"), "y");
    check("Add", &graph, same, 2, twice);
    graph = graph_begin(H, W, C);
    node(&graph, "Relu", LIST("image"), "r");
    node(&graph, "Sum", LIST("image", "r", "image"), "y");
    check("Sum", &graph, same, 3, thrice);
    graph = graph_begin(H, W, C);
    node(&graph, "Sum", LIST("image"), "s");
    node(&graph, "Relu", LIST("s"), "y");
    check("Sum of one", &graph, same, 1, relu);
    graph = graph_begin(H, W, C);
    node(&graph, "Relu", LIST("image"), "r");
    node(&graph, "Sub", LIST("image", "r"), "y");
    graph_refused(&graph, STATUS_FORMAT, "of two images");
}

/* --- products of images --- */

static double mean_of(const struct probe *x, int32_t c)
{
    double sum = 0;
    for (int32_t i = 0; i < H * W; i++)
        sum += pixel(x, c, i / W, i % W);
    return sum / (H * W);
}
FORMULA(square, v *v)
FORMULA(swish, v / (1 + exp(-v)))
FORMULA(gated, v / (1 + exp(-mean_of(x, c))))

static void test_products_of_images(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "Mul", LIST("image", "image"), "y");
    check("Mul by itself", &graph, same, 1, square);
    graph = graph_begin(H, W, C);
    node(&graph, "Sigmoid", LIST("image"), "s");
    node(&graph, "Mul", LIST("s", "image"), "y");
    check("x · sigmoid(x)", &graph, same, 2, swish);
    for (int turned = 0; turned < 2; turned++) { /* squeeze and excitation */
        graph = graph_begin(H, W, C);
        node(&graph, "GlobalAveragePool", LIST("image"), "p");
        node(&graph, "Sigmoid", LIST("p"), "s");
        node(&graph, "Mul", turned ? LIST("s", "image") : LIST("image", "s"), "y");
        check("Mul by a factor a channel", &graph, same, 3, gated);
    }
}

/* A factor a channel has the image's rank: (N, C) would go along the rows and columns. */
static void test_products_that_do_not_fit(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    node(&graph, "GlobalAveragePool", LIST("image"), "p");
    node(&graph, "Flatten", LIST("p"), "f");
    node(&graph, "Mul", LIST("image", "f"), "y");
    graph_refused(&graph, STATUS_FORMAT, "cannot be multiplied");
    graph = graph_begin(H, W, C);
    Onnx__NodeProto *cut = node(&graph, "MaxPool", LIST("image"), "p");
    set_ints(&graph, cut, "kernel_shape", 2, INTS(2, 2));
    node(&graph, "Mul", LIST("image", "p"), "y");
    graph_refused(&graph, STATUS_FORMAT, "cannot be multiplied");
}

/* --- constants for each pixel --- */

static const float *spatial;
FORMULA(times_unit, v *spatial[(c * H + h) * W + w])
FORMULA(minus_column, spatial[w] - v)
FORMULA(plus_pixel, v + spatial[h * W + w])

static void test_constants_for_each_pixel(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t rank;
        int64_t dims[4];
        bool constant_first;
        formula *expected;
    } rows[] = {{"Mul", 4, {1, C, H, W}, false, times_unit},
                {"Mul", 3, {C, H, W}, true, times_unit},
                {"Sub", 1, {W}, true, minus_column},
                {"Add", 4, {1, 1, H, W}, false, plus_pixel}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct graph graph = graph_begin(H, W, C);
        float *values = constant(&graph, "k", rows[i].rank, rows[i].dims, 9);
        spatial = values;
        node(&graph, rows[i].name, rows[i].constant_first ? LIST("k", "image") : LIST("image", "k"), "y");
        check(rows[i].name, &graph, same, 1, rows[i].expected);
        free(values);
    }
    struct graph graph = graph_begin(H, W, C);
    free(constant(&graph, "k", 4, INTS(1, C, H + 1, W), 9));
    node(&graph, "Mul", LIST("image", "k"), "y");
    graph_refused(&graph, STATUS_FORMAT, "do not go with");
}

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

/* --- dense layers; features are numbered channel by channel --- */

enum { OUTPUTS = 5 };
static const float *dense_weights, *dense_bias;
static float dense_alpha, dense_beta;
static bool dense_transposed;

static double dense(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    (void)h;
    (void)w;
    double sum = 0;
    for (int32_t f = 0; f < SIZE; f++)
        sum += pixel(x, f / (H * W), f / W % H, f % W) *
               (double)dense_weights[dense_transposed ? c * SIZE + f : f * OUTPUTS + c];
    return (double)dense_alpha * sum + (double)(dense_beta * dense_bias[c]);
}

static void check_gemm(bool transposed, float alpha, float beta)
{
    struct graph graph = graph_begin(H, W, C);
    float *weights = constant(&graph, "w", 2, transposed ? INTS(OUTPUTS, SIZE) : INTS(SIZE, OUTPUTS), 1);
    float *bias = constant(&graph, "b", 2, INTS(1, OUTPUTS), 2);
    dense_weights = weights;
    dense_bias = bias;
    dense_alpha = alpha;
    dense_beta = beta;
    dense_transposed = transposed;
    node(&graph, "Flatten", LIST("image"), "f");
    Onnx__NodeProto *to = node(&graph, "Gemm", LIST("f", "w", "b"), "y");
    set_int(&graph, to, "transB", transposed);
    set_float(&graph, to, "alpha", alpha);
    set_float(&graph, to, "beta", beta);
    check("Gemm", &graph, (struct shape){1, 1, OUTPUTS}, 2, dense);
    free(weights);
    free(bias);
}

static void test_gemm(void **state)
{
    (void)state;
    check_gemm(false, 1, 1);
    check_gemm(true, 1, 1);
    check_gemm(true, 0.5F, -2);
}

/* MatMul and Add are one dense layer with bias, as modules are cut from. */
static void test_matmul_and_add(void **state)
{
    (void)state;
    struct graph graph = graph_begin(H, W, C);
    float *weights = constant(&graph, "w", 2, INTS(SIZE, OUTPUTS), 1),
          *bias = constant(&graph, "b", 1, INTS(OUTPUTS), 2);
    dense_weights = weights;
    dense_bias = bias;
    dense_alpha = dense_beta = 1;
    dense_transposed = false;
    integers(&graph, "shape", 2, INTS(-1, SIZE));
    node(&graph, "Reshape", LIST("image", "shape"), "f");
    node(&graph, "MatMul", LIST("f", "w"), "m");
    node(&graph, "Add", LIST("b", "m"), "y");
    check("MatMul and Add", &graph, (struct shape){1, 1, OUTPUTS}, 2, dense);
    free(weights);
    free(bias);
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
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_hard_swish_of_two_nodes),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_nodes_that_do_nothing),
        cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_lrn),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_arithmetic_with_constants),
        cmocka_unit_test(test_constants_in_a_row_are_one_layer),
        cmocka_unit_test(test_what_lies_between_stays),
        cmocka_unit_test(test_sums_of_images),
        cmocka_unit_test(test_products_of_images),
        cmocka_unit_test(test_products_that_do_not_fit),
        cmocka_unit_test(test_constants_for_each_pixel),
        cmocka_unit_test(test_output_keeps_its_dimensions),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_matmul_and_add),
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
