/* Tables of a study: JSON objects {"name", "title", "columns": [{"name", "decimals"}], "rows": [[…], …]},
 * written as CSV and as Markdown, and plotted. A cell is a text, a number (not finite: empty) or null
 * (empty). A table's functions do nothing to NULL, so that one without memory is found out at the end. */
#ifndef FACET_JOBS_STUDY_TABLE_H
#define FACET_JOBS_STUDY_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compute/base/error.h"

enum {
    COLUMN_TEXT = -1,
    COLUMN_KEY = -2 /* tells the series of a plot apart; people do not see it */
};

/* A table at the end of `tables`, which owns it; name is a file name's part. */
json_t *table_create(json_t *tables, const char *name, const char *title);
/* decimals of numbers as shown to people, COLUMN_TEXT or COLUMN_KEY. */
void table_column(json_t *table, const char *name, int decimals);
struct table_column {
    const char *name;
    int decimals;
};
void table_columns(json_t *table, const struct table_column *columns, size_t count);
/* A new row, whose cells follow by the two below. */
void table_row(json_t *table);
void table_text(json_t *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_number(json_t *table, double value); /* not finite: empty */

/* What is in a row and a column by name: NAN where there is no number, "" where there is no text. */
double table_cell(const json_t *table, size_t row, const char *column);
const char *table_cell_text(const json_t *table, size_t row, const char *column);
size_t table_row_count(const json_t *table);
/* Mean of a column over the rows where it is a number; NAN without any. */
double table_mean(const json_t *table, const char *column);

/* Numbers as they are, all digits. */
void table_write_csv(const json_t *table, FILE *out);
/* A pipe table, numbers rounded to their column's decimals. */
void table_write_markdown(const json_t *table, FILE *out);

/* How a table is plotted: y over x, one series for each text of the column `series`, in order of first use.
 */
struct table_plot {
    const char *title, *x, *y, *series; /* columns by name */
    bool lines, x_log;
};
/* Draws it to `path`. STATUS_NOT_FOUND without gnuplot; STATUS_INTERNAL when a column is not there. */
enum status table_plot(const json_t *table, const struct table_plot *how, const char *path);

#endif
