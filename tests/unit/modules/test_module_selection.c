#include "module_test.h"

#include "modules/module_selection.h"

static void test_a_file_alone_selects_all(void **state)
{
    (void)state;
    struct module_selection selection;
    assert_ok(module_selection_parse("some/where=1,2.h5", &selection));
    assert_string_equal(selection.path, "some/where=1,2.h5");
    assert_int_equal(selection.count, 0);
    module_selection_clear(&selection);
    assert_null(selection.path);
    module_selection_clear(&selection);
}

static void test_classes_and_labels(void **state)
{
    (void)state;
    struct module_selection selection;
    assert_ok(module_selection_parse("a.h5:cat,dog=hound,#3=third,#4", &selection));
    assert_string_equal(selection.path, "a.h5");
    assert_int_equal(selection.count, 4);
    assert_string_equal(selection.classes[0], "cat");
    assert_string_equal(selection.labels[0], "");
    assert_string_equal(selection.classes[1], "dog");
    assert_string_equal(selection.labels[1], "hound");
    assert_string_equal(selection.classes[2], "#3");
    assert_string_equal(selection.labels[2], "third");
    assert_string_equal(selection.classes[3], "#4");
    module_selection_clear(&selection);
}

static void test_backslash_takes_the_next_character_literally(void **state)
{
    (void)state;
    struct module_selection selection;
    assert_ok(module_selection_parse("C\\:\\\\a.h5:a\\,b\\:c\\=d=e\\,f", &selection));
    assert_string_equal(selection.path, "C:\\a.h5");
    assert_int_equal(selection.count, 1);
    assert_string_equal(selection.classes[0], "a,b:c=d");
    assert_string_equal(selection.labels[0], "e,f");
    module_selection_clear(&selection);
}

static void test_faulty_arguments_are_usage_errors(void **state)
{
    (void)state;
    const char *const faulty[] = {"",          ":cat",      "a.h5:",     "a.h5:cat,",  "a.h5:,cat",
                                  "a.h5:=x",   "a.h5:cat=", "a.h5:a:b",  "a.h5:a=b=c", "a.h5\\",
                                  "a.h5:ca\\", "a.h5:a=\\", "a.h5:a=b:c"};
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        struct module_selection selection;
        if (module_selection_parse(faulty[i], &selection) != STATUS_USAGE)
            fail_msg("\"%s\" was taken", faulty[i]);
        assert_null(selection.path);
        assert_null(selection.classes);
    }
}

static void test_names_are_bounded(void **state)
{
    (void)state;
    struct module_selection selection;
    char argument[128] = "a.h5:";
    memset(argument + 5, 'x', 63);
    assert_ok(module_selection_parse(argument, &selection));
    assert_int_equal(strlen(selection.classes[0]), 63);
    module_selection_clear(&selection);
    argument[5 + 63] = 'x';
    assert_fails(module_selection_parse(argument, &selection), STATUS_USAGE, "longer than 63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_alone_selects_all),
        cmocka_unit_test(test_classes_and_labels),
        cmocka_unit_test(test_backslash_takes_the_next_character_literally),
        cmocka_unit_test(test_faulty_arguments_are_usage_errors),
        cmocka_unit_test(test_names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
