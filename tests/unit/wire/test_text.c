#include "fixture.h"

#include "mpi/wire/text.h"

static void assert_cleaned(const char *text, const char *expected)
{
    char clean[64];
    size_t length = text_clean(clean, sizeof clean, text);
    assert_string_equal(clean, expected);
    assert_int_equal(length, strlen(expected));
}

static void test_good_text_stays(void **state)
{
    (void)state;
    assert_cleaned("Größe 3×3 猫 🐈", "Größe 3×3 猫 🐈");
    assert_cleaned("", "");
}

static void test_terminal_controls_become_spaces(void **state)
{
    (void)state;
    assert_cleaned("a\033[2Jb\nc\td\177e", "a [2Jb c d e");
    assert_cleaned("a\xc2\x9b"
                   "31mb",
                   "a 31mb"); /* U+009B is CSI, too */
    assert_cleaned("a\xe2\x80\xae"
                   "b",
                   "a b"); /* U+202E turns the line round */
}

static void test_bytes_that_are_not_utf8_become_question_marks(void **state)
{
    (void)state;
    assert_cleaned("a\xff"
                   "b",
                   "a?b");
    assert_cleaned("\xc0\xaf", "??");           /* overlong '/' */
    assert_cleaned("\xed\xa0\x80", "???");      /* a surrogate */
    assert_cleaned("\xf4\x90\x80\x80", "????"); /* above U+10FFFF */
    assert_cleaned("ab\xe2\x82", "ab??");       /* cut off */
}

static void test_text_is_cut_between_characters(void **state)
{
    char clean[5];
    (void)state;
    assert_int_equal(text_clean(clean, sizeof clean, "aé€"), 3);
    assert_string_equal(clean, "aé");
    assert_int_equal(text_clean(clean, 1, "abc"), 0);
    assert_string_equal(clean, "");
}

static void test_text_may_be_cleaned_in_place(void **state)
{
    char text[] = "\xc2\x85x\xc2\x85y\xffz";
    (void)state;
    text_clean(text, sizeof text, text);
    assert_string_equal(text, " x y?z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_text_stays),
        cmocka_unit_test(test_terminal_controls_become_spaces),
        cmocka_unit_test(test_bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(test_text_is_cut_between_characters),
        cmocka_unit_test(test_text_may_be_cleaned_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
