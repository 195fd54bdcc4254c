#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "compute/base/memory.h"

static void test_block_is_aligned_and_zero(void **state)
{
    uint8_t *block = NULL;
    (void)state;
    for (size_t count = 1; count < 300; count += 37) {
        assert_int_equal(memory_allocate(&block, count, 3, "block"), STATUS_OK);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < 3 * count; i++)
            assert_int_equal(block[i], 0);
        memset(block, 0xff, 3 * count);
        memory_free(&block);
        assert_null(block);
    }
}

/* Blocks that ask for huge pages are aligned to them. */
static void test_large_block_is_aligned_and_zero(void **state)
{
    const size_t count = ((size_t)5 << 20) + 3;
    uint8_t *block = NULL;
    (void)state;
    assert_int_equal(memory_allocate(&block, count, 1, "block"), STATUS_OK);
    assert_int_equal((uintptr_t)block % ((size_t)2 << 20), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(block[i], 0);
    memset(block, 0xff, count);
    memory_free(&block);
    assert_null(block);
}

static void test_nothing_is_a_valid_block(void **state)
{
    double *block = NULL;
    (void)state;
    assert_int_equal(memory_allocate(&block, 0, sizeof *block, "nothing"), STATUS_OK);
    assert_non_null(block);
    memory_free(&block);
}

static void test_freeing_twice_is_harmless(void **state)
{
    float *block = NULL;
    (void)state;
    memory_free(&block);
    assert_int_equal(memory_allocate(&block, 5, sizeof *block, "block"), STATUS_OK);
    memory_free(&block);
    memory_free(&block);
    assert_null(block);
}

static void refuse(size_t count, size_t element_bytes)
{
    int value;
    int *block = &value;
    assert_int_equal(memory_allocate(&block, count, element_bytes, "too much"), STATUS_NO_MEMORY);
    assert_null(block);
    assert_non_null(strstr(error_message(), "too much"));
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    refuse(SIZE_MAX / 2 + 1, 2); /* the product is 0 */
    refuse(SIZE_MAX / 4 + 2, 4); /* the product is small */
    refuse(SIZE_MAX, SIZE_MAX);
    refuse(SIZE_MAX, 1);      /* fits, but not once rounded up */
    refuse(SIZE_MAX - 63, 1); /* rounds up to 0 */
}

#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
static void test_more_than_the_system_has_is_refused(void **state)
{
    (void)state;
    refuse((size_t)1 << 40, (size_t)1 << 20);
}
#endif

static void test_multiply(void **state)
{
    size_t product = 7;
    (void)state;
    assert_true(size_multiply(6, 7, &product));
    assert_int_equal(product, 42);
    assert_true(size_multiply(SIZE_MAX, 1, &product));
    assert_true(product == SIZE_MAX);
    product = 7;
    assert_false(size_multiply(SIZE_MAX / 2 + 1, 2, &product));
    assert_int_equal(product, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_is_aligned_and_zero),
        cmocka_unit_test(test_large_block_is_aligned_and_zero),
        cmocka_unit_test(test_nothing_is_a_valid_block),
        cmocka_unit_test(test_freeing_twice_is_harmless),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* they end the program instead */
        cmocka_unit_test(test_more_than_the_system_has_is_refused),
#endif
        cmocka_unit_test(test_multiply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
