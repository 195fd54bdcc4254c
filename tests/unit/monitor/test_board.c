#include "monitor_fixture.h"

#include <math.h>

static struct drawn drawn;

static void press(const char *keys, int runs)
{
    for (; *keys != '\0'; keys++)
        board_press(&drawn.board, (unsigned char)*keys, runs);
}

static struct board_run run_of(const struct picture *picture)
{
    return (struct board_run){.name = "runs/a", .picture = picture, .notice = ""};
}

static void test_the_header_says_what_runs_where_and_how_far(void **state)
{
    struct picture *picture = picture_of(8, 20);
    (void)state;
    for (int32_t i = 8; i < 13; i++) {
        struct event event = class_event(i, i == 12 ? STATE_FAILED : i == 11 ? STATE_RESUMED : STATE_DONE);
        event.value = 0.9;
        apply(picture, event);
    }
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 90, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, " facet decompose n.h5 -o run");
    assert_shows(&drawn, "running  ");
    assert_shows(&drawn, " job 4711  2 nodes  8 ranks  8.0 GiB");
    assert_shows(&drawn, "4 of 20 classes, 1 FAILED, mean 90.0%, least 90.0%");
    assert_shows(&drawn, "classes: . 7 waiting > 8 running x 1 failed = 1 before o 3 done");
    assert_shows(&drawn, "1 min 40 s, 2 min 33 s left");
    assert_shows(&drawn, "8,028 images/s  est. 0.08 Wh, 0.288 g CO2e");
    assert_hides(&drawn, "SILENT");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_classes_are_tiles_with_figures_where_there_is_room(void **state)
{
    struct picture *picture = picture_of(2, 10);
    struct event done = class_event(5, STATE_DONE);
    (void)state;
    done.value = 0.877;
    apply(picture, done);
    done = class_event(6, STATE_DONE);
    done.value = NAN;
    apply(picture, done);
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "> class-0 ");
    assert_shows(&drawn, "o class-5           87.7%");
    assert_shows(&drawn, "o class-6             nan");
    assert_shows(&drawn, ". class-9");
    assert_shows(&drawn, "2 of 10 classes, mean 87.7%");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_a_thousand_classes_are_marks_the_worst_of_each(void **state)
{
    struct picture *picture = picture_of(4, 1000);
    (void)state;
    for (int32_t i = 100; i < 1000; i++) {
        struct event event = class_event(i, i == 500 ? STATE_FAILED : STATE_DONE);
        event.value = 0.85;
        apply(picture, event);
    }
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "classes");
    assert_shows(&drawn, "8888x8888");
    assert_shows(&drawn, ">");
    assert_shows(&drawn, "...");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_a_silent_rank_is_marked_in_words(void **state)
{
    struct picture *picture = picture_of(4, 0);
    (void)state;
    picture->ranks[2].last_time = NOW - 45;
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "1 SILENT!");
    assert_shows(&drawn, "!    2 node-0     SILENT");
    assert_shows(&drawn, "!   45 s");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_many_ranks_are_a_row_a_node_the_silent_first(void **state)
{
    struct picture *picture = picture_of(256, 0);
    (void)state;
    picture->ranks[201].last_time = NOW - 45;
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "!node-50    3 of 4 work, 1 SILENT");
    assert_shows(&drawn, " node-0     4 of 4 work");
    assert_shows(&drawn, "more nodes");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_ranks_are_paged_filtered_sorted_and_found(void **state)
{
    struct picture *picture = picture_of(256, 0);
    (void)state;
    picture->ranks[77].last_time = NOW - 45;
    picture->ranks[78].images_per_second = 5;
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    press("r", 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "ranks: all, 256 of 256");
    assert_shows(&drawn, "    0 node-0");
    board_press(&drawn.board, BOARD_KEY_END, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "  255 node-63");
    assert_hides(&drawn, "    0 node-0");
    board_press(&drawn.board, BOARD_KEY_PAGE_DOWN, 1); /* not beyond the end */
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "  255 node-63");
    press("f", 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "ranks: silent, 1 of 256");
    assert_shows(&drawn, "!   77 node-19    SILENT");
    press("fff", 1); /* at work, ended, all again */
    press("ss", 1);  /* by host, by images/s */
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "by images/s");
    assert_non_null(strstr(drawn.text, "   78 node-19"));
    press("/", 1);
    press("NODE-42", 1);
    board_press(&drawn.board, BOARD_KEY_ENTER, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "ranks: all, 4 of 256");
    assert_shows(&drawn, "only \"NODE-42\"");
    board_press(&drawn.board, BOARD_KEY_ESCAPE, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "ranks: all, 256 of 256");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_classes_are_sorted_by_figure_and_filtered(void **state)
{
    struct picture *picture = picture_of(1, 200);
    (void)state;
    for (int32_t i = 0; i < 200; i++) {
        struct event event = class_event(i, i == 150 ? STATE_FAILED : STATE_DONE);
        event.value = i == 150 ? -1 : i == 120 ? 0.111 : 0.9;
        apply(picture, event);
    }
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    press("css", 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "by figure");
    const char *first = strstr(drawn.text, "x class-150");
    const char *second = strstr(drawn.text, "o class-120         11.1%");
    assert_non_null(first);
    assert_true(second > first);
    press("ffff", 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "classes: failed, 1 of 200");
    assert_hides(&drawn, "class-120");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_learning_curves_rise_and_fall(void **state)
{
    struct picture *picture = picture_of(1, 0);
    (void)state;
    for (int i = 1; i <= 8; i++) {
        struct event event = epoch_event(i, 10);
        event.loss = 9 - i;
        event.train_top1 = 0.1 * i;
        event.value = i % 2 == 0 ? 0.05 * i : -1;
        apply(picture, event);
    }
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "epoch 8 of 10");
    assert_shows(&drawn, "█▇▆▅▄▃▂▁ 1");
    assert_shows(&drawn, "▁▂▃▄▅▆▇█ 80.00%");
    assert_shows(&drawn, "▁▃▆█ 40.00%");
    drawn.grid.unicode = false;
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "#*+=~-._ 1");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_the_log_ends_with_the_newest_line(void **state)
{
    struct picture *picture = picture_of(1, 0);
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct event event = log_event("");
        snprintf(event.text, sizeof event.text, "line %d", i);
        apply(picture, event);
    }
    struct board_run run = run_of(picture);
    drawn_make(&drawn, 24, 80, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "rank 0: line 99");
    press("g", 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "rank 0: line 99");
    assert_hides(&drawn, "line 36\n");
    board_press(&drawn.board, BOARD_KEY_END, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "rank 0: line 36");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

static void test_several_runs_are_listed_and_opened(void **state)
{
    struct picture *one = picture_of(1, 10), *two = picture_of(8, 0);
    struct board_run runs[] = {
        {.name = "runs/one", .picture = one, .notice = ""},
        {.name = "runs/two", .picture = two, .notice = "no word from the run for 9 s"},
        {.name = "runs/three", .picture = NULL, .notice = "no run has begun there yet"},
    };
    struct event end = end_event(STATE_DONE);
    (void)state;
    apply(one, end);
    drawn_make(&drawn, 24, 80, 3);
    draw(&drawn, runs, 3);
    assert_shows(&drawn, "facet-monitor: 3 runs");
    assert_shows(&drawn, "> runs/one");
    assert_shows(&drawn, "done ");
    assert_shows(&drawn, "LOST ");
    assert_shows(&drawn, "waiting  no run has begun");
    board_press(&drawn.board, BOARD_KEY_DOWN, 3);
    board_press(&drawn.board, BOARD_KEY_ENTER, 3);
    draw(&drawn, runs, 3);
    assert_shows(&drawn, "8 ranks");
    assert_shows(&drawn, "! no word from the run for 9 s");
    press("\t", 3);
    draw(&drawn, runs, 3);
    assert_shows(&drawn, "no run has begun there yet");
    press("\t", 3);
    draw(&drawn, runs, 3);
    assert_shows(&drawn, "finished: all written");
    board_press(&drawn.board, BOARD_KEY_ESCAPE, 3);
    draw(&drawn, runs, 3);
    assert_shows(&drawn, "facet-monitor: 3 runs");
    assert_false(drawn.board.quit);
    press("q", 3);
    assert_true(drawn.board.quit);
    grid_destroy(&drawn.grid);
    picture_destroy(&one);
    picture_destroy(&two);
}

static void test_drops_nonsense_and_strangers_are_shown(void **state)
{
    struct picture *picture = picture_of(2, 0);
    (void)state;
    picture->ranks[1].dropped = 12;
    struct board_run run = run_of(picture);
    run.ignored = 3;
    run.refused = 4;
    run.gaps = 5;
    drawn_make(&drawn, 24, 120, 1);
    draw(&drawn, &run, 1);
    assert_shows(&drawn, "12 events dropped");
    assert_shows(&drawn, "3 messages ignored, 4 strangers refused");
    assert_shows(&drawn, "caught up 5 times");
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

/* Any size, any page, any state: nothing is drawn outside, nothing but ASCII without Unicode. */
static void test_every_page_fits_every_size(void **state)
{
    static const char pages[] = "ocrlga?";
    struct picture *pictures[] = {picture_of(1, 0), picture_of(300, 1000), picture_of(3, 7)};
    (void)state;
    for (int i = 1; i <= 30; i++) {
        struct event event = epoch_event(i, 30);
        event.class_index = i % 7;
        event.loss = i == 9 ? NAN : 1.0 / i;
        apply(pictures[2], event);
        apply(pictures[2], log_event("a line that is rather long, longer than some of the screens are wide"));
    }
    for (int rows = 1; rows <= 40; rows += rows < 12 ? 1 : 14)
        for (int columns = 1; columns <= 130; columns += columns < 30 ? 7 : 50)
            for (size_t page = 0; page < sizeof pages - 1; page++)
                for (size_t i = 0; i < 3; i++) {
                    struct board_run runs[] = {run_of(pictures[i]), run_of(NULL)};
                    drawn_make(&drawn, rows, columns, 2);
                    drawn.grid.unicode = false;
                    board_press(&drawn.board, BOARD_KEY_ENTER, 2);
                    board_press(&drawn.board, pages[page], 2);
                    draw(&drawn, runs, 2);
                    board_press(&drawn.board, BOARD_KEY_END, 2);
                    draw(&drawn, runs, 2);
                    for (const char *c = drawn.text; *c != '\0'; c++)
                        assert_true((*c >= ' ' && *c < 0x7f) || *c == '\n');
                    grid_destroy(&drawn.grid);
                }
    for (size_t i = 0; i < 3; i++)
        picture_destroy(&pictures[i]);
}

/* Keys in any order never lead out of the lists. */
static void test_any_keys_in_any_order(void **state)
{
    struct picture *picture = picture_of(40, 60);
    uint32_t random = 12345;
    (void)state;
    struct board_run runs[] = {run_of(picture), run_of(NULL), run_of(picture)};
    drawn_make(&drawn, 24, 80, 3);
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525U + 1013904223U;
        int key =
            (random >> 16) % 4 == 0 ? (int)(BOARD_KEY_UP + (random >> 20) % 10) : (int)(random >> 20) % 128;
        board_press(&drawn.board, key, 3);
        if (i % 20 == 0)
            draw(&drawn, runs, 3);
        assert_in_range(drawn.board.page, 0, PAGE_COUNT - 1);
        assert_in_range(drawn.board.run, 0, 2);
        assert_true(drawn.board.first[drawn.board.page] >= 0);
    }
    grid_destroy(&drawn.grid);
    picture_destroy(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_header_says_what_runs_where_and_how_far),
        cmocka_unit_test(test_classes_are_tiles_with_figures_where_there_is_room),
        cmocka_unit_test(test_a_thousand_classes_are_marks_the_worst_of_each),
        cmocka_unit_test(test_a_silent_rank_is_marked_in_words),
        cmocka_unit_test(test_many_ranks_are_a_row_a_node_the_silent_first),
        cmocka_unit_test(test_ranks_are_paged_filtered_sorted_and_found),
        cmocka_unit_test(test_classes_are_sorted_by_figure_and_filtered),
        cmocka_unit_test(test_learning_curves_rise_and_fall),
        cmocka_unit_test(test_the_log_ends_with_the_newest_line),
        cmocka_unit_test(test_several_runs_are_listed_and_opened),
        cmocka_unit_test(test_drops_nonsense_and_strangers_are_shown),
        cmocka_unit_test(test_every_page_fits_every_size),
        cmocka_unit_test(test_any_keys_in_any_order),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
