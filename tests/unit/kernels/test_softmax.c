#include <stdio.h>

#include "compute/kernels/softmax.h"
#include "compute/reference/reference.h"
#include "compute/reference/reference_channels.h"
#include "tests/unit/kernels/kernel_test.h"

static void draw_labels(struct draw *draw, int32_t n, int32_t c, int32_t *labels)
{
    for (int32_t i = 0; i < n; i++)
        labels[i] = draw_between(draw, 0, c - 1);
}

static void check(struct draw *draw, int32_t n, int32_t c, float spread)
{
    enum { MAX_N = 16 };
    char text[64];
    snprintf(text, sizeof text, "softmax n=%d c=%d spread %g", n, c, (double)spread);
    int32_t labels[MAX_N];
    assert_true(n <= MAX_N);
    draw_labels(draw, n, c, labels);
    struct pair logits = pair_normal(draw, (size_t)(n * c)), result = pair_normal(draw, logits.count);
    for (size_t i = 0; i < logits.count; i++)
        pair_set(&logits, i, spread * logits.f[i]);

    softmax_forward(n, c, logits.f, result.f);
    reference_softmax(n, c, logits.d, result.d);
    assert_pair_agrees("probabilities", text, &result);

    const float factor = 0.125F;
    double expected = reference_cross_entropy(n, c, logits.d, labels);
    double loss = softmax_cross_entropy(n, c, logits.f, labels, factor, result.f, NULL);
    assert_true(fabs(loss - expected) <= 1e-5 * fabs(expected) + 1e-7);
    assert_true(softmax_cross_entropy(n, c, logits.f, labels, factor, NULL, NULL) == loss);
    reference_cross_entropy_backward(n, c, logits.d, labels, result.d);
    for (size_t i = 0; i < result.count; i++)
        result.d[i] *= (double)factor;
    assert_pair_agrees("dlogits", text, &result);

    struct pair in_place = pair_zeros(logits.count);
    memcpy(in_place.f, logits.f, logits.count * sizeof *logits.f);
    assert_true(softmax_cross_entropy(n, c, in_place.f, labels, factor, in_place.f, NULL) == loss);
    assert_memory_equal(in_place.f, result.f, result.count * sizeof *result.f);
    softmax_forward(n, c, logits.f, result.f);
    softmax_forward(n, c, logits.f, logits.f);
    assert_memory_equal(logits.f, result.f, result.count * sizeof *result.f);
    pair_free(&in_place);
    pair_free(&logits);
    pair_free(&result);
}

static void test_random_rows(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    static const int32_t classes[] = {2, 3, 10, 17, 100, 1000};
    for (int i = 0; i < 60; i++)
        check(&draw, draw_between(&draw, 1, 16), draw_one_of(&draw, classes, 6), i % 2 == 0 ? 1.0F : 20.0F);
}

static void test_huge_logits(void **state)
{
    (void)state;
    const float logits[] = {1e30F, -1e30F, 0, 3e38F, 3e38F, -3e38F};
    const int32_t labels[] = {0, 0};
    float p[6];
    softmax_forward(2, 3, logits, p);
    assert_true(p[0] == 1 && p[1] == 0 && p[2] == 0 && p[3] == 0.5F && p[4] == 0.5F && p[5] == 0);
    double loss = softmax_cross_entropy(2, 3, logits, labels, 1.0F, p, NULL);
    assert_true(fabs(loss - 0.6931471805599453) < 1e-7);
    assert_true(p[0] == 0 && p[3] == -0.5F && p[4] == 0.5F);
}

static void test_hopeless_label_has_a_finite_loss(void **state)
{
    (void)state;
    const float logits[] = {0, 5000};
    const int32_t labels[] = {0};
    float d[2];
    assert_true(softmax_cross_entropy(1, 2, logits, labels, 1.0F, d, NULL) == 5000.0);
    assert_true(d[0] == -1.0F && d[1] == 1.0F);
}

static void test_one_class_has_no_loss(void **state)
{
    (void)state;
    const float logits[] = {42};
    const int32_t labels[] = {0};
    float d[1];
    int64_t correct = -1;
    assert_true(softmax_cross_entropy(1, 1, logits, labels, 1.0F, d, &correct) == 0.0);
    assert_true(d[0] == 0.0F);
    assert_int_equal(correct, 1);
}

static void test_correct_counts_first_among_equals(void **state)
{
    (void)state;
    const float logits[] = {1, 3, 3, /**/ 1, 3, 3, /**/ 5, 0, 0, /**/ 0, 1, 2};
    const int32_t labels[] = {1, 2, 0, 1};
    int64_t correct = -1;
    softmax_cross_entropy(4, 3, logits, labels, 1.0F, NULL, &correct);
    assert_int_equal(correct, 2); /* the first and the third row */
}

static void test_nan_is_never_correct(void **state)
{
    (void)state;
    const float logits[] = {NAN, NAN, NAN, /**/ 2, NAN, 1};
    const int32_t labels[] = {0, 0};
    float p[6];
    int64_t correct = -1;
    assert_true(isnan(softmax_cross_entropy(2, 3, logits, labels, 1.0F, NULL, &correct)));
    assert_int_equal(correct, 0);
    softmax_forward(2, 3, logits, p);
    for (int i = 0; i < 6; i++)
        assert_true(isnan(p[i]));
}

static void test_no_rows(void **state)
{
    (void)state;
    const float logits[] = {1};
    const int32_t labels[] = {0};
    int64_t correct = -1;
    assert_true(softmax_cross_entropy(0, 1, logits, labels, 1.0F, NULL, &correct) == 0.0);
    assert_int_equal(correct, 0);
}

static void check_layer(bool logarithm)
{
    enum { ROWS = 5, C = 7, SIZE = ROWS * C };
    const double step = 1e-6;
    struct draw draw = {.seed = 3};
    struct pair x = pair_normal(&draw, SIZE), y = pair_zeros(SIZE);
    struct pair dy = pair_normal(&draw, SIZE), dx = pair_normal(&draw, SIZE);
    softmax_layer_forward(ROWS, C, logarithm, x.f, y.f);
    reference_softmax_layer(ROWS, C, logarithm, x.d, y.d);
    assert_pair_agrees("y", "softmax", &y);

    softmax_layer_backward(ROWS, C, logarithm, y.f, dy.f, dx.f, false);
    for (size_t i = 0; i < SIZE; i++) {
        double above[SIZE], below[SIZE], kept = x.d[i];
        x.d[i] = kept + step;
        reference_softmax_layer(ROWS, C, logarithm, x.d, above);
        x.d[i] = kept - step;
        reference_softmax_layer(ROWS, C, logarithm, x.d, below);
        x.d[i] = kept;
        dx.d[i] = 0;
        for (size_t j = 0; j < SIZE; j++)
            dx.d[i] += dy.d[j] * (above[j] - below[j]) / (2 * step);
    }
    assert_pair_agrees("dx", "softmax", &dx);
    softmax_layer_backward(ROWS, C, logarithm, y.f, dy.f, dx.f, true);
    for (size_t i = 0; i < SIZE; i++)
        dx.d[i] *= 2;
    assert_pair_agrees("dx added to itself", "softmax", &dx);

    softmax_layer_forward(ROWS, C, logarithm, x.f, x.f);
    assert_memory_equal(x.f, y.f, SIZE * sizeof *y.f);
    struct pair *all[] = {&x, &y, &dy, &dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void test_as_a_layer(void **state)
{
    (void)state;
    check_layer(false);
    check_layer(true);
}

static void test_a_layer_does_not_overflow(void **state)
{
    (void)state;
    float x[] = {1e30F, 0, -1e30F}, y[3];
    softmax_layer_forward(1, 3, false, x, y);
    assert_true(y[0] == 1.0F && y[1] == 0.0F && y[2] == 0.0F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_rows),
        cmocka_unit_test(test_huge_logits),
        cmocka_unit_test(test_hopeless_label_has_a_finite_loss),
        cmocka_unit_test(test_one_class_has_no_loss),
        cmocka_unit_test(test_correct_counts_first_among_equals),
        cmocka_unit_test(test_nan_is_never_correct),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_as_a_layer),
        cmocka_unit_test(test_a_layer_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
