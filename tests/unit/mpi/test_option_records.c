/* Options are the same or they are not, however long their values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/option_records.h"

static void test_difference_is_named(void **state)
{
    (void)state;
    struct option_records old = {0}, now = {0};
    option_records_add(&old, "--seed", "%d", 1);
    option_records_add(&now, "--seed", "%d", 1);
    assert_int_equal(option_records_compare(&old, &now, "run"), STATUS_OK);
    option_records_add(&now, "--flip", "given");
    assert_int_equal(option_records_compare(&old, &now, "run"), STATUS_MISMATCH);
    assert_non_null(strstr(error_message(), "run: cannot resume: --flip was nothing, now it is given"));
}

/* Lists of classes: names a thousand characters long that differ in the last one. */
static void test_long_values_differ_by_their_ends(void **state)
{
    (void)state;
    struct option_records old = {0}, same = {0}, other = {0};
    char list[1001];
    memset(list, 'c', sizeof list - 1);
    list[1000] = '\0';
    option_records_add(&old, "--classes", "%s", list);
    option_records_add(&same, "--classes", "%s", list);
    list[999] = 'd';
    option_records_add(&other, "--classes", "%s", list);
    assert_int_equal(option_records_compare(&old, &same, "run"), STATUS_OK);
    assert_int_equal(option_records_compare(&old, &other, "run"), STATUS_MISMATCH);
    assert_int_equal(strncmp(old.records[0].value, list, 40), 0);
    assert_true(strlen(old.records[0].value) < OPTION_VALUE_BYTES);
}

/* Records are written into files byte by byte: nothing is left of what stood behind a value's end. */
static void test_values_at_the_limit_stay_and_end_in_zeros(void **state)
{
    (void)state;
    struct option_records records = {0};
    char value[OPTION_VALUE_BYTES + 1], zeros[OPTION_VALUE_BYTES] = {0};
    memset(value, 'v', sizeof value);
    value[OPTION_VALUE_BYTES - 1] = '\0';
    option_records_add(&records, "fits", "%s", value);
    assert_string_equal(records.records[0].value, value);
    value[OPTION_VALUE_BYTES - 1] = 'v';
    value[OPTION_VALUE_BYTES] = '\0';
    option_records_add(&records, "does not", "%s", value);
    const char *stored = records.records[1].value;
    size_t length = strlen(stored);
    assert_non_null(strstr(stored, "digest"));
    assert_memory_equal(stored + length, zeros, OPTION_VALUE_BYTES - length);
}

/* In the fewest digits that tell the number from all others. */
static void test_numbers_stand_there_as_they_were_typed(void **state)
{
    (void)state;
    static const char *const typed[] = {"0",     "0.05",  "0.9",        "0.95",      "0.0005",
                                        "1e-07", "1e+20", "0.33333334", "1000.00006"};
    struct option_records records = {0};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        option_records_add_number(&records, "--rate", strtof(typed[i], NULL));
        assert_string_equal(records.records[i].value, typed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_difference_is_named),
        cmocka_unit_test(test_long_values_differ_by_their_ends),
        cmocka_unit_test(test_values_at_the_limit_stay_and_end_in_zeros),
        cmocka_unit_test(test_numbers_stand_there_as_they_were_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
