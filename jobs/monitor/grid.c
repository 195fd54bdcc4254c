#include "jobs/monitor/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"

enum { LINE_BYTES = 1024 };

enum status grid_resize(struct grid *grid, int rows, int columns)
{
    struct grid_cell *cells = NULL;
    rows = rows < 1 ? 1 : rows > GRID_ROWS_MAX ? GRID_ROWS_MAX : rows;
    columns = columns < 1 ? 1 : columns > GRID_COLUMNS_MAX ? GRID_COLUMNS_MAX : columns;
    if (grid->cells == NULL || rows != grid->rows || columns != grid->columns) {
        enum status status = memory_allocate(&cells, (size_t)rows * (size_t)columns, sizeof *cells, "screen");
        if (status != STATUS_OK)
            return status;
        memory_free(&grid->cells);
        grid->cells = cells;
        grid->rows = rows;
        grid->columns = columns;
    }
    grid_clear(grid);
    return STATUS_OK;
}

void grid_destroy(struct grid *grid)
{
    memory_free(&grid->cells);
    grid->rows = grid->columns = 0;
}

void grid_clear(struct grid *grid)
{
    for (int i = 0; i < grid->rows * grid->columns; i++)
        grid->cells[i] = (struct grid_cell){L' ', GRID_PLAIN};
}

static struct grid_cell *cell_at(struct grid *grid, int row, int column)
{
    bool inside = row >= 0 && row < grid->rows && column >= 0 && column < grid->columns;
    return inside ? &grid->cells[row * grid->columns + column] : NULL;
}

/* Puts a character there; what it covers half of is blanked. */
static void cell_put(struct grid *grid, int row, int column, int width, struct grid_cell content)
{
    struct grid_cell *cell = cell_at(grid, row, column);
    if (cell == NULL)
        return;
    struct grid_cell *before = cell_at(grid, row, column - 1);
    if (cell->character == 0 && before != NULL)
        before->character = L' ';
    struct grid_cell *after = cell_at(grid, row, column + width);
    if (after != NULL && after->character == 0)
        after->character = L' ';
    *cell = content;
    struct grid_cell *covered = width == 2 ? cell_at(grid, row, column + 1) : NULL;
    if (covered != NULL)
        *covered = (struct grid_cell){0, content.style};
}

/* The next character of the text and its width; at least one byte is used up. */
static wchar_t character_next(const char **text, int *width, mbstate_t *state)
{
    wchar_t character;
    size_t bytes = mbrtowc(&character, *text, strlen(*text), state);
    if (bytes == (size_t)-1 || bytes == (size_t)-2 || bytes == 0) {
        memset(state, 0, sizeof *state);
        ++*text;
        *width = 1;
        return L'?';
    }
    *text += bytes;
    *width = wcwidth(character);
    if (*width >= 0)
        return character;
    *width = 1;
    return L'?';
}

int grid_text(struct grid *grid, int row, int column, int width, enum grid_style style, const char *text)
{
    mbstate_t state;
    memset(&state, 0, sizeof state);
    int end = width < grid->columns - column ? column + width : grid->columns;
    while (*text != '\0') {
        int cells;
        wchar_t character = character_next(&text, &cells, &state);
        if (cells == 0) /* accents that belong to the letter before: a cell has one character */
            continue;
        if (column + cells > end)
            break;
        cell_put(grid, row, column, cells, (struct grid_cell){character, style});
        column += cells;
    }
    return column;
}

int grid_print(struct grid *grid, int row, int column, enum grid_style style, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return grid_text(grid, row, column, grid->columns, style, line);
}

int grid_right(struct grid *grid, int row, enum grid_style style, const char *text)
{
    int column = grid->columns - grid_width(text);
    if (column < 0)
        column = 0;
    grid_text(grid, row, column, grid->columns, style, text);
    return column;
}

int grid_fill(struct grid *grid, int row, int column, int count, enum grid_style style, wchar_t character)
{
    for (int i = 0; i < count; i++)
        cell_put(grid, row, column + i, 1, (struct grid_cell){character, style});
    return column + (count > 0 ? count : 0);
}

int grid_width(const char *text)
{
    mbstate_t state;
    int width = 0;
    memset(&state, 0, sizeof state);
    while (*text != '\0') {
        int cells;
        character_next(&text, &cells, &state);
        width += cells;
    }
    return width;
}

size_t grid_row_text(const struct grid *grid, int row, char *text, size_t bytes)
{
    const struct grid_cell *cells = grid->cells + (size_t)row * (size_t)grid->columns;
    char encoded[32]; /* MB_CUR_MAX is at most 16 */
    mbstate_t state;
    size_t used = 0;
    int last = grid->columns;
    memset(&state, 0, sizeof state);
    while (last > 0 && cells[last - 1].character == L' ')
        last--;
    for (int i = 0; i < last; i++) {
        if (cells[i].character == 0)
            continue;
        size_t length = wcrtomb(encoded, cells[i].character, &state);
        if (length == (size_t)-1) {
            memset(&state, 0, sizeof state);
            encoded[0] = '?';
            length = 1;
        }
        if (used + length >= bytes)
            break;
        memcpy(text + used, encoded, length);
        used += length;
    }
    text[used] = '\0';
    return used;
}
