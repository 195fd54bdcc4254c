/* All runs, a line each. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/monitor/describe.h"
#include "jobs/monitor/draw.h"

enum { NAME_CELLS_MIN = 16, FIGURES_CELLS = 62, BAR_CELLS = 10 };

static const char *run_state(const struct board_run *run)
{
    const struct picture *picture = run->picture;
    if (picture == NULL)
        return "waiting";
    if (picture->ended)
        return event_state_name(picture->end.state);
    return run->notice[0] != '\0' ? "LOST" : "running";
}

static void run_line(struct grid *grid, int row, const struct board_run *run, bool marked, double now)
{
    char number[DESCRIBE_NUMBER_BYTES];
    struct picture_summary summary;
    int column = grid->columns - FIGURES_CELLS;
    enum grid_style style = marked ? GRID_BAR : GRID_PLAIN;
    if (column < NAME_CELLS_MIN)
        column = NAME_CELLS_MIN;
    if (marked)
        grid_fill(grid, row, 0, grid->columns, style, L' ');
    grid_print(grid, row, 0, style, "%c", marked ? '>' : ' ');
    grid_text(grid, row, 2, column - 3, style, run->name);
    grid_print(grid, row, column, style, "%-8s", run_state(run));
    if (run->picture == NULL) {
        grid_print(grid, row, column + 9, style, "%s", run->notice);
        return;
    }
    picture_summarise(run->picture, now, &summary);
    if (summary.progress >= 0) {
        draw_bar(grid, row, column + 9, BAR_CELLS, summary.progress);
        grid_print(grid, row, column + 9 + BAR_CELLS, style, " %3.0f%%", floor(100 * summary.progress));
    }
    grid_print(grid, row, column + 25, style, "%5d", (int)summary.ranks);
    if (summary.ranks_silent > 0)
        grid_print(grid, row, column + 30, GRID_BAD, "!%d", (int)summary.ranks_silent);
    if (!run->picture->ended) {
        describe_count(summary.images_per_second, number);
        grid_print(grid, row, column + 35, style, "%9s", number);
    }
    if (summary.seconds_left >= 0)
        describe_duration(summary.seconds_left, number);
    else
        snprintf(number, sizeof number, "%s", run->picture->ended ? "" : "?");
    grid_print(grid, row, column + 46, style, "%s", number);
}

void draw_runs(struct board *board, struct grid *grid, const struct board_run *runs, int count, double now)
{
    int *first = &board->first[PAGE_RUNS];
    int rows = grid->rows - 3;
    int column = grid->columns - FIGURES_CELLS;
    char clock[DESCRIBE_NUMBER_BYTES], right[DESCRIBE_NUMBER_BYTES + 2];
    describe_clock(now, clock);
    snprintf(right, sizeof right, "%s ", clock);
    grid_fill(grid, 0, 0, grid->columns, GRID_BAR, L' ');
    grid_print(grid, 0, 1, GRID_BAR, "facet-monitor: %d runs", count);
    grid_right(grid, 0, GRID_BAR, right);
    if (column < NAME_CELLS_MIN)
        column = NAME_CELLS_MIN;
    grid_text(grid, 1, 2, column - 2, GRID_FAINT, "run");
    grid_text(grid, 1, column, grid->columns, GRID_FAINT,
              "state    progress        ranks silent  images/s  left");
    board->page_lines = rows > 0 ? rows : 0;
    board->list_lines = count;
    if (board->run < *first)
        *first = board->run;
    if (board->run >= *first + rows)
        *first = board->run - rows + 1;
    for (int row = 0; row < rows && *first + row < count; row++)
        run_line(grid, 2 + row, &runs[*first + row], *first + row == board->run, now);
}
