#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/data/image_adapt.h"

static void assert_ok(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("status %d: %s", (int)status, error_message());
}

/* Adapts one image and compares. */
static void check(struct shape from, struct shape to, const uint8_t *in, const uint8_t *expected)
{
    struct image_adapt *adapt;
    uint8_t *out;
    assert_ok(memory_allocate(&out, shape_count(to), 1, "test"));
    assert_ok(image_adapt_create(from, to, &adapt));
    image_adapt_run(adapt, 1, in, out);
    assert_memory_equal(out, expected, shape_count(to));
    image_adapt_destroy(&adapt);
    assert_null(adapt);
    image_adapt_destroy(&adapt);
    memory_free(&out);
}

/* Output pixels lie at −0.25, 0.25, 0.75 and 1.25 of the two. */
static void test_doubling_weights_by_quarters(void **state)
{
    (void)state;
    const uint8_t in[2] = {0, 200}, expected[4] = {0, 50, 150, 200};
    check((struct shape){1, 2, 1}, (struct shape){1, 4, 1}, in, expected);
    check((struct shape){2, 1, 1}, (struct shape){4, 1, 1}, in, expected);
}

/* Half-pixel centres: output pixel 0 lies at 0.5, 1 at 2.5. */
static void test_halving_averages_pairs(void **state)
{
    (void)state;
    const uint8_t in[4] = {10, 20, 100, 201}, expected[2] = {15, 151}; /* 150.5 rounds up */
    check((struct shape){1, 4, 1}, (struct shape){1, 2, 1}, in, expected);
}

/* 3 to 2 in both directions: positions 0.25 and 1.75. */
static void test_both_directions_multiply(void **state)
{
    (void)state;
    const uint8_t in[9] = {0, 40, 80, 40, 80, 120, 80, 120, 160}, expected[4] = {20, 80, 80, 140};
    check((struct shape){3, 3, 1}, (struct shape){2, 2, 1}, in, expected);
}

static void test_channels_stay_apart(void **state)
{
    (void)state;
    const uint8_t in[6] = {0, 1, 255, 200, 1, 0};
    const uint8_t expected[12] = {0, 1, 255, 50, 1, 191, 150, 1, 64, 200, 1, 0};
    check((struct shape){1, 2, 3}, (struct shape){1, 4, 3}, in, expected);
}

static void test_grey_repeats_and_rgb_becomes_luma(void **state)
{
    (void)state;
    const uint8_t grey[2] = {7, 250}, repeated[6] = {7, 7, 7, 250, 250, 250};
    check((struct shape){1, 2, 1}, (struct shape){1, 2, 3}, grey, repeated);
    const uint8_t rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    const uint8_t luma[4] = {76, 150, 29, 255}; /* 76.245, 149.685, 29.07 */
    check((struct shape){1, 4, 3}, (struct shape){1, 4, 1}, rgb, luma);
}

static void test_images_of_a_batch_are_alike(void **state)
{
    (void)state;
    const struct shape from = {5, 7, 3}, to = {9, 4, 1};
    struct image_adapt *adapt;
    uint8_t in[3 * 105], together[3 * 36], alone[36];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)random_below(4, 0, i, 256);
    assert_ok(image_adapt_create(from, to, &adapt));
    image_adapt_run(adapt, 3, in, together);
    for (size_t i = 0; i < 3; i++) {
        image_adapt_run(adapt, 1, in + i * shape_count(from), alone);
        assert_memory_equal(alone, together + i * 36, 36);
    }
    image_adapt_destroy(&adapt);
}

static void test_other_channel_counts_are_refused(void **state)
{
    (void)state;
    struct image_adapt *adapt = (struct image_adapt *)state;
    assert_int_equal(image_adapt_create((struct shape){4, 4, 2}, (struct shape){4, 4, 3}, &adapt),
                     STATUS_SHAPE);
    assert_non_null(strstr(error_message(), "grey against RGB"));
    assert_null(adapt);
    assert_int_equal(image_adapt_create((struct shape){0, 4, 1}, (struct shape){4, 4, 1}, &adapt),
                     STATUS_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubling_weights_by_quarters),
        cmocka_unit_test(test_halving_averages_pairs),
        cmocka_unit_test(test_both_directions_multiply),
        cmocka_unit_test(test_channels_stay_apart),
        cmocka_unit_test(test_grey_repeats_and_rgb_becomes_luma),
        cmocka_unit_test(test_images_of_a_batch_are_alike),
        cmocka_unit_test(test_other_channel_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
