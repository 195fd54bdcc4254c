#include "tests/unit/base/scratch_folder.h"

#include "compute/formats/convolution_plan_file.h"

/* ResNet-20's second stage: 16 × 16 × 32, and the layer that leads to it. */
static const struct convolution_plan_entry entries[] = {
    {.conv = {16, 16, 32, 16, 16, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
     .ways = {CONVOLUTION_WINOGRAD4, CONVOLUTION_DIRECT, CONVOLUTION_AUTO}},
    {.conv = {32, 32, 16, 16, 16, 32, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1},
     .ways = {CONVOLUTION_IM2COL, CONVOLUTION_DIRECT, CONVOLUTION_IM2COL}}};

static void test_round_trip(void **state)
{
    const char *path = scratch_path(*state, "plan.json");
    struct convolution_plan_file plan;
    assert_int_equal(convolution_plan_file_write(path, "a processor", entries, 2), STATUS_OK);
    assert_int_equal(convolution_plan_file_read(path, &plan), STATUS_OK);
    assert_int_equal(plan.count, 2);
    assert_memory_equal(plan.entries, entries, sizeof entries);
    convolution_plan_file_clear(&plan);
    convolution_plan_file_clear(&plan);
}

static void test_equal_plans_have_equal_digests(void **state)
{
    const char *path = scratch_path(*state, "plan.json");
    struct convolution_plan_file plans[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            convolution_plan_file_write(path, i == 1 ? "another" : "a processor", entries, i < 2 ? 2 : 1),
            STATUS_OK);
        assert_int_equal(convolution_plan_file_read(path, &plans[i]), STATUS_OK);
    }
    assert_memory_equal(plans[0].digest, plans[1].digest, DIGEST_BYTES);
    assert_memory_not_equal(plans[0].digest, plans[2].digest, DIGEST_BYTES);
    for (int i = 0; i < 3; i++)
        convolution_plan_file_clear(&plans[i]);
}

/* The written plan with `from` replaced by `to`, which is as long or shorter, is refused for that reason. */
static void refuse(struct scratch *scratch, const char *from, const char *to, const char *word)
{
    const char *path = scratch_path(scratch, "plan.json");
    struct convolution_plan_file plan;
    size_t bytes = 0;
    assert_int_equal(convolution_plan_file_write(path, "a processor", entries, 2), STATUS_OK);
    char *text = (char *)file_read(path, &bytes);
    text[bytes] = '\0';
    char *at = strstr(text, from);
    assert_non_null(at);
    for (size_t i = 0, length = strlen(to); i < strlen(from); i++)
        at[i] = i < length ? to[i] : ' ';
    file_write(path, text, bytes);
    free(text);
    assert_int_equal(convolution_plan_file_read(path, &plan), STATUS_FORMAT);
    if (strstr(error_message(), word) == NULL || strstr(error_message(), path) == NULL)
        fail_msg("%s; expected \"%s\"", error_message(), word);
    convolution_plan_file_clear(&plan);
}

static void test_what_is_refused(void **state)
{
    refuse(*state, "convolution plan", "confusion plan", "not a convolution plan");
    refuse(*state, "\"facet.version\": 1", "\"facet.version\": 2", "version 2");
    refuse(*state, "\"shapes\"", "\"shops\"", "shapes");
    refuse(*state, "\"in_h\": 16", "\"in_h\": 0", "in_h");
    refuse(*state, "\"out_c\": 32", "\"out_c\": \"\"", "out_c");
    refuse(*state, "\"kernel_w\": 3", "\"kernel_w\":99", "kernel_h");
    refuse(*state, "\"groups\": 1", "\"groups\": 3", "groups");
    refuse(*state, "\"winograd4\"", "\"wine\"", "forward");
    refuse(*state, "\"stride_h\": 1", "\"stride_h\": 2", "forward"); /* no Winograd with a stride */
    refuse(*state, "]", "}", "line");
}

static void test_a_file_that_is_not_there(void **state)
{
    struct convolution_plan_file plan;
    assert_int_equal(convolution_plan_file_read(scratch_path(*state, "none.json"), &plan), STATUS_IO);
    assert_non_null(strstr(error_message(), "none.json"));
    convolution_plan_file_clear(&plan);
}

static void test_a_folder_that_is_not_there(void **state)
{
    const char *path = scratch_path(*state, "none/plan.json");
    assert_int_equal(convolution_plan_file_write(path, "a processor", entries, 2), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_equal_plans_have_equal_digests, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_not_there, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_not_there, scratch_setup, scratch_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
