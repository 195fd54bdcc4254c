/* A screen as a grid of characters: what the views draw into, what a terminal shows, and what tests compare
 * as text. */
#ifndef FACET_JOBS_MONITOR_GRID_H
#define FACET_JOBS_MONITOR_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "compute/base/error.h"

/* What a character means; colours and bold letters only repeat what the text says. */
enum grid_style {
    GRID_PLAIN,
    GRID_FAINT,
    GRID_STRONG,
    GRID_BAR,  /* title and footer */
    GRID_GOOD, /* done */
    GRID_BUSY, /* running */
    GRID_KEPT, /* resumed */
    GRID_BAD,  /* failed, silent */
    GRID_STYLE_COUNT
};

struct grid_cell {
    wchar_t character; /* 0: covered by the wide character to the left */
    enum grid_style style;
};

struct grid {
    int rows, columns;
    bool unicode;            /* else only ASCII may be drawn */
    struct grid_cell *cells; /* (rows, columns) */
};

enum { GRID_ROWS_MAX = 1000, GRID_COLUMNS_MAX = 2000 };

/* A blank grid of that size (cut to the limits), in place of what *grid held; a zeroed grid is empty. */
enum status grid_resize(struct grid *grid, int rows, int columns);
void grid_destroy(struct grid *grid);
void grid_clear(struct grid *grid);

/* Writes UTF-8 text (in the locale's encoding) from that cell on, `width` columns at most; what does not fit
 * into these or the row is cut, wide characters never in half; cells outside the grid are left out. What
 * cannot be shown becomes '?'. Returns the column after the text. */
int grid_text(struct grid *grid, int row, int column, int width, enum grid_style style, const char *text);

/* The same with printf's formats, to the end of the row, 1,023 bytes at most. */
int grid_print(struct grid *grid, int row, int column, enum grid_style style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same, ending at the row's last column; returns the column it begins at. */
int grid_right(struct grid *grid, int row, enum grid_style style, const char *text);

/* One character `count` times. */
int grid_fill(struct grid *grid, int row, int column, int count, enum grid_style style, wchar_t character);

/* How many columns the text takes. */
int grid_width(const char *text);

/* A row as text of the locale's encoding, without the blanks at its end; returns its length. */
size_t grid_row_text(const struct grid *grid, int row, char *text, size_t bytes);

#endif
