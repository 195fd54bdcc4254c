#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/names.h"

static const class_name animals[] = {"cat", "dog", "red,fox", "3", "#1", "a-b", "Bär", "0-2x"};
enum { ANIMALS = sizeof animals / sizeof *animals };

/* --- checking --- */

static void test_good_names_pass(void **state)
{
    (void)state;
    assert_int_equal(class_names_check(animals, ANIMALS, "here"), STATUS_OK);
    assert_int_equal(class_names_check(animals, 0, "here"), STATUS_OK);
}

static void refuse_name(const char *bytes, const char *reason)
{
    class_name names[2] = {"good", ""};
    snprintf(names[1], sizeof names[1], "%s", bytes);
    assert_int_equal(class_names_check((const class_name *)names, 2, "here"), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "here"));
    assert_non_null(strstr(error_message(), reason));
}

static void test_bad_names_are_refused(void **state)
{
    (void)state;
    refuse_name("", "empty");
    refuse_name("tab\tbed", "control character");
    refuse_name("esc\x1b[0m", "control character");
    refuse_name("del\x7f", "control character");
    refuse_name("c1\xc2\x85", "control character");
    refuse_name("separator\xe2\x80\xa8", "control character");
    refuse_name("lone\x80", "UTF-8");
    refuse_name("cut\xc3", "UTF-8");
    refuse_name("cut\xe2\x82", "UTF-8");
    refuse_name("overlong\xc0\xaf", "UTF-8");
    refuse_name("overlong\xe0\x80\xaf", "UTF-8");
    refuse_name("overlong\xf0\x80\x80\xaf", "UTF-8");
    refuse_name("surrogate\xed\xa0\x80", "UTF-8");
    refuse_name("beyond\xf4\x90\x80\x80", "UTF-8");
    refuse_name("never\xff", "UTF-8");
    refuse_name("good", "more than once");
}

static void test_message_has_no_control_characters(void **state)
{
    class_name names[1] = {"a\x1b]0;x\x07 b"};
    (void)state;
    assert_int_equal(class_names_check((const class_name *)names, 1, "here"), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "\"a?]0;x? b\""));
    assert_true(text_is_printable(error_message()));
}

static void test_name_without_end_is_refused(void **state)
{
    class_name names[1];
    (void)state;
    memset(names, 'x', sizeof names);
    assert_int_equal(class_names_check((const class_name *)names, 1, "here"), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "longer than 63 bytes"));
}

static void test_negative_count_is_refused(void **state)
{
    (void)state;
    assert_int_equal(class_names_check(animals, -1, "here"), STATUS_FORMAT);
}

static void test_printable(void **state)
{
    (void)state;
    assert_true(text_is_printable(""));
    assert_true(text_is_printable("zwölf \xf0\x9f\x90\x88"));
    assert_false(text_is_printable("line\nbreak"));
    assert_false(text_is_printable("\xf0\x9f\x90"));
}

/* --- finding --- */

static void test_find_by_name_and_index(void **state)
{
    int32_t index = -1;
    (void)state;
    assert_int_equal(class_names_find(animals, ANIMALS, "dog", "here", &index), STATUS_OK);
    assert_int_equal(index, 1);
    assert_int_equal(class_names_find(animals, ANIMALS, "#2", "here", &index), STATUS_OK);
    assert_int_equal(index, 2);
    assert_int_equal(class_names_find(animals, ANIMALS, "Bär", "here", &index), STATUS_OK);
    assert_int_equal(index, 6);
}

static void test_find_prefers_the_name(void **state)
{
    int32_t index = -1;
    (void)state;
    assert_int_equal(class_names_find(animals, ANIMALS, "#1", "here", &index), STATUS_OK);
    assert_int_equal(index, 4);
}

static void refuse_find(const char *text)
{
    int32_t index = -7;
    assert_int_equal(class_names_find(animals, ANIMALS, text, "here", &index), STATUS_NOT_FOUND);
    assert_int_equal(index, -7);
    assert_non_null(strstr(error_message(), "here"));
    assert_non_null(strstr(error_message(), "cat, dog, red,fox"));
}

static void test_find_what_is_not_there(void **state)
{
    (void)state;
    refuse_find("Cat");
    refuse_find("");
    refuse_find("#");
    refuse_find("#8");
    refuse_find("#-1");
    refuse_find("#1x");
    refuse_find("#99999999999999999999");
    refuse_find("1");
}

static void test_long_lists_are_cut(void **state)
{
    class_name names[100];
    int32_t index;
    (void)state;
    memset(names, 0, sizeof names);
    for (int i = 0; i < 100; i++)
        snprintf(names[i], sizeof names[i], "class-%d", i);
    assert_int_equal(class_names_find((const class_name *)names, 100, "x", "here", &index), STATUS_NOT_FOUND);
    assert_non_null(strstr(error_message(), "class-19, … (100 in all)"));
    assert_null(strstr(error_message(), "class-20"));
}

static void test_lists_of_long_names_are_cut(void **state)
{
    class_name names[20];
    int32_t index;
    (void)state;
    for (int i = 0; i < 20; i++) {
        memset(names[i], 'a' + i, sizeof names[i] - 1);
        names[i][sizeof names[i] - 1] = '\0';
    }
    assert_int_equal(class_names_find((const class_name *)names, 20, "x", "here", &index), STATUS_NOT_FOUND);
    assert_non_null(strstr(error_message(), "… (20 in all), or #0 to #19"));
}

/* --- selecting --- */

static void select_gives(const char *list, int32_t count, const int32_t *expected)
{
    int32_t selected[ANIMALS], selected_count = -1;
    assert_int_equal(class_names_select(animals, ANIMALS, list, "here", selected, &selected_count),
                     STATUS_OK);
    assert_int_equal(selected_count, count);
    assert_memory_equal(selected, expected, (size_t)count * sizeof *expected);
}

static void test_select(void **state)
{
    (void)state;
    select_gives("cat", 1, (const int32_t[]){0});
    select_gives("dog,cat,#7", 3, (const int32_t[]){1, 0, 7});
    select_gives("0-2,7", 4, (const int32_t[]){0, 1, 2, 7});
    select_gives("5-5", 1, (const int32_t[]){5});
    select_gives("red\\,fox,dog", 2, (const int32_t[]){2, 1});
    select_gives("3", 1, (const int32_t[]){3}); /* a class has exactly that name */
    select_gives("a-b", 1, (const int32_t[]){5});
    select_gives("d\\og", 1, (const int32_t[]){1});
}

static void test_select_takes_each_once(void **state)
{
    (void)state;
    select_gives("dog,0-2,#2,cat", 3, (const int32_t[]){1, 0, 2});
}

static void test_select_ascending(void **state)
{
    (void)state;
    int32_t selected[ANIMALS], selected_count = -1;
    assert_int_equal(
        class_names_select_ascending(animals, ANIMALS, "dog,#7,cat", "here", selected, &selected_count),
        STATUS_OK);
    assert_int_equal(selected_count, 3);
    assert_memory_equal(selected, ((const int32_t[]){0, 1, 7}), 3 * sizeof *selected);
    assert_int_equal(class_names_select_ascending(animals, ANIMALS, NULL, "here", selected, &selected_count),
                     STATUS_OK);
    assert_int_equal(selected_count, ANIMALS);
    for (int32_t i = 0; i < ANIMALS; i++)
        assert_int_equal(selected[i], i);
    assert_int_equal(
        class_names_select_ascending(animals, ANIMALS, "cow-", "here", selected, &selected_count),
        STATUS_NOT_FOUND);
}

static void refuse_select(const char *list, enum status expected, const char *reason)
{
    int32_t selected[ANIMALS], selected_count;
    assert_int_equal(class_names_select(animals, ANIMALS, list, "here", selected, &selected_count), expected);
    assert_non_null(strstr(error_message(), "here"));
    assert_non_null(strstr(error_message(), reason));
}

static void test_select_refuses(void **state)
{
    (void)state;
    refuse_select("", STATUS_USAGE, "empty item");
    refuse_select("cat,", STATUS_USAGE, "empty item");
    refuse_select(",cat", STATUS_USAGE, "empty item");
    refuse_select("cat,,dog", STATUS_USAGE, "empty item");
    refuse_select("cat\\", STATUS_USAGE, "backslash");
    refuse_select("4-2", STATUS_USAGE, "2-4");
    refuse_select("cow", STATUS_NOT_FOUND, "\"cow\"");
    refuse_select("8", STATUS_NOT_FOUND, "\"8\"");
    refuse_select("0-8", STATUS_NOT_FOUND, "\"0-8\" goes beyond");
    refuse_select("8-12", STATUS_NOT_FOUND, "there are 0-7");
    refuse_select("0-", STATUS_NOT_FOUND, "\"0-\"");
    refuse_select("-1", STATUS_NOT_FOUND, "\"-1\"");
    refuse_select("0-1-2", STATUS_NOT_FOUND, "\"0-1-2\"");
    refuse_select("0-99999999999999999999", STATUS_NOT_FOUND, "there are");
    refuse_select("cat, dog", STATUS_NOT_FOUND, "\" dog\"");
}

static void test_matching_knows_no_index(void **state)
{
    static const class_name names[] = {"ant", "#0", "bee"};
    int32_t index;
    (void)state;
    assert_int_equal(class_names_match(names, 3, "#0", "here", &index), STATUS_OK);
    assert_int_equal(index, 1);
    assert_int_equal(class_names_match(names, 3, "#2", "here", &index), STATUS_NOT_FOUND);
    assert_non_null(strstr(error_message(), "#2"));
    assert_int_equal(class_names_find(names, 3, "#2", "here", &index), STATUS_OK);
    assert_int_equal(index, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names_pass),
        cmocka_unit_test(test_bad_names_are_refused),
        cmocka_unit_test(test_message_has_no_control_characters),
        cmocka_unit_test(test_name_without_end_is_refused),
        cmocka_unit_test(test_negative_count_is_refused),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_find_by_name_and_index),
        cmocka_unit_test(test_find_prefers_the_name),
        cmocka_unit_test(test_find_what_is_not_there),
        cmocka_unit_test(test_long_lists_are_cut),
        cmocka_unit_test(test_lists_of_long_names_are_cut),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_select_takes_each_once),
        cmocka_unit_test(test_select_ascending),
        cmocka_unit_test(test_matching_knows_no_index),
        cmocka_unit_test(test_select_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
