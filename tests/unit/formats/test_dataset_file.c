#include "tests/unit/formats/hdf5_test.h"

#include "compute/formats/dataset_file.h"

enum { COUNT = 6, CLASSES = 3, H = 2, W = 3, C = 2, IMAGE_BYTES = H * W * C };

static const class_name names[CLASSES] = {"cat", "dog", "eel"};
static const int32_t labels[COUNT] = {2, 0, 2, 0, 0, 2}; /* none of class 1 */

static struct dataset *make(void)
{
    struct dataset *dataset = NULL;
    uint8_t pixels[COUNT * IMAGE_BYTES];
    for (int i = 0; i < COUNT * IMAGE_BYTES; i++)
        pixels[i] = (uint8_t)(3 * i + 1);
    assert_status(dataset_create((struct shape){H, W, C}, CLASSES, names, pixels, labels, COUNT, &dataset),
                  STATUS_OK);
    return dataset;
}

/* Writes the dataset above; the path is valid until scratch_path's next call. */
static const char *written(void **state)
{
    struct dataset *dataset = make();
    const char *path = scratch_path(*state, "d.h5");
    assert_status(dataset_file_write(dataset, path), STATUS_OK);
    dataset_destroy(&dataset);
    return path;
}

static void test_everything_comes_back(void **state)
{
    const char *path = written(state);
    struct dataset *expected = make(), *dataset = NULL;
    uint8_t expected_digest[DIGEST_BYTES], digest[DIGEST_BYTES];
    assert_status(dataset_file_load(path, &dataset), STATUS_OK);
    assert_int_equal(dataset->first, 0);
    assert_int_equal(dataset->loaded, COUNT);
    dataset_digest(expected, expected_digest);
    dataset_digest(dataset, digest);
    assert_memory_equal(digest, expected_digest, DIGEST_BYTES);
    dataset_destroy(&dataset);
    dataset_destroy(&expected);
}

static void test_open_loads_no_pixels(void **state)
{
    const char *path = written(state);
    struct dataset *dataset = NULL;
    assert_status(dataset_file_open(path, &dataset), STATUS_OK);
    assert_int_equal(dataset->image_count, COUNT);
    assert_int_equal(dataset->class_count, CLASSES);
    assert_string_equal(dataset->class_names[2], "eel");
    assert_int_equal(dataset->class_start[1], 3);
    assert_int_equal(dataset->class_start[2], 3);
    assert_int_equal(dataset->loaded, 0);
    assert_null(dataset->pixels);
    dataset_destroy(&dataset);
}

static void test_every_range_is_loaded(void **state)
{
    const char *path = written(state);
    struct dataset *all = make(), *dataset = NULL;
    assert_status(dataset_file_open(path, &dataset), STATUS_OK);
    for (int64_t first = 0; first <= COUNT; first++)
        for (int64_t count = 0; count <= COUNT - first; count++) {
            assert_status(dataset_file_load_range(dataset, path, first, count), STATUS_OK);
            assert_int_equal(dataset->first, first);
            assert_int_equal(dataset->loaded, count);
            for (int64_t i = first; i < first + count; i++)
                assert_memory_equal(dataset_image(dataset, i), dataset_image(all, i), IMAGE_BYTES);
        }
    dataset_destroy(&dataset);
    dataset_destroy(&all);
}

static void test_ranges_outside_are_refused(void **state)
{
    const char *path = written(state);
    struct dataset *dataset = NULL;
    assert_status(dataset_file_open(path, &dataset), STATUS_OK);
    assert_status(dataset_file_load_range(dataset, path, -1, 1), STATUS_SHAPE);
    assert_status(dataset_file_load_range(dataset, path, 0, -1), STATUS_SHAPE);
    assert_status(dataset_file_load_range(dataset, path, 4, 3), STATUS_SHAPE);
    assert_says("asked for 3 images from image 4; there are 6");
    assert_status(dataset_file_load_range(dataset, path, 7, 0), STATUS_SHAPE);
    assert_status(dataset_file_load_range(dataset, path, 1, INT64_MAX), STATUS_SHAPE);
    dataset_destroy(&dataset);
}

static void test_another_file_is_noticed(void **state)
{
    const char *path = written(state);
    const uint8_t pixels[IMAGE_BYTES] = {0};
    struct dataset *dataset = NULL, *other = NULL;
    assert_status(dataset_file_load(path, &dataset), STATUS_OK);
    assert_status(dataset_create((struct shape){H, W, C}, CLASSES, names, pixels, labels, 1, &other),
                  STATUS_OK);
    assert_status(dataset_file_write(other, path), STATUS_OK);
    assert_status(dataset_file_load_range(dataset, path, 0, 1), STATUS_MISMATCH);
    assert_int_equal(dataset->loaded, 0);
    assert_null(dataset->pixels);
    dataset_destroy(&other);
    dataset_destroy(&dataset);
}

static void test_same_dataset_same_bytes(void **state)
{
    struct scratch *scratch = *state;
    char first[SCRATCH_PATH_BYTES];
    struct dataset *dataset = NULL;
    snprintf(first, sizeof first, "%s", written(state));
    assert_status(dataset_file_load(first, &dataset), STATUS_OK);
    assert_status(dataset_file_write(dataset, scratch_path(scratch, "again.h5")), STATUS_OK);
    assert_true(files_equal(first, scratch->path));
    dataset_destroy(&dataset);
}

static void test_partly_loaded_is_not_written(void **state)
{
    const char *path = written(state);
    struct dataset *dataset = NULL;
    assert_status(dataset_file_open(path, &dataset), STATUS_OK);
    assert_status(dataset_file_load_range(dataset, path, 1, 4), STATUS_OK);
    assert_status(dataset_file_write(dataset, path), STATUS_USAGE);
    assert_says("only 4 of 6 images are loaded");
    dataset_destroy(&dataset);
}

static void test_unwritable_place(void **state)
{
    struct dataset *dataset = make();
    assert_status(dataset_file_write(dataset, scratch_path(*state, "missing/d.h5")), STATUS_IO);
    assert_says("create it first");
    dataset_destroy(&dataset);
}

/* --- damaged files --- */

static void refuse(const char *path, const char *reason)
{
    static struct dataset other;
    struct dataset *dataset = &other;
    assert_status(dataset_file_load(path, &dataset), STATUS_FORMAT);
    assert_null(dataset);
    assert_says(path);
    assert_says(reason);
}

static void test_other_files_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct dataset *dataset = NULL;
    empty_file(scratch_path(scratch, "n.h5"), "network");
    refuse(scratch->path, "a network file; expected a dataset file");
    foreign_file(scratch_path(scratch, "x.h5"));
    refuse(scratch->path, "not one of Facet's");
    empty_file(scratch_path(scratch, "e.h5"), "dataset");
    refuse(scratch->path, "no array \"pixels\"");
    assert_status(dataset_file_open(scratch_path(scratch, "missing.h5"), &dataset), STATUS_IO);
}

static void test_truncated_files_are_refused(void **state)
{
    const char *path = written(state);
    size_t whole;
    uint8_t *data = file_read(path, &whole);
    for (size_t bytes = 0; bytes < whole; bytes += 97) {
        file_write(path, data, bytes);
        refuse(path, "");
    }
    free(data);
}

static void test_missing_arrays_are_refused(void **state)
{
    static const char *const arrays[] = {"pixels", "labels", "class_start", "class_names"};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const char *path = written(state);
        tamper_remove(path, arrays[i]);
        refuse(path, arrays[i]);
    }
}

static void test_label_of_another_class_is_refused(void **state)
{
    const char *path = written(state);
    const int32_t one = 1;
    tamper_element(path, "labels", H5T_NATIVE_INT32, 4, &one);
    refuse(path, "image 4 has label 1; by class_start it is of class 2");
}

static void test_class_ranges_are_checked(void **state)
{
    const int64_t two = 2, four = 4, seven = 7, minus = -1;
    const char *path = written(state);
    tamper_element(path, "class_start", H5T_NATIVE_INT64, 0, &two);
    refuse(path, "class_start begins with 2");
    path = written(state);
    tamper_element(path, "class_start", H5T_NATIVE_INT64, 1, &four);
    refuse(path, "class_start falls from 4 to 3");
    path = written(state);
    tamper_element(path, "class_start", H5T_NATIVE_INT64, 1, &minus);
    refuse(path, "class_start falls from 0 to -1");
    path = written(state);
    tamper_element(path, "class_start", H5T_NATIVE_INT64, 3, &seven);
    refuse(path, "class_start ends with 7; there are 6 images");
}

static void test_counts_are_checked(void **state)
{
    const int32_t fewer_labels[COUNT - 1] = {0};
    const int64_t fewer_starts[CLASSES] = {0, 3, 6};
    const hsize_t label_count = COUNT - 1, start_count = CLASSES;
    struct dataset *dataset = NULL;
    const char *path = written(state);
    tamper_replace(path, "labels", H5T_NATIVE_INT32, 1, &label_count, fewer_labels);
    assert_status(dataset_file_open(path, &dataset), STATUS_SHAPE);
    assert_says("has 5 elements; expected 6");
    path = written(state);
    tamper_replace(path, "class_start", H5T_NATIVE_INT64, 1, &start_count, fewer_starts);
    assert_status(dataset_file_open(path, &dataset), STATUS_SHAPE);
    assert_says("has 3 elements; expected 4");
}

static void refuse_pixels(void **state, hid_t type, int rank, const hsize_t *extent, const char *reason)
{
    static const uint8_t zeros[1024];
    const char *path = written(state);
    tamper_replace(path, "pixels", type, rank, extent, zeros);
    refuse(path, reason);
}

static void test_pixels_are_checked(void **state)
{
    refuse_pixels(state, H5T_NATIVE_UINT8, 3, (const hsize_t[]){COUNT, H, W}, "has 3 dimensions; expected 4");
    refuse_pixels(state, H5T_NATIVE_INT8, 4, (const hsize_t[]){COUNT, H, W, C}, "expected 1-byte unsigned");
    refuse_pixels(state, H5T_NATIVE_UINT8, 4, (const hsize_t[]){COUNT - 1, H, W, C}, "there are 5 images");
    refuse_pixels(state, H5T_NATIVE_UINT8, 4, (const hsize_t[]){COUNT, H, 1, 17}, "channels end at 16");
}

static void test_images_without_pixels_are_refused(void **state)
{
    struct dataset *dataset = NULL;
    const hsize_t extent[4] = {COUNT, H, 0, C}, vast[4] = {(hsize_t)1 << 62, 0, 1, 1};
    const char *path = written(state);
    tamper_replace(path, "pixels", H5T_NATIVE_UINT8, 4, extent, NULL);
    assert_status(dataset_file_open(path, &dataset), STATUS_SHAPE);
    assert_says("images of 2×0×2");
    path = written(state);
    tamper_replace(path, "pixels", H5T_NATIVE_UINT8, 4, vast, NULL);
    refuse(path, "class_start ends with 6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_everything_comes_back),        SCRATCH_TEST(test_open_loads_no_pixels),
        SCRATCH_TEST(test_every_range_is_loaded),        SCRATCH_TEST(test_ranges_outside_are_refused),
        SCRATCH_TEST(test_another_file_is_noticed),      SCRATCH_TEST(test_same_dataset_same_bytes),
        SCRATCH_TEST(test_partly_loaded_is_not_written), SCRATCH_TEST(test_unwritable_place),
        SCRATCH_TEST(test_other_files_are_refused),      SCRATCH_TEST(test_truncated_files_are_refused),
        SCRATCH_TEST(test_missing_arrays_are_refused),   SCRATCH_TEST(test_label_of_another_class_is_refused),
        SCRATCH_TEST(test_class_ranges_are_checked),     SCRATCH_TEST(test_counts_are_checked),
        SCRATCH_TEST(test_pixels_are_checked),           SCRATCH_TEST(test_images_without_pixels_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
