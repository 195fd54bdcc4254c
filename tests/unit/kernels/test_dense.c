#include <stdio.h>

#include "compute/kernels/dense.h"
#include "compute/reference/reference.h"
#include "tests/unit/kernels/kernel_test.h"

static void check(struct draw *draw, int32_t n, int32_t c, int32_t k)
{
    char text[64];
    snprintf(text, sizeof text, "dense n=%d c=%d k=%d", n, c, k);
    struct pair x = pair_normal(draw, (size_t)(n * c)), w = pair_normal(draw, (size_t)(c * k));
    struct pair bias = pair_normal(draw, (size_t)k), dy = pair_normal(draw, (size_t)(n * k));
    struct pair y = pair_normal(draw, dy.count), dx = pair_normal(draw, x.count);
    struct pair dw = pair_normal(draw, w.count), dbias = pair_normal(draw, bias.count);

    dense_forward(n, c, k, x.f, w.f, bias.f, y.f);
    reference_dense_forward(n, c, k, x.d, w.d, bias.d, y.d);
    assert_pair_agrees("y", text, &y);
    dense_forward(n, c, k, x.f, w.f, NULL, y.f);
    reference_dense_forward(n, c, k, x.d, w.d, NULL, y.d);
    assert_pair_agrees("y without bias", text, &y);
    if (dense_is_narrow(c, k)) {
        dense_forward_narrow(n, c, k, x.f, w.f, NULL, y.f);
        assert_pair_agrees("narrow y without bias", text, &y);
        dense_forward_narrow(n, c, k, x.f, w.f, bias.f, y.f);
        reference_dense_forward(n, c, k, x.d, w.d, bias.d, y.d);
        assert_pair_agrees("narrow y", text, &y);
    }

    reference_dense_backward(n, c, k, x.d, w.d, dy.d, dx.d, dw.d, dbias.d);
    dense_backward_weights(n, c, k, x.f, dy.f, dw.f, dbias.f);
    assert_pair_agrees("dw", text, &dw);
    assert_pair_agrees("dbias", text, &dbias);
    dense_backward_weights(n, c, k, x.f, dy.f, dw.f, NULL);
    assert_pair_agrees("dw without bias", text, &dw);
    dense_backward_data(n, c, k, w.f, dy.f, dx.f, false);
    assert_pair_agrees("dx", text, &dx);
    dense_backward_data(n, c, k, w.f, dy.f, dx.f, true);
    for (size_t i = 0; i < dx.count; i++)
        dx.d[i] *= 2;
    assert_pair_agrees("dx added to itself", text, &dx);

    struct pair *all[] = {&x, &w, &bias, &dy, &y, &dx, &dw, &dbias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pair_free(all[i]);
}

static void test_random_sizes(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    for (int i = 0; i < 40; i++)
        check(&draw, draw_between(&draw, 1, 40), draw_between(&draw, 1, 200), draw_between(&draw, 1, 100));
}

static void test_layers_of_known_networks(void **state)
{
    (void)state;
    struct draw draw = {.seed = 2};
    check(&draw, 16, 64, 10);
    check(&draw, 16, 3136, 128);
    check(&draw, 16, 784, 49);
    check(&draw, 1, 128, 10);
    check(&draw, 16, 46, 1);
}

static void test_one_output(void **state)
{
    (void)state;
    struct draw draw = {.seed = 3};
    check(&draw, 5, 33, 1);
    check(&draw, 1, 1, 1);
}

/* Scores must not depend on how images are grouped into calls. */
static void test_rows_give_the_same_bytes_in_any_group(void **state)
{
    (void)state;
    struct draw draw = {.seed = 4};
    enum { N = 23 };
    for (int32_t k = 1; k <= 40; k += k < 4 ? 1 : 9)
        for (int32_t c = 1; c < 800; c = 3 * c + 1) {
            struct pair x = pair_normal(&draw, (size_t)(N * c)), w = pair_normal(&draw, (size_t)(c * k));
            struct pair bias = pair_normal(&draw, (size_t)k);
            float together[N * 40], alone[40];
            dense_forward(N, c, k, x.f, w.f, bias.f, together);
            for (int32_t i = 0; i < N; i++) {
                dense_forward(1, c, k, x.f + i * c, w.f, bias.f, alone);
                assert_memory_equal(alone, together + i * k, (size_t)k * sizeof *alone);
            }
            pair_free(&x);
            pair_free(&w);
            pair_free(&bias);
        }
}

static void test_no_rows_give_zero_gradients(void **state)
{
    (void)state;
    const float none[1] = {0};
    float dw[] = {1, 2, 3, 4}, dbias[] = {5, 6};
    dense_backward_weights(0, 2, 2, none, none, dw, dbias);
    assert_true(dw[0] == 0 && dw[1] == 0 && dw[2] == 0 && dw[3] == 0);
    assert_true(dbias[0] == 0 && dbias[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_layers_of_known_networks),
        cmocka_unit_test(test_one_output),
        cmocka_unit_test(test_rows_give_the_same_bytes_in_any_group),
        cmocka_unit_test(test_no_rows_give_zero_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
