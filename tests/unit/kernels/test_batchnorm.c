#include <stdio.h>

#include "compute/kernels/batchnorm.h"
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

static const float epsilon = 1e-3F;

struct tensors {
    struct pair x, dy, gamma, beta, mean, variance, y, dx, dgamma, dbeta;
};

static struct tensors tensors_create(struct draw *draw, size_t pixels, int32_t c)
{
    size_t count = pixels * (size_t)c, channels = (size_t)c;
    struct tensors t = {.x = pair_normal(draw, count),
                        .dy = pair_normal(draw, count),
                        .gamma = pair_normal(draw, channels),
                        .beta = pair_normal(draw, channels),
                        .mean = pair_zeros(channels),
                        .variance = pair_zeros(channels),
                        .y = pair_zeros(count),
                        .dx = pair_normal(draw, count),
                        .dgamma = pair_zeros(channels),
                        .dbeta = pair_zeros(channels)};
    for (size_t i = 0; i < count; i++) /* every channel its own mean and spread */
        pair_set(&t.x, i,
                 t.x.f[i] * (1.0F + 0.1F * (float)(i % channels % 7)) + (float)(i % channels % 5) - 2.0F);
    return t;
}

static void tensors_free(struct tensors *t)
{
    struct pair *all[] = {&t->x,        &t->dy, &t->gamma, &t->beta,   &t->mean,
                          &t->variance, &t->y,  &t->dx,    &t->dgamma, &t->dbeta};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void check(struct draw *draw, size_t pixels, int32_t c)
{
    char text[64];
    snprintf(text, sizeof text, "batchnorm of %zu pixels of %d channels", pixels, c);
    size_t floats = batchnorm_scratch_floats(c);
    float *scratch = scratch_create(floats);
    struct tensors t = tensors_create(draw, pixels, c);

    batchnorm_forward_training(pixels, c, t.x.f, t.gamma.f, t.beta.f, epsilon, NULL, t.mean.f, t.variance.f,
                               t.y.f, scratch);
    reference_batchnorm_training(pixels, c, t.x.d, t.gamma.d, t.beta.d, (double)epsilon, t.mean.d,
                                 t.variance.d, t.y.d);
    assert_pair_agrees("mean", text, &t.mean);
    assert_pair_agrees("variance", text, &t.variance);
    assert_pair_agrees("y", text, &t.y);

    reference_batchnorm_backward(pixels, c, t.x.d, t.gamma.d, (double)epsilon, t.dy.d, t.dx.d, t.dgamma.d,
                                 t.dbeta.d);
    batchnorm_backward(pixels, c, t.x.f, t.gamma.f, epsilon, NULL, t.mean.f, t.variance.f, t.dy.f, t.dgamma.f,
                       t.dbeta.f, t.dx.f, false, scratch);
    assert_pair_agrees("dgamma", text, &t.dgamma);
    assert_pair_agrees("dbeta", text, &t.dbeta);
    assert_pair_agrees("dx", text, &t.dx);
    batchnorm_backward(pixels, c, t.x.f, t.gamma.f, epsilon, NULL, t.mean.f, t.variance.f, t.dy.f, t.dgamma.f,
                       t.dbeta.f, t.dx.f, true, scratch);
    for (size_t i = 0; i < t.dx.count; i++)
        t.dx.d[i] *= 2;
    assert_pair_agrees("dx added to itself", text, &t.dx);

    scratch_check_and_free(scratch, floats, text);
    tensors_free(&t);
}

static void test_channels(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    static const int32_t channels[] = {1, 2, 3, 5, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 130, 513};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        check(&draw, 100 + 7 * i, channels[i]);
}

static void test_random_sizes(void **state)
{
    (void)state;
    struct draw draw = {.seed = 2};
    for (int i = 0; i < 40; i++)
        check(&draw, (size_t)draw_between(&draw, 16, 400), draw_between(&draw, 1, 200));
}

static void test_one_pixel_has_no_variance(void **state)
{
    (void)state;
    float x[] = {3, -1, 7}, gamma[] = {1, 2, 3}, beta[] = {0.5F, 0.25F, 0}, mean[3], variance[3], y[3];
    size_t floats = batchnorm_scratch_floats(3);
    float *scratch = scratch_create(floats);
    batchnorm_forward_training(1, 3, x, gamma, beta, epsilon, NULL, mean, variance, y, scratch);
    assert_memory_equal(mean, x, sizeof x);
    for (int j = 0; j < 3; j++)
        assert_true(variance[j] == 0.0F);
    assert_memory_equal(y, beta, sizeof beta);
    scratch_check_and_free(scratch, floats, "one pixel");
}

/* Σx² − (Σx)² of such numbers would keep no digit of the variance in float32. */
static void test_large_mean_small_variance(void **state)
{
    (void)state;
    enum { PIXELS = 300, C = 3 };
    struct draw draw = {.seed = 3};
    size_t floats = batchnorm_scratch_floats(C);
    float *scratch = scratch_create(floats);
    struct tensors t = tensors_create(&draw, PIXELS, C);
    for (size_t i = 0; i < t.x.count; i++)
        pair_set(&t.x, i, 4096.0F + t.x.f[i]);
    batchnorm_forward_training(PIXELS, C, t.x.f, t.gamma.f, t.beta.f, epsilon, NULL, t.mean.f, t.variance.f,
                               t.y.f, scratch);
    reference_batchnorm_training(PIXELS, C, t.x.d, t.gamma.d, t.beta.d, (double)epsilon, t.mean.d,
                                 t.variance.d, t.y.d);
    assert_pair_agrees("mean", "a large mean", &t.mean);
    assert_pair_agrees("variance", "a large mean", &t.variance);
    scratch_check_and_free(scratch, floats, "a large mean");
    tensors_free(&t);
}

static void test_inference(void **state)
{
    (void)state;
    struct draw draw = {.seed = 4};
    for (int32_t c = 1; c <= 129; c += 16) {
        size_t pixels = 77, floats = batchnorm_scratch_floats(c);
        float *scratch = scratch_create(floats);
        struct tensors t = tensors_create(&draw, pixels, c);
        for (int32_t j = 0; j < c; j++) {
            pair_set(&t.mean, (size_t)j, 0.1F * (float)j);
            pair_set(&t.variance, (size_t)j, 0.5F + 0.01F * (float)j);
        }
        batchnorm_forward_inference(pixels, c, t.x.f, t.gamma.f, t.beta.f, epsilon, NULL, t.mean.f,
                                    t.variance.f, t.y.f, scratch);
        reference_batchnorm_inference(pixels, c, t.x.d, t.gamma.d, t.beta.d, (double)epsilon, t.mean.d,
                                      t.variance.d, t.y.d);
        assert_pair_agrees("y", "inference", &t.y);
        scratch_check_and_free(scratch, floats, "inference");
        tensors_free(&t);
    }
}

/* The epilogue, in both modes and in place, against its parts done one by one by the reference. */
static void check_epilogue(struct draw *draw, size_t pixels, int32_t c, bool added, bool relu)
{
    char text[80];
    snprintf(text, sizeof text, "%zu pixels of %d channels%s%s", pixels, c, added ? ", residual" : "",
             relu ? ", relu" : "");
    size_t floats = batchnorm_scratch_floats(c);
    float *scratch = scratch_create(floats);
    struct tensors t = tensors_create(draw, pixels, c);
    struct pair residual = pair_normal(draw, t.x.count), dz = pair_normal(draw, t.x.count);
    struct pair dresidual = pair_normal(draw, t.x.count);
    const struct batchnorm_epilogue epilogue = {added ? residual.f : NULL, relu};

    reference_batchnorm_training(pixels, c, t.x.d, t.gamma.d, t.beta.d, (double)epsilon, t.mean.d,
                                 t.variance.d, t.y.d);
    for (size_t i = 0; added && i < t.y.count; i++)
        t.y.d[i] += residual.d[i];
    memcpy(dz.d, t.dy.d, t.dy.count * sizeof *dz.d);
    if (relu) {
        reference_relu_backward(t.y.count, t.y.d, t.dy.d, dz.d);
        reference_relu_forward(t.y.count, t.y.d, t.y.d);
    }
    batchnorm_forward_training(pixels, c, t.x.f, t.gamma.f, t.beta.f, epsilon, &epilogue, t.mean.f,
                               t.variance.f, t.y.f, scratch);
    assert_pair_agrees("y", text, &t.y);
    batchnorm_forward_inference(pixels, c, t.x.f, t.gamma.f, t.beta.f, epsilon, &epilogue, t.mean.f,
                                t.variance.f, t.y.f, scratch);
    assert_pair_agrees("y of inference", text, &t.y);
    if (added) {
        memcpy(t.y.f, residual.f, t.y.count * sizeof *t.y.f);
        const struct batchnorm_epilogue over = {t.y.f, relu};
        batchnorm_forward_training(pixels, c, t.x.f, t.gamma.f, t.beta.f, epsilon, &over, t.mean.f,
                                   t.variance.f, t.y.f, scratch);
        assert_pair_agrees("y over its residual", text, &t.y);
    }

    struct batchnorm_epilogue_gradient gradient = {.y = relu ? t.y.f : NULL,
                                                   .dresidual = added ? dresidual.f : NULL};
    reference_batchnorm_backward(pixels, c, t.x.d, t.gamma.d, (double)epsilon, dz.d, t.dx.d, t.dgamma.d,
                                 t.dbeta.d);
    batchnorm_backward(pixels, c, t.x.f, t.gamma.f, epsilon, &gradient, t.mean.f, t.variance.f, t.dy.f,
                       t.dgamma.f, t.dbeta.f, t.dx.f, false, scratch);
    assert_pair_agrees("dgamma", text, &t.dgamma);
    assert_pair_agrees("dbeta", text, &t.dbeta);
    assert_pair_agrees("dx", text, &t.dx);
    if (added) {
        assert_agrees("dresidual", text, dz.count, dresidual.f, dz.d);
        gradient.accumulate_residual = true; /* dx over dy: the residual's gradient must be taken before */
        memcpy(dz.f, t.dy.f, dz.count * sizeof *dz.f);
        batchnorm_backward(pixels, c, t.x.f, t.gamma.f, epsilon, &gradient, t.mean.f, t.variance.f, dz.f,
                           t.dgamma.f, t.dbeta.f, dz.f, false, scratch);
        assert_agrees("dx over dy", text, dz.count, dz.f, t.dx.d);
        gradient = (struct batchnorm_epilogue_gradient){.y = gradient.y, .dresidual = t.dy.f};
        batchnorm_backward(pixels, c, t.x.f, t.gamma.f, epsilon, &gradient, t.mean.f, t.variance.f, t.dy.f,
                           t.dgamma.f, t.dbeta.f, t.dx.f, false, scratch);
        assert_pair_agrees("dx beside dresidual over dy", text, &t.dx);
        assert_agrees("dresidual over dy", text, dz.count, t.dy.f, dz.d);
        for (size_t i = 0; i < dz.count; i++)
            dz.d[i] *= 2;
        assert_agrees("dresidual added to itself", text, dz.count, dresidual.f, dz.d);
    }
    pair_free(&residual);
    pair_free(&dz);
    pair_free(&dresidual);
    scratch_check_and_free(scratch, floats, text);
    tensors_free(&t);
}

static void test_epilogue(void **state)
{
    (void)state;
    struct draw draw = {.seed = 6};
    static const int32_t channels[] = {1, 3, 16, 17, 63, 64, 65, 129, 200};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (int parts = 0; parts < 4; parts++)
            check_epilogue(&draw, 50 + 13 * i, channels[i], parts & 1, parts & 2);
}

/* In place, y may be x and dx may be dy, with the same bytes as apart. */
static void test_in_place(void **state)
{
    (void)state;
    enum { PIXELS = 90, C = 17 };
    struct draw draw = {.seed = 5};
    size_t floats = batchnorm_scratch_floats(C), bytes = (size_t)PIXELS * C * sizeof(float);
    float *scratch = scratch_create(floats);
    struct tensors t = tensors_create(&draw, PIXELS, C);
    struct pair x = pair_zeros(t.x.count);
    memcpy(x.f, t.x.f, bytes);
    batchnorm_forward_training(PIXELS, C, t.x.f, t.gamma.f, t.beta.f, epsilon, NULL, t.mean.f, t.variance.f,
                               t.y.f, scratch);
    batchnorm_forward_training(PIXELS, C, x.f, t.gamma.f, t.beta.f, epsilon, NULL, t.mean.f, t.variance.f,
                               x.f, scratch);
    assert_memory_equal(x.f, t.y.f, bytes);
    batchnorm_backward(PIXELS, C, t.x.f, t.gamma.f, epsilon, NULL, t.mean.f, t.variance.f, t.dy.f, t.dgamma.f,
                       t.dbeta.f, t.dx.f, false, scratch);
    batchnorm_backward(PIXELS, C, t.x.f, t.gamma.f, epsilon, NULL, t.mean.f, t.variance.f, t.dy.f, t.dgamma.f,
                       t.dbeta.f, t.dy.f, false, scratch);
    assert_memory_equal(t.dy.f, t.dx.f, bytes);
    scratch_check_and_free(scratch, floats, "in place");
    pair_free(&x);
    tensors_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_one_pixel_has_no_variance),
        cmocka_unit_test(test_large_mean_small_variance),
        cmocka_unit_test(test_inference),
        cmocka_unit_test(test_epilogue),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
