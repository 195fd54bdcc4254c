#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/report/csv.h"
#include "jobs/report/sections.h"
#include "jobs/run_directory.h"
#include "jobs/study/table.h"

/* The columns that people look at. */
enum { WHEN, WHAT, SECONDS, KILOGRAMS, KWH, PUE, MODE, SHOWN };
static const char *const names[SHOWN] = {"timestamp",       "project_name", "duration",     "emissions",
                                         "energy_consumed", "pue",          "tracking_mode"};

static enum status add_row(void *context, int line, const char *const *cells)
{
    json_t *table = context;
    (void)line;
    table_row(table);
    table_text(table, "%s", cells[WHEN]);
    table_text(table, "%s", cells[WHAT]);
    table_number(table, strtod(cells[SECONDS], NULL));
    table_number(table, 1000 * strtod(cells[KWH], NULL));
    table_number(table, 1000 * strtod(cells[KILOGRAMS], NULL));
    table_number(table, strtod(cells[PUE], NULL));
    table_text(table, "%s", strcmp(cells[MODE], "machine") == 0 ? "counted by the machine" : "estimated");
    return STATUS_OK;
}

enum status section_cost(struct page *page, const struct record *record)
{
    static const struct table_column columns[] = {
        {"when", COLUMN_TEXT},     {"what", COLUMN_TEXT}, {"seconds", 1},
        {"energy, Wh", 4},         {"CO2e, g", 4},        {"PUE", 2},
        {"energy is", COLUMN_TEXT}};
    char *path = NULL;
    json_t *tables = json_array();
    json_t *table = table_create(tables, "cost", "What the runs in this directory cost");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    enum status status = run_directory_path(record->directory, "emissions.csv", &path);
    if (status == STATUS_OK)
        status = csv_read(&(struct csv_table){.path = path,
                                              .writer = "CodeCarbon that Facet writes",
                                              .columns = names,
                                              .column_count = SHOWN,
                                              .row = add_row,
                                              .context = table});
    if (status == STATUS_OK && json_array_size(json_object_get(table, "rows")) > 0) {
        page_section(page, "Energy and CO2e");
        page_paragraph(page, "Energy and CO2e are with the data centre's overhead, the PUE.");
        page_table(page, table);
    }
    json_decref(tables);
    memory_free(&path);
    return status;
}
