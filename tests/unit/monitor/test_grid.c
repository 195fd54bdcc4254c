#include "monitor_fixture.h"

static void row_is(const struct grid *grid, int row, const char *expected)
{
    char text[256];
    grid_row_text(grid, row, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_text_is_cut_at_its_width_and_at_the_edge(void **state)
{
    struct grid grid = {0};
    (void)state;
    assert_int_equal(grid_resize(&grid, 2, 10), STATUS_OK);
    assert_int_equal(grid_text(&grid, 0, 1, 4, GRID_PLAIN, "abcdef"), 5);
    assert_int_equal(grid_text(&grid, 1, 7, 100, GRID_PLAIN, "abcdef"), 10);
    row_is(&grid, 0, " abcd");
    row_is(&grid, 1, "       abc");
    grid_destroy(&grid);
    grid_destroy(&grid);
}

static void test_what_is_outside_is_left_out(void **state)
{
    struct grid grid = {0};
    (void)state;
    assert_int_equal(grid_resize(&grid, 1, 4), STATUS_OK);
    grid_text(&grid, -1, 0, 9, GRID_PLAIN, "no");
    grid_text(&grid, 1, 0, 9, GRID_PLAIN, "no");
    grid_text(&grid, 0, -2, 9, GRID_PLAIN, "abc");
    grid_fill(&grid, 0, 3, 100, GRID_PLAIN, L'x');
    row_is(&grid, 0, "c  x");
    grid_destroy(&grid);
}

static void test_wide_characters_are_never_cut_in_half(void **state)
{
    struct grid grid = {0};
    (void)state;
    assert_int_equal(grid_resize(&grid, 1, 5), STATUS_OK);
    assert_int_equal(grid_text(&grid, 0, 0, 5, GRID_PLAIN, "日本語"), 4);
    row_is(&grid, 0, "日本");
    grid_text(&grid, 0, 1, 1, GRID_PLAIN, "x"); /* over the right half of the first */
    row_is(&grid, 0, " x本");
    grid_text(&grid, 0, 2, 1, GRID_PLAIN, "y"); /* over the left half of the second */
    row_is(&grid, 0, " xy");
    grid_destroy(&grid);
}

static void test_what_cannot_be_shown_becomes_a_question_mark(void **state)
{
    struct grid grid = {0};
    (void)state;
    assert_int_equal(grid_resize(&grid, 1, 20), STATUS_OK);
    grid_text(&grid, 0, 0, 20, GRID_PLAIN,
              "a\xff"
              "b\033[1mc\xc3");
    row_is(&grid, 0, "a?b?[1mc?");
    grid_destroy(&grid);
}

static void test_accents_that_combine_take_no_cell(void **state)
{
    struct grid grid = {0};
    (void)state;
    assert_int_equal(grid_resize(&grid, 1, 20), STATUS_OK);
    assert_int_equal(grid_text(&grid, 0, 0, 20, GRID_PLAIN, "e\xcc\x81x"), 2);
    row_is(&grid, 0, "ex");
    assert_int_equal(grid_width("e\xcc\x81x日"), 4);
    grid_destroy(&grid);
}

static void test_sizes_are_held_within_limits(void **state)
{
    struct grid grid = {0};
    (void)state;
    assert_int_equal(grid_resize(&grid, 0, -5), STATUS_OK);
    assert_int_equal(grid.rows * grid.columns, 1);
    assert_int_equal(grid_resize(&grid, 1 << 20, 1 << 20), STATUS_OK);
    assert_int_equal(grid.rows, GRID_ROWS_MAX);
    assert_int_equal(grid.columns, GRID_COLUMNS_MAX);
    grid_destroy(&grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_cut_at_its_width_and_at_the_edge),
        cmocka_unit_test(test_what_is_outside_is_left_out),
        cmocka_unit_test(test_wide_characters_are_never_cut_in_half),
        cmocka_unit_test(test_what_cannot_be_shown_becomes_a_question_mark),
        cmocka_unit_test(test_accents_that_combine_take_no_cell),
        cmocka_unit_test(test_sizes_are_held_within_limits),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
