/* Convolutions of passes that do not train, against the reference. */
#include "compute/kernels/convolution_infer.h"

#include "compute/kernels/convolution_way.h"
#include "tests/unit/kernels/convolution_test.h"

static struct pair scaled(const struct pair *pair, float factor)
{
    struct pair made = pair_zeros(pair->count);
    for (size_t i = 0; i < pair->count; i++) {
        made.f[i] = factor * pair->f[i];
        made.d[i] = (double)made.f[i];
    }
    return made;
}

/* With a shift, then all of an epilogue, its residual being y itself; then image by image, to the same bytes.
 */
static void check_infer(const struct convolution *conv, int32_t n, struct draw *draw)
{
    struct tensors t = tensors_create(conv, n, draw);
    const char *text = convolution_text(conv, n);
    size_t floats = convolution_infer_scratch_floats(conv), k = (size_t)conv->out_c;
    size_t in = t.x.count / (size_t)n, out = t.y.count / (size_t)n;
    float *scratch = scratch_create(floats);
    struct pair scale = pair_normal(draw, k), residual = scaled(&t.y, 1), alone = scaled(&t.y, 0);
    const struct convolution_epilogue shift = {.shift = t.bias.f};
    const struct convolution_epilogue whole = {
        .scale = scale.f, .shift = t.bias.f, .residual = t.y.f, .relu = true};

    reference_convolution_forward(conv, n, t.x.d, t.w.d, NULL, t.y.d);
    convolution_infer(conv, n, t.x.f, t.w.f, &whole, t.y.f, scratch);
    for (size_t i = 0; i < t.y.count; i++) {
        double y = t.y.d[i] * scale.d[i % k] + t.bias.d[i % k] + residual.d[i];
        t.y.d[i] = y < 0 ? 0 : y;
    }
    assert_pair_agrees("y with an epilogue", text, &t.y);

    convolution_infer(conv, n, t.x.f, t.w.f, &shift, t.y.f, scratch);
    reference_convolution_forward(conv, n, t.x.d, t.w.d, t.bias.d, t.y.d);
    assert_pair_agrees("y", text, &t.y);
    for (size_t i = 0; i < (size_t)n; i++)
        convolution_infer(conv, 1, t.x.f + i * in, t.w.f, &shift, alone.f + i * out, scratch);
    assert_memory_equal(alone.f, t.y.f, t.y.count * sizeof *t.y.f);

    scratch_check_and_free(scratch, floats, text);
    pair_free(&scale);
    pair_free(&residual);
    pair_free(&alone);
    tensors_check_and_free(&t, text);
}

static void test_few_channels(void **state)
{
    (void)state;
    struct draw draw = {.seed = 41};
    for (int32_t k = 1; k <= 7; k++)
        for (int32_t pad = 0; pad <= 2; pad++) {
            struct convolution conv =
                square(draw_between(&draw, 3, 12), draw_between(&draw, 6, 40), k, 3, 1, pad);
            conv.in_h += draw_between(&draw, 0, 3);
            conv.pad_bottom = draw_between(&draw, 0, 2);
            conv.pad_left = draw_between(&draw, 0, 2);
            assert_true(convolution_complete(&conv));
            check_infer(&conv, 3, &draw);
        }
}

static void test_images_of_several_tiles(void **state)
{
    (void)state;
    struct draw draw = {.seed = 42};
    struct convolution large = square(70, 9, 4, 3, 1, 1), wide = square(1200, 8, 5, 3, 1, 1);
    wide.in_h = 4;
    assert_true(convolution_complete(&wide));
    check_infer(&large, 2, &draw);
    check_infer(&wide, 2, &draw);
}

static void test_the_way_is_told(void **state)
{
    (void)state;
    struct convolution depthwise = square(8, 4, 4, 3, 1, 1);
    const struct convolution few = square(16, 28, 4, 3, 1, 1), thin = square(16, 9, 28, 3, 1, 1),
                             plain = square(16, 32, 32, 3, 1, 1);
    depthwise.groups = 4;
    assert_string_equal(convolution_infer_way_name(&depthwise), "depthwise");
    assert_string_equal(convolution_infer_way_name(&few), "taps");
    assert_string_equal(convolution_infer_way_name(&thin), "direct");
    assert_string_equal(convolution_infer_way_name(&plain), "winograd4");
}

static void test_thin_inputs(void **state)
{
    (void)state;
    struct draw draw = {.seed = 44};
    const struct convolution layers[] = {square(16, 9, 28, 3, 1, 1), square(17, 11, 17, 3, 1, 0),
                                         square(32, 8, 16, 3, 1, 1)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_infer(&layers[i], 3, &draw);
}

static void test_a_way_that_is_asked_for_is_taken(void **state)
{
    (void)state;
    struct draw draw = {.seed = 45};
    const enum convolution_way ways[] = {CONVOLUTION_IM2COL, CONVOLUTION_WINOGRAD2, CONVOLUTION_WINOGRAD4};
    const struct convolution layers[] = {square(16, 9, 28, 3, 1, 1), square(16, 28, 4, 3, 1, 1)};
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
            convolution_force(ways[way]);
            struct tensors t = tensors_create(&layers[i], 2, &draw);
            struct pair y = scaled(&t.y, 0);
            assert_int_equal(convolution_asked(&layers[i], CONVOLUTION_FORWARD), ways[way]);
            assert_int_equal(convolution_infer_scratch_floats(&layers[i]), t.scratch_floats);
            convolution_forward(&layers[i], 2, t.x.f, t.w.f, NULL, t.y.f, t.scratch);
            convolution_infer(&layers[i], 2, t.x.f, t.w.f, NULL, y.f, t.scratch);
            assert_memory_equal(y.f, t.y.f, y.count * sizeof *y.f);
            pair_free(&y);
            tensors_check_and_free(&t, convolution_text(&layers[i], 2));
        }
    convolution_force(CONVOLUTION_AUTO);
    assert_int_equal(convolution_asked(&layers[0], CONVOLUTION_FORWARD), CONVOLUTION_AUTO);
}

static void test_what_is_computed_as_in_training(void **state)
{
    (void)state;
    struct draw draw = {.seed = 43};
    const struct convolution layers[] = {square(9, 16, 4, 3, 2, 1), square(9, 16, 4, 5, 1, 2),
                                         square(9, 3, 4, 3, 1, 1)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_infer(&layers[i], 3, &draw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_channels),
        cmocka_unit_test(test_images_of_several_tiles),
        cmocka_unit_test(test_the_way_is_told),
        cmocka_unit_test(test_thin_inputs),
        cmocka_unit_test(test_a_way_that_is_asked_for_is_taken),
        cmocka_unit_test(test_what_is_computed_as_in_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
