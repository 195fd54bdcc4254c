#include "compute/kernels/activation.h"
#include "compute/reference/reference_channels.h"
#include "tests/unit/kernels/kernel_test.h"

static const struct activation activations[] = {
    {ACTIVATION_CLIP, 0, 6},       {ACTIVATION_CLIP, -0.5F, 0.7F}, {ACTIVATION_LEAKY_RELU, 0.1F, 0},
    {ACTIVATION_SIGMOID, 0, 0},    {ACTIVATION_TANH, 0, 0},        {ACTIVATION_HARD_SIGMOID, 0.2F, 0.5F},
    {ACTIVATION_HARD_SWISH, 0, 0},
};
enum { ACTIVATIONS = sizeof activations / sizeof *activations, COUNT = 203 };

static const double step = 1e-6;

/* Numbers that reach every piece of every function. */
static struct pair wide(struct draw *draw)
{
    struct pair x = pair_normal(draw, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        pair_set(&x, i, 4 * x.f[i]);
    return x;
}

static void test_forward(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    for (size_t k = 0; k < ACTIVATIONS; k++) {
        struct pair x = wide(&draw), y = pair_zeros(COUNT);
        activation_forward(&activations[k], COUNT, x.f, y.f);
        reference_activation(&activations[k], COUNT, x.d, y.d);
        assert_pair_agrees("y", "an activation", &y);
        activation_forward(&activations[k], COUNT, x.f, x.f);
        assert_memory_equal(x.f, y.f, COUNT * sizeof *y.f);
        pair_free(&x);
        pair_free(&y);
    }
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    struct draw draw = {.seed = 2};
    for (size_t k = 0; k < ACTIVATIONS; k++) {
        struct pair x = wide(&draw), dy = pair_normal(&draw, COUNT), dx = pair_normal(&draw, COUNT);
        activation_backward(&activations[k], COUNT, x.f, dy.f, dx.f, false);
        for (size_t i = 0; i < COUNT; i++) {
            double around[2] = {x.d[i] - step, x.d[i] + step}, values[2];
            reference_activation(&activations[k], 2, around, values);
            dx.d[i] = dy.d[i] * (values[1] - values[0]) / (2 * step);
        }
        assert_pair_agrees("dx", "an activation", &dx);
        activation_backward(&activations[k], COUNT, x.f, dy.f, dx.f, true);
        for (size_t i = 0; i < COUNT; i++)
            dx.d[i] *= 2;
        assert_pair_agrees("dx added to itself", "an activation", &dx);
        activation_backward(&activations[k], COUNT, x.f, dy.f, dx.f, false);
        activation_backward(&activations[k], COUNT, x.f, dy.f, dy.f, false);
        assert_memory_equal(dy.f, dx.f, COUNT * sizeof *dx.f);
        pair_free(&x);
        pair_free(&dy);
        pair_free(&dx);
    }
}

static void test_nan_stays_and_infinity_saturates(void **state)
{
    (void)state;
    for (size_t k = 0; k < ACTIVATIONS; k++) {
        float x[] = {NAN, 1000, -1000}, y[3];
        activation_forward(&activations[k], 3, x, y);
        assert_true(isnan(y[0]));
        assert_true(isfinite(y[1]) && isfinite(y[2]));
    }
    const struct activation sigmoid = {ACTIVATION_SIGMOID, 0, 0};
    float x[] = {1000, -1000}, y[2];
    activation_forward(&sigmoid, 2, x, y);
    assert_true(y[0] == 1.0F && y[1] == 0.0F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_backward_is_the_derivative),
        cmocka_unit_test(test_nan_stays_and_infinity_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
