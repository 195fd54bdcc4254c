#include "jobs/report/csv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CELLS_MAX = 64, LINE_BYTES = 8192 };

struct cells {
    int count;
    char *text[CELLS_MAX];
};

/* Cuts a line into its cells, in place; quotes go, doubled ones become one. */
static void cut(char *line, struct cells *cells)
{
    cells->count = 0;
    while (cells->count < CELLS_MAX) {
        char *to = line;
        bool quoted = false;
        cells->text[cells->count++] = line;
        for (; *line != '\0' && *line != '\n' && *line != '\r' && (quoted || *line != ','); line++) {
            if (*line != '"')
                *to++ = *line;
            else if (quoted && line[1] == '"')
                *to++ = *line++;
            else
                quoted = !quoted;
        }
        bool more = *line == ',';
        *to = '\0';
        if (!more)
            return;
        line++;
    }
}

static int place_of(const struct cells *header, const char *name)
{
    for (int i = 0; i < header->count; i++)
        if (strcmp(header->text[i], name) == 0)
            return i;
    return -1;
}

static enum status find_columns(const struct csv_table *table, const struct cells *header,
                                int places[CELLS_MAX])
{
    if (table->column_count > CELLS_MAX)
        return error_set(STATUS_INTERNAL, "%d columns of %s wanted", table->column_count, table->path);
    for (int i = 0; i < table->column_count; i++)
        if ((places[i] = place_of(header, table->columns[i])) < 0)
            return error_set(STATUS_FORMAT, "%s: has no column %s; expected those of %s", table->path,
                             table->columns[i], table->writer);
    return STATUS_OK;
}

static enum status read_rows(FILE *file, const struct csv_table *table)
{
    char line[LINE_BYTES], header_line[LINE_BYTES];
    const char *wanted[CELLS_MAX];
    struct cells header, cells;
    int places[CELLS_MAX];
    if (fgets(header_line, (int)sizeof header_line, file) == NULL)
        return error_set(STATUS_FORMAT, "%s: is empty; expected the table of %s", table->path, table->writer);
    cut(header_line, &header);
    enum status status = find_columns(table, &header, places);
    for (int number = 2; status == STATUS_OK && fgets(line, (int)sizeof line, file) != NULL; number++) {
        cut(line, &cells);
        if (cells.count != header.count)
            return error_set(STATUS_FORMAT, "%s: line %d has %d cells, expected %d", table->path, number,
                             cells.count, header.count);
        for (int i = 0; i < table->column_count; i++)
            wanted[i] = cells.text[places[i]];
        status = table->row(table->context, number, wanted);
    }
    if (status == STATUS_OK && ferror(file) != 0)
        status = error_set(STATUS_IO, "%s: cannot be read", table->path);
    return status;
}

enum status csv_read(const struct csv_table *table)
{
    FILE *file = fopen(table->path, "re");
    if (file == NULL)
        return errno == ENOENT ? STATUS_OK : error_set(STATUS_IO, "%s: %s", table->path, strerror(errno));
    enum status status = read_rows(file, table);
    fclose(file);
    return status;
}
