/* Placing buffers in one arena: those that live together never overlap, others share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compute/base/random.h"
#include "compute/network/buffer_placement.h"

static void test_one_after_the_other_share(void **state)
{
    (void)state;
    struct buffer buffers[3] = {{100, 0, 1, 0}, {200, 2, 3, 0}, {50, 4, 4, 0}};
    size_t floats;
    assert_int_equal(buffers_place(buffers, 3, &floats), STATUS_OK);
    assert_int_equal(floats, 208); /* 200, to the next multiple of 16 */
    for (int i = 0; i < 3; i++)
        assert_int_equal(buffers[i].offset, 0);
}

/* A step belongs to both buffers at its ends: a layer reads one while it writes the other. */
static void test_meeting_in_one_step_keeps_apart(void **state)
{
    (void)state;
    struct buffer buffers[3] = {{32, 0, 1, 0}, {32, 1, 2, 0}, {32, 2, 3, 0}};
    size_t floats;
    assert_int_equal(buffers_place(buffers, 3, &floats), STATUS_OK);
    assert_int_equal(floats, 64);
    assert_int_not_equal(buffers[0].offset, buffers[1].offset);
    assert_int_not_equal(buffers[1].offset, buffers[2].offset);
}

static void test_a_gap_is_used(void **state)
{
    (void)state;
    /* the largest at 0; the two beside it after that; the last fits where the second was */
    struct buffer buffers[4] = {{160, 0, 9, 0}, {96, 0, 4, 0}, {80, 0, 9, 0}, {64, 5, 9, 0}};
    size_t floats;
    assert_int_equal(buffers_place(buffers, 4, &floats), STATUS_OK);
    assert_int_equal(floats, 160 + 96 + 80);
    assert_int_equal(buffers[3].offset, 160);
}

static void test_random_lifetimes_never_overlap(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct buffer buffers[COUNT];
        size_t floats, sum = 0, largest = 0;
        for (uint64_t i = 0; i < COUNT; i++) {
            int32_t first = (int32_t)random_below(seed, 1, i, 50);
            buffers[i] = (struct buffer){.floats = 16 * random_below(seed, 0, i, 40),
                                         .first = first,
                                         .last = first + (int32_t)random_below(seed, 2, i, 10)};
            sum += buffers[i].floats;
            largest = buffers[i].floats > largest ? buffers[i].floats : largest;
        }
        assert_int_equal(buffers_place(buffers, COUNT, &floats), STATUS_OK);
        assert_true(floats >= largest && floats < sum);
        for (int i = 0; i < COUNT; i++) {
            const struct buffer *a = &buffers[i];
            assert_int_equal(a->offset % 16, 0);
            assert_true(a->offset + a->floats <= floats);
            for (int j = 0; j < i; j++) {
                const struct buffer *b = &buffers[j];
                bool together = a->first <= b->last && b->first <= a->last;
                bool apart = a->offset + a->floats <= b->offset || b->offset + b->floats <= a->offset;
                assert_true(!together || apart);
            }
        }
    }
}

static void test_sizes_beyond_memory(void **state)
{
    (void)state;
    struct buffer one[1] = {{SIZE_MAX, 0, 1, 0}};
    struct buffer two[2] = {{SIZE_MAX / 10, 0, 1, 0}, {SIZE_MAX / 10, 2, 3, 0}};
    size_t floats = 5;
    assert_int_equal(buffers_place(one, 1, &floats), STATUS_NO_MEMORY);
    assert_int_equal(floats, 0);
    assert_int_equal(buffers_place(two, 2, &floats), STATUS_NO_MEMORY);
}

static void test_no_buffers(void **state)
{
    (void)state;
    size_t floats = 5;
    assert_int_equal(buffers_place(NULL, 0, &floats), STATUS_OK);
    assert_int_equal(floats, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other_share),
        cmocka_unit_test(test_meeting_in_one_step_keeps_apart),
        cmocka_unit_test(test_a_gap_is_used),
        cmocka_unit_test(test_random_lifetimes_never_overlap),
        cmocka_unit_test(test_sizes_beyond_memory),
        cmocka_unit_test(test_no_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
