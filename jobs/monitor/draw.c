#include "jobs/monitor/draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/monitor/describe.h"

enum { PART_COUNT = 4 };

void draw_heading(struct grid *grid, int row, const char *title, const char *right)
{
    wchar_t line = grid->unicode ? L'─' : L'-';
    grid_fill(grid, row, 0, grid->columns, GRID_FAINT, line);
    if (right[0] != '\0' && grid_width(title) + grid_width(right) + 8 <= grid->columns) {
        int column = grid->columns - grid_width(right) - 3;
        grid_print(grid, row, column, GRID_PLAIN, " %s ", right);
    }
    grid_print(grid, row, 1, GRID_STRONG, " %s ", title);
}

void draw_bar(struct grid *grid, int row, int column, int cells, double fraction)
{
    int full = (int)(fmin(fmax(fraction, 0), 1) * cells);
    if (cells < 1)
        return;
    grid_fill(grid, row, column, full, GRID_BUSY, grid->unicode ? L'█' : L'#');
    grid_fill(grid, row, column + full, cells - full, GRID_FAINT, grid->unicode ? L'░' : L'.');
}

int draw_sparkline(struct grid *grid, int row, int column, int cells, enum grid_style style,
                   const double *values, int count)
{
    static const wchar_t blocks[] = L"▁▂▃▄▅▆▇█", letters[] = L"_.-~=+*#";
    enum { LEVELS = 8 };
    const wchar_t *levels = grid->unicode ? blocks : letters;
    double least = INFINITY, most = -INFINITY;
    int first = count > cells ? count - cells : 0;
    for (int i = first; i < count; i++)
        if (isfinite(values[i])) {
            least = fmin(least, values[i]);
            most = fmax(most, values[i]);
        }
    for (int i = first; i < count; i++) {
        double height = most > least ? (values[i] - least) / (most - least) : 0.5;
        int level = isfinite(values[i]) ? (int)(height * (LEVELS - 1) + 0.5) : -1;
        column = grid_fill(grid, row, column, 1, style, level >= 0 ? levels[level] : L'?');
    }
    return column;
}

bool draw_found(const struct board *board, const char *text)
{
    return board->search[0] == '\0' || strcasestr(text, board->search) != NULL;
}

char draw_state_mark(enum event_state state)
{
    static const char marks[STATE_COUNT] = {
        [STATE_NONE] = '.',   [STATE_WAITING] = '.', [STATE_RUNNING] = '>', [STATE_DONE] = 'o',
        [STATE_FAILED] = 'x', [STATE_RESUMED] = '=', [STATE_STOPPED] = '-',
    };
    return (unsigned)state < STATE_COUNT ? marks[state] : '?';
}

enum grid_style draw_state_style(enum event_state state)
{
    static const enum grid_style styles[STATE_COUNT] = {
        [STATE_NONE] = GRID_FAINT,  [STATE_WAITING] = GRID_FAINT, [STATE_RUNNING] = GRID_BUSY,
        [STATE_DONE] = GRID_GOOD,   [STATE_FAILED] = GRID_BAD,    [STATE_RESUMED] = GRID_KEPT,
        [STATE_STOPPED] = GRID_BAD,
    };
    return (unsigned)state < STATE_COUNT ? styles[state] : GRID_PLAIN;
}

/* The parts of the overview from top to bottom. */
static const struct part {
    int (*rows)(const struct scene *scene, int rows);
    void (*draw)(const struct scene *scene, int top, int rows);
    int least; /* rows with its heading below which it is left out */
} parts[PART_COUNT] = {
    {draw_classes_rows, draw_classes, 2},
    {draw_ranks_rows, draw_ranks, 3},
    {draw_curves_rows, draw_curves, 2},
    {draw_log_rows, draw_log, 2},
};

/* Who gets a row next while there are rows: in turns, classes and ranks twice as often as the others. */
static const int turns[] = {0, 1, 3, 0, 1, 2};
enum { TURN_COUNT = sizeof turns / sizeof turns[0] };

/* Gives each part its least number of rows, in the order of importance, then what is left in turns. */
static void rows_divide(const struct scene *scene, int available, int rows[PART_COUNT])
{
    static const int importance[PART_COUNT] = {1, 0, 2, 3};
    int limit[PART_COUNT];
    int left = available;
    for (int i = 0; i < PART_COUNT; i++) {
        int part = importance[i];
        limit[part] = parts[part].rows(scene, available);
        rows[part] = limit[part] < parts[part].least ? limit[part] : parts[part].least;
        if (rows[part] > left)
            rows[part] = 0;
        left -= rows[part];
    }
    for (bool given = true; given && left > 0;) {
        given = false;
        for (int i = 0; i < TURN_COUNT && left > 0; i++)
            if (rows[turns[i]] > 0 && rows[turns[i]] < limit[turns[i]]) {
                rows[turns[i]]++;
                left--;
                given = true;
            }
    }
}

/* What was given and is not used goes to the others. */
static void rows_settle(const struct scene *scene, int available, int rows[PART_COUNT])
{
    static const int takers[PART_COUNT] = {1, 0, 2, 3};
    int left = available;
    for (int i = 0; i < PART_COUNT; i++) {
        if (rows[i] > 0)
            rows[i] = parts[i].rows(scene, rows[i]);
        left -= rows[i];
    }
    for (int i = 0; i < PART_COUNT && left > 0; i++) {
        int part = takers[i];
        int used = rows[part] > 0 ? parts[part].rows(scene, rows[part] + left) : 0;
        if (used > rows[part]) {
            left -= used - rows[part];
            rows[part] = used;
        }
    }
}

static void overview_draw(const struct scene *scene, int top, int available)
{
    int rows[PART_COUNT];
    rows_divide(scene, available, rows);
    rows_settle(scene, available, rows);
    for (int i = 0; i < PART_COUNT; i++) {
        if (rows[i] > 0)
            parts[i].draw(scene, top, rows[i]);
        top += rows[i];
    }
}

static void nothing_draw(struct grid *grid, const struct board_run *run)
{
    grid_fill(grid, 0, 0, grid->columns, GRID_BAR, L' ');
    grid_print(grid, 0, 1, GRID_BAR, "%s", run->name);
    grid_print(grid, 2, 1, GRID_PLAIN, "%s",
               run->notice[0] != '\0' ? run->notice : "asking the run how it is …");
}

void draw_run(struct board *board, struct grid *grid, const struct board_run *run, double now)
{
    struct scene scene = {board, grid, run, run->picture, {0}, now};
    if (run->picture == NULL) {
        nothing_draw(grid, run);
        return;
    }
    picture_summarise(run->picture, now, &scene.summary);
    int top = draw_header(&scene);
    int rows = grid->rows - top - 1;
    if (rows < 1)
        return;
    switch (board->page) {
    case PAGE_CLASSES:
        draw_classes_page(&scene, top, rows);
        break;
    case PAGE_RANKS:
        draw_ranks_page(&scene, top, rows);
        break;
    case PAGE_CURVES:
        draw_curves_page(&scene, top, rows);
        break;
    case PAGE_LOG:
        draw_log_page(&scene, top, rows);
        break;
    case PAGE_OVERVIEW:
    case PAGE_RUNS:
    case PAGE_HELP:
    case PAGE_COUNT:
    default:
        overview_draw(&scene, top, rows);
        break;
    }
}
