/* Pictures of runs, and boards drawn from them as text. */
#ifndef FACET_TESTS_UNIT_MONITOR_FIXTURE_H
#define FACET_TESTS_UNIT_MONITOR_FIXTURE_H

#include "../wire/fixture.h"

#include <locale.h>
#include <stdbool.h>

#include "jobs/monitor/board.h"

enum { TEXT_BYTES = 65536, NOW = 1100 };

static inline void apply(struct picture *picture, struct event event)
{
    assert_int_equal(picture_apply(picture, &event), STATUS_OK);
}

/* A run of so many ranks on nodes of four, each at work on the class of its number. */
static inline struct picture *picture_of(int32_t ranks, int32_t classes)
{
    struct picture *picture;
    struct event start = start_event(ranks, classes);
    assert_int_equal(picture_create(&picture), STATUS_OK);
    start.nodes = (ranks + 3) / 4;
    start.co2e_grams_per_joule = 0.001;
    snprintf(start.job, sizeof start.job, "4711");
    apply(picture, start);
    for (int32_t i = 0; i < classes; i++)
        apply(picture, class_event(i, i < ranks ? STATE_RUNNING : STATE_WAITING));
    for (int32_t i = 0; i < ranks; i++) {
        struct event event = rank_event(i, classes > 0 ? i % classes : -1, i, ranks);
        event.time = NOW - 1;
        event.energy_joules = 36;
        event.memory_bytes = UINT64_C(1) << 30;
        event.images_per_second = 1000 + i;
        snprintf(event.host, sizeof event.host, "node-%d", (int)i / 4);
        apply(picture, event);
    }
    return picture;
}

struct drawn {
    struct board board;
    struct grid grid;
    char text[TEXT_BYTES];
};

static inline void draw(struct drawn *drawn, const struct board_run *runs, int count)
{
    char row[4096];
    size_t used = 0;
    board_draw(&drawn->board, &drawn->grid, runs, count, NOW);
    for (int i = 0; i < drawn->grid.rows; i++) {
        size_t length = grid_row_text(&drawn->grid, i, row, sizeof row);
        assert_true(used + length + 2 < TEXT_BYTES);
        memcpy(drawn->text + used, row, length);
        used += length;
        drawn->text[used++] = '\n';
    }
    drawn->text[used] = '\0';
}

static inline void drawn_make(struct drawn *drawn, int rows, int columns, int runs)
{
    memset(drawn, 0, sizeof *drawn);
    assert_int_equal(grid_resize(&drawn->grid, rows, columns), STATUS_OK);
    drawn->grid.unicode = true;
    board_start(&drawn->board, runs);
}

static inline void assert_shows(const struct drawn *drawn, const char *text)
{
    if (strstr(drawn->text, text) == NULL)
        fail_msg("expected \"%s\" in:\n%s", text, drawn->text);
}

static inline void assert_hides(const struct drawn *drawn, const char *text)
{
    if (strstr(drawn->text, text) != NULL)
        fail_msg("did not expect \"%s\" in:\n%s", text, drawn->text);
}

#endif
