#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/report/sections.h"
#include "jobs/run_directory.h"
#include "jobs/study/table.h"

enum { CELLS_MAX = 64, LINE_BYTES = 8192 };

struct cells {
    int count;
    char *text[CELLS_MAX];
};

/* Cuts a line of CSV into its cells, in place; quotes go, doubled ones become one. */
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

/* The columns that people look at. */
enum { WHEN, WHAT, SECONDS, KILOGRAMS, KWH, PUE, MODE, SHOWN };
static const char *const names[SHOWN] = {"timestamp",       "project_name", "duration",     "emissions",
                                         "energy_consumed", "pue",          "tracking_mode"};

static void add_row(json_t *table, const struct cells *cells, const int places[SHOWN])
{
    const char *mode = cells->text[places[MODE]];
    table_row(table);
    table_text(table, "%s", cells->text[places[WHEN]]);
    table_text(table, "%s", cells->text[places[WHAT]]);
    table_number(table, strtod(cells->text[places[SECONDS]], NULL));
    table_number(table, 1000 * strtod(cells->text[places[KWH]], NULL));
    table_number(table, 1000 * strtod(cells->text[places[KILOGRAMS]], NULL));
    table_number(table, strtod(cells->text[places[PUE]], NULL));
    table_text(table, "%s", strcmp(mode, "machine") == 0 ? "counted by the machine" : "estimated");
}

static enum status read_rows(FILE *file, const char *path, json_t *table)
{
    char line[LINE_BYTES], header_line[LINE_BYTES];
    struct cells header, cells;
    int places[SHOWN];
    if (fgets(header_line, (int)sizeof header_line, file) == NULL)
        return error_set(STATUS_FORMAT, "%s: is empty; expected a table of what runs cost", path);
    cut(header_line, &header);
    for (int i = 0; i < SHOWN; i++)
        if ((places[i] = place_of(&header, names[i])) < 0)
            return error_set(STATUS_FORMAT,
                             "%s: has no column %s; expected those of CodeCarbon that Facet writes", path,
                             names[i]);
    for (int number = 2; fgets(line, (int)sizeof line, file) != NULL; number++) {
        cut(line, &cells);
        if (cells.count != header.count)
            return error_set(STATUS_FORMAT, "%s: line %d has %d cells, expected %d", path, number,
                             cells.count, header.count);
        add_row(table, &cells, places);
    }
    return ferror(file) == 0 ? STATUS_OK : error_set(STATUS_IO, "%s: cannot be read", path);
}

enum status section_cost(struct page *page, const struct record *record)
{
    static const struct table_column columns[] = {
        {"when", COLUMN_TEXT},     {"what", COLUMN_TEXT}, {"seconds", 1},
        {"energy, Wh", 4},         {"CO2e, g", 4},        {"PUE", 2},
        {"energy is", COLUMN_TEXT}};
    char *path = NULL;
    enum status status = run_directory_path(record->directory, "emissions.csv", &path);
    FILE *file = status == STATUS_OK ? fopen(path, "re") : NULL;
    if (status == STATUS_OK && file == NULL && errno != ENOENT)
        status = error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    if (file != NULL) {
        json_t *tables = json_array();
        json_t *table = table_create(tables, "cost", "What the runs in this directory cost");
        table_columns(table, columns, sizeof columns / sizeof *columns);
        status = read_rows(file, path, table);
        fclose(file);
        if (status == STATUS_OK) {
            page_section(page, "Energy and CO2e");
            page_paragraph(page, "Energy and CO2e are with the data centre's overhead, the PUE.");
            page_table(page, table);
        }
        json_decref(tables);
    }
    memory_free(&path);
    return status;
}
