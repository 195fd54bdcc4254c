#include "module_test.h"

#include <math.h>
#include <omp.h>

#include "modules/composition/calibration.h"
#include "modules/composition/lbfgs.h"

enum { LABELS = 4, IMAGES = 3000 };

/* Margins whose truth was drawn from softmax(scale·margin + offset): what calibration must find again, but
 * for how frequent labels are. */
struct sample {
    float *margins;
    int32_t *truth;
    struct calibration_images images;
};

static const float true_scales[LABELS] = {0.5F, 2.0F, 1.0F, 4.0F}, true_offsets[LABELS] = {1, -1, 0, 0};

static struct sample sample_create(uint64_t seed)
{
    struct sample sample;
    assert_ok(memory_allocate(&sample.margins, (size_t)IMAGES * LABELS, sizeof(float), "test"));
    assert_ok(memory_allocate(&sample.truth, IMAGES, sizeof(int32_t), "test"));
    for (size_t i = 0; i < IMAGES; i++) {
        double sum = 0, weights[LABELS];
        for (size_t j = 0; j < LABELS; j++) {
            float margin = 2 * random_normal(seed, j, i);
            sample.margins[i * LABELS + j] = margin;
            weights[j] = exp((double)(true_scales[j] * margin + true_offsets[j]));
            sum += weights[j];
        }
        double at = (double)random_uniform(seed, 99, i) * sum;
        int32_t truth = 0;
        while (truth < LABELS - 1 && at >= weights[truth])
            at -= weights[truth++];
        sample.truth[i] = truth;
    }
    sample.images = (struct calibration_images){LABELS, IMAGES, sample.margins, sample.truth, NULL};
    return sample;
}

static void sample_destroy(struct sample *sample)
{
    memory_free(&sample->margins);
    memory_free(&sample->truth);
}

/* The offsets that the sample was drawn with, were its labels equally frequent (Bayes' rule); mean 0. */
static void balanced_offsets(const struct sample *sample, float offsets[LABELS])
{
    double counts[LABELS] = {0}, mean = 0;
    for (int i = 0; i < IMAGES; i++)
        counts[sample->truth[i]] += 1;
    for (int j = 0; j < LABELS; j++)
        mean += ((double)true_offsets[j] - log(counts[j])) / LABELS;
    for (int j = 0; j < LABELS; j++)
        offsets[j] = (float)((double)true_offsets[j] - log(counts[j]) - mean);
}

static const float ones[LABELS] = {1, 1, 1, 1}, zeros[LABELS] = {0};

static void test_the_true_calibration_is_found(void **state)
{
    (void)state;
    struct sample sample = sample_create(1);
    float scales[LABELS], offsets[LABELS], expected[LABELS];
    struct calibration_fit before, after, truth;
    balanced_offsets(&sample, expected);
    assert_ok(calibration_run(&sample.images, scales, offsets));
    for (int j = 0; j < LABELS; j++) {
        assert_true(fabs(log((double)(scales[j] / true_scales[j]))) < 0.15);
        assert_true(fabsf(offsets[j] - expected[j]) < 0.2F);
    }
    assert_ok(calibration_measure(&sample.images, ones, zeros, &before));
    assert_ok(calibration_measure(&sample.images, scales, offsets, &after));
    assert_ok(calibration_measure(&sample.images, true_scales, expected, &truth));
    assert_true(after.loss < before.loss - 0.05);
    assert_true(after.top1 > before.top1);
    assert_true(after.loss < truth.loss + 1e-4); /* fitted to these very images */
    sample_destroy(&sample);
}

/* The gradient vanishes: no small change of a scale or an offset lowers the loss. */
static void test_the_result_is_a_minimum(void **state)
{
    (void)state;
    struct sample sample = sample_create(2);
    float scales[LABELS], offsets[LABELS];
    struct calibration_fit least, other;
    assert_ok(calibration_run(&sample.images, scales, offsets));
    assert_ok(calibration_measure(&sample.images, scales, offsets, &least));
    for (int j = 0; j < LABELS; j++)
        for (int sign = -1; sign <= 1; sign += 2) {
            float changed[LABELS];
            memcpy(changed, scales, sizeof changed);
            changed[j] *= 1 + 0.05F * (float)sign;
            assert_ok(calibration_measure(&sample.images, changed, offsets, &other));
            assert_true(other.loss > least.loss);
            memcpy(changed, offsets, sizeof changed);
            changed[j] += 0.05F * (float)sign;
            assert_ok(calibration_measure(&sample.images, scales, changed, &other));
            assert_true(other.loss > least.loss);
        }
    sample_destroy(&sample);
}

/* Labels of one group have one scale and one offset, and no better ones; a group each is no group. */
static void test_groups(void **state)
{
    (void)state;
    static const int32_t apart[LABELS] = {0, 1, 2, 3}, pair[LABELS] = {0, 1, 0, 2};
    struct sample sample = sample_create(5);
    float scales[2][LABELS], offsets[2][LABELS];
    struct calibration_fit least, other;
    assert_ok(calibration_run(&sample.images, scales[0], offsets[0]));
    sample.images.groups = apart;
    assert_ok(calibration_run(&sample.images, scales[1], offsets[1]));
    assert_memory_equal(scales[0], scales[1], sizeof scales[0]);
    assert_memory_equal(offsets[0], offsets[1], sizeof offsets[0]);

    sample.images.groups = pair;
    assert_ok(calibration_run(&sample.images, scales[1], offsets[1]));
    assert_true(scales[1][0] == scales[1][2] && offsets[1][0] == offsets[1][2]);
    assert_true(scales[1][1] != scales[1][3] && offsets[1][1] != offsets[1][3]);
    assert_ok(calibration_measure(&sample.images, scales[1], offsets[1], &least));
    for (int group = 0; group < 3; group++)
        for (int sign = -1; sign <= 1; sign += 2) {
            float changed[2][LABELS];
            for (int j = 0; j < LABELS; j++) {
                float step = pair[j] == group ? 0.05F * (float)sign : 0;
                changed[0][j] = scales[1][j] * (1 + step);
                changed[1][j] = offsets[1][j] + step;
            }
            assert_ok(calibration_measure(&sample.images, changed[0], offsets[1], &other));
            assert_true(other.loss > least.loss);
            assert_ok(calibration_measure(&sample.images, scales[1], changed[1], &other));
            assert_true(other.loss > least.loss);
        }
    sample_destroy(&sample);
}

static void test_same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    struct sample sample = sample_create(3);
    float scales[2][LABELS], offsets[2][LABELS];
    int threads = omp_get_max_threads();
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(i == 0 ? 1 : 3);
        assert_ok(calibration_run(&sample.images, scales[i], offsets[i]));
    }
    omp_set_num_threads(threads);
    assert_memory_equal(scales[0], scales[1], sizeof scales[0]);
    assert_memory_equal(offsets[0], offsets[1], sizeof offsets[0]);
    sample_destroy(&sample);
}

/* Margins of very different size, as modules of different networks have them: the order of labels within an
 * image does not depend on the unit a module measures in. */
static void test_the_unit_of_a_module_does_not_matter(void **state)
{
    (void)state;
    struct sample sample = sample_create(4);
    float scales[2][LABELS], offsets[2][LABELS];
    struct calibration_fit fits[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(calibration_run(&sample.images, scales[i], offsets[i]));
        assert_ok(calibration_measure(&sample.images, scales[i], offsets[i], &fits[i]));
        for (size_t image = 0; image < IMAGES; image++)
            sample.margins[image * LABELS + 1] *= 100;
    }
    assert_true(fabs(fits[0].loss - fits[1].loss) < 0.02);
    assert_true(fabs(fits[0].top1 - fits[1].top1) < 0.01);
    sample_destroy(&sample);
}

/* Perfectly separated classes: the pull keeps everything finite and positive. */
static void test_separable_margins_have_a_finite_minimum(void **state)
{
    (void)state;
    float margins[20 * 2], scales[2], offsets[2];
    int32_t truth[20];
    struct calibration_fit fit;
    for (int i = 0; i < 20; i++) {
        truth[i] = i % 2;
        margins[2 * i + truth[i]] = 3;
        margins[2 * i + 1 - truth[i]] = -3;
    }
    const struct calibration_images images = {2, 20, margins, truth, NULL};
    assert_ok(calibration_run(&images, scales, offsets));
    for (int j = 0; j < 2; j++)
        assert_true(isfinite(scales[j]) && scales[j] > 0 && fabsf(offsets[j]) < 1e-3F);
    assert_ok(calibration_measure(&images, scales, offsets, &fit));
    assert_true(fit.top1 == 1.0);
}

static void test_one_label_alone_stays_as_it_is(void **state)
{
    (void)state;
    const float margins[3] = {1, -7, 2};
    const int32_t truth[3] = {0, 0, 0};
    const struct calibration_images images = {1, 3, margins, truth, NULL};
    float scale = 5, offset = 5;
    struct calibration_fit fit;
    assert_ok(calibration_run(&images, &scale, &offset));
    assert_true(scale == 1.0F && offset == 0.0F);
    assert_ok(calibration_measure(&images, &scale, &offset, &fit));
    assert_true(fit.top1 == 1.0 && fit.loss == 0.0);
}

/* The same images, those of one label four times as often: nothing changes. */
static void test_how_frequent_a_label_is_does_not_matter(void **state)
{
    (void)state;
    struct sample sample = sample_create(5);
    const int32_t often = 2, times = 4;
    int64_t count = 0;
    float *margins = NULL, scales[2][LABELS], offsets[2][LABELS];
    int32_t *truth = NULL;
    assert_ok(memory_allocate(&margins, (size_t)times * IMAGES * LABELS, sizeof(float), "test"));
    assert_ok(memory_allocate(&truth, (size_t)times * IMAGES, sizeof(int32_t), "test"));
    for (int32_t i = 0; i < IMAGES; i++)
        for (int32_t k = 0; k < (sample.truth[i] == often ? times : 1); k++) {
            memcpy(margins + count * LABELS, sample.margins + (size_t)i * LABELS, LABELS * sizeof(float));
            truth[count++] = sample.truth[i];
        }
    const struct calibration_images repeated = {LABELS, count, margins, truth, NULL};
    struct calibration_fit fits[2];
    assert_ok(calibration_run(&sample.images, scales[0], offsets[0]));
    assert_ok(calibration_run(&repeated, scales[1], offsets[1]));
    assert_ok(calibration_measure(&sample.images, scales[0], offsets[0], &fits[0]));
    assert_ok(calibration_measure(&repeated, scales[0], offsets[0], &fits[1]));
    assert_true(fabs(fits[0].loss - fits[1].loss) < 1e-9 && fabs(fits[0].top1 - fits[1].top1) < 1e-9);
    for (int j = 0; j < LABELS; j++) {
        assert_true(fabsf(scales[0][j] - scales[1][j]) < 1e-3F * scales[0][j]);
        assert_true(fabsf(offsets[0][j] - offsets[1][j]) < 1e-3F);
    }
    memory_free(&margins);
    memory_free(&truth);
    sample_destroy(&sample);
}

/* All margins equal: nothing tells labels apart, not even how frequent they are. */
static void test_margins_that_say_nothing(void **state)
{
    (void)state;
    const float margins[8] = {0};
    const int32_t truth[4] = {0, 1, 1, 1};
    const struct calibration_images images = {2, 4, margins, truth, NULL};
    float scales[2], offsets[2];
    assert_ok(calibration_run(&images, scales, offsets));
    assert_true(fabsf(offsets[0]) < 1e-6F && fabsf(offsets[1]) < 1e-6F);
}

static void test_a_margin_that_is_no_number_is_refused(void **state)
{
    (void)state;
    float margins[6] = {1, 2, 3, 4, 5, NAN}, scales[2], offsets[2];
    const int32_t truth[3] = {0, 1, 1};
    const struct calibration_images images = {2, 3, margins, truth, NULL};
    assert_fails(calibration_run(&images, scales, offsets), STATUS_MISMATCH, "module #1");
    margins[5] = INFINITY;
    assert_fails(calibration_run(&images, scales, offsets), STATUS_MISMATCH, "image 2");
}

/* Rosenbrock's valley in two pairs of variables, from the usual start; minimum 0 at ones. */
static double rosenbrock(void *context, const double *x, double *gradient)
{
    double value = 0;
    ++*(int *)context;
    for (int i = 0; i < 4; i += 2) {
        double bend = x[i + 1] - x[i] * x[i], rest = 1 - x[i];
        value += 100 * bend * bend + rest * rest;
        gradient[i] = -400 * x[i] * bend - 2 * rest;
        gradient[i + 1] = 200 * bend;
    }
    return value;
}

static void test_rosenbrocks_valley(void **state)
{
    (void)state;
    double x[4] = {-1.2, 1, 3, -4};
    int calls = 0;
    assert_ok(lbfgs_minimise(4, x, rosenbrock, &calls));
    for (int i = 0; i < 4; i++)
        assert_true(fabs(x[i] - 1) < 1e-5);
    assert_true(calls < 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_true_calibration_is_found),
        cmocka_unit_test(test_the_result_is_a_minimum),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_same_bytes_for_any_number_of_threads),
        cmocka_unit_test(test_the_unit_of_a_module_does_not_matter),
        cmocka_unit_test(test_separable_margins_have_a_finite_minimum),
        cmocka_unit_test(test_one_label_alone_stays_as_it_is),
        cmocka_unit_test(test_how_frequent_a_label_is_does_not_matter),
        cmocka_unit_test(test_margins_that_say_nothing),
        cmocka_unit_test(test_a_margin_that_is_no_number_is_refused),
        cmocka_unit_test(test_rosenbrocks_valley),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
