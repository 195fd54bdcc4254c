#include <math.h>
#include <stdio.h>

#include "compute/base/memory.h"
#include "jobs/report/heat_map.h"
#include "jobs/report/sections.h"
#include "jobs/study/table.h"
#include "modules/file/modules_file.h"
#include "modules/overlap.h"

static double per_cent(uint64_t kept, uint64_t whole)
{
    return whole == 0 ? 100 : 100 * (double)kept / (double)whole;
}

static void write_sizes(struct page *page, const struct module_set *set)
{
    static const struct table_column columns[] = {
        {"module", COLUMN_TEXT}, {"from", COLUMN_TEXT}, {"units kept %", 2},     {"channels kept %", 2},
        {"weights", 0},          {"weights kept %", 2}, {"multiply-adds, M", 3}, {"multiply-adds kept %", 2}};
    json_t *tables = json_array();
    json_t *table = table_create(tables, "sizes", "What each module keeps of the network it came from");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < set->module_count; i++) {
        const struct module *module = &set->modules[i];
        const struct module_size *kept = &module->kept, *whole = &module->whole;
        const struct module_origin origin = module_set_origin(set, module);
        table_row(table);
        table_text(table, "%s", module->label);
        table_text(table, "%s", module_origin_exists(&origin) ? origin.architecture : "from scratch");
        table_number(table, per_cent(kept->units, whole->units));
        table_number(table, per_cent(kept->channels, whole->channels));
        table_number(table, (double)kept->weights);
        table_number(table, per_cent(kept->weights, whole->weights));
        table_number(table, (double)kept->multiply_adds / 1e6);
        table_number(table, per_cent(kept->multiply_adds, whole->multiply_adds));
    }
    page_table(page, table);
    json_decref(tables);
}

static enum status draw_overlap(struct page *page, const struct module_set *set,
                                const struct overlap *overlap)
{
    char description[400];
    const char **labels = NULL;
    const char *measure = overlap->measure == OVERLAP_OF_WEIGHTS ? "weights" : "channels";
    enum status status = memory_allocate(&labels, (size_t)overlap->count, sizeof *labels, "labels");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < overlap->count; i++)
        labels[i] = set->modules[i].label;
    snprintf(
        description, sizeof description,
        "Jaccard index of the %s that each two modules keep, 1 (dark): the same, 0: none in common. Mean "
        "over all pairs %.4f; with the whole network %.4f.",
        measure, overlap->mean_between, overlap->mean_with_origin);
    const struct heat_map map = {.picture = {"overlap", "Overlap of modules", description},
                                 .count = overlap->count,
                                 .labels = labels,
                                 .values = overlap->between,
                                 .rows = "module",
                                 .columns = "module"};
    status = heat_map_draw(page, &map);
    memory_free((void *)&labels);
    return status;
}

static enum status write_overlap(struct page *page, const struct module_set *set)
{
    struct overlap *overlap = NULL;
    enum status status = overlap_of_set(set, &overlap);
    if (status != STATUS_OK || overlap == NULL || overlap->count < 2 || overlap->between == NULL) {
        overlap_destroy(&overlap);
        return status;
    }
    page_section(page, "Overlap of modules");
    if (overlap->count <= HEAT_MAP_COUNT_MAX)
        status = draw_overlap(page, set, overlap);
    else
        page_paragraph(
            page,
            "Jaccard index of what modules keep: mean %.4f over all pairs of %d modules, %.4f with "
            "the whole network. More than %d modules are not drawn.",
            overlap->mean_between, (int)overlap->count, overlap->mean_with_origin, (int)HEAT_MAP_COUNT_MAX);
    overlap_destroy(&overlap);
    return status;
}

enum status section_modules(struct page *page, const char *modules)
{
    struct module_set *set = NULL;
    enum status status = modules_file_load(modules, NULL, &set);
    if (status == STATUS_OK) {
        page_section(page, "Modules");
        page_paragraph(page, "%d modules in %s.", (int)set->module_count, modules);
        write_sizes(page, set);
        status = write_overlap(page, set);
    }
    module_set_destroy(&set);
    return status;
}
