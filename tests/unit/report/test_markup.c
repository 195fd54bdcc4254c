/* What anyone could write into a class name stays text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/report/markup.h"

static void expect(void (*write)(FILE *out, const char *text), const char *text, const char *wanted)
{
    char *written = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&written, &bytes);
    assert_non_null(out);
    write(out, text);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(written, wanted);
    free(written);
}

static void test_html_has_no_tags_and_no_ends_of_attributes(void **state)
{
    (void)state;
    expect(markup_html, "<script>alert('&')</script>", "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;");
    expect(markup_html, "\" onload=\"x", "&quot; onload=&quot;x");
    expect(markup_html, "Größe ≥ 1", "Größe ≥ 1");
    expect(markup_html, "", "");
}

static void test_markdown_has_no_links_cells_or_tags(void **state)
{
    (void)state;
    expect(markup_markdown, "![a](http://b)", "!\\[a\\](http://b)");
    expect(markup_markdown, "a|b", "a\\|b");
    expect(markup_markdown, "<img src=x>&amp;`c`*d*\\", "\\<img src=x\\>\\&amp;\\`c\\`\\*d\\*\\\\");
}

static void test_what_is_no_text_is_replaced(void **state)
{
    (void)state;
    expect(markup_html,
           "a\xff"
           "b\xc3",
           "a?b?");
    expect(markup_html, "a\nb\x1b[1m\x7f", "a b [1m ");
    expect(markup_html,
           "a\xe2\x80\xae"
           "b",
           "a b");
    expect(markup_markdown, "a\n# b", "a # b");
}

static void expect_base64(const char *bytes, const char *wanted)
{
    char *written = NULL;
    size_t count = 0;
    FILE *out = open_memstream(&written, &count);
    assert_non_null(out);
    markup_base64(out, bytes, strlen(bytes));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(written, wanted);
    free(written);
}

/* The test vectors of RFC 4648. */
static void test_base64(void **state)
{
    (void)state;
    expect_base64("", "");
    expect_base64("f", "Zg==");
    expect_base64("fo", "Zm8=");
    expect_base64("foo", "Zm9v");
    expect_base64("foob", "Zm9vYg==");
    expect_base64("foobar", "Zm9vYmFy");
    expect_base64("\xff\xfe\xfd", "//79");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html_has_no_tags_and_no_ends_of_attributes),
        cmocka_unit_test(test_markdown_has_no_links_cells_or_tags),
        cmocka_unit_test(test_what_is_no_text_is_replaced),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
