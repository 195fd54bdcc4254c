/* The reference is proved by itself: each of its gradients against central differences of its forward step.
 */
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

/* A layer with its tensors. The loss is Σ y·dy, so that dy is its gradient with respect to y. */
struct layer {
    struct convolution conv;
    struct pooling pool;
    struct window window;
    int32_t n, c, k;
    size_t outputs;
    double *x, *w, *bias, *y, *dy; /* y may be overwritten by a forward step */
    double *mean, *variance;
    const int32_t *labels;
};

typedef void forward_step(const struct layer *layer);

static double loss_of(const struct layer *layer, forward_step *forward)
{
    double loss = 0;
    forward(layer);
    for (size_t i = 0; i < layer->outputs; i++)
        loss += layer->y[i] * layer->dy[i];
    return loss;
}

/* `gradient` of the loss with respect to `theta`, an array that the forward step reads, to 1e-3 of its
 * largest entry, which is not 0. */
static void assert_gradient(const char *what, const struct layer *layer, forward_step *forward, double *theta,
                            size_t count, const double *gradient)
{
    const double step = 1e-5;
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(gradient[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < count; i++) {
        double held = theta[i];
        theta[i] = held + step;
        double above = loss_of(layer, forward);
        theta[i] = held - step;
        double below = loss_of(layer, forward);
        theta[i] = held;
        double numeric = (above - below) / (2 * step);
        if (!(fabs(numeric - gradient[i]) <= 1e-3 * largest))
            fail_msg("%s[%zu]: gradient %g, by differences %g, largest %g", what, i, gradient[i], numeric,
                     largest);
    }
}

/* --- layers with weights --- */

static void forward_convolution(const struct layer *layer)
{
    reference_convolution_forward(&layer->conv, layer->n, layer->x, layer->w, layer->bias, layer->y);
}

static void check_convolution(struct draw *draw, struct convolution conv)
{
    const int32_t n = 2;
    conv.out_h = (conv.in_h + conv.pad_top + conv.pad_bottom - conv.dilation_h * (conv.kernel_h - 1) - 1) /
                     conv.stride_h +
                 1;
    conv.out_w = (conv.in_w + conv.pad_left + conv.pad_right - conv.dilation_w * (conv.kernel_w - 1) - 1) /
                     conv.stride_w +
                 1;
    struct pair x = pair_normal(draw, (size_t)(n * conv.in_h * conv.in_w * conv.in_c));
    struct pair w =
        pair_normal(draw, (size_t)(conv.kernel_h * conv.kernel_w * (conv.in_c / conv.groups) * conv.out_c));
    struct pair bias = pair_normal(draw, (size_t)conv.out_c);
    struct pair y = pair_normal(draw, (size_t)(n * conv.out_h * conv.out_w * conv.out_c));
    struct pair dy = pair_normal(draw, y.count), dx = pair_normal(draw, x.count);
    struct pair dw = pair_normal(draw, w.count), dbias = pair_normal(draw, bias.count);
    struct layer layer = {
        .conv = conv, .n = n, .x = x.d, .w = w.d, .bias = bias.d, .y = y.d, .dy = dy.d, .outputs = y.count};
    reference_convolution_backward(&conv, n, x.d, w.d, dy.d, dx.d, dw.d, dbias.d);
    assert_gradient("dx", &layer, forward_convolution, x.d, x.count, dx.d);
    assert_gradient("dw", &layer, forward_convolution, w.d, w.count, dw.d);
    assert_gradient("dbias", &layer, forward_convolution, bias.d, bias.count, dbias.d);
    struct pair *all[] = {&x, &w, &bias, &y, &dy, &dx, &dw, &dbias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void test_convolution(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    struct convolution conv = {.in_h = 5,
                               .in_w = 4,
                               .in_c = 3,
                               .out_c = 2,
                               .kernel_h = 3,
                               .kernel_w = 2,
                               .stride_h = 1,
                               .stride_w = 1,
                               .pad_top = 1,
                               .pad_left = 0,
                               .pad_bottom = 2,
                               .pad_right = 1,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .groups = 1};
    check_convolution(&draw, conv);
    conv.stride_h = 2;
    conv.stride_w = 3;
    conv.dilation_h = 2;
    check_convolution(&draw, conv);
    conv.in_c = conv.out_c = conv.groups = 4; /* depthwise */
    check_convolution(&draw, conv);
    conv.out_c = 6;
    conv.groups = 2;
    check_convolution(&draw, conv);
}

/* An example small enough to add up on paper. */
static void test_convolution_by_hand(void **state)
{
    (void)state;
    const struct convolution conv = {.in_h = 2,
                                     .in_w = 3,
                                     .in_c = 1,
                                     .out_h = 2,
                                     .out_w = 2,
                                     .out_c = 1,
                                     .kernel_h = 1,
                                     .kernel_w = 2,
                                     .stride_h = 1,
                                     .stride_w = 1,
                                     .dilation_h = 1,
                                     .dilation_w = 1,
                                     .groups = 1};
    const double x[] = {1, 2, 3, 4, 5, 6}, w[] = {10, 1}, bias[] = {100};
    double y[4];
    reference_convolution_forward(&conv, 1, x, w, bias, y);
    assert_true(y[0] == 112 && y[1] == 123 && y[2] == 145 && y[3] == 156);
}

static void forward_dense(const struct layer *layer)
{
    reference_dense_forward(layer->n, layer->c, layer->k, layer->x, layer->w, layer->bias, layer->y);
}

static void test_dense(void **state)
{
    (void)state;
    enum { N = 3, C = 5, K = 4 };
    struct draw draw = {.seed = 2};
    struct pair x = pair_normal(&draw, N * C), w = pair_normal(&draw, C * K), bias = pair_normal(&draw, K);
    struct pair y = pair_normal(&draw, N * K), dy = pair_normal(&draw, N * K);
    double dx[N * C], dw[C * K], dbias[K];
    struct layer layer = {
        .n = N, .c = C, .k = K, .x = x.d, .w = w.d, .bias = bias.d, .y = y.d, .dy = dy.d, .outputs = N * K};
    reference_dense_backward(N, C, K, x.d, w.d, dy.d, dx, dw, dbias);
    assert_gradient("dx", &layer, forward_dense, x.d, N * C, dx);
    assert_gradient("dw", &layer, forward_dense, w.d, C * K, dw);
    assert_gradient("dbias", &layer, forward_dense, bias.d, K, dbias);
    struct pair *all[] = {&x, &w, &bias, &y, &dy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

/* n pixels; w is gamma, bias is beta. */
static void forward_batchnorm(const struct layer *layer)
{
    reference_batchnorm_training((size_t)layer->n, layer->c, layer->x, layer->w, layer->bias, 1e-3,
                                 layer->mean, layer->variance, layer->y);
}

static void test_batchnorm(void **state)
{
    (void)state;
    enum { PIXELS = 11, C = 3 };
    struct draw draw = {.seed = 3};
    struct pair x = pair_normal(&draw, PIXELS * C), y = pair_normal(&draw, PIXELS * C);
    struct pair dy = pair_normal(&draw, PIXELS * C), gamma = pair_normal(&draw, C),
                beta = pair_normal(&draw, C);
    double dx[PIXELS * C], dgamma[C], dbeta[C], mean[C], variance[C];
    struct layer layer = {.n = PIXELS,
                          .c = C,
                          .x = x.d,
                          .w = gamma.d,
                          .bias = beta.d,
                          .y = y.d,
                          .dy = dy.d,
                          .outputs = PIXELS * C,
                          .mean = mean,
                          .variance = variance};
    reference_batchnorm_backward(PIXELS, C, x.d, gamma.d, 1e-3, dy.d, dx, dgamma, dbeta);
    assert_gradient("dx", &layer, forward_batchnorm, x.d, PIXELS * C, dx);
    assert_gradient("dgamma", &layer, forward_batchnorm, gamma.d, C, dgamma);
    assert_gradient("dbeta", &layer, forward_batchnorm, beta.d, C, dbeta);
    struct pair *all[] = {&x, &y, &dy, &gamma, &beta};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void test_batchnorm_output_has_mean_beta_and_deviation_gamma(void **state)
{
    (void)state;
    enum { PIXELS = 50 };
    struct draw draw = {.seed = 4};
    struct pair x = pair_normal(&draw, PIXELS), y = pair_zeros(PIXELS);
    const double gamma[] = {2}, beta[] = {5};
    double mean[1], variance[1], sum = 0, square = 0;
    reference_batchnorm_training(PIXELS, 1, x.d, gamma, beta, 0.0, mean, variance, y.d);
    for (size_t i = 0; i < PIXELS; i++) {
        sum += y.d[i] / PIXELS;
        square += (y.d[i] - 5) * (y.d[i] - 5) / PIXELS;
    }
    assert_true(fabs(sum - 5) < 1e-12 && fabs(square - 4) < 1e-12);
    pair_free(&x);
    pair_free(&y);
}

/* --- layers without weights: x to y --- */

static void check_input_gradient(struct draw *draw, struct layer layer, forward_step *forward, size_t inputs,
                                 size_t outputs, void (*backward)(const struct layer *layer, double *dx))
{
    struct pair x = pair_normal(draw, inputs), dx = pair_normal(draw, inputs);
    struct pair y = pair_normal(draw, outputs), dy = pair_normal(draw, outputs);
    layer.x = x.d;
    layer.y = y.d;
    layer.dy = dy.d;
    layer.outputs = outputs;
    backward(&layer, dx.d);
    assert_gradient("dx", &layer, forward, x.d, inputs, dx.d);
    struct pair *all[] = {&x, &dx, &y, &dy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void forward_relu(const struct layer *layer)
{
    reference_relu_forward(layer->outputs, layer->x, layer->y);
}

static void backward_relu(const struct layer *layer, double *dx)
{
    reference_relu_backward(layer->outputs, layer->x, layer->dy, dx);
}

static void test_relu(void **state)
{
    (void)state;
    struct draw draw = {.seed = 5};
    check_input_gradient(&draw, (struct layer){0}, forward_relu, 40, 40, backward_relu);
}

static void forward_maxpool(const struct layer *layer)
{
    reference_maxpool_forward(&layer->pool, layer->n, layer->x, layer->y);
}

static void backward_maxpool(const struct layer *layer, double *dx)
{
    reference_maxpool_backward(&layer->pool, layer->n, layer->x, layer->dy, dx);
}

static void forward_avgpool(const struct layer *layer)
{
    reference_avgpool_forward(&layer->pool, layer->n, layer->x, layer->y);
}

static void backward_avgpool(const struct layer *layer, double *dx)
{
    reference_avgpool_backward(&layer->pool, layer->n, layer->dy, dx);
}

static const struct pooling pool = {.in_h = 5,
                                    .in_w = 6,
                                    .c = 2,
                                    .out_h = 3,
                                    .out_w = 3,
                                    .kernel_h = 3,
                                    .kernel_w = 2,
                                    .stride_h = 2,
                                    .stride_w = 3,
                                    .pad_top = 1,
                                    .pad_left = 1,
                                    .pad_bottom = 1,
                                    .pad_right = 1};

static void test_maxpool(void **state)
{
    (void)state;
    struct draw draw = {.seed = 6};
    struct layer layer = {.pool = pool, .n = 2};
    check_input_gradient(&draw, layer, forward_maxpool, 2 * 5 * 6 * 2, 2 * 3 * 3 * 2, backward_maxpool);
}

static void test_avgpool(void **state)
{
    (void)state;
    struct draw draw = {.seed = 7};
    struct layer layer = {.pool = pool, .n = 2};
    check_input_gradient(&draw, layer, forward_avgpool, 2 * 5 * 6 * 2, 2 * 3 * 3 * 2, backward_avgpool);
    layer.pool.count_padding = true;
    check_input_gradient(&draw, layer, forward_avgpool, 2 * 5 * 6 * 2, 2 * 3 * 3 * 2, backward_avgpool);
}

/* Window of two pixels, one of them in the padding; a third tap reaches past the padded image. */
static void test_avgpool_divisors(void **state)
{
    (void)state;
    struct pooling one = {.in_h = 1,
                          .in_w = 1,
                          .c = 1,
                          .out_h = 1,
                          .out_w = 1,
                          .kernel_h = 1,
                          .kernel_w = 3,
                          .stride_h = 1,
                          .stride_w = 1,
                          .pad_left = 1};
    const double x[] = {6};
    double y[1];
    reference_avgpool_forward(&one, 1, x, y);
    assert_true(y[0] == 6);
    one.count_padding = true;
    reference_avgpool_forward(&one, 1, x, y);
    assert_true(y[0] == 3);
    one.pad_right = 1;
    reference_avgpool_forward(&one, 1, x, y);
    assert_true(y[0] == 2);
}

static void forward_global_avgpool(const struct layer *layer)
{
    reference_global_avgpool_forward(layer->n, 4, 3, layer->c, layer->x, layer->y);
}

static void backward_global_avgpool(const struct layer *layer, double *dx)
{
    reference_global_avgpool_backward(layer->n, 4, 3, layer->c, layer->dy, dx);
}

static void test_global_avgpool(void **state)
{
    (void)state;
    struct draw draw = {.seed = 8};
    struct layer layer = {.n = 2, .c = 3};
    check_input_gradient(&draw, layer, forward_global_avgpool, 2 * 4 * 3 * 3, 2 * 3, backward_global_avgpool);
}

static void forward_window(const struct layer *layer)
{
    reference_window_forward(&layer->window, layer->n, layer->x, layer->y);
}

static void backward_window(const struct layer *layer, double *dx)
{
    reference_window_backward(&layer->window, layer->n, layer->dy, dx);
}

static void test_window(void **state)
{
    (void)state;
    struct draw draw = {.seed = 9};
    struct layer layer = {.n = 2,
                          .window = {.in_h = 5,
                                     .in_w = 4,
                                     .in_c = 3,
                                     .out_h = 4,
                                     .out_w = 3,
                                     .out_c = 5,
                                     .from_h = -1,
                                     .from_w = 1,
                                     .from_c = -1,
                                     .step_h = 2,
                                     .step_w = 1}};
    check_input_gradient(&draw, layer, forward_window, 2 * 5 * 4 * 3, 2 * 4 * 3 * 5, backward_window);
}

/* One output, the loss itself. */
static void forward_cross_entropy(const struct layer *layer)
{
    layer->y[0] = reference_cross_entropy(layer->n, layer->k, layer->x, layer->labels);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    enum { N = 4, K = 5 };
    static const int32_t labels[N] = {0, 4, 2, 2};
    struct draw draw = {.seed = 10};
    struct pair logits = pair_normal(&draw, N * K);
    double loss[1], one[] = {1}, dlogits[N * K];
    struct layer layer = {
        .n = N, .k = K, .x = logits.d, .y = loss, .dy = one, .outputs = 1, .labels = labels};
    reference_cross_entropy_backward(N, K, logits.d, labels, dlogits);
    assert_gradient("dlogits", &layer, forward_cross_entropy, logits.d, N * K, dlogits);
    pair_free(&logits);
}

static void test_softmax_by_hand(void **state)
{
    (void)state;
    const double logits[] = {log(1), log(2), log(5)};
    const int32_t labels[] = {1};
    double p[3];
    reference_softmax(1, 3, logits, p);
    assert_true(fabs(p[0] - 0.125) < 1e-15 && fabs(p[1] - 0.25) < 1e-15 && fabs(p[2] - 0.625) < 1e-15);
    assert_true(fabs(reference_cross_entropy(1, 3, logits, labels) - log(4)) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_convolution_by_hand),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_batchnorm_output_has_mean_beta_and_deviation_gamma),
        cmocka_unit_test(test_relu),
        cmocka_unit_test(test_maxpool),
        cmocka_unit_test(test_avgpool),
        cmocka_unit_test(test_avgpool_divisors),
        cmocka_unit_test(test_global_avgpool),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_softmax_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
