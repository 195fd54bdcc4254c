/* The cutting of batches and the fixed order of their sums, without MPI: pure functions of (slices, ranks).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/random.h"
#include "mpi/ranks.h"
#include "mpi/training/slices.h"

enum { LENGTH = 5 };

static void test_slices_have_at_least_sixteen_images(void **state)
{
    (void)state;
    assert_int_equal(slice_count(1), 1);
    assert_int_equal(slice_count(31), 1);
    assert_int_equal(slice_count(32), 2);
    assert_int_equal(slice_count(128), 8);
    assert_int_equal(slice_count(1 << 20), SLICES_MAX);
    for (int32_t batch = 16; batch < 2000; batch++)
        assert_true(share_of(batch, slice_count(batch), slice_count(batch) - 1).count >= SLICE_IMAGES_MIN);
}

static void test_shares_follow_one_another(void **state)
{
    (void)state;
    for (int64_t total = 0; total < 40; total++)
        for (int64_t parts = 1; parts < 20; parts++) {
            int64_t at = 0;
            for (int64_t part = 0; part < parts; part++) {
                struct share share = share_of(total, parts, part);
                assert_int_equal(share.first, at);
                assert_true(share.count == total / parts || share.count == total / parts + 1);
                at += share.count;
            }
            assert_int_equal(at, total);
        }
}

static void test_nodes_inside_a_range_cover_it(void **state)
{
    (void)state;
    for (int32_t slices = 1; slices <= SLICES_MAX; slices++)
        for (int32_t first = 0; first < slices; first++)
            for (int32_t end = first + 1; end <= slices; end++) {
                struct slice_node nodes[SLICE_NODES_MAX];
                int32_t at = first, count = slice_nodes_inside(slices, first, end, nodes);
                assert_in_range(count, 1, SLICE_NODES_MAX);
                for (int32_t i = 0; i < count; i++) {
                    assert_int_equal(nodes[i].first, at);
                    at = nodes[i].end;
                }
                assert_int_equal(at, end);
            }
}

static void test_an_empty_range_has_no_nodes(void **state)
{
    (void)state;
    struct slice_node nodes[SLICE_NODES_MAX];
    assert_int_equal(slice_nodes_inside(8, 3, 3, nodes), 0);
}

/* Values whose sum depends on the order: magnitudes spread over many binary orders. */
static void fill(float values[SLICES_MAX][LENGTH], float *vectors[SLICES_MAX], int32_t slices)
{
    for (int32_t s = 0; s < slices; s++) {
        vectors[s] = values[s];
        for (int32_t i = 0; i < LENGTH; i++) {
            uint64_t index = (uint64_t)(s * LENGTH + i);
            values[s][i] = random_normal(7, 1, index) * (float)(1U << random_below(7, 2, index, 20));
        }
    }
}

/* Sums `slices` vectors as `ranks` ranks would: each its own nodes, then the rest of the tree. */
static void sum_as_ranks(int32_t slices, int32_t ranks, float *total)
{
    float values[SLICES_MAX][LENGTH], *vectors[SLICES_MAX];
    struct slice_node leaves[SLICES_MAX], all[SLICES_MAX];
    int32_t all_count = 0;
    fill(values, vectors, slices);
    for (int32_t s = 0; s < slices; s++)
        leaves[s] = (struct slice_node){s, s + 1};
    for (int32_t r = 0; r < ranks; r++) {
        struct share share = share_of(slices, ranks, r);
        struct slice_node nodes[SLICE_NODES_MAX];
        int32_t count =
            slice_nodes_inside(slices, (int32_t)share.first, (int32_t)(share.first + share.count), nodes);
        for (int32_t i = 0; i < count; i++) {
            slice_tree_sum(nodes[i], leaves + share.first, (int32_t)share.count, vectors, 0, LENGTH);
            all[all_count++] = nodes[i];
        }
    }
    slice_tree_sum((struct slice_node){0, slices}, all, all_count, vectors, 0, LENGTH);
    memcpy(total, vectors[0], LENGTH * sizeof(float));
}

static void test_sum_is_the_same_for_any_number_of_ranks(void **state)
{
    (void)state;
    int32_t differs_from_left_to_right = 0;
    for (int32_t slices = 1; slices <= SLICES_MAX; slices++) {
        float one[LENGTH], many[LENGTH], left_to_right[LENGTH] = {0};
        float values[SLICES_MAX][LENGTH], *vectors[SLICES_MAX];
        sum_as_ranks(slices, 1, one);
        for (int32_t ranks = 2; ranks <= slices + 3; ranks++) {
            sum_as_ranks(slices, ranks, many);
            assert_memory_equal(one, many, sizeof one);
        }
        fill(values, vectors, slices);
        for (int32_t s = 0; s < slices; s++)
            for (int32_t i = 0; i < LENGTH; i++)
                left_to_right[i] += values[s][i];
        for (int32_t i = 0; i < LENGTH; i++) {
            differs_from_left_to_right += left_to_right[i] != one[i];
            assert_float_equal(one[i], left_to_right[i], 8);
        }
    }
    assert_true(differs_from_left_to_right > 0); /* or these values could not have told orders apart */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_have_at_least_sixteen_images),
        cmocka_unit_test(test_shares_follow_one_another),
        cmocka_unit_test(test_nodes_inside_a_range_cover_it),
        cmocka_unit_test(test_an_empty_range_has_no_nodes),
        cmocka_unit_test(test_sum_is_the_same_for_any_number_of_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
