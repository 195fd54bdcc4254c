#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/error.h"

static void test_set_returns_status_and_keeps_message(void **state)
{
    (void)state;
    assert_int_equal(error_set(STATUS_SHAPE, "%s: %d rows, expected %d", "x.h5", 3, 4), STATUS_SHAPE);
    assert_string_equal(error_message(), "x.h5: 3 rows, expected 4");
}

static void test_message_is_one_line(void **state)
{
    (void)state;
    error_set(STATUS_IO, "first\nsecond\r\nthird");
    assert_string_equal(error_message(), "first second  third");
}

static void test_long_message_is_cut(void **state)
{
    char text[3000];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(STATUS_IO, "%s", text);
    assert_int_equal(strlen(error_message()), 1023);
    error_prefix(STATUS_IO, "%s", text);
    assert_int_equal(strlen(error_message()), 1023);
}

static void test_prefix_goes_in_front(void **state)
{
    (void)state;
    error_set(STATUS_SHAPE, "channels differ");
    assert_int_equal(error_prefix(STATUS_FORMAT, "reading layer %s: ", "conv1"), STATUS_FORMAT);
    assert_string_equal(error_message(), "reading layer conv1: channels differ");
}

static void test_message_may_quote_itself(void **state)
{
    (void)state;
    error_set(STATUS_IO, "inner");
    error_set(STATUS_IO, "outer (%s)", error_message());
    assert_string_equal(error_message(), "outer (inner)");
}

static void test_first_failure_is_carried(void **state)
{
    struct error_carried carried = {STATUS_OK, ""};
    (void)state;
    error_keep_first(&carried, STATUS_OK);
    assert_int_equal(error_raise(&carried), STATUS_OK);
    error_set(STATUS_FORMAT, "first");
    error_keep_first(&carried, STATUS_FORMAT);
    error_set(STATUS_IO, "second");
    error_keep_first(&carried, STATUS_IO);
    error_set(STATUS_IO, "something else");
    assert_int_equal(error_raise(&carried), STATUS_FORMAT);
    assert_string_equal(error_message(), "first");
}

static void *fail_elsewhere(void *carried)
{
    error_keep_first(carried, error_set(STATUS_NOT_FOUND, "from the other thread"));
    return NULL;
}

static void test_message_belongs_to_its_thread(void **state)
{
    struct error_carried carried = {STATUS_OK, ""};
    pthread_t other;
    (void)state;
    error_set(STATUS_IO, "mine");
    assert_int_equal(pthread_create(&other, NULL, fail_elsewhere, &carried), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_string_equal(error_message(), "mine");
    assert_int_equal(error_raise(&carried), STATUS_NOT_FOUND);
    assert_string_equal(error_message(), "from the other thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_returns_status_and_keeps_message),
        cmocka_unit_test(test_message_is_one_line),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_prefix_goes_in_front),
        cmocka_unit_test(test_message_may_quote_itself),
        cmocka_unit_test(test_first_failure_is_carried),
        cmocka_unit_test(test_message_belongs_to_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
