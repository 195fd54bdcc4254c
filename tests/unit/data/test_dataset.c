#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/data/dataset.h"

enum { COUNT = 7, CLASSES = 4 };

static const struct shape small = {1, 2, 2};
static const class_name names[CLASSES] = {"cat", "dog", "eel", "fox"};
static const int32_t labels[COUNT] = {3, 0, 1, 0, 3, 1, 0}; /* none of class 2 */

/* Image i is four times the byte 10·i. */
static struct dataset *small_dataset(void)
{
    struct dataset *dataset = NULL;
    uint8_t pixels[COUNT * 4];
    for (int i = 0; i < COUNT * 4; i++)
        pixels[i] = (uint8_t)(10 * (i / 4));
    assert_int_equal(dataset_create(small, CLASSES, names, pixels, labels, COUNT, &dataset), STATUS_OK);
    return dataset;
}

static void test_sorted_by_class_in_source_order(void **state)
{
    static const int sources[COUNT] = {1, 3, 6, 2, 5, 0, 4};
    static const int64_t starts[CLASSES + 1] = {0, 3, 5, 5, 7};
    struct dataset *dataset = small_dataset();
    (void)state;
    assert_int_equal(dataset->image_count, COUNT);
    assert_int_equal(dataset->first, 0);
    assert_int_equal(dataset->loaded, COUNT);
    assert_memory_equal(dataset->class_start, starts, sizeof starts);
    for (int64_t i = 0; i < COUNT; i++) {
        assert_int_equal(dataset_image(dataset, i)[0], 10 * sources[i]);
        assert_int_equal(dataset_image(dataset, i)[3], 10 * sources[i]);
        assert_int_equal(dataset_label(dataset, i), labels[sources[i]]);
    }
    dataset_destroy(&dataset);
}

static void test_names_default_to_numbers(void **state)
{
    struct dataset *dataset = NULL;
    const uint8_t pixels[4] = {0};
    const int32_t label = 11;
    (void)state;
    assert_int_equal(dataset_create(small, 12, NULL, pixels, &label, 1, &dataset), STATUS_OK);
    assert_string_equal(dataset->class_names[0], "0");
    assert_string_equal(dataset->class_names[11], "11");
    assert_int_equal(dataset_label(dataset, 0), 11);
    dataset_destroy(&dataset);
}

static void test_destroy_twice(void **state)
{
    struct dataset *dataset = small_dataset();
    (void)state;
    dataset_destroy(&dataset);
    assert_null(dataset);
    dataset_destroy(&dataset);
}

static void refuse(struct shape shape, int32_t classes, const class_name *class_names, const int32_t *given,
                   int64_t count, enum status expected)
{
    static const uint8_t pixels[64];
    static struct dataset other;
    struct dataset *dataset = &other;
    assert_int_equal(dataset_create(shape, classes, class_names, pixels, given, count, &dataset), expected);
    assert_null(dataset);
}

static void test_refused(void **state)
{
    const int32_t high[2] = {0, 4}, low[2] = {-1, 0};
    class_name twice[2] = {"same", "same"};
    (void)state;
    refuse(small, CLASSES, names, high, 2, STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "image 1 has label 4; expected 0 to 3"));
    refuse(small, CLASSES, names, low, 2, STATUS_FORMAT);
    refuse(small, 2, (const class_name *)twice, labels, 0, STATUS_SHAPE); /* no images */
    refuse(small, 2, (const class_name *)twice, (const int32_t[]){0}, 1, STATUS_FORMAT);
    refuse(small, 0, NULL, labels, 0, STATUS_SHAPE);
    refuse(small, -1, NULL, labels, 0, STATUS_SHAPE);
    refuse((struct shape){0, 1, 1}, 1, NULL, labels, 1, STATUS_SHAPE);
    refuse((struct shape){1, -1, 1}, 1, NULL, labels, 1, STATUS_SHAPE);
    refuse((struct shape){1, 1, 0}, 1, NULL, labels, 1, STATUS_SHAPE);
    refuse((struct shape){1, 1, SCALING_CHANNELS_MAX + 1}, 1, NULL, labels, 1, STATUS_SHAPE);
    refuse(small, 1, NULL, labels, -1, STATUS_SHAPE);
    refuse((struct shape){INT32_MAX, INT32_MAX, 16}, 1, NULL, labels, 1, STATUS_SHAPE); /* overflows */
}

static void refuse_starts(const int64_t *starts, int32_t classes, enum status expected)
{
    static struct dataset other;
    struct dataset *dataset = &other;
    assert_int_equal(dataset_create_unloaded(small, classes, NULL, starts, "there", &dataset), expected);
    assert_null(dataset);
    assert_non_null(strstr(error_message(), "there"));
}

static void test_class_ranges_are_checked(void **state)
{
    (void)state;
    refuse_starts((const int64_t[]){1, 2}, 1, STATUS_FORMAT);
    refuse_starts((const int64_t[]){-1, 2}, 1, STATUS_FORMAT);
    refuse_starts((const int64_t[]){0, 5, 4, 6}, 3, STATUS_FORMAT);
    refuse_starts((const int64_t[]){0, -5}, 1, STATUS_FORMAT);
    refuse_starts((const int64_t[]){0, 0, 0}, 2, STATUS_SHAPE);
}

static void test_unloaded_knows_its_labels(void **state)
{
    const int64_t starts[] = {0, 0, 2, 2, 5, 5};
    static const int32_t expected[] = {1, 1, 3, 3, 3};
    struct dataset *dataset = NULL;
    (void)state;
    assert_int_equal(dataset_create_unloaded(small, 5, NULL, starts, "there", &dataset), STATUS_OK);
    assert_int_equal(dataset->image_count, 5);
    assert_int_equal(dataset->loaded, 0);
    assert_null(dataset->pixels);
    for (int64_t i = 0; i < 5; i++)
        assert_int_equal(dataset_label(dataset, i), expected[i]);
    dataset_destroy(&dataset);
}

static void test_pixel_bytes(void **state)
{
    size_t bytes = 0;
    (void)state;
    assert_int_equal(dataset_pixel_bytes((struct shape){32, 32, 3}, 50000, &bytes), STATUS_OK);
    assert_int_equal(bytes, 153600000);
    assert_int_equal(dataset_pixel_bytes((struct shape){1 << 16, 1 << 16, 16}, INT64_C(1) << 28, &bytes),
                     STATUS_SHAPE);
}

static void test_limit_keeps_the_first_of_each_class(void **state)
{
    static const int sources[] = {1, 3, 2, 5, 0, 4};
    static const int64_t starts[CLASSES + 1] = {0, 2, 4, 4, 6};
    struct dataset *dataset = small_dataset();
    (void)state;
    dataset_limit(dataset, 100);
    assert_int_equal(dataset->image_count, COUNT);
    dataset_limit(dataset, 2);
    assert_int_equal(dataset->image_count, 6);
    assert_int_equal(dataset->loaded, 6);
    assert_memory_equal(dataset->class_start, starts, sizeof starts);
    for (int64_t i = 0; i < 6; i++)
        assert_int_equal(dataset_image(dataset, i)[0], 10 * sources[i]);
    dataset_destroy(&dataset);
}

static void test_keeping_classes_keeps_their_images_and_names(void **state)
{
    static const int32_t kept[] = {1, 3};
    struct dataset *whole = small_dataset(), *dataset = small_dataset();
    int64_t at = 0;
    (void)state;
    dataset_keep_classes(dataset, kept, 2);
    assert_int_equal(dataset->class_count, 2);
    for (int32_t c = 0; c < 2; c++) {
        assert_string_equal(dataset->class_names[c], whole->class_names[kept[c]]);
        assert_int_equal(dataset->class_start[c], at);
        for (int64_t i = whole->class_start[kept[c]]; i < whole->class_start[kept[c] + 1]; i++, at++)
            assert_memory_equal(dataset_image(dataset, at), dataset_image(whole, i),
                                shape_count(whole->shape));
    }
    assert_int_equal(dataset->image_count, at);
    assert_int_equal(dataset->loaded, at);
    assert_int_equal(dataset->class_start[2], at);
    dataset_destroy(&dataset);
    dataset_destroy(&whole);
}

static void test_scaling_is_measured(void **state)
{
    struct dataset *dataset = NULL;
    struct scaling scaling;
    uint8_t pixels[COUNT * 4];
    double sum = 0, squares = 0;
    (void)state;
    for (int i = 0; i < COUNT * 2; i++) {
        pixels[2 * i] = (uint8_t)(i * i);
        pixels[2 * i + 1] = 200; /* the second channel never varies */
        sum += i * i / 255.0;
        squares += (i * i / 255.0) * (i * i / 255.0);
    }
    double mean = sum / (COUNT * 2), deviation = sqrt(squares / (COUNT * 2) - mean * mean);
    assert_int_equal(dataset_create(small, CLASSES, names, pixels, labels, COUNT, &dataset), STATUS_OK);
    dataset_measure_scaling(dataset, &scaling);
    assert_true(scaling.scale == scaling_default().scale);
    assert_true(fabs((double)scaling.mean[0] - mean) < 1e-6);
    assert_true(fabs((double)scaling.std[0] - deviation) < 1e-6);
    assert_true(fabs((double)scaling.mean[1] - 200 / 255.0) < 1e-6);
    assert_true(scaling.std[1] == 1.0F);
    dataset_destroy(&dataset);
}

static void test_scaling_of_nothing_is_the_default(void **state)
{
    const int64_t starts[] = {0, 3};
    const struct scaling expected = scaling_default();
    struct scaling scaling;
    struct dataset *dataset = NULL;
    (void)state;
    assert_int_equal(dataset_create_unloaded(small, 1, NULL, starts, "there", &dataset), STATUS_OK);
    dataset_measure_scaling(dataset, &scaling);
    assert_memory_equal(&scaling, &expected, sizeof expected);
    dataset_destroy(&dataset);
}

static void assert_digest_differs(const uint8_t before[DIGEST_BYTES], const struct dataset *dataset)
{
    uint8_t after[DIGEST_BYTES];
    dataset_digest(dataset, after);
    assert_memory_not_equal(before, after, DIGEST_BYTES);
}

static void test_digest_sees_everything(void **state)
{
    struct dataset *a = small_dataset(), *b = small_dataset();
    uint8_t digest[DIGEST_BYTES], again[DIGEST_BYTES];
    (void)state;
    dataset_digest(a, digest);
    dataset_digest(b, again);
    assert_memory_equal(digest, again, DIGEST_BYTES);
    b->pixels[COUNT * 4 - 1] ^= 1;
    assert_digest_differs(digest, b);
    b->pixels[COUNT * 4 - 1] ^= 1;
    b->class_names[2][0] = 'x';
    assert_digest_differs(digest, b);
    b->class_names[2][0] = 'e';
    b->class_start[1]--;
    assert_digest_differs(digest, b);
    b->class_start[1]++;
    b->shape = (struct shape){2, 1, 2};
    assert_digest_differs(digest, b);
    dataset_destroy(&a);
    dataset_destroy(&b);
}

static void test_digest_ignores_what_follows_a_name(void **state)
{
    class_name untidy[CLASSES];
    struct dataset *a = small_dataset(), *b = NULL;
    uint8_t pixels[COUNT * 4], a_digest[DIGEST_BYTES], b_digest[DIGEST_BYTES];
    (void)state;
    for (int i = 0; i < COUNT * 4; i++)
        pixels[i] = (uint8_t)(10 * (i / 4));
    memset(untidy, 0x55, sizeof untidy);
    for (int c = 0; c < CLASSES; c++)
        memcpy(untidy[c], names[c], strlen(names[c]) + 1);
    assert_int_equal(dataset_create(small, CLASSES, (const class_name *)untidy, pixels, labels, COUNT, &b),
                     STATUS_OK);
    dataset_digest(a, a_digest);
    dataset_digest(b, b_digest);
    assert_memory_equal(a_digest, b_digest, DIGEST_BYTES);
    dataset_destroy(&a);
    dataset_destroy(&b);
}

static void test_adapting_changes_the_shape(void **state)
{
    struct dataset *dataset = small_dataset();
    const uint8_t *before = dataset->pixels;
    (void)state;
    assert_int_equal(dataset_adapt(dataset, small), STATUS_OK);
    assert_ptr_equal(dataset->pixels, before);
    assert_int_equal(dataset_adapt(dataset, (struct shape){3, 3, 1}), STATUS_SHAPE);
    assert_int_equal(dataset->shape.h, 1);
    assert_int_equal(dataset_adapt(dataset, (struct shape){3, 3, 2}), STATUS_OK);
    assert_int_equal(dataset->shape.h, 3);
    assert_int_equal(dataset_image(dataset, 6)[17], 10 * 4);
    dataset_destroy(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_by_class_in_source_order),
        cmocka_unit_test(test_names_default_to_numbers),
        cmocka_unit_test(test_destroy_twice),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_class_ranges_are_checked),
        cmocka_unit_test(test_unloaded_knows_its_labels),
        cmocka_unit_test(test_pixel_bytes),
        cmocka_unit_test(test_limit_keeps_the_first_of_each_class),
        cmocka_unit_test(test_keeping_classes_keeps_their_images_and_names),
        cmocka_unit_test(test_adapting_changes_the_shape),
        cmocka_unit_test(test_scaling_is_measured),
        cmocka_unit_test(test_scaling_of_nothing_is_the_default),
        cmocka_unit_test(test_digest_sees_everything),
        cmocka_unit_test(test_digest_ignores_what_follows_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
