#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "tests/unit/base/scratch_folder.h"

static void test_writable_place_passes_and_stays_clean(void **state)
{
    struct scratch *scratch = *state;
    assert_int_equal(output_file_check(scratch_path(scratch, "new.h5")), STATUS_OK);
    assert_false(file_exists(scratch_path(scratch, "new.h5")));
    assert_false(file_exists(scratch_path(scratch, "new.h5.part")));
}

static void test_check_leaves_what_is_there(void **state)
{
    struct scratch *scratch = *state;
    size_t bytes;
    file_write(scratch_path(scratch, "old.h5"), "old", 3);
    file_write(scratch_path(scratch, "old.h5.part"), "begun", 5);
    assert_int_equal(output_file_check(scratch_path(scratch, "old.h5")), STATUS_OK);
    free(file_read(scratch_path(scratch, "old.h5"), &bytes));
    assert_int_equal(bytes, 3);
    free(file_read(scratch_path(scratch, "old.h5.part"), &bytes));
    assert_int_equal(bytes, 5);
}

static void test_name_without_folder_means_here(void **state)
{
    struct scratch *scratch = *state;
    char here[SCRATCH_PATH_BYTES];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(scratch->folder), 0);
    assert_int_equal(output_file_check("bare.h5"), STATUS_OK);
    file_write("bare.h5.part", "x", 1);
    assert_int_equal(output_file_commit("bare.h5.part", "bare.h5"), STATUS_OK);
    assert_int_equal(chdir(here), 0);
    assert_true(file_exists(scratch_path(scratch, "bare.h5")));
}

static void refuse(const char *path, const char *reason)
{
    assert_int_equal(output_file_check(path), STATUS_IO);
    if (strstr(error_message(), reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error_message(), reason);
}

static void test_impossible_places_are_refused(void **state)
{
    struct scratch *scratch = *state;
    char name[300];
    refuse("", "empty name");
    refuse(scratch->folder, "is a folder");
    refuse(scratch_path(scratch, "new/"), "names a folder");
    refuse(scratch_path(scratch, "missing/new.h5"), "create it first");
    file_write(scratch_path(scratch, "file"), "x", 1);
    refuse(scratch_path(scratch, "file/new.h5"), "cannot write there");
    refuse("/dev/null", "is a device or pipe");
    refuse("/proc/facet-new.h5", "cannot write there"); /* no files there, not even for root */
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    refuse(name, "cannot write there");
}

static void test_folder_without_permission_is_refused(void **state)
{
    struct scratch *scratch = *state;
    if (geteuid() == 0) {
        print_message("root may write anywhere\n");
        skip();
    }
    assert_int_equal(chmod(scratch->folder, 0500), 0);
    refuse(scratch_path(scratch, "new.h5"), "cannot write there");
    assert_int_equal(chmod(scratch->folder, 0700), 0);
}

static void test_beside_is_in_the_same_folder(void **state)
{
    char *beside = NULL;
    (void)state;
    assert_int_equal(output_file_beside("run/modules.h5", &beside), STATUS_OK);
    assert_string_equal(beside, "run/modules.h5.part");
    memory_free(&beside);
}

static void test_commit_replaces_the_old(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_BYTES];
    char *beside = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "%s", scratch_path(scratch, "out.h5"));
    file_write(path, "old", 3);
    assert_int_equal(output_file_beside(path, &beside), STATUS_OK);
    file_write(beside, "newer", 5);
    assert_int_equal(output_file_commit(beside, path), STATUS_OK);
    uint8_t *data = file_read(path, &bytes);
    assert_int_equal(bytes, 5);
    assert_memory_equal(data, "newer", 5);
    assert_false(file_exists(beside));
    free(data);
    memory_free(&beside);
}

static void test_commit_of_nothing_leaves_the_old(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_BYTES];
    snprintf(path, sizeof path, "%s", scratch_path(scratch, "out.h5"));
    file_write(path, "old", 3);
    assert_int_equal(output_file_commit(scratch_path(scratch, "out.h5.part"), path), STATUS_IO);
    assert_non_null(strstr(error_message(), "out.h5.part"));
    assert_true(file_exists(path));
}

static void test_commit_onto_a_folder_fails(void **state)
{
    struct scratch *scratch = *state;
    char beside[SCRATCH_PATH_BYTES];
    snprintf(beside, sizeof beside, "%s", scratch_path(scratch, "x.part"));
    file_write(beside, "new", 3);
    assert_int_equal(output_file_commit(beside, scratch->folder), STATUS_IO);
    assert_non_null(strstr(error_message(), "cannot rename"));
    assert_true(file_exists(beside));
}

static void test_discard(void **state)
{
    struct scratch *scratch = *state;
    const char *path = scratch_path(scratch, "out.h5.part");
    file_write(path, "x", 1);
    output_file_discard(path);
    assert_false(file_exists(path));
    output_file_discard(path); /* again: nothing there */
}

static enum status write_words(void *context, FILE *file)
{
    fputs(context, file);
    return STATUS_OK;
}

static enum status write_and_fail(void *context, FILE *file)
{
    fputs(context, file);
    return error_set(STATUS_SHAPE, "no shape for it");
}

static void test_a_whole_file_is_written(void **state)
{
    struct scratch *scratch = *state;
    size_t bytes;
    char words[] = "words";
    assert_int_equal(output_file_write(scratch_path(scratch, "new"), write_words, words), STATUS_OK);
    uint8_t *data = file_read(scratch_path(scratch, "new"), &bytes);
    assert_int_equal(bytes, 5);
    assert_memory_equal(data, words, 5);
    free(data);
    assert_false(file_exists(scratch_path(scratch, "new.part")));
}

/* What was there stays, and nothing is left beside it. */
static void test_a_writer_that_fails_changes_nothing(void **state)
{
    struct scratch *scratch = *state;
    size_t bytes;
    char words[] = "words";
    file_write(scratch_path(scratch, "old"), "old", 3);
    assert_int_equal(output_file_write(scratch_path(scratch, "old"), write_and_fail, words), STATUS_SHAPE);
    assert_non_null(strstr(error_message(), "no shape"));
    free(file_read(scratch_path(scratch, "old"), &bytes));
    assert_int_equal(bytes, 3);
    assert_false(file_exists(scratch_path(scratch, "old.part")));
    assert_int_equal(output_file_write(scratch_path(scratch, "none/new"), write_words, words), STATUS_IO);
    assert_non_null(strstr(error_message(), "none/new"));
}

/* The stream fails behind the writer's back: /dev/full takes its place. */
static void test_a_full_disk_is_noticed(void **state)
{
    struct scratch *scratch = *state;
    char words[] = "words";
    assert_int_equal(symlink("/dev/full", scratch_path(scratch, "new.part")), 0);
    assert_int_equal(output_file_write(scratch_path(scratch, "new"), write_words, words), STATUS_IO);
    assert_non_null(strstr(error_message(), "No space left"));
    assert_false(file_exists(scratch_path(scratch, "new")));
    assert_false(file_exists(scratch_path(scratch, "new.part")));
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_writable_place_passes_and_stays_clean),
        SCRATCH_TEST(test_check_leaves_what_is_there),
        SCRATCH_TEST(test_name_without_folder_means_here),
        SCRATCH_TEST(test_impossible_places_are_refused),
        SCRATCH_TEST(test_folder_without_permission_is_refused),
        cmocka_unit_test(test_beside_is_in_the_same_folder),
        SCRATCH_TEST(test_a_whole_file_is_written),
        SCRATCH_TEST(test_a_writer_that_fails_changes_nothing),
        SCRATCH_TEST(test_a_full_disk_is_noticed),
        SCRATCH_TEST(test_commit_replaces_the_old),
        SCRATCH_TEST(test_commit_of_nothing_leaves_the_old),
        SCRATCH_TEST(test_commit_onto_a_folder_fails),
        SCRATCH_TEST(test_discard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
