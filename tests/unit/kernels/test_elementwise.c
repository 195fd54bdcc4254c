#include <stdio.h>

#include "compute/kernels/elementwise.h"
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

static void test_relu(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    for (size_t count = 1; count < 200; count += 9) {
        struct pair x = pair_normal(&draw, count), dy = pair_normal(&draw, count);
        struct pair y = pair_normal(&draw, count), dx = pair_normal(&draw, count);
        relu_forward(count, x.f, y.f);
        reference_relu_forward(count, x.d, y.d);
        assert_pair_agrees("y", "relu", &y);
        relu_backward(count, y.f, dy.f, dx.f, false);
        reference_relu_backward(count, x.d, dy.d, dx.d);
        assert_pair_agrees("dx", "relu", &dx);
        relu_backward(count, y.f, dy.f, dx.f, true);
        for (size_t i = 0; i < count; i++)
            dx.d[i] *= 2;
        assert_pair_agrees("dx added to itself", "relu", &dx);

        relu_forward(count, x.f, x.f);
        assert_memory_equal(x.f, y.f, count * sizeof *y.f);
        relu_backward(count, y.f, dy.f, dx.f, false);
        relu_backward(count, y.f, dy.f, dy.f, false);
        assert_memory_equal(dy.f, dx.f, count * sizeof *dx.f);
        struct pair *all[] = {&x, &dy, &y, &dx};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            pair_free(all[i]);
    }
}

/* Whole vectors and the loop's tail alike. */
static void test_relu_lets_nan_through(void **state)
{
    (void)state;
    float x[21], y[21];
    for (size_t i = 0; i < 21; i++)
        x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -1.0F : INFINITY;
    relu_forward(21, x, y);
    for (size_t i = 0; i < 21; i++)
        assert_true(i % 3 == 0 ? isnan(y[i]) : i % 3 == 1 ? y[i] == 0.0F : isinf(y[i]));
}

static void test_relu_passes_no_gradient_at_zero(void **state)
{
    (void)state;
    const float y[] = {0.0F, -0.0F, 1.0F}, dy[] = {2, 3, 4};
    float dx[3];
    relu_backward(3, y, dy, dx, false);
    assert_true(dx[0] == 0.0F && dx[1] == 0.0F && dx[2] == 4.0F);
}

static void test_mask_is_applied_to_every_image(void **state)
{
    (void)state;
    enum { N = 3, UNITS = 37 };
    struct draw draw = {.seed = 2};
    struct pair x = pair_normal(&draw, N * UNITS);
    float keep[UNITS];
    for (size_t j = 0; j < UNITS; j++)
        keep[j] = j % 3 == 0 ? 0.0F : 1.0F;
    mask_apply(N, UNITS, keep, x.f);
    for (size_t i = 0; i < x.count; i++)
        assert_true((double)x.f[i] == (i % UNITS % 3 == 0 ? 0.0 : x.d[i]));
    pair_free(&x);
}

static void test_add(void **state)
{
    (void)state;
    const float b[] = {10, 20, 30};
    float a[] = {1, 2, 3}, y[3];
    add_forward(3, a, b, y);
    assert_true(y[0] == 11 && y[1] == 22 && y[2] == 33);
    add_forward(3, a, b, a);
    assert_memory_equal(a, y, sizeof y);
    add_forward(3, a, a, a);
    assert_true(a[0] == 22 && a[1] == 44 && a[2] == 66);
}

static void test_copy_or_add(void **state)
{
    (void)state;
    const float src[] = {1, 2, 3};
    float dst[] = {10, NAN, 30};
    copy_or_add(3, src, dst, false);
    assert_memory_equal(dst, src, sizeof src);
    copy_or_add(3, src, dst, true);
    assert_true(dst[0] == 2 && dst[1] == 4 && dst[2] == 6);
}

/* Two tensors side by side, taken apart again: what concatenation over channels does. */
static void test_copy_rows_concatenates_and_splits(void **state)
{
    (void)state;
    enum { ROWS = 5, A = 3, B = 4, BOTH = A + B };
    struct draw draw = {.seed = 3};
    struct pair a = pair_normal(&draw, ROWS * A), b = pair_normal(&draw, ROWS * B);
    float both[ROWS * BOTH], back[ROWS * B];
    copy_rows(ROWS, A, a.f, A, both, BOTH, false);
    copy_rows(ROWS, B, b.f, B, both + A, BOTH, false);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < BOTH; j++)
            assert_true(both[i * BOTH + j] == (j < A ? a.f[i * A + j] : b.f[i * B + j - A]));
    copy_rows(ROWS, B, both + A, BOTH, back, B, false);
    assert_memory_equal(back, b.f, sizeof back);
    copy_rows(ROWS, B, both + A, BOTH, back, B, true);
    for (size_t i = 0; i < ROWS * B; i++)
        assert_true(back[i] == 2 * b.f[i]);
    pair_free(&a);
    pair_free(&b);
}

static void check_window(struct draw *draw, const struct window *window, int32_t n)
{
    char text[160];
    snprintf(text, sizeof text, "window of %dx%dx%d to %dx%dx%d from %d,%d,%d step %d,%d, n=%d", window->in_h,
             window->in_w, window->in_c, window->out_h, window->out_w, window->out_c, window->from_h,
             window->from_w, window->from_c, window->step_h, window->step_w, n);
    size_t in = (size_t)n * (size_t)(window->in_h * window->in_w * window->in_c);
    size_t out = (size_t)n * (size_t)(window->out_h * window->out_w * window->out_c);
    struct pair x = pair_normal(draw, in), dy = pair_normal(draw, out);
    struct pair y = pair_normal(draw, out), dx = pair_normal(draw, in);
    window_forward(window, n, x.f, y.f);
    reference_window_forward(window, n, x.d, y.d);
    assert_pair_agrees("y", text, &y);
    window_backward(window, n, dy.f, dx.f, false);
    reference_window_backward(window, n, dy.d, dx.d);
    assert_pair_agrees("dx", text, &dx);
    window_backward(window, n, dy.f, dx.f, true);
    for (size_t i = 0; i < in; i++)
        dx.d[i] *= 2;
    assert_pair_agrees("dx added to itself", text, &dx);
    struct pair *all[] = {&x, &dy, &y, &dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void test_window_of_option_a_shortcut(void **state)
{
    (void)state;
    struct draw draw = {.seed = 4};
    struct window window = {.in_h = 8,
                            .in_w = 8,
                            .in_c = 16,
                            .out_h = 4,
                            .out_w = 4,
                            .out_c = 32,
                            .from_c = -8,
                            .step_h = 2,
                            .step_w = 2};
    check_window(&draw, &window, 3);
}

static void test_window_beside_the_image(void **state)
{
    (void)state;
    struct draw draw = {.seed = 5};
    struct window window = {.in_h = 4,
                            .in_w = 4,
                            .in_c = 2,
                            .out_h = 3,
                            .out_w = 3,
                            .out_c = 2,
                            .from_h = 4,
                            .step_h = 1,
                            .step_w = 1};
    check_window(&draw, &window, 2); /* below */
    window.from_h = -3;
    check_window(&draw, &window, 2); /* above */
    window.from_h = 0;
    window.from_c = 2;
    check_window(&draw, &window, 2); /* behind the last channel */
}

static void test_random_windows(void **state)
{
    (void)state;
    struct draw draw = {.seed = 6};
    for (int i = 0; i < 200; i++) {
        struct window window = {.in_h = draw_between(&draw, 1, 9),
                                .in_w = draw_between(&draw, 1, 9),
                                .in_c = draw_between(&draw, 1, 9),
                                .out_h = draw_between(&draw, 1, 9),
                                .out_w = draw_between(&draw, 1, 9),
                                .out_c = draw_between(&draw, 1, 9),
                                .from_h = draw_between(&draw, -5, 5),
                                .from_w = draw_between(&draw, -5, 5),
                                .from_c = draw_between(&draw, -5, 5),
                                .step_h = draw_between(&draw, 1, 3),
                                .step_w = draw_between(&draw, 1, 3)};
        check_window(&draw, &window, draw_between(&draw, 1, 3));
    }
}

/* y = a·b, da += b·dy and db += a·dy, with as many factors as pixels or one a channel. */
static void check_multiply(struct draw *draw, int32_t n, size_t pixels, size_t factor_pixels, size_t c)
{
    size_t count = (size_t)n * pixels * c, factors = (size_t)n * factor_pixels * c;
    struct pair a = pair_normal(draw, count), b = pair_normal(draw, factors), dy = pair_normal(draw, count);
    struct pair y = pair_zeros(count), da = pair_normal(draw, count), db = pair_normal(draw, factors);
    struct pair only = pair_zeros(factors);
    for (size_t i = 0; i < count; i++) {
        size_t image = i / (pixels * c), unit = i % (pixels * c);
        size_t f = image * factor_pixels * c + (factor_pixels == pixels ? unit : unit % c);
        y.d[i] = a.d[i] * b.d[f];
        da.d[i] += dy.d[i] * b.d[f];
        db.d[f] += dy.d[i] * a.d[i];
        only.d[f] += dy.d[i] * a.d[i];
    }
    multiply_forward(n, pixels, factor_pixels, c, a.f, b.f, y.f);
    assert_pair_agrees("y", "multiply", &y);
    multiply_backward(n, pixels, factor_pixels, c, a.f, b.f, dy.f, da.f, true, db.f, true);
    assert_pair_agrees("da", "multiply", &da);
    assert_pair_agrees("db", "multiply", &db);
    multiply_backward(n, pixels, factor_pixels, c, a.f, b.f, dy.f, NULL, false, only.f, false);
    assert_pair_agrees("db alone", "multiply", &only);
    multiply_forward(n, pixels, factor_pixels, c, a.f, b.f, a.f);
    assert_memory_equal(a.f, y.f, count * sizeof *y.f);
    struct pair *all[] = {&a, &b, &dy, &y, &da, &db, &only};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void test_multiply(void **state)
{
    (void)state;
    struct draw draw = {.seed = 9};
    for (size_t c = 1; c < 40; c += 6) {
        check_multiply(&draw, 3, 7, 7, c);
        check_multiply(&draw, 3, 7, 1, c);
        check_multiply(&draw, 2, 1, 1, c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relu),
        cmocka_unit_test(test_relu_lets_nan_through),
        cmocka_unit_test(test_relu_passes_no_gradient_at_zero),
        cmocka_unit_test(test_mask_is_applied_to_every_image),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_multiply),
        cmocka_unit_test(test_copy_or_add),
        cmocka_unit_test(test_copy_rows_concatenates_and_splits),
        cmocka_unit_test(test_window_of_option_a_shortcut),
        cmocka_unit_test(test_window_beside_the_image),
        cmocka_unit_test(test_random_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
