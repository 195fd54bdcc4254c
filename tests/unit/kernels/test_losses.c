/* Losses with soft targets: values against their formulas, gradients against central differences. */
#include <math.h>

#include "compute/kernels/losses.h"
#include "tests/unit/kernels/kernel_test.h"

enum { ROWS = 5, CLASSES = 4 };

static void draw_rows(struct draw *draw, float *logits, float *targets)
{
    for (int32_t i = 0; i < ROWS; i++) {
        float sum = 0;
        for (int32_t j = 0; j < CLASSES; j++) {
            logits[i * CLASSES + j] = (float)draw_between(draw, -80, 80) / 10;
            sum += targets[i * CLASSES + j] = (float)draw_between(draw, 1, 100);
        }
        for (int32_t j = 0; j < CLASSES; j++)
            targets[i * CLASSES + j] /= sum;
    }
}

static void test_binary_value_is_the_formula(void **state)
{
    (void)state;
    const float logits[3] = {0, 2, -6}, targets[3] = {0.25F, 0.9F, 0.1F};
    const double temperature = 2;
    double expected = 0;
    for (int i = 0; i < 3; i++) {
        double p = 1 / (1 + exp(-(double)logits[i] / temperature)), t = (double)targets[i];
        expected -= temperature * temperature * (t * log(p) + (1 - t) * log(1 - p));
    }
    assert_true(fabs(binary_cross_entropy(3, logits, targets, 2, 1, NULL) - expected) < 1e-9);
}

static void test_binary_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    struct draw draw = {.seed = 3};
    float logits[ROWS * CLASSES], targets[ROWS * CLASSES], gradient[ROWS * CLASSES];
    const float factor = 0.5F, step = 0.0078125F;
    draw_rows(&draw, logits, targets);
    binary_cross_entropy(ROWS * CLASSES, logits, targets, 3, factor, gradient);
    for (int i = 0; i < ROWS * CLASSES; i++) {
        float up = logits[i] + step, down = logits[i] - step;
        double quotient = (binary_cross_entropy(1, &up, &targets[i], 3, 1, NULL) -
                           binary_cross_entropy(1, &down, &targets[i], 3, 1, NULL)) /
                          ((double)up - (double)down);
        assert_true(fabs((double)gradient[i] - (double)factor * quotient) < 1e-4);
    }
}

static void test_softmax_gradient_is_the_difference_quotient(void **state)
{
    (void)state;
    struct draw draw = {.seed = 4};
    float logits[ROWS * CLASSES], targets[ROWS * CLASSES], gradient[ROWS * CLASSES];
    const float factor = 0.25F, step = 0.0078125F;
    draw_rows(&draw, logits, targets);
    double loss = softmax_distillation(ROWS, CLASSES, logits, targets, 4, factor, gradient);
    assert_true(softmax_distillation(ROWS, CLASSES, logits, targets, 4, factor, NULL) == loss);
    for (int i = 0; i < ROWS * CLASSES; i++) {
        float kept = logits[i];
        logits[i] = kept + step;
        double up = softmax_distillation(ROWS, CLASSES, logits, targets, 4, 1, NULL);
        logits[i] = kept - step;
        double down = softmax_distillation(ROWS, CLASSES, logits, targets, 4, 1, NULL);
        logits[i] = kept;
        assert_true(fabs((double)gradient[i] - (double)factor * (up - down) / (2 * (double)step)) < 1e-4);
    }
}

static void test_huge_logits_stay_finite(void **state)
{
    (void)state;
    const float logits[2] = {30000, -30000}, wrong[2] = {0, 1}, right[2] = {1, 0};
    float gradient[2];
    assert_true(fabs(binary_cross_entropy(2, logits, wrong, 1, 1, gradient) - 60000) < 1);
    assert_true(gradient[0] == 1 && gradient[1] == -1);
    assert_true(fabs(softmax_distillation(1, 2, logits, right, 1, 1, gradient)) < 1e-9);
    assert_true(fabs(softmax_distillation(1, 2, logits, wrong, 1, 1, gradient) - 60000) < 1);
}

static void test_nothing_to_learn_where_the_scores_agree(void **state)
{
    (void)state;
    struct draw draw = {.seed = 5};
    float logits[ROWS * CLASSES], targets[ROWS * CLASSES], gradient[ROWS * CLASSES];
    draw_rows(&draw, logits, targets);
    softmax_at_temperature(ROWS, CLASSES, logits, 4, targets);
    softmax_distillation(ROWS, CLASSES, logits, targets, 4, 1, gradient);
    for (int i = 0; i < ROWS * CLASSES; i++)
        assert_true(fabsf(gradient[i]) < 1e-5F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary_value_is_the_formula),
        cmocka_unit_test(test_binary_gradient_is_the_difference_quotient),
        cmocka_unit_test(test_softmax_gradient_is_the_difference_quotient),
        cmocka_unit_test(test_huge_logits_stay_finite),
        cmocka_unit_test(test_nothing_to_learn_where_the_scores_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
