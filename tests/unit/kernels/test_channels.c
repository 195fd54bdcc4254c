#include "compute/kernels/channels.h"
#include "compute/reference/reference_channels.h"
#include "tests/unit/kernels/kernel_test.h"

static const double step = 1e-6;

static void double_expected(struct pair *pair)
{
    for (size_t i = 0; i < pair->count; i++)
        pair->d[i] *= 2;
}

static void test_scale(void **state)
{
    (void)state;
    enum { PIXELS = 11, C = 70 }; /* more channels than one strip */
    struct draw draw = {.seed = 1};
    struct pair x = pair_normal(&draw, PIXELS * C), y = pair_zeros(PIXELS * C);
    struct pair dy = pair_normal(&draw, PIXELS * C), dx = pair_normal(&draw, PIXELS * C);
    struct pair scale = pair_normal(&draw, C), shift = pair_normal(&draw, C);
    struct pair dscale = pair_normal(&draw, C), dshift = pair_normal(&draw, C);
    scale_forward(PIXELS, C, x.f, scale.f, shift.f, y.f);
    reference_scale(PIXELS, C, x.d, scale.d, shift.d, y.d);
    assert_pair_agrees("y", "scale", &y);

    scale_backward_parameters(PIXELS, C, x.f, dy.f, dscale.f, dshift.f);
    for (size_t j = 0; j < C; j++) {
        dscale.d[j] = dshift.d[j] = 0;
        for (size_t i = j; i < PIXELS * C; i += C) {
            dscale.d[j] += x.d[i] * dy.d[i];
            dshift.d[j] += dy.d[i];
        }
    }
    assert_pair_agrees("dscale", "scale", &dscale);
    assert_pair_agrees("dshift", "scale", &dshift);

    scale_backward_data(PIXELS, C, scale.f, dy.f, dx.f, false);
    for (size_t i = 0; i < PIXELS * C; i++)
        dx.d[i] = scale.d[i % C] * dy.d[i];
    assert_pair_agrees("dx", "scale", &dx);
    scale_backward_data(PIXELS, C, scale.f, dy.f, dx.f, true);
    double_expected(&dx);
    assert_pair_agrees("dx added to itself", "scale", &dx);

    struct pair *all[] = {&x, &y, &dy, &dx, &scale, &shift, &dscale, &dshift};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

/* Windows of odd and even size, and one wider than there are channels. */
static void test_lrn(void **state)
{
    (void)state;
    enum { PIXELS = 3, C = 6, SIZE = PIXELS * C };
    struct draw draw = {.seed = 2};
    for (int32_t size = 1; size <= 15; size++) {
        const struct response_normalisation lrn = {size, 0.5F, 0.75F, 1.5F};
        struct pair x = pair_normal(&draw, SIZE), y = pair_zeros(SIZE);
        struct pair dy = pair_normal(&draw, SIZE), dx = pair_normal(&draw, SIZE);
        lrn_forward(&lrn, PIXELS, C, x.f, y.f);
        reference_lrn(&lrn, PIXELS, C, x.d, y.d);
        assert_pair_agrees("y", "lrn", &y);

        lrn_backward(&lrn, PIXELS, C, x.f, dy.f, dx.f, false);
        for (size_t i = 0; i < SIZE; i++) {
            double above[SIZE], below[SIZE], kept = x.d[i];
            x.d[i] = kept + step;
            reference_lrn(&lrn, PIXELS, C, x.d, above);
            x.d[i] = kept - step;
            reference_lrn(&lrn, PIXELS, C, x.d, below);
            x.d[i] = kept;
            dx.d[i] = 0;
            for (size_t j = 0; j < SIZE; j++)
                dx.d[i] += dy.d[j] * (above[j] - below[j]) / (2 * step);
        }
        assert_pair_agrees("dx", "lrn", &dx);
        lrn_backward(&lrn, PIXELS, C, x.f, dy.f, dx.f, true);
        double_expected(&dx);
        assert_pair_agrees("dx added to itself", "lrn", &dx);
        struct pair *all[] = {&x, &y, &dy, &dx};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            pair_free(all[i]);
    }
}

static void test_shuffle_and_back(void **state)
{
    (void)state;
    enum { PIXELS = 4, C = 12, SIZE = PIXELS * C };
    struct draw draw = {.seed = 3};
    for (size_t groups = 1; groups <= C; groups++) {
        if (C % groups != 0)
            continue;
        struct pair x = pair_normal(&draw, SIZE), y = pair_zeros(SIZE), back = pair_zeros(SIZE);
        shuffle_channels(PIXELS, C, groups, x.f, y.f, false);
        reference_shuffle(PIXELS, C, groups, x.d, y.d);
        assert_pair_agrees("y", "shuffle", &y);
        shuffle_channels(PIXELS, C, C / groups, y.f, back.f, false);
        assert_memory_equal(back.f, x.f, SIZE * sizeof *x.f);
        shuffle_channels(PIXELS, C, groups, x.f, y.f, true);
        double_expected(&y);
        assert_pair_agrees("y added to itself", "shuffle", &y);
        pair_free(&x);
        pair_free(&y);
        pair_free(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_lrn),
        cmocka_unit_test(test_shuffle_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
