#include "tests/unit/base/scratch_folder.h"

#include <zlib.h>

#include "compute/formats/idx.h"

enum { COUNT = 3, H = 2, W = 2, IMAGES_BYTES = 16 + COUNT * H * W, LABELS_BYTES = 8 + COUNT };

static const uint8_t good_images[IMAGES_BYTES] = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, H,  0,  0,
                                                  0, W, 1, 2, 3, 4, 5, 6,     7, 8, 9, 10, 11, 12};
static const uint8_t good_labels[LABELS_BYTES] = {0, 0, 8, 1, 0, 0, 0, COUNT, 2, 0, 1};

struct given {
    struct scratch *scratch;
    char images[SCRATCH_PATH_BYTES], labels[SCRATCH_PATH_BYTES];
};

static struct given given_bytes(struct scratch *scratch, const uint8_t *images, size_t images_bytes,
                                const uint8_t *labels, size_t labels_bytes)
{
    struct given given = {.scratch = scratch};
    snprintf(given.images, sizeof given.images, "%s", scratch_path(scratch, "images"));
    snprintf(given.labels, sizeof given.labels, "%s", scratch_path(scratch, "labels"));
    file_write(given.images, images, images_bytes);
    file_write(given.labels, labels, labels_bytes);
    return given;
}

static struct given given_good(struct scratch *scratch)
{
    return given_bytes(scratch, good_images, IMAGES_BYTES, good_labels, LABELS_BYTES);
}

static void gzip(const char *path, const uint8_t *data, size_t bytes)
{
    gzFile stream = gzopen(path, "wb9");
    assert_non_null(stream);
    assert_int_equal(gzwrite(stream, data, (unsigned)bytes), bytes);
    assert_int_equal(gzclose(stream), Z_OK);
}

static void assert_good(const struct dataset *dataset)
{
    static const uint8_t sorted[COUNT * H * W] = {5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4};
    assert_int_equal(dataset->image_count, COUNT);
    assert_int_equal(dataset->shape.h, H);
    assert_int_equal(dataset->shape.w, W);
    assert_int_equal(dataset->shape.c, 1);
    assert_int_equal(dataset->class_count, 3);
    assert_memory_equal(dataset->pixels, sorted, sizeof sorted);
}

static void assert_says(const char *reason)
{
    if (strstr(error_message(), reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error_message(), reason);
}

static void refuse(const struct given *given, enum status expected, const char *reason)
{
    static struct dataset other;
    struct dataset *dataset = &other;
    enum status status = idx_read_files(given->images, given->labels, NULL, 0, &dataset);
    if (status != expected)
        fail_msg("status %d (%s); expected %d", status, error_message(), expected);
    assert_null(dataset);
    assert_says(reason);
}

/* --- what is right --- */

static void test_plain_files(void **state)
{
    struct given given = given_good(*state);
    struct dataset *dataset = NULL;
    assert_int_equal(idx_read_files(given.images, given.labels, NULL, 0, &dataset), STATUS_OK);
    assert_good(dataset);
    assert_string_equal(dataset->class_names[2], "2");
    dataset_destroy(&dataset);
}

static void test_gzip_files(void **state)
{
    struct given given = given_good(*state);
    struct dataset *dataset = NULL;
    gzip(given.images, good_images, IMAGES_BYTES);
    gzip(given.labels, good_labels, LABELS_BYTES);
    assert_int_equal(idx_read_files(given.images, given.labels, NULL, 0, &dataset), STATUS_OK);
    assert_good(dataset);
    dataset_destroy(&dataset);
}

static void test_class_names_are_taken(void **state)
{
    static const class_name names[4] = {"ant", "bee", "cow", "none of these"};
    struct given given = given_good(*state);
    struct dataset *dataset = NULL;
    assert_int_equal(idx_read_files(given.images, given.labels, names, 4, &dataset), STATUS_OK);
    assert_int_equal(dataset->class_count, 4);
    assert_string_equal(dataset->class_names[2], "cow");
    dataset_destroy(&dataset);
}

static void test_folder(void **state)
{
    struct scratch *scratch = *state;
    struct dataset *dataset = NULL;
    assert_false(idx_is_split(scratch->folder, "train"));
    file_write(scratch_path(scratch, "train-images-idx3-ubyte"), good_images, IMAGES_BYTES);
    assert_false(idx_is_split(scratch->folder, "train"));
    gzip(scratch_path(scratch, "train-labels-idx1-ubyte.gz"), good_labels, LABELS_BYTES);
    assert_true(idx_is_split(scratch->folder, "train"));
    assert_false(idx_is_split(scratch->folder, "test"));
    assert_false(idx_is_split(scratch->folder, "../train"));
    assert_int_equal(idx_read_split(scratch->folder, "train", NULL, 0, &dataset), STATUS_OK);
    assert_good(dataset);
    dataset_destroy(&dataset);
}

static void test_test_means_t10k(void **state)
{
    struct scratch *scratch = *state;
    struct dataset *dataset = NULL;
    file_write(scratch_path(scratch, "t10k-images-idx3-ubyte"), good_images, IMAGES_BYTES);
    file_write(scratch_path(scratch, "t10k-labels-idx1-ubyte"), good_labels, LABELS_BYTES);
    assert_true(idx_is_split(scratch->folder, "test"));
    assert_int_equal(idx_read_split(scratch->folder, "test", NULL, 0, &dataset), STATUS_OK);
    dataset_destroy(&dataset);
    assert_int_equal(idx_read_split(scratch->folder, "t10k", NULL, 0, &dataset), STATUS_OK);
    dataset_destroy(&dataset);
}

static void check_fashion_mnist(const char *split, int64_t images)
{
    static const char folder[] = "/usr/share/datasets/fashion-mnist";
    struct dataset *dataset = NULL;
    if (!idx_is_split(folder, split)) {
        print_message("%s is not installed (Debian: dataset-fashion-mnist)\n", folder);
        skip();
    }
    assert_int_equal(idx_read_split(folder, split, NULL, 0, &dataset), STATUS_OK);
    assert_int_equal(dataset->image_count, images);
    assert_int_equal(dataset->class_count, 10);
    assert_int_equal(dataset->shape.h, 28);
    assert_int_equal(dataset->shape.w, 28);
    for (int c = 0; c < 10; c++)
        assert_int_equal(dataset->class_start[c + 1], (c + 1) * images / 10);
    dataset_destroy(&dataset);
}

static void test_fashion_mnist_train(void **state)
{
    (void)state;
    check_fashion_mnist("train", 60000);
}

static void test_fashion_mnist_test(void **state)
{
    (void)state;
    check_fashion_mnist("test", 10000);
}

/* --- what is wrong --- */

static void test_every_truncation_is_refused(void **state)
{
    struct given given = given_good(*state);
    for (size_t bytes = 0; bytes < IMAGES_BYTES; bytes++) {
        file_write(given.images, good_images, bytes);
        refuse(&given, STATUS_FORMAT, "images");
    }
    given = given_good(*state);
    for (size_t bytes = 0; bytes < LABELS_BYTES; bytes++) {
        file_write(given.labels, good_labels, bytes);
        refuse(&given, STATUS_FORMAT, "labels");
    }
}

static void test_every_truncation_of_gzip_is_refused(void **state)
{
    struct given given = given_good(*state);
    size_t whole;
    gzip(given.images, good_images, IMAGES_BYTES);
    uint8_t *data = file_read(given.images, &whole);
    for (size_t bytes = 0; bytes < whole; bytes++) {
        file_write(given.images, data, bytes);
        refuse(&given, STATUS_FORMAT, "images");
    }
    free(data);
}

/* From the compressed data to the end: what deflate does not notice, the checksum and the length behind it
 * do. Only the bits that fill up the last byte of the compressed data mean nothing. */
static void test_damaged_gzip_is_refused(void **state)
{
    enum { GZIP_HEADER_BYTES = 10 };
    struct given given = given_good(*state);
    size_t whole, accepted = 0;
    gzip(given.labels, good_labels, LABELS_BYTES);
    uint8_t *data = file_read(given.labels, &whole);
    for (size_t place = GZIP_HEADER_BYTES; place < whole; place++) {
        struct dataset *dataset = NULL;
        data[place] ^= 0x10;
        file_write(given.labels, data, whole);
        enum status status = idx_read_files(given.images, given.labels, NULL, 0, &dataset);
        if (status == STATUS_OK) {
            assert_good(dataset);
            accepted++;
        } else {
            assert_int_equal(status, STATUS_FORMAT);
        }
        dataset_destroy(&dataset);
        data[place] ^= 0x10;
    }
    assert_true(accepted <= 1);
    free(data);
}

static void test_trailing_bytes_are_refused(void **state)
{
    uint8_t longer[IMAGES_BYTES + 1] = {0};
    struct given given = given_good(*state);
    memcpy(longer, good_images, IMAGES_BYTES);
    file_write(given.images, longer, sizeof longer);
    refuse(&given, STATUS_FORMAT, "more bytes than its header says");
    gzip(given.images, longer, sizeof longer);
    refuse(&given, STATUS_FORMAT, "more bytes than its header says");
}

static void refuse_magic(struct given *given, uint32_t magic, const char *reason)
{
    uint8_t changed[IMAGES_BYTES];
    memcpy(changed, good_images, sizeof changed);
    for (int i = 0; i < 4; i++)
        changed[i] = (uint8_t)(magic >> (24 - 8 * i));
    file_write(given->images, changed, sizeof changed);
    refuse(given, STATUS_FORMAT, "expected 0x00000803 (images)");
    assert_says(reason);
}

static void test_wrong_magic_says_what_it_is(void **state)
{
    struct given given = given_good(*state);
    refuse_magic(&given, 0x00000802, "IDX of another element type or number of dimensions");
    refuse_magic(&given, 0x00000d03, "IDX of another element type or number of dimensions");
    refuse_magic(&given, 0x03080000, "not an IDX file");
    refuse_magic(&given, 0x89504e47, "a PNG picture");
    refuse_magic(&given, 0x89484446, "an HDF5 file");
    refuse_magic(&given, 0x504b0304, "a zip archive");
    refuse_magic(&given, 0x00000801, "0x00000801 (labels)");
}

static void test_swapped_files_are_recognised(void **state)
{
    struct given given = given_bytes(*state, good_labels, LABELS_BYTES, good_images, IMAGES_BYTES);
    refuse(&given, STATUS_FORMAT, "begins with 0x00000803 (images); expected 0x00000801 (labels)");
    assert_says("give images first, labels second");
}

static void test_compressed_twice_is_recognised(void **state)
{
    struct given given = given_good(*state);
    size_t bytes;
    gzip(given.images, good_images, IMAGES_BYTES);
    uint8_t *once = file_read(given.images, &bytes);
    gzip(given.images, once, bytes);
    refuse(&given, STATUS_FORMAT, "compressed twice");
    free(once);
}

static void test_counts_must_agree(void **state)
{
    const uint8_t two[LABELS_BYTES - 1] = {0, 0, 8, 1, 0, 0, 0, COUNT - 1, 2, 0};
    struct given given = given_bytes(*state, good_images, IMAGES_BYTES, two, sizeof two);
    refuse(&given, STATUS_MISMATCH, "has 2 labels");
    assert_says("has 3 images");
}

static void test_label_outside_the_classes_is_refused(void **state)
{
    static const class_name names[2] = {"ant", "bee"};
    struct given given = given_good(*state);
    struct dataset *dataset = NULL;
    assert_int_equal(idx_read_files(given.images, given.labels, names, 2, &dataset), STATUS_FORMAT);
    assert_null(dataset);
    assert_says("label 0 is 2; with 2 class names expected 0 to 1");
}

/* Each extent in turn as large as 32 bits allow, and 0: refused without asking for the memory. */
static void test_claimed_sizes_are_bounded(void **state)
{
    struct given given = given_good(*state);
    for (int dimension = 0; dimension < 3; dimension++)
        for (int compressed = 0; compressed <= 1; compressed++) {
            uint8_t changed[IMAGES_BYTES];
            memcpy(changed, good_images, sizeof changed);
            memcpy(changed + 4 + 4 * dimension, (const uint8_t[]){0x7f, 0xff, 0xff, 0xff}, 4);
            if (compressed == 1)
                gzip(given.images, changed, sizeof changed);
            else
                file_write(given.images, changed, sizeof changed);
            refuse(&given, STATUS_FORMAT, "claims more elements than the file can hold");
        }
}

static void test_impossible_extents_are_refused(void **state)
{
    struct given given = given_good(*state);
    for (int dimension = 0; dimension < 3; dimension++)
        for (int negative = 0; negative <= 1; negative++) {
            uint8_t changed[IMAGES_BYTES];
            memcpy(changed, good_images, sizeof changed);
            memset(changed + 4 + 4 * dimension, negative == 1 ? 0xff : 0, 4);
            file_write(given.images, changed, sizeof changed);
            refuse(&given, STATUS_FORMAT, "of the header is");
        }
}

static void test_missing_files(void **state)
{
    struct scratch *scratch = *state;
    struct given given = given_good(scratch);
    struct dataset *dataset = NULL;
    assert_int_equal(unlink(given.images), 0);
    refuse(&given, STATUS_IO, "No such file");
    snprintf(given.images, sizeof given.images, "%s", scratch->folder);
    refuse(&given, STATUS_IO, "is not a file");
    assert_int_equal(idx_read_split(scratch->folder, "test", NULL, 0, &dataset), STATUS_IO);
    assert_says("no t10k-images-idx3-ubyte[.gz]");
    file_write(scratch_path(scratch, "train-images-idx3-ubyte"), good_images, IMAGES_BYTES);
    assert_int_equal(idx_read_split(scratch->folder, "train", NULL, 0, &dataset), STATUS_IO);
    assert_says("no train-labels-idx1-ubyte[.gz]");
    assert_int_equal(idx_read_split(scratch->folder, "validation", NULL, 0, &dataset), STATUS_USAGE);
    assert_says("no split \"validation\"");
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_plain_files),
        SCRATCH_TEST(test_gzip_files),
        SCRATCH_TEST(test_class_names_are_taken),
        SCRATCH_TEST(test_folder),
        SCRATCH_TEST(test_test_means_t10k),
        cmocka_unit_test(test_fashion_mnist_train),
        cmocka_unit_test(test_fashion_mnist_test),
        SCRATCH_TEST(test_every_truncation_is_refused),
        SCRATCH_TEST(test_every_truncation_of_gzip_is_refused),
        SCRATCH_TEST(test_damaged_gzip_is_refused),
        SCRATCH_TEST(test_trailing_bytes_are_refused),
        SCRATCH_TEST(test_wrong_magic_says_what_it_is),
        SCRATCH_TEST(test_swapped_files_are_recognised),
        SCRATCH_TEST(test_compressed_twice_is_recognised),
        SCRATCH_TEST(test_counts_must_agree),
        SCRATCH_TEST(test_label_outside_the_classes_is_refused),
        SCRATCH_TEST(test_claimed_sizes_are_bounded),
        SCRATCH_TEST(test_impossible_extents_are_refused),
        SCRATCH_TEST(test_missing_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
