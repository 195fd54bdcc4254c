/* One-node graphs (or as few nodes as make sense) of operators that compute, against their definitions. */
#include "onnx_probe.h"

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
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_matmul_and_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
