#include <stdio.h>

#include "compute/kernels/pooling.h"
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

struct tensors {
    struct pair x, dy, y, dx;
    uint16_t *winner;
};

static struct tensors tensors_create(struct draw *draw, const struct pooling *pool, int32_t n)
{
    size_t in = (size_t)n * (size_t)(pool->in_h * pool->in_w * pool->c);
    size_t out = (size_t)n * (size_t)(pool->out_h * pool->out_w * pool->c);
    struct tensors t = {.x = pair_normal(draw, in),
                        .dy = pair_normal(draw, out),
                        .y = pair_normal(draw, out),
                        .dx = pair_normal(draw, in)};
    assert_int_equal(memory_allocate(&t.winner, out, sizeof *t.winner, "test winners"), STATUS_OK);
    return t;
}

static void tensors_free(struct tensors *t)
{
    pair_free(&t->x);
    pair_free(&t->dy);
    pair_free(&t->y);
    pair_free(&t->dx);
    memory_free(&t->winner);
}

static const char *pooling_text(const char *kind, const struct pooling *pool, int32_t n)
{
    static char text[224];
    snprintf(text, sizeof text,
             "%s n=%d in=%dx%dx%d out=%dx%d kernel=%dx%d stride=%d,%d pad=%d,%d,%d,%d count=%d", kind, n,
             pool->in_h, pool->in_w, pool->c, pool->out_h, pool->out_w, pool->kernel_h, pool->kernel_w,
             pool->stride_h, pool->stride_w, pool->pad_top, pool->pad_left, pool->pad_bottom, pool->pad_right,
             pool->count_padding);
    return text;
}

static void assert_dx_doubled(struct pair *dx, const char *text)
{
    for (size_t i = 0; i < dx->count; i++)
        dx->d[i] *= 2;
    assert_pair_agrees("dx added to itself", text, dx);
}

static void check_maxpool(struct draw *draw, const struct pooling *pool, int32_t n)
{
    const char *text = pooling_text("maxpool", pool, n);
    struct tensors t = tensors_create(draw, pool, n);
    if (draw_between(draw, 0, 1) == 0)
        for (size_t i = 0; i < t.x.count; i++) /* few different values: many ties */
            pair_set(&t.x, i, floorf(t.x.f[i]));
    maxpool_forward(pool, n, t.x.f, t.y.f, t.winner);
    reference_maxpool_forward(pool, n, t.x.d, t.y.d);
    assert_pair_agrees("y", text, &t.y);
    maxpool_backward(pool, n, t.winner, t.dy.f, t.dx.f, false);
    reference_maxpool_backward(pool, n, t.x.d, t.dy.d, t.dx.d);
    assert_pair_agrees("dx", text, &t.dx);
    maxpool_backward(pool, n, t.winner, t.dy.f, t.dx.f, true);
    assert_dx_doubled(&t.dx, text);
    memset(t.y.f, 0, t.y.count * sizeof *t.y.f);
    maxpool_forward(pool, n, t.x.f, t.y.f, NULL);
    assert_pair_agrees("y without winners", text, &t.y);
    tensors_free(&t);
}

static void check_avgpool(struct draw *draw, const struct pooling *pool, int32_t n)
{
    const char *text = pooling_text("avgpool", pool, n);
    struct tensors t = tensors_create(draw, pool, n);
    avgpool_forward(pool, n, t.x.f, t.y.f);
    reference_avgpool_forward(pool, n, t.x.d, t.y.d);
    assert_pair_agrees("y", text, &t.y);
    avgpool_backward(pool, n, t.dy.f, t.dx.f, false);
    reference_avgpool_backward(pool, n, t.dy.d, t.dx.d);
    assert_pair_agrees("dx", text, &t.dx);
    avgpool_backward(pool, n, t.dy.f, t.dx.f, true);
    assert_dx_doubled(&t.dx, text);
    tensors_free(&t);
}

static struct pooling square(int32_t in, int32_t c, int32_t kernel, int32_t stride, int32_t pad, int32_t out)
{
    return (struct pooling){.in_h = in,
                            .in_w = in,
                            .c = c,
                            .out_h = out,
                            .out_w = out,
                            .kernel_h = kernel,
                            .kernel_w = kernel,
                            .stride_h = stride,
                            .stride_w = stride,
                            .pad_top = pad,
                            .pad_left = pad,
                            .pad_bottom = pad,
                            .pad_right = pad};
}

static void test_pools_of_known_networks(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    const struct pooling pools[] = {
        square(28, 32, 2, 2, 0, 14), square(14, 64, 2, 2, 0, 7), square(32, 64, 3, 2, 1, 16),
        square(7, 17, 2, 2, 0, 4), /* ceil mode: the last windows reach past the image */
    };
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        check_maxpool(&draw, &pools[i], 3);
        check_avgpool(&draw, &pools[i], 3);
    }
}

/* The kernels take any output size, so windows may lie wholly in the padding or beyond it. */
static void test_random_pools(void **state)
{
    (void)state;
    struct draw draw = {.seed = 2};
    static const int32_t channels[] = {1, 3, 16, 17, 64};
    for (int i = 0; i < 150; i++) {
        struct pooling pool = {.in_h = draw_between(&draw, 1, 10),
                               .in_w = draw_between(&draw, 1, 10),
                               .c = draw_one_of(&draw, channels, 5),
                               .out_h = draw_between(&draw, 1, 6),
                               .out_w = draw_between(&draw, 1, 6),
                               .kernel_h = draw_between(&draw, 1, 4),
                               .kernel_w = draw_between(&draw, 1, 4),
                               .stride_h = draw_between(&draw, 1, 3),
                               .stride_w = draw_between(&draw, 1, 3),
                               .pad_top = draw_between(&draw, 0, 3),
                               .pad_left = draw_between(&draw, 0, 3),
                               .pad_bottom = draw_between(&draw, 0, 3),
                               .pad_right = draw_between(&draw, 0, 3),
                               .count_padding = draw_between(&draw, 0, 1) == 1};
        int32_t n = draw_between(&draw, 1, 5);
        check_maxpool(&draw, &pool, n);
        check_avgpool(&draw, &pool, n);
    }
}

static void test_first_of_equals_wins(void **state)
{
    (void)state;
    const struct pooling pool = square(3, 1, 3, 1, 0, 1);
    const float x[] = {1, 2, 0, 2, 2, 1, 0, 2, 2}, dy[] = {5};
    float y[1], dx[9];
    uint16_t winner[1];
    maxpool_forward(&pool, 1, x, y, winner);
    assert_true(y[0] == 2.0F);
    assert_int_equal(winner[0], 1);
    maxpool_backward(&pool, 1, winner, dy, dx, false);
    for (int i = 0; i < 9; i++)
        assert_true(dx[i] == (i == 1 ? 5.0F : 0.0F));
}

/* Padding never wins, even against negative numbers. */
static void test_padding_is_not_a_pixel(void **state)
{
    (void)state;
    const struct pooling pool = square(1, 1, 3, 1, 1, 1);
    const float x[] = {-7};
    float y[1];
    uint16_t winner[1];
    maxpool_forward(&pool, 1, x, y, winner);
    assert_true(y[0] == -7.0F);
    assert_int_equal(winner[0], 4);
}

static void test_maximum_of_nan_is_nan(void **state)
{
    (void)state;
    const struct pooling pool = square(2, 1, 2, 1, 0, 1);
    for (int place = 0; place < 4; place++) {
        float x[] = {1, 2, 3, 4}, y[1], again[1];
        uint16_t winner[1];
        x[place] = NAN;
        maxpool_forward(&pool, 1, x, y, winner);
        maxpool_forward(&pool, 1, x, again, NULL);
        assert_true(isnan(y[0]) && isnan(again[0]));
        assert_int_equal(winner[0], place);
    }
}

static void test_window_without_pixels(void **state)
{
    (void)state;
    const struct pooling pool = square(2, 1, 2, 2, 0, 2); /* three of four windows lie outside */
    const float x[] = {-1, -2, -3, -4}, dy[] = {1, 10, 100, 1000};
    float y[4], dx[4];
    uint16_t winner[4];
    maxpool_forward(&pool, 1, x, y, winner);
    assert_true(y[0] == -1 && y[1] == 0 && y[2] == 0 && y[3] == 0);
    assert_int_equal(winner[3], MAXPOOL_NO_WINNER);
    maxpool_backward(&pool, 1, winner, dy, dx, false);
    assert_true(dx[0] == 1 && dx[1] == 0 && dx[2] == 0 && dx[3] == 0);
}

static void test_global_average(void **state)
{
    (void)state;
    struct draw draw = {.seed = 3};
    static const int32_t channels[] = {1, 3, 16, 17, 64, 130};
    for (int i = 0; i < 30; i++) {
        int32_t n = draw_between(&draw, 1, 5), h = draw_between(&draw, 1, 9), w = draw_between(&draw, 1, 9);
        int32_t c = draw_one_of(&draw, channels, 6);
        struct pair x = pair_normal(&draw, (size_t)(n * h * w * c)), y = pair_normal(&draw, (size_t)(n * c));
        struct pair dy = pair_normal(&draw, y.count), dx = pair_normal(&draw, x.count);
        global_avgpool_forward(n, h, w, c, x.f, y.f);
        reference_global_avgpool_forward(n, h, w, c, x.d, y.d);
        assert_pair_agrees("y", "global avgpool", &y);
        global_avgpool_backward(n, h, w, c, dy.f, dx.f, false);
        reference_global_avgpool_backward(n, h, w, c, dy.d, dx.d);
        assert_pair_agrees("dx", "global avgpool", &dx);
        global_avgpool_backward(n, h, w, c, dy.f, dx.f, true);
        assert_dx_doubled(&dx, "global avgpool");
        struct pair *all[] = {&x, &y, &dy, &dx};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            pair_free(all[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools_of_known_networks), cmocka_unit_test(test_random_pools),
        cmocka_unit_test(test_first_of_equals_wins),    cmocka_unit_test(test_padding_is_not_a_pixel),
        cmocka_unit_test(test_maximum_of_nan_is_nan),   cmocka_unit_test(test_window_without_pixels),
        cmocka_unit_test(test_global_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
