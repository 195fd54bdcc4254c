#include "jobs/study/table.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/csv_output.h"
#include "jobs/json_output.h"
#include "jobs/plots/plot.h"
#include "jobs/report/markup.h"

/* --- making one --- */

json_t *table_create(json_t *tables, const char *name, const char *title)
{
    json_t *table = json_pack("{s:o, s:o, s:[], s:[]}", "name", json_text(name), "title", json_text(title),
                              "columns", "rows");
    return json_array_append_new(tables, table) == 0 ? table : NULL;
}

void table_column(json_t *table, const char *name, int decimals)
{
    json_array_append_new(json_object_get(table, "columns"),
                          json_pack("{s:s, s:i}", "name", name, "decimals", decimals));
}

void table_columns(json_t *table, const struct table_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_column(table, columns[i].name, columns[i].decimals);
}

void table_row(json_t *table)
{
    json_array_append_new(json_object_get(table, "rows"), json_array());
}

static void append_cell(json_t *table, json_t *cell)
{
    json_t *rows = json_object_get(table, "rows");
    json_array_append_new(json_array_get(rows, json_array_size(rows) - 1), cell);
}

void table_text(json_t *table, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    append_cell(table, json_text(text));
}

void table_number(json_t *table, double value)
{
    append_cell(table, isfinite(value) ? json_real(value) : json_null());
}

/* --- reading one --- */

/* Tables are also read from files: "" where there is no name. */
static const char *column_name(const json_t *table, size_t place)
{
    const char *name =
        json_string_value(json_object_get(json_array_get(json_object_get(table, "columns"), place), "name"));
    return name != NULL ? name : "";
}

/* −1 when there is none of that name. */
static int column_place(const json_t *table, const char *name)
{
    size_t count = json_array_size(json_object_get(table, "columns"));
    for (size_t place = 0; place < count; place++)
        if (strcmp(column_name(table, place), name) == 0)
            return (int)place;
    return -1;
}

static const json_t *find_cell(const json_t *table, size_t row, const char *column)
{
    int place = column_place(table, column);
    return place < 0 ? NULL
                     : json_array_get(json_array_get(json_object_get(table, "rows"), row), (size_t)place);
}

double table_cell(const json_t *table, size_t row, const char *column)
{
    const json_t *cell = find_cell(table, row, column);
    return json_is_number(cell) ? json_number_value(cell) : (double)NAN;
}

const char *table_cell_text(const json_t *table, size_t row, const char *column)
{
    const char *text = json_string_value(find_cell(table, row, column));
    return text != NULL ? text : "";
}

size_t table_row_count(const json_t *table)
{
    return json_array_size(json_object_get(table, "rows"));
}

double table_mean(const json_t *table, const char *column)
{
    double sum = 0, count = 0;
    for (size_t row = 0; row < table_row_count(table); row++) {
        double value = table_cell(table, row, column);
        if (isfinite(value)) {
            sum += value;
            count++;
        }
    }
    return count > 0 ? sum / count : (double)NAN;
}

/* --- writing one --- */

static void write_csv_cell(const json_t *cell, FILE *out)
{
    if (json_is_string(cell))
        csv_write_text(out, json_string_value(cell));
    else if (json_is_number(cell))
        fprintf(out, "%.9g", json_number_value(cell));
}

void table_write_csv(const json_t *table, FILE *out)
{
    json_t *column, *row, *cell;
    size_t i, j;
    json_array_foreach(json_object_get(table, "columns"), i, column)
    {
        fputs(i > 0 ? "," : "", out);
        write_csv_cell(json_object_get(column, "name"), out);
    }
    fputc('\n', out);
    json_array_foreach(json_object_get(table, "rows"), i, row)
    {
        json_array_foreach(row, j, cell)
        {
            fputs(j > 0 ? "," : "", out);
            write_csv_cell(cell, out);
        }
        fputc('\n', out);
    }
}

static json_int_t column_decimals(const json_t *columns, size_t place)
{
    return json_integer_value(json_object_get(json_array_get(columns, place), "decimals"));
}

static void write_markdown_row(const json_t *columns, const json_t *row, FILE *out)
{
    for (size_t i = 0; i < json_array_size(row); i++) {
        const json_t *cell = json_array_get(row, i);
        json_int_t decimals = column_decimals(columns, i);
        if (decimals == COLUMN_KEY)
            continue;
        fputs("| ", out);
        if (json_is_string(cell))
            markup_markdown(out, json_string_value(cell));
        else if (json_is_number(cell))
            fprintf(out, "%.*f", (int)(decimals < 0 || decimals > 12 ? 0 : decimals),
                    json_number_value(cell));
        fputc(' ', out);
    }
    fputs("|\n", out);
}

void table_write_markdown(const json_t *table, FILE *out)
{
    const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows");
    size_t count = json_array_size(columns);
    for (size_t i = 0; i < count; i++) {
        if (column_decimals(columns, i) == COLUMN_KEY)
            continue;
        fputs("| ", out);
        markup_markdown(out, column_name(table, i));
        fputc(' ', out);
    }
    fputs("|\n", out);
    for (size_t i = 0; i < count; i++)
        if (column_decimals(columns, i) != COLUMN_KEY)
            fputs(column_decimals(columns, i) == COLUMN_TEXT ? "|---" : "|---:", out);
    fputs("|\n", out);
    for (size_t i = 0; i < json_array_size(rows); i++)
        write_markdown_row(columns, json_array_get(rows, i), out);
}

/* --- plotting one --- */

/* Places of the columns, and room for the points of all series: each row belongs to one. */
struct plotting {
    const json_t *rows;
    int x, y, series;
    double *xs, *ys;
    struct plot_series *drawn;
    int32_t drawn_count;
};

static const char *row_series(const struct plotting *plotting, size_t row)
{
    const char *text =
        json_string_value(json_array_get(json_array_get(plotting->rows, row), (size_t)plotting->series));
    return text != NULL ? text : "";
}

static double row_value(const struct plotting *plotting, size_t row, int column)
{
    const json_t *cell = json_array_get(json_array_get(plotting->rows, row), (size_t)column);
    return json_is_number(cell) ? json_number_value(cell) : (double)NAN;
}

static bool drawn_already(const struct plotting *plotting, const char *series)
{
    for (int32_t i = 0; i < plotting->drawn_count; i++)
        if (strcmp(plotting->drawn[i].title, series) == 0)
            return true;
    return false;
}

static void gather(struct plotting *plotting, bool lines)
{
    size_t count = json_array_size(plotting->rows), used = 0;
    for (size_t first = 0; first < count; first++) {
        const char *title = row_series(plotting, first);
        if (drawn_already(plotting, title))
            continue;
        struct plot_series series = {.title = title,
                                     .mark = lines ? PLOT_LINES : PLOT_POINTS,
                                     .x = plotting->xs + used,
                                     .y = plotting->ys + used};
        for (size_t row = first; row < count; row++) {
            if (strcmp(row_series(plotting, row), title) != 0)
                continue;
            plotting->xs[used] = row_value(plotting, row, plotting->x);
            plotting->ys[used++] = row_value(plotting, row, plotting->y);
            series.count++;
        }
        plotting->drawn[plotting->drawn_count++] = series;
    }
}

enum status table_plot(const json_t *table, const struct table_plot *how, const char *path)
{
    struct plotting plotting = {.rows = json_object_get(table, "rows"),
                                .x = column_place(table, how->x),
                                .y = column_place(table, how->y),
                                .series = column_place(table, how->series)};
    size_t count = json_array_size(plotting.rows);
    if (plotting.x < 0 || plotting.y < 0 || plotting.series < 0)
        return error_set(STATUS_INTERNAL, "%s: a column of '%s', '%s', '%s' is not in the table", path,
                         how->x, how->y, how->series);
    enum status status = memory_allocate(&plotting.xs, count, sizeof(double), "points");
    if (status == STATUS_OK)
        status = memory_allocate(&plotting.ys, count, sizeof(double), "points");
    if (status == STATUS_OK)
        status = memory_allocate(&plotting.drawn, count, sizeof *plotting.drawn, "series");
    if (status == STATUS_OK) {
        gather(&plotting, how->lines);
        struct plot plot = {.title = how->title,
                            .x_label = how->x,
                            .y_label = how->y,
                            .x_log = how->x_log,
                            .series_count = plotting.drawn_count,
                            .series = plotting.drawn};
        status = plot_write(&plot, path);
    }
    memory_free(&plotting.xs);
    memory_free(&plotting.ys);
    memory_free(&plotting.drawn);
    return status;
}
