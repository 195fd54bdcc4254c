#include "tests/unit/base/scratch_folder.h"

#include "compute/formats/cifar.h"

enum { PLANE = 1024, RECORD = 3 * PLANE };

/* `count` records: labels 0, 1, … (times `step`), planes of 10, 20 and 30 plus the record's number. */
static void write_records(const char *path, int label_bytes, int count, int step)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < count; i++) {
        if (label_bytes == 2)
            fputc(5, file); /* the coarse label */
        fputc(i * step, file);
        for (int c = 1; c <= 3; c++)
            for (int p = 0; p < PLANE; p++)
                fputc(p == 0 ? i : 10 * c + i, file);
    }
    fclose(file);
}

static void write_cifar10(struct scratch *scratch)
{
    for (int i = 1; i <= 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        write_records(scratch_path(scratch, name), 1, 2, 3);
    }
    write_records(scratch_path(scratch, "test_batch.bin"), 1, 10, 1);
}

static void refuse(struct scratch *scratch, const char *split, enum status expected, const char *word)
{
    static struct dataset untouched;
    struct dataset *dataset = &untouched;
    enum status status = cifar_read_split(scratch->folder, split, NULL, 0, &dataset);
    if (status != expected || strstr(error_message(), word) == NULL)
        fail_msg("status %d (%s); expected %d and \"%s\"", status, error_message(), expected, word);
    assert_null(dataset);
}

static void test_cifar10(void **state)
{
    struct scratch *scratch = *state;
    struct dataset *dataset;
    assert_false(cifar_is_folder(scratch->folder));
    write_cifar10(scratch);
    assert_true(cifar_is_folder(scratch->folder));
    assert_int_equal(cifar_read_split(scratch->folder, "train", NULL, 0, &dataset), STATUS_OK);
    assert_int_equal(dataset->image_count, 10);
    assert_int_equal(dataset->class_count, 10);
    assert_int_equal(dataset->class_start[1], 5);
    assert_int_equal(dataset->class_start[4], 10);
    assert_string_equal(dataset->class_names[3], "3");
    const uint8_t *image = dataset_image(dataset, 5); /* the second record of a file */
    assert_int_equal(image[0], 1);
    assert_int_equal(image[3], 11);
    assert_int_equal(image[4], 21);
    assert_int_equal(image[RECORD - 1], 31);
    dataset_destroy(&dataset);
    assert_int_equal(cifar_read_split(scratch->folder, "test", NULL, 0, &dataset), STATUS_OK);
    assert_int_equal(dataset->image_count, 10);
    dataset_destroy(&dataset);
}

static void test_cifar100_has_fine_labels(void **state)
{
    struct scratch *scratch = *state;
    struct dataset *dataset;
    write_records(scratch_path(scratch, "train.bin"), 2, 2, 99);
    assert_int_equal(cifar_read_split(scratch->folder, "train", NULL, 0, &dataset), STATUS_OK);
    assert_int_equal(dataset->class_count, 100);
    assert_int_equal(dataset_label(dataset, 0), 0);
    assert_int_equal(dataset_label(dataset, 1), 99);
    assert_int_equal(dataset_image(dataset, 1)[3], 11);
    dataset_destroy(&dataset);
}

static void test_names_come_with_the_images(void **state)
{
    static const char lines[] = "ant\nbee\ncow\ndog\nelk\nfox\ngnu\nhen\nibis\njay\n\n";
    static const class_name given[10] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    struct scratch *scratch = *state;
    struct dataset *dataset;
    write_cifar10(scratch);
    file_write(scratch_path(scratch, "batches.meta.txt"), lines, sizeof lines - 2);
    assert_int_equal(cifar_read_split(scratch->folder, "test", NULL, 0, &dataset), STATUS_OK);
    assert_string_equal(dataset->class_names[8], "ibis");
    dataset_destroy(&dataset);
    assert_int_equal(cifar_read_split(scratch->folder, "test", given, 10, &dataset), STATUS_OK);
    assert_string_equal(dataset->class_names[8], "i");
    dataset_destroy(&dataset);
    assert_int_equal(cifar_read_split(scratch->folder, "test", given, 9, &dataset), STATUS_MISMATCH);
    assert_null(dataset);
}

/* The file as it is downloaded ends with an empty line of its own. */
static void test_an_empty_line_after_the_names(void **state)
{
    static const char lines[] = "ant\nbee\ncow\ndog\nelk\nfox\ngnu\nhen\nibis\njay\n\n";
    struct scratch *scratch = *state;
    struct dataset *dataset;
    write_cifar10(scratch);
    file_write(scratch_path(scratch, "batches.meta.txt"), lines, sizeof lines - 1);
    assert_int_equal(cifar_read_split(scratch->folder, "test", NULL, 0, &dataset), STATUS_OK);
    assert_string_equal(dataset->class_names[9], "jay");
    dataset_destroy(&dataset);
}

static void test_what_is_wrong(void **state)
{
    struct scratch *scratch = *state;
    refuse(scratch, "train", STATUS_IO, "no CIFAR-10 or CIFAR-100 binary files");
    write_cifar10(scratch);
    refuse(scratch, "val", STATUS_USAGE, "no split \"val\"");
    unlink(scratch_path(scratch, "data_batch_4.bin"));
    refuse(scratch, "train", STATUS_IO, "data_batch_4.bin: cannot open");
    file_write(scratch->path, "x", 1);
    refuse(scratch, "train", STATUS_FORMAT, "data_batch_4.bin: has 1 bytes; expected a multiple of 3073");
    file_write(scratch->path, "", 0);
    refuse(scratch, "train", STATUS_FORMAT, "has 0 bytes");
    write_records(scratch_path(scratch, "test_batch.bin"), 1, 2, 10);
    refuse(scratch, "test", STATUS_FORMAT, "image 1 has label 10; expected 0 to 9");
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_cifar10),
        SCRATCH_TEST(test_cifar100_has_fine_labels),
        SCRATCH_TEST(test_names_come_with_the_images),
        SCRATCH_TEST(test_an_empty_line_after_the_names),
        SCRATCH_TEST(test_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
