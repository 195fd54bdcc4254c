#include "tests/unit/formats/hdf5_test.h"

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "compute/formats/dataset_join.h"

enum { H = 2, W = 3, C = 1, IMAGE_BYTES = H * W * C, PER_CLASS = 23 };

/* A file of PER_CLASS images a class; the first byte of an image is its place in its class, the second its
 * class. The caller frees the path. */
static char *write_set(void **state, const char *file, const class_name *names, int32_t classes)
{
    struct dataset *dataset = NULL;
    uint8_t *pixels = NULL;
    int32_t *labels = NULL;
    int64_t count = (int64_t)PER_CLASS * classes;
    assert_status(memory_allocate(&pixels, (size_t)count * IMAGE_BYTES, 1, "test"), STATUS_OK);
    assert_status(memory_allocate(&labels, (size_t)count, sizeof *labels, "test"), STATUS_OK);
    for (int64_t i = 0; i < count; i++) {
        labels[i] = (int32_t)(i / PER_CLASS);
        pixels[i * IMAGE_BYTES] = (uint8_t)(i % PER_CLASS);
        pixels[i * IMAGE_BYTES + 1] = (uint8_t)labels[i];
    }
    assert_status(dataset_create((struct shape){H, W, C}, classes, names, pixels, labels, count, &dataset),
                  STATUS_OK);
    char *path = strdup(scratch_path(*state, file));
    assert_non_null(path);
    assert_status(dataset_file_write(dataset, path), STATUS_OK);
    dataset_destroy(&dataset);
    memory_free(&pixels);
    memory_free(&labels);
    return path;
}

static const class_name first_names[3] = {"cat", "dog", "T-shirt/top"}, second_names[2] = {"boot", "cat"};

struct two_files {
    char *paths[2];
    struct dataset_join *join;
};

static struct two_files open_two(void **state)
{
    struct two_files two = {
        {write_set(state, "animals.h5", first_names, 3), write_set(state, "things.h5", second_names, 2)},
        NULL};
    assert_status(dataset_join_open(two.paths, 2, &two.join), STATUS_OK);
    return two;
}

static void close_two(struct two_files *two)
{
    dataset_join_destroy(&two->join);
    assert_null(two->join);
    dataset_join_destroy(&two->join);
    free(two->paths[0]);
    free(two->paths[1]);
}

static void assert_found(const struct dataset_join *join, const char *label, int32_t dataset,
                         int32_t class_index)
{
    struct joined_class found;
    assert_status(dataset_join_find(join, label, "C.h5", &found), STATUS_OK);
    assert_int_equal(found.dataset, dataset);
    if (dataset >= 0)
        assert_int_equal(found.class_index, class_index);
}

static void test_classes_are_found_by_name(void **state)
{
    struct two_files two = open_two(state);
    struct joined_class found;
    assert_string_equal(two.join->sets[0].name, "animals");
    assert_found(two.join, "dog", 0, 1);
    assert_found(two.join, "boot", 1, 0);
    assert_found(two.join, "T-shirt/top", 0, 2);
    assert_found(two.join, "animals/cat", 0, 0);
    assert_found(two.join, "things/cat", 1, 1);
    assert_found(two.join, "animals/T-shirt/top", 0, 2);
    assert_found(two.join, "animals/boot", -1, 0);
    assert_found(two.join, "animals", -1, 0);
    assert_found(two.join, "eel", -1, 0);
    assert_status(dataset_join_find(two.join, "cat", "C.h5", &found), STATUS_MISMATCH);
    assert_non_null(strstr(error_message(), "\"animals/cat\" or \"things/cat\""));
    close_two(&two);
}

static void test_names_given_with_the_files(void **state)
{
    char *path = write_set(state, "one.h5", first_names, 3), *arguments[2] = {NULL, NULL};
    struct dataset_join *join = NULL;
    struct joined_class found;
    assert_true(asprintf(&arguments[0], "left=%s", path) > 0);
    assert_true(asprintf(&arguments[1], "right=%s", path) > 0);
    assert_status(dataset_join_open(arguments, 2, &join), STATUS_OK);
    assert_found(join, "left/dog", 0, 1);
    assert_found(join, "right/dog", 1, 1);
    dataset_join_destroy(&join);

    char *twice[2] = {path, path}; /* two of one name: no label can tell them apart */
    assert_status(dataset_join_open(twice, 2, &join), STATUS_OK);
    assert_status(dataset_join_find(join, "one/dog", "C.h5", &found), STATUS_MISMATCH);
    assert_non_null(strstr(error_message(), "NAME=FILE"));
    dataset_join_destroy(&join);
    free(arguments[0]);
    free(arguments[1]);
    free(path);
}

static void test_a_file_whose_name_has_an_equals_sign(void **state)
{
    char *path = write_set(state, "a=b.h5", first_names, 3);
    struct dataset_join *join = NULL;
    assert_status(dataset_join_open(&path, 1, &join), STATUS_OK);
    assert_string_equal(join->sets[0].name, "a=b");
    dataset_join_destroy(&join);
    free(path);
}

static void assert_refused(const char *argument, enum status expected)
{
    struct dataset_join *join = NULL;
    char *text = strdup(argument);
    assert_status(dataset_join_open(&text, 1, &join), expected);
    assert_null(join);
    free(text);
}

static void test_bad_arguments(void **state)
{
    struct dataset_join *join = NULL;
    (void)state;
    assert_status(dataset_join_open(NULL, 0, &join), STATUS_USAGE);
    assert_refused("=file.h5", STATUS_USAGE);
    assert_refused("a\nb=file.h5", STATUS_USAGE);
    assert_refused("0123456789012345678901234567890123456789012345678901234567890123=file.h5", STATUS_USAGE);
    assert_refused("name=no-such-file.h5", STATUS_IO);
    assert_refused("no-such-file.h5", STATUS_IO);
}

/* Every tenth image from place 3 on, from the file and from memory. */
static void test_reading_with_a_stride(void **state)
{
    struct two_files two = open_two(state);
    const struct joined_class boots = {1, 0};
    uint8_t pixels[2 * IMAGE_BYTES] = {0};
    assert_int_equal(dataset_join_class_images(two.join, boots), PER_CLASS);
    for (int loaded = 0; loaded < 2; loaded++) {
        memset(pixels, 0xff, sizeof pixels);
        assert_status(dataset_join_read(two.join, boots, 3, 10, 2, pixels), STATUS_OK);
        assert_int_equal(pixels[0], 3);
        assert_int_equal(pixels[1], 0);
        assert_int_equal(pixels[IMAGE_BYTES], 13);
        assert_status(dataset_join_load(two.join), STATUS_OK);
    }
    close_two(&two);
}

/* A stride so wide that a file is read in several pieces. */
static void test_reading_in_pieces(void **state)
{
    const class_name names[40] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",
                                  "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
                                  "20", "21", "22", "23", "24", "25", "26", "27", "28", "29",
                                  "30", "31", "32", "33", "34", "35", "36", "37", "38", "39"};
    char *path = write_set(state, "many.h5", names, 40);
    struct dataset_join *join = NULL;
    uint8_t pixels[40 * IMAGE_BYTES] = {0};
    assert_status(dataset_join_open(&path, 1, &join), STATUS_OK);
    assert_status(dataset_join_read(join, (struct joined_class){0, 0}, 5, PER_CLASS, 40, pixels), STATUS_OK);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(pixels[i * IMAGE_BYTES], 5);
        assert_int_equal(pixels[i * IMAGE_BYTES + 1], i);
    }
    dataset_join_destroy(&join);
    free(path);
}

static void test_description_of_a_join(void **state)
{
    char text[64], cut[4], a[] = "a.h5", b[] = "b.h5", c[] = "c.h5";
    struct joined_dataset sets[3] = {{.path = a}, {.path = b}, {.path = c}};
    const struct dataset_join join = {3, sets};
    (void)state;
    dataset_join_describe(&join, text, sizeof text);
    assert_string_equal(text, "a.h5, b.h5 and c.h5");
    dataset_join_describe(&join, cut, sizeof cut);
    assert_string_equal(cut, "a.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_classes_are_found_by_name),
        SCRATCH_TEST(test_names_given_with_the_files),
        SCRATCH_TEST(test_a_file_whose_name_has_an_equals_sign),
        SCRATCH_TEST(test_bad_arguments),
        SCRATCH_TEST(test_reading_with_a_stride),
        SCRATCH_TEST(test_reading_in_pieces),
        SCRATCH_TEST(test_description_of_a_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
