#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>

#include <cmocka.h>

#include "compute/data/scaling.h"

enum { PIXELS_MAX = 70 };

static void test_default_is_255ths(void **state)
{
    struct scaling scaling = scaling_default();
    const uint8_t in[3] = {0, 51, 255};
    float out[3];
    (void)state;
    scaling_apply(&scaling, 3, 1, in, out);
    assert_true(out[0] == 0.0F);
    assert_true(fabsf(out[1] - 0.2F) < 1e-7F);
    assert_true(out[2] == 1.0F);
}

static struct scaling varied_scaling(void)
{
    struct scaling scaling = {.scale = 1.0F / 65025.0F};
    for (int c = 0; c < SCALING_CHANNELS_MAX; c++) {
        scaling.mean[c] = 0.1F * (float)c;
        scaling.std[c] = 0.5F + 0.25F * (float)c;
    }
    return scaling;
}

/* Every number of channels, and numbers of pixels on both sides of any block. */
static void test_formula_for_all_channels(void **state)
{
    static uint8_t in[PIXELS_MAX * SCALING_CHANNELS_MAX];
    static float out[PIXELS_MAX * SCALING_CHANNELS_MAX + 1];
    struct scaling scaling = varied_scaling();
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(37 * i + 11);
    for (int32_t c = 1; c <= SCALING_CHANNELS_MAX; c++)
        for (size_t pixels = 0; pixels <= PIXELS_MAX; pixels += pixels < 3 ? 1 : 13) {
            size_t count = pixels * (size_t)c;
            out[count] = -12345.0F;
            scaling_apply(&scaling, pixels, c, in, out);
            for (size_t i = 0; i < count; i++) {
                size_t channel = i % (size_t)c;
                double expected = ((double)in[i] * (double)scaling.scale - (double)scaling.mean[channel]) /
                                  (double)scaling.std[channel];
                assert_true(fabs((double)out[i] - expected) <= 1e-6 * fmax(1.0, fabs(expected)));
            }
            assert_true(out[count] == -12345.0F); /* nothing is written behind */
        }
}

/* A pixel gives the same float wherever it stands, so that results do not depend on how images are grouped.
 */
static void test_place_does_not_matter(void **state)
{
    uint8_t in[3 * PIXELS_MAX];
    float together[3 * PIXELS_MAX], alone[3];
    struct scaling scaling = varied_scaling();
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(91 * i);
    scaling_apply(&scaling, PIXELS_MAX, 3, in, together);
    for (size_t pixel = 0; pixel < PIXELS_MAX; pixel++) {
        scaling_apply(&scaling, 1, 3, in + 3 * pixel, alone);
        assert_memory_equal(alone, together + 3 * pixel, sizeof alone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_is_255ths),
        cmocka_unit_test(test_formula_for_all_channels),
        cmocka_unit_test(test_place_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
