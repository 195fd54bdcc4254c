#include <stdio.h>
#include <string.h>

#include "jobs/monitor/describe.h"
#include "jobs/monitor/draw.h"

static void line_draw(const struct scene *scene, int row, const struct event *event)
{
    char clock[DESCRIBE_NUMBER_BYTES];
    describe_clock(event->time, clock);
    int column = grid_print(scene->grid, row, 1, GRID_FAINT, "%s ", clock);
    column = grid_print(scene->grid, row, column, GRID_PLAIN, "rank %d: ", (int)event->rank);
    grid_text(scene->grid, row, column, scene->grid->columns, GRID_PLAIN, event->text);
}

int draw_log_rows(const struct scene *scene, int rows)
{
    int room = scene->grid->rows / 6;
    int count = scene->picture->log_count;
    int wanted = 1 + (count < room ? count : room);
    if (count == 0 || rows < 2)
        return 0;
    return wanted < rows ? wanted : rows;
}

/* The last lines, the newest at the bottom. */
void draw_log(const struct scene *scene, int top, int rows)
{
    int count = scene->picture->log_count;
    int shown = count < rows - 1 ? count : rows - 1;
    draw_heading(scene->grid, top, "log", "");
    for (int i = 0; i < shown; i++)
        line_draw(scene, top + 1 + i, &scene->picture->log[count - shown + i]);
}

/* Newest first, so that what comes is seen without paging. */
void draw_log_page(const struct scene *scene, int top, int rows)
{
    struct board *board = scene->board;
    int shown = 0, row = 0;
    draw_heading(scene->grid, top, "log, newest first", "the last 64 lines; events.jsonl has all");
    for (int i = scene->picture->log_count - 1; i >= 0; i--) {
        if (!draw_found(board, scene->picture->log[i].text))
            continue;
        if (shown++ >= board->first[PAGE_LOG] && row < rows - 1)
            line_draw(scene, top + 1 + row++, &scene->picture->log[i]);
    }
    board->page_lines = rows - 1;
    board->list_lines = shown;
    if (shown == 0)
        grid_text(scene->grid, top + 1, 1, scene->grid->columns, GRID_FAINT, "no line");
}
