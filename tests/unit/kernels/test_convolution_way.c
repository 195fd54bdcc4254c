#include "compute/kernels/convolution_way.h"
#include "tests/unit/kernels/convolution_test.h"

/* What Winograd's transforms may lose; the other ways round like any sum in float32. */
static double tolerance_of(enum convolution_way way)
{
    return way == CONVOLUTION_WINOGRAD2 || way == CONVOLUTION_WINOGRAD4 ? 1e-4 : 1e-5;
}

static int force_nothing(void **state)
{
    (void)state;
    convolution_force(CONVOLUTION_AUTO);
    convolution_use_plan(NULL, 0);
    return 0;
}

/* A 3×3 convolution of stride 1, with any sizes and paddings. */
static struct convolution draw_3x3(struct draw *draw)
{
    struct convolution conv;
    do {
        conv = (struct convolution){.in_h = draw_between(draw, 1, 17),
                                    .in_w = draw_between(draw, 1, 17),
                                    .in_c = draw_between(draw, 1, 40),
                                    .out_c = draw_between(draw, 1, 40),
                                    .kernel_h = 3,
                                    .kernel_w = 3,
                                    .stride_h = 1,
                                    .stride_w = 1,
                                    .pad_top = draw_between(draw, 0, 4),
                                    .pad_left = draw_between(draw, 0, 4),
                                    .pad_bottom = draw_between(draw, 0, 4),
                                    .pad_right = draw_between(draw, 0, 4),
                                    .dilation_h = 1,
                                    .dilation_w = 1,
                                    .groups = 1};
    } while (!convolution_complete(&conv));
    return conv;
}

static void check_way(enum convolution_way way, uint64_t seed)
{
    struct draw draw = {.seed = seed};
    convolution_force(way);
    for (int i = 0; i < 30; i++) {
        struct convolution conv = draw_3x3(&draw);
        check_within(&conv, draw_between(&draw, 1, 5), &draw, tolerance_of(way));
    }
    for (int i = 0; i < 30; i++) {
        struct convolution conv = draw_convolution(&draw);
        check_within(&conv, draw_between(&draw, 1, 4), &draw, tolerance_of(way));
    }
    const struct convolution layers[] = {
        square(32, 16, 16, 3, 1, 1),  square(16, 32, 32, 3, 1, 1),  square(8, 64, 64, 3, 1, 1),
        square(4, 256, 256, 3, 1, 1), square(28, 1, 32, 5, 1, 2),   square(32, 16, 32, 3, 2, 1),
        square(7, 130, 144, 3, 1, 1), square(130, 16, 16, 3, 1, 1), square(16, 31, 5, 3, 1, 1),
        square(16, 4, 31, 3, 1, 1),   square(16, 16, 3, 3, 2, 1),   square(8, 53, 2, 1, 1, 0)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_within(&layers[i], 2, &draw, tolerance_of(way));
    for (int i = 0; i < 6; i++) {
        struct convolution conv = draw_3x3(&draw);
        check_epilogues(&conv, 3, &draw, tolerance_of(way));
    }
    check_epilogues(&layers[2], 2, &draw, tolerance_of(way));
}

static void test_im2col(void **state)
{
    (void)state;
    check_way(CONVOLUTION_IM2COL, 21);
}

static void test_direct(void **state)
{
    (void)state;
    check_way(CONVOLUTION_DIRECT, 22);
}

static void test_winograd2(void **state)
{
    (void)state;
    check_way(CONVOLUTION_WINOGRAD2, 23);
}

static void test_winograd4(void **state)
{
    (void)state;
    check_way(CONVOLUTION_WINOGRAD4, 24);
}

/* Scores must not depend on how images are grouped into calls, nor gradients with respect to them. */
static void test_images_give_the_same_bytes_in_any_group(void **state)
{
    (void)state;
    struct draw draw = {.seed = 25};
    const struct convolution layers[] = {square(32, 3, 16, 3, 1, 1),   square(9, 16, 32, 3, 1, 1),
                                         square(8, 64, 64, 3, 1, 1),   square(6, 24, 20, 3, 1, 1),
                                         square(4, 128, 144, 3, 1, 1), square(16, 31, 5, 3, 1, 1),
                                         square(8, 5, 31, 3, 1, 1),    square(16, 16, 3, 3, 2, 1)};
    enum { N = 7 };
    for (int way = 0; way < CONVOLUTION_WAY_COUNT; way++)
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
            convolution_force((enum convolution_way)way);
            const struct convolution *conv = &layers[i];
            struct tensors t = tensors_create(conv, N, &draw);
            size_t in = t.x.count / N, out = t.y.count / N;
            struct pair y = pair_zeros(t.y.count), dx = pair_zeros(t.x.count);
            const struct convolution_epilogue epilogue = {.shift = t.bias.f, .relu = true};
            convolution_forward(conv, N, t.x.f, t.w.f, &epilogue, t.y.f, t.scratch);
            convolution_backward_data(conv, N, t.w.f, t.dy.f, t.dx.f, false, t.scratch);
            for (int32_t done = 0, group = 1; done<N; done += group, group = N - done> 2 ? 2 : N - done) {
                size_t first = (size_t)done;
                convolution_forward(conv, group, t.x.f + first * in, t.w.f, &epilogue, y.f + first * out,
                                    t.scratch);
                convolution_backward_data(conv, group, t.w.f, t.dy.f + first * out, dx.f + first * in, false,
                                          t.scratch);
            }
            const char *text = convolution_text(conv, N);
            if (memcmp(y.f, t.y.f, y.count * sizeof *y.f) != 0 ||
                memcmp(dx.f, t.dx.f, dx.count * sizeof *dx.f) != 0)
                fail_msg("%s, %s: other bytes in groups of two", text,
                         convolution_way_name((enum convolution_way)way));
            pair_free(&y);
            pair_free(&dx);
            tensors_check_and_free(&t, text);
        }
}

/* A 3×3 convolution that im2col alone can do. */
static struct convolution dilated_square(int32_t in, int32_t c, int32_t k)
{
    struct convolution conv = square(in, c, k, 3, 1, 2);
    conv.dilation_h = conv.dilation_w = 2;
    assert_true(convolution_complete(&conv));
    return conv;
}

static void test_a_forced_way_is_taken_where_it_applies(void **state)
{
    (void)state;
    const struct convolution plain = square(8, 32, 32, 3, 1, 1), strided = square(8, 32, 32, 3, 2, 1);
    const struct convolution dilated = dilated_square(8, 17, 19);
    for (int way = CONVOLUTION_IM2COL; way < CONVOLUTION_WAY_COUNT; way++)
        for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++) {
            convolution_force((enum convolution_way)way);
            assert_int_equal(convolution_choose(&plain, (enum convolution_step)step), way);
        }
    convolution_force(CONVOLUTION_WINOGRAD4);
    assert_int_equal(convolution_choose(&strided, CONVOLUTION_FORWARD), CONVOLUTION_DIRECT);
    assert_int_equal(convolution_choose(&dilated, CONVOLUTION_FORWARD), CONVOLUTION_IM2COL);
    convolution_force(CONVOLUTION_DIRECT);
    assert_int_equal(convolution_choose(&dilated, CONVOLUTION_FORWARD), CONVOLUTION_IM2COL);
}

static void test_a_plan_comes_before_the_table(void **state)
{
    (void)state;
    const struct convolution conv = square(8, 32, 32, 3, 1, 1), other = square(8, 32, 48, 3, 1, 1);
    const struct convolution dilated = dilated_square(8, 17, 19);
    const struct convolution_plan_entry plan[] = {
        {dilated, {CONVOLUTION_WINOGRAD2, CONVOLUTION_DIRECT, CONVOLUTION_AUTO}}, /* none of them applies */
        {conv, {CONVOLUTION_WINOGRAD2, CONVOLUTION_IM2COL, CONVOLUTION_DIRECT}}};
    enum convolution_way table = convolution_choose(&other, CONVOLUTION_FORWARD);
    convolution_use_plan(plan, 2);
    assert_int_equal(convolution_choose(&conv, CONVOLUTION_FORWARD), CONVOLUTION_WINOGRAD2);
    assert_int_equal(convolution_choose(&conv, CONVOLUTION_WEIGHTS), CONVOLUTION_IM2COL);
    assert_int_equal(convolution_choose(&conv, CONVOLUTION_DATA), CONVOLUTION_DIRECT);
    assert_int_equal(convolution_choose(&other, CONVOLUTION_FORWARD), table);
    for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++)
        assert_int_equal(convolution_choose(&dilated, (enum convolution_step)step), CONVOLUTION_IM2COL);
    convolution_force(CONVOLUTION_WINOGRAD4);
    assert_int_equal(convolution_choose(&conv, CONVOLUTION_FORWARD), CONVOLUTION_WINOGRAD4);
}

static void test_tuning_gives_ways_that_apply(void **state)
{
    (void)state;
    const struct convolution layers[] = {square(8, 16, 32, 3, 1, 1), square(9, 5, 7, 5, 2, 2),
                                         square(8, 16, 16, 1, 1, 0)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct convolution_plan_entry entry;
        assert_int_equal(convolution_tune(&layers[i], 2, &entry), STATUS_OK);
        assert_memory_equal(&entry.conv, &layers[i], sizeof entry.conv);
        convolution_use_plan(&entry, 1);
        for (int step = 0; step < CONVOLUTION_STEP_COUNT; step++) {
            assert_true(convolution_way_applies(entry.ways[step], &layers[i]));
            assert_int_equal(convolution_choose(&layers[i], (enum convolution_step)step), entry.ways[step]);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    for (int way = 0; way < CONVOLUTION_WAY_COUNT; way++)
        assert_int_equal(convolution_way_named(convolution_way_name((enum convolution_way)way)), way);
    assert_int_equal(convolution_way_named("im2row"), CONVOLUTION_WAY_COUNT);
    assert_null(convolution_way_name(CONVOLUTION_WAY_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_im2col, force_nothing),
        cmocka_unit_test_teardown(test_direct, force_nothing),
        cmocka_unit_test_teardown(test_winograd2, force_nothing),
        cmocka_unit_test_teardown(test_winograd4, force_nothing),
        cmocka_unit_test_teardown(test_images_give_the_same_bytes_in_any_group, force_nothing),
        cmocka_unit_test_teardown(test_a_forced_way_is_taken_where_it_applies, force_nothing),
        cmocka_unit_test_teardown(test_a_plan_comes_before_the_table, force_nothing),
        cmocka_unit_test_teardown(test_tuning_gives_ways_that_apply, force_nothing),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
