#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "compute/formats/images/class_path.h"

static void check(struct class_path path, const char *prefix, const char *split, const char *class_folder)
{
    assert_true(path_piece_is(path.prefix, prefix));
    assert_true(path_piece_is(path.split, split));
    assert_true(path_piece_is(path.class_folder, class_folder));
}

static void test_parts_of_a_path(void **state)
{
    (void)state;
    check(class_path_of_file("cat/1.png"), "", "", "cat");
    check(class_path_of_file("test/cat/1.png"), "", "test", "cat");
    check(class_path_of_file("cifar10/train/cat/1.png"), "cifar10", "train", "cat");
    check(class_path_of_file("a/b/val/cat/1.png"), "a/b", "val", "cat");
    check(class_path_of_file("pets/cat/1.png"), "pets", "", "cat");
    check(class_path_of_file("1.png"), "", "", "");
    check(class_path_of_folder("cifar10/train/cat"), "cifar10", "train", "cat");
}

/* CIFAR-100 has a class of that name. */
static void test_a_class_may_be_called_train(void **state)
{
    (void)state;
    check(class_path_of_file("train/1.png"), "", "", "train");
    check(class_path_of_file("train/train/1.png"), "", "train", "train");
    check(class_path_of_file("cifar100/test/train/1.png"), "cifar100", "test", "train");
}

static enum class_place place(const char *prefix, const char *split, const char *file)
{
    struct class_layout layout = {.prefix = ""};
    snprintf(layout.prefix, sizeof layout.prefix, "%s", prefix);
    snprintf(layout.split, sizeof layout.split, "%s", split);
    struct class_path path = class_path_of_file(file);
    return class_layout_place(&layout, &path);
}

static void test_places(void **state)
{
    (void)state;
    assert_int_equal(place("", "", "cat/1.png"), CLASS_PLACE_HERE);
    assert_int_equal(place("n", "test", "n/test/cat/1.png"), CLASS_PLACE_HERE);
    assert_int_equal(place("n", "test", "n/train/cat/1.png"), CLASS_PLACE_OTHER_SPLIT);
    assert_int_equal(place("n", "test", "m/test/cat/1.png"), CLASS_PLACE_ELSEWHERE);
    assert_int_equal(place("n", "test", "n/cat/1.png"), CLASS_PLACE_ELSEWHERE);
    assert_int_equal(place("", "", "train/cat/1.png"), CLASS_PLACE_ELSEWHERE);
    assert_int_equal(place("", "", "cat/more/1.png"), CLASS_PLACE_ELSEWHERE);
    assert_int_equal(place("", "", "1.png"), CLASS_PLACE_ELSEWHERE);
}

static void test_hidden_files(void **state)
{
    (void)state;
    assert_true(path_is_hidden(".DS_Store"));
    assert_true(path_is_hidden("cat/._1.png"));
    assert_true(path_is_hidden("__MACOSX/cat/1.png"));
    assert_false(path_is_hidden("cat/1.png"));
    assert_false(path_is_hidden("../cat"));
    assert_false(path_is_hidden("cat/.."));
}

static void test_images_by_name(void **state)
{
    (void)state;
    assert_true(path_is_image("a.png"));
    assert_true(path_is_image("a.b.JPEG"));
    assert_true(path_is_image("a.Jpg"));
    assert_false(path_is_image("a.gif"));
    assert_false(path_is_image("png"));
    assert_false(path_is_image("a.png.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_of_a_path), cmocka_unit_test(test_a_class_may_be_called_train),
        cmocka_unit_test(test_places),          cmocka_unit_test(test_hidden_files),
        cmocka_unit_test(test_images_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
