#include "tests/unit/formats/hdf5_test.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "compute/base/memory.h"

/* --- kind and version --- */

static void test_kind_comes_back(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    char kind[FACET_KIND_BYTES];
    hid_t file;
    empty_file(path, "composition");
    assert_status(hdf5_kind(path, kind), STATUS_OK);
    assert_string_equal(kind, "composition");
    assert_status(hdf5_open(path, "composition", H5P_DEFAULT, &file, NULL), STATUS_OK);
    assert_status(hdf5_close(&file, path), STATUS_OK);
    assert_true(file == H5I_INVALID_HID);
    assert_status(hdf5_close(&file, path), STATUS_OK); /* again */
}

static void refuse(const char *path, const char *kind, enum status expected, const char *reason)
{
    hid_t file = 1;
    assert_status(hdf5_open(path, kind, H5P_DEFAULT, &file, NULL), expected);
    assert_true(file == H5I_INVALID_HID);
    assert_says(path);
    assert_says(reason);
}

static void test_other_kind_is_refused(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    empty_file(path, "network");
    refuse(path, "dataset", STATUS_FORMAT, "a network file; expected a dataset file");
}

static void test_newer_version_is_refused(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    hid_t file;
    empty_file(path, "network");
    file = tamper_open(path);
    assert_true(H5Adelete(file, "facet.version") >= 0);
    assert_status(hdf5_write_int_attribute(file, "facet.version", FACET_FILE_VERSION + 1), STATUS_OK);
    tamper_close(file);
    refuse(path, "network", STATUS_FORMAT, "file version 2; this Facet reads up to version 1");
}

static void test_senseless_version_is_refused(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    hid_t file;
    empty_file(path, "network");
    file = tamper_open(path);
    assert_true(H5Adelete(file, "facet.version") >= 0);
    assert_status(hdf5_write_int_attribute(file, "facet.version", 0), STATUS_OK);
    tamper_close(file);
    refuse(path, "network", STATUS_FORMAT, "\"facet.version\" is 0");
    file = tamper_open(path);
    assert_true(H5Adelete(file, "facet.version") >= 0);
    tamper_close(file);
    refuse(path, "network", STATUS_FORMAT, "no attribute \"facet.version\"");
}

static void test_kind_of_another_type_is_refused(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    hid_t file;
    empty_file(path, "network");
    file = tamper_open(path);
    assert_true(H5Adelete(file, "facet.kind") >= 0);
    assert_status(hdf5_write_text_attribute(file, "facet.kind", "sixteen letters!"), STATUS_OK);
    tamper_close(file);
    refuse(path, NULL, STATUS_FORMAT, "\"facet.kind\" is not a fixed-length text of up to 15 bytes");
    file = tamper_open(path);
    assert_true(H5Adelete(file, "facet.kind") >= 0);
    assert_status(hdf5_write_int_attribute(file, "facet.kind", 1), STATUS_OK);
    tamper_close(file);
    refuse(path, NULL, STATUS_FORMAT, "\"facet.kind\" is not one text");
}

static void test_foreign_files_are_recognised(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    hid_t file;
    foreign_file(path);
    refuse(path, NULL, STATUS_FORMAT, "an HDF5 file, but not one of Facet's");
    file = tamper_open(path);
    assert_status(hdf5_write_text_attribute(file, "keras_version", "2.3.1"), STATUS_OK);
    tamper_close(file);
    refuse(path, NULL, STATUS_FORMAT, "a Keras network: import it");
}

/* --- no file, no HDF5 file, half an HDF5 file --- */

static void test_not_hdf5(void **state)
{
    struct scratch *scratch = *state;
    refuse(scratch_path(scratch, "missing.h5"), NULL, STATUS_IO, "No such file");
    refuse(scratch->folder, NULL, STATUS_IO, "is not a file");
    file_write(scratch_path(scratch, "empty.h5"), "", 0);
    refuse(scratch_path(scratch, "empty.h5"), NULL, STATUS_FORMAT, "it is empty");
    file_write(scratch_path(scratch, "text.h5"), "a line of text\n", 15);
    refuse(scratch_path(scratch, "text.h5"), NULL, STATUS_FORMAT, "not an HDF5 file");
}

static void test_every_truncation_is_refused(void **state)
{
    struct scratch *scratch = *state;
    char kind[FACET_KIND_BYTES];
    size_t whole;
    empty_file(scratch_path(scratch, "a.h5"), "network");
    uint8_t *data = file_read(scratch_path(scratch, "a.h5"), &whole);
    const char *path = scratch_path(scratch, "cut.h5");
    for (size_t bytes = 0; bytes < whole; bytes++) {
        file_write(path, data, bytes);
        assert_status(hdf5_kind(path, kind), STATUS_FORMAT);
        assert_says(bytes < 8 ? "not an HDF5 file" : "damaged or truncated");
    }
    free(data);
}

/* --- creating --- */

static void test_create_where_nothing_can_be(void **state)
{
    struct scratch *scratch = *state;
    hid_t file = 1;
    assert_status(hdf5_create(scratch_path(scratch, "missing/a.h5"), "network", H5P_DEFAULT, &file),
                  STATUS_IO);
    assert_true(file == H5I_INVALID_HID);
    assert_says("No such file");
    assert_status(hdf5_create(scratch->folder, "network", H5P_DEFAULT, &file), STATUS_IO);
}

static void test_forgotten_objects_are_told(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    hid_t file, group;
    assert_status(hdf5_create(path, "network", H5P_DEFAULT, &file), STATUS_OK);
    assert_status(hdf5_create_group(file, "g", &group), STATUS_OK);
    hid_t copy = file;
    assert_status(hdf5_close(&copy, path), STATUS_INTERNAL);
    assert_says("1 objects still open");
    H5Gclose(group);
    H5Fclose(file);
}

/* --- the same bytes --- */

enum { SAVED_FLOATS = 3000 };

static enum status write_some_of_everything(hid_t file, const void *content)
{
    static float values[SAVED_FLOATS];
    static const class_name names[2] = {"ant", "Bär"};
    hsize_t extent = SAVED_FLOATS;
    hid_t group = H5I_INVALID_HID;
    values[0] = *(const float *)content;
    enum status status = hdf5_create_group(file, "group", &group);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, "values", H5T_NATIVE_FLOAT, 1, &extent, values);
    if (status == STATUS_OK)
        status = hdf5_write_float_attribute(group, "pi", 3.14159F);
    if (status == STATUS_OK)
        status = hdf5_write_class_names(group, "names", names, 2);
    if (group >= 0)
        H5Gclose(group);
    return status;
}

static void save(const char *path, float first, enum status expected)
{
    assert_status(hdf5_save(path, "network", write_some_of_everything, &first), expected);
}

static void test_same_content_same_bytes(void **state)
{
    struct scratch *scratch = *state;
    char first[SCRATCH_PATH_BYTES];
    struct timespec second = {.tv_sec = 1, .tv_nsec = 100000000}; /* HDF5 object times count seconds */
    snprintf(first, sizeof first, "%s", scratch_path(scratch, "first.h5"));
    save(first, 1.0F, STATUS_OK);
    nanosleep(&second, NULL);
    save(scratch_path(scratch, "second.h5"), 1.0F, STATUS_OK);
    assert_true(files_equal(first, scratch->path));
    save(scratch_path(scratch, "third.h5"), 2.0F, STATUS_OK);
    assert_false(files_equal(first, scratch->path));
}

/* --- failed writing leaves the old file --- */

static void save_over_old(struct scratch *scratch, char path[SCRATCH_PATH_BYTES])
{
    snprintf(path, SCRATCH_PATH_BYTES, "%s", scratch_path(scratch, "a.h5"));
    file_write(path, "old", 3);
}

static void assert_old(struct scratch *scratch, const char *path)
{
    size_t bytes;
    uint8_t *data = file_read(path, &bytes);
    assert_int_equal(bytes, 3);
    assert_memory_equal(data, "old", 3);
    free(data);
    (void)scratch;
}

static void test_blocked_part_leaves_the_old(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_BYTES];
    save_over_old(scratch, path);
    assert_int_equal(mkdir(scratch_path(scratch, "a.h5.part"), 0700), 0);
    save(path, 1.0F, STATUS_IO);
    assert_old(scratch, path);
}

static enum status refuse_to_write(hid_t file, const void *content)
{
    (void)file;
    (void)content;
    return error_set(STATUS_SHAPE, "no content today");
}

static void test_failed_content_leaves_the_old(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_BYTES];
    save_over_old(scratch, path);
    assert_status(hdf5_save(path, "network", refuse_to_write, NULL), STATUS_SHAPE);
    assert_string_equal(error_message(), "no content today");
    assert_old(scratch, path);
    assert_false(file_exists(scratch_path(scratch, "a.h5.part")));
}

static void test_full_disk_leaves_the_old(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_BYTES];
    struct rlimit before, small;
    save_over_old(scratch, path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN); /* writing beyond the limit then fails with EFBIG */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    float first = 1.0F;
    enum status status = hdf5_save(path, "network", write_some_of_everything, &first);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_status(status, STATUS_IO);
    assert_says("File too large");
    assert_old(scratch, path);
    assert_false(file_exists(scratch_path(scratch, "a.h5.part")));
}

static void test_old_file_is_replaced(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_BYTES], kind[FACET_KIND_BYTES];
    save_over_old(scratch, path);
    save(path, 1.0F, STATUS_OK);
    assert_status(hdf5_kind(path, kind), STATUS_OK);
    assert_string_equal(kind, "network");
    assert_false(file_exists(scratch_path(scratch, "a.h5.part")));
}

/* --- groups --- */

static void test_groups(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    hid_t file, group;
    float first = 1.0F;
    char where[SCRATCH_PATH_BYTES], expected[SCRATCH_PATH_BYTES + 16];
    assert_status(hdf5_save(path, "network", write_some_of_everything, &first), STATUS_OK);
    assert_status(hdf5_open(path, "network", H5P_DEFAULT, &file, NULL), STATUS_OK);
    assert_status(hdf5_open_group(file, "nothing", &group), STATUS_FORMAT);
    assert_says("no group \"nothing\"");
    assert_true(group == H5I_INVALID_HID);
    assert_status(hdf5_open_group(file, "group", &group), STATUS_OK);
    hdf5_where(group, where, sizeof where);
    snprintf(expected, sizeof expected, "%s:/group", path);
    assert_string_equal(where, expected);
    hid_t wrong;
    assert_status(hdf5_open_group(group, "values", &wrong), STATUS_FORMAT);
    H5Gclose(group);
    assert_status(hdf5_close(&file, path), STATUS_OK);
}

static void test_linked_groups_are_refused(void **state)
{
    const char *path = scratch_path(*state, "a.h5");
    float first = 1.0F;
    hid_t file, group;
    assert_status(hdf5_save(path, "network", write_some_of_everything, &first), STATUS_OK);
    file = tamper_open(path);
    assert_true(H5Lcreate_soft("/group", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    assert_true(H5Lcreate_external("/etc/passwd", "/", file, "outside", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    tamper_close(file);
    assert_status(hdf5_open(path, "network", H5P_DEFAULT, &file, NULL), STATUS_OK);
    assert_status(hdf5_open_group(file, "soft", &group), STATUS_FORMAT);
    assert_status(hdf5_open_group(file, "outside", &group), STATUS_FORMAT);
    assert_says("link to somewhere else");
    assert_status(hdf5_close(&file, path), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_kind_comes_back),
        SCRATCH_TEST(test_other_kind_is_refused),
        SCRATCH_TEST(test_newer_version_is_refused),
        SCRATCH_TEST(test_senseless_version_is_refused),
        SCRATCH_TEST(test_kind_of_another_type_is_refused),
        SCRATCH_TEST(test_foreign_files_are_recognised),
        SCRATCH_TEST(test_not_hdf5),
        SCRATCH_TEST(test_every_truncation_is_refused),
        SCRATCH_TEST(test_create_where_nothing_can_be),
        SCRATCH_TEST(test_forgotten_objects_are_told),
        SCRATCH_TEST(test_same_content_same_bytes),
        SCRATCH_TEST(test_blocked_part_leaves_the_old),
        SCRATCH_TEST(test_failed_content_leaves_the_old),
        SCRATCH_TEST(test_full_disk_leaves_the_old),
        SCRATCH_TEST(test_old_file_is_replaced),
        SCRATCH_TEST(test_groups),
        SCRATCH_TEST(test_linked_groups_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
