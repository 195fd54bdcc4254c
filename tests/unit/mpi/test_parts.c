/* Parts are believed when every bit of them is what was sealed, and of the same class and options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "mpi/classes/parts.h"

enum { CONTENT_BYTES = 300 };

static char directory[] = "/tmp/facet-parts-XXXXXX";
static char *path, *open_path;
static struct option_records records;

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    option_records_add(&records, "--steps", "%d", 10);
    option_records_add(&records, "--seed", "%d", 1);
    return part_path(directory, 7, ".h5", &path) == STATUS_OK && part_path_open(path, &open_path) == STATUS_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    memory_free(&path);
    memory_free(&open_path);
    return rmdir(directory);
}

static enum status check(int32_t class_index)
{
    const struct part_identity identity = {class_index, &records};
    return part_check(path, &identity);
}

static void write_part(void)
{
    const struct part_identity identity = {7, &records};
    FILE *file = fopen(open_path, "wb");
    assert_non_null(file);
    for (int i = 0; i < CONTENT_BYTES; i++)
        fputc(i * 7, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(part_seal(open_path, path, &identity, true), STATUS_OK);
}

static long part_bytes(void)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return (long)found.st_size;
}

static void flip(long at, int bits)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ bits, file), byte ^ bits);
    assert_int_equal(fclose(file), 0);
}

static void test_a_whole_part_is_believed(void **state)
{
    (void)state;
    write_part();
    assert_int_equal(check(7), STATUS_OK);
    assert_int_equal(access(open_path, F_OK), -1);
    unlink(path);
}

static void test_no_part_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(check(7), STATUS_NOT_FOUND);
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    write_part();
    for (long at = 0; at < part_bytes(); at++) {
        flip(at, 1 << (at % 8));
        assert_int_equal(check(7), STATUS_FORMAT);
        flip(at, 1 << (at % 8));
    }
    assert_int_equal(check(7), STATUS_OK);
    unlink(path);
}

static void test_a_part_cut_short_is_damaged(void **state)
{
    (void)state;
    write_part();
    for (long bytes = part_bytes() - 1; bytes >= 0; bytes -= bytes > 40 ? 37 : 1) {
        assert_int_equal(truncate(path, bytes), 0);
        assert_int_equal(check(7), STATUS_FORMAT);
    }
    unlink(path);
}

static void test_a_file_that_was_never_sealed_is_damaged(void **state)
{
    (void)state;
    write_part();
    assert_int_equal(truncate(path, CONTENT_BYTES), 0);
    assert_int_equal(check(7), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "no seal"));
    unlink(path);
}

static void test_the_part_of_another_class_is_not_this_ones(void **state)
{
    (void)state;
    write_part();
    assert_int_equal(check(8), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "class 7, expected class 8"));
    unlink(path);
}

static void test_other_options_are_named(void **state)
{
    (void)state;
    const struct option_records before = records;
    write_part();
    memset(&records, 0, sizeof records);
    option_records_add(&records, "--steps", "%d", 10);
    option_records_add(&records, "--seed", "%d", 2);
    assert_int_equal(check(7), STATUS_MISMATCH);
    assert_non_null(strstr(error_message(), "--seed was 1, now it is 2"));
    records = before;
    unlink(path);
}

/* Options alone are asked for before a run begins; what is damaged has none to differ in. */
static void test_options_are_compared_by_themselves(void **state)
{
    (void)state;
    const struct option_records before = records;
    const struct part_identity identity = {7, &records};
    assert_int_equal(part_check_options(path, &identity), STATUS_OK);
    write_part();
    assert_int_equal(part_check_options(path, &identity), STATUS_OK);
    memset(&records, 0, sizeof records);
    option_records_add(&records, "--steps", "%d", 10);
    option_records_add(&records, "--seed", "%d", 2);
    assert_int_equal(part_check_options(path, &identity), STATUS_MISMATCH);
    assert_non_null(strstr(error_message(), "--seed was 1, now it is 2"));
    flip(1, 4);
    assert_int_equal(part_check_options(path, &identity), STATUS_OK);
    flip(1, 4);
    assert_int_equal(truncate(path, part_bytes() - 1), 0);
    assert_int_equal(part_check_options(path, &identity), STATUS_OK);
    records = before;
    unlink(path);
}

static void test_only_parts_are_cleared(void **state)
{
    (void)state;
    char other[sizeof directory + 16];
    int32_t removed = 0;
    snprintf(other, sizeof other, "%s/notes.txt", directory);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    write_part();
    assert_int_equal(parts_folder_clear(directory, &removed), STATUS_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(check(7), STATUS_NOT_FOUND);
    assert_int_equal(unlink(other), 0);
}

static void test_a_folder_that_is_not_there_is_empty(void **state)
{
    (void)state;
    int32_t removed = -1;
    assert_int_equal(parts_folder_clear("/tmp/facet-no-such-folder", &removed), STATUS_OK);
    assert_int_equal(removed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_part_is_believed),
        cmocka_unit_test(test_no_part_is_not_found),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_a_part_cut_short_is_damaged),
        cmocka_unit_test(test_a_file_that_was_never_sealed_is_damaged),
        cmocka_unit_test(test_the_part_of_another_class_is_not_this_ones),
        cmocka_unit_test(test_other_options_are_named),
        cmocka_unit_test(test_options_are_compared_by_themselves),
        cmocka_unit_test(test_only_parts_are_cleared),
        cmocka_unit_test(test_a_folder_that_is_not_there_is_empty),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
