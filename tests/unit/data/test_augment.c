#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/data/augment.h"

enum { H = 6, W = 5, C = 3, BYTES = H * W * C, IMAGES = 2000 };

static const struct shape shape = {H, W, C};

/* No two pixels alike and none 0, so that where a pixel came from can be told. */
static void fill(uint8_t image[BYTES])
{
    for (int i = 0; i < BYTES; i++)
        image[i] = (uint8_t)(i + 1);
}

/* The image shifted by (down, right) and mirrored or not, by definition, pixel by pixel. */
static void shift_and_flip(const uint8_t in[BYTES], int down, int right, bool flip, uint8_t out[BYTES])
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int from_y = y + down, from_x = (flip ? W - 1 - x : x) + right;
            bool inside = from_y >= 0 && from_y < H && from_x >= 0 && from_x < W;
            for (int c = 0; c < C; c++)
                out[(y * W + x) * C + c] = inside ? in[(from_y * W + from_x) * C + c] : 0;
        }
}

/* Which of all possible results this is; fails when it is none. */
static void recognise(const uint8_t in[BYTES], const uint8_t out[BYTES], int padding, int *down, int *right,
                      bool *flip)
{
    uint8_t expected[BYTES];
    for (int mirrored = 0; mirrored <= 1; mirrored++)
        for (*down = -padding; *down <= padding; ++*down)
            for (*right = -padding; *right <= padding; ++*right) {
                *flip = mirrored == 1;
                shift_and_flip(in, *down, *right, *flip, expected);
                if (memcmp(out, expected, BYTES) == 0)
                    return;
            }
    fail_msg("no shift of up to %d pixels gives this image", padding);
}

static void test_nothing_asked_nothing_done(void **state)
{
    const struct augmentation none = {0, false};
    uint8_t in[BYTES], out[BYTES];
    (void)state;
    fill(in);
    for (uint64_t image = 0; image < 50; image++) {
        memset(out, 0xee, sizeof out);
        augment(&none, shape, 1, 0, image, in, out);
        assert_memory_equal(in, out, BYTES);
    }
}

static void test_every_shift_and_flip_happens_evenly(void **state)
{
    enum { PADDING = 2, PLACES = 2 * PADDING + 1 };
    const struct augmentation both = {PADDING, true};
    int downs[PLACES] = {0}, rights[PLACES] = {0}, flips = 0;
    uint8_t in[BYTES], out[BYTES];
    (void)state;
    fill(in);
    for (uint64_t image = 0; image < IMAGES; image++) {
        int down, right;
        bool flip;
        memset(out, 0xee, sizeof out);
        augment(&both, shape, 11, 3, image, in, out);
        recognise(in, out, PADDING, &down, &right, &flip);
        downs[down + PADDING]++;
        rights[right + PADDING]++;
        flips += flip;
    }
    for (int i = 0; i < PLACES; i++) { /* five standard deviations */
        assert_true(abs(downs[i] - IMAGES / PLACES) < 90);
        assert_true(abs(rights[i] - IMAGES / PLACES) < 90);
    }
    assert_true(abs(flips - IMAGES / 2) < 112);
}

static void test_crop_alone_never_flips(void **state)
{
    const struct augmentation crop = {1, false};
    uint8_t in[BYTES], out[BYTES];
    (void)state;
    fill(in);
    for (uint64_t image = 0; image < 200; image++) {
        int down, right;
        bool flip;
        augment(&crop, shape, 5, 0, image, in, out);
        recognise(in, out, 1, &down, &right, &flip);
        assert_false(flip);
    }
}

/* Drawn from the definition in Python for seed 1, epoch 0, padding 4: rows down, columns right, mirrored. */
static void test_known_draws(void **state)
{
    static const struct {
        int down, right;
        bool flip;
    } expected[] = {{1, 4, true}, {0, 1, false}, {1, 3, true}, {-4, -4, true}, {4, -3, true}, {4, -4, false}};
    const struct augmentation both = {4, true};
    uint8_t in[BYTES], out[BYTES], wanted[BYTES];
    (void)state;
    fill(in);
    for (size_t image = 0; image < sizeof expected / sizeof *expected; image++) {
        augment(&both, shape, 1, 0, image, in, out);
        shift_and_flip(in, expected[image].down, expected[image].right, expected[image].flip, wanted);
        assert_memory_equal(out, wanted, BYTES);
    }
}

static void test_same_arguments_same_image(void **state)
{
    const struct augmentation both = {2, true};
    uint8_t in[BYTES], a[BYTES], b[BYTES];
    int seeds = 0, epochs = 0, images = 0;
    (void)state;
    fill(in);
    for (uint64_t image = 0; image < 100; image++) {
        augment(&both, shape, 1, 2, image, in, a);
        augment(&both, shape, 1, 2, image, in, b);
        assert_memory_equal(a, b, BYTES);
        augment(&both, shape, 2, 2, image, in, b);
        seeds += memcmp(a, b, BYTES) != 0;
        augment(&both, shape, 1, 3, image, in, b);
        epochs += memcmp(a, b, BYTES) != 0;
        augment(&both, shape, 1, 2, image + 1, in, b);
        images += memcmp(a, b, BYTES) != 0;
    }
    assert_true(seeds > 80 && epochs > 80 && images > 80); /* 98 of 100 are expected to differ */
}

static void test_padding_larger_than_the_image(void **state)
{
    enum { PADDING = 20 };
    const struct augmentation both = {PADDING, true};
    uint8_t in[BYTES], out[BYTES];
    static const uint8_t nothing[BYTES];
    int empty = 0;
    (void)state;
    fill(in);
    for (uint64_t image = 0; image < 200; image++) {
        augment(&both, shape, 8, 0, image, in, out);
        empty += memcmp(out, nothing, BYTES) == 0;
    }
    assert_true(empty > 100); /* 1 − (11·9)/(41·41) = 94 % are expected to show nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked_nothing_done),
        cmocka_unit_test(test_every_shift_and_flip_happens_evenly),
        cmocka_unit_test(test_crop_alone_never_flips),
        cmocka_unit_test(test_known_draws),
        cmocka_unit_test(test_same_arguments_same_image),
        cmocka_unit_test(test_padding_larger_than_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
