/* A scaling study: what slurm/scaling.sbatch measured, as a table and plots. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/report/csv.h"
#include "jobs/report/page_plot.h"
#include "jobs/report/sections.h"
#include "jobs/study/table.h"

enum { RUNS_MAX = 64 }; /* of one kind */

/* Strong: the same classes on more ranks. Weak: as many times the classes as there are ranks. */
enum kind { STRONG, WEAK, KINDS };
static const char *const kind_names[KINDS] = {"strong", "weak"};

/* Runs of one kind, the one with the fewest ranks first. */
struct scaling_runs {
    int32_t count;
    double nodes[RUNS_MAX], ranks[RUNS_MAX], seconds[RUNS_MAX];
    double ideal[RUNS_MAX];      /* seconds, if the first run's pace a rank were kept */
    double efficiency[RUNS_MAX]; /* in per cent: ideal / seconds */
};

struct reading {
    const char *path;
    struct scaling_runs kinds[KINDS];
};

/* A number above 0; NaN for anything else. */
static double positive(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(value) && value > 0 ? value : (double)NAN;
}

/* In its place, by ranks. */
static void insert(struct scaling_runs *scaling, double nodes, double ranks, double seconds)
{
    int32_t at = scaling->count++;
    for (; at > 0 && scaling->ranks[at - 1] > ranks; at--) {
        scaling->nodes[at] = scaling->nodes[at - 1];
        scaling->ranks[at] = scaling->ranks[at - 1];
        scaling->seconds[at] = scaling->seconds[at - 1];
    }
    scaling->nodes[at] = nodes;
    scaling->ranks[at] = ranks;
    scaling->seconds[at] = seconds;
}

enum { KIND, NODES, RANKS, SECONDS, COLUMNS };

static enum status add_run(void *context, int line, const char *const *cells)
{
    struct reading *reading = context;
    int kind = 0;
    while (kind < KINDS && strcmp(cells[KIND], kind_names[kind]) != 0)
        kind++;
    double nodes = positive(cells[NODES]), ranks = positive(cells[RANKS]), seconds = positive(cells[SECONDS]);
    if (kind == KINDS || isnan(nodes) || isnan(ranks) || isnan(seconds))
        return error_set(
            STATUS_FORMAT,
            "%s: line %d is '%.32s' with nodes '%.32s', ranks '%.32s', seconds '%.32s'; expected "
            "strong or weak, and numbers above 0",
            reading->path, line, cells[KIND], cells[NODES], cells[RANKS], cells[SECONDS]);
    if (reading->kinds[kind].count == RUNS_MAX)
        return error_set(STATUS_FORMAT, "%s: has more than %d runs of %s scaling", reading->path,
                         (int)RUNS_MAX, kind_names[kind]);
    insert(&reading->kinds[kind], nodes, ranks, seconds);
    return STATUS_OK;
}

static void compare_with_ideal(struct scaling_runs *scaling, enum kind kind)
{
    for (int32_t i = 0; i < scaling->count; i++) {
        double share = kind == STRONG ? scaling->ranks[i] / scaling->ranks[0] : 1;
        scaling->ideal[i] = scaling->seconds[0] / share;
        scaling->efficiency[i] = 100 * scaling->ideal[i] / scaling->seconds[i];
    }
}

static void write_table(struct page *page, const struct reading *reading)
{
    static const struct table_column columns[] = {
        {"scaling", COLUMN_TEXT}, {"nodes", 0},    {"ranks", 0},
        {"seconds", 2},           {"ideal, s", 2}, {"efficiency %", 1}};
    json_t *tables = json_array();
    json_t *table = table_create(tables, "scaling", "Time to decompose on more and more ranks");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    for (int kind = 0; kind < KINDS; kind++) {
        const struct scaling_runs *scaling = &reading->kinds[kind];
        for (int32_t i = 0; i < scaling->count; i++) {
            table_row(table);
            table_text(table, "%s", kind_names[kind]);
            table_number(table, scaling->nodes[i]);
            table_number(table, scaling->ranks[i]);
            table_number(table, scaling->seconds[i]);
            table_number(table, scaling->ideal[i]);
            table_number(table, scaling->efficiency[i]);
        }
    }
    page_table(page, table);
    json_decref(tables);
}

static enum status draw_times(struct page *page, const struct scaling_runs *scaling, enum kind kind)
{
    char name[32], title[64], description[256];
    int32_t last = scaling->count - 1;
    const struct plot_series series[] = {
        {"measured", PLOT_LINES, scaling->count, scaling->ranks, scaling->seconds},
        {"ideal", PLOT_LINES, scaling->count, scaling->ranks, scaling->ideal}};
    const struct plot plot = {.title = title,
                              .x_label = "ranks",
                              .y_label = "seconds",
                              .x_log = true,
                              .y_log = kind == STRONG,
                              .y_from_zero = kind == WEAK,
                              .x_ticks_at_points = true,
                              .series_count = 2,
                              .series = series};
    snprintf(name, sizeof name, "scaling-%s", kind_names[kind]);
    snprintf(title, sizeof title, "%s scaling: time by ranks", kind == STRONG ? "Strong" : "Weak");
    snprintf(description, sizeof description,
             "%s: %.4g s on %.0f rank%s, %.4g s on %.0f, where the ideal is %.4g s.", title,
             scaling->seconds[0], scaling->ranks[0], scaling->ranks[0] > 1 ? "s" : "", scaling->seconds[last],
             scaling->ranks[last], scaling->ideal[last]);
    return page_plot(page, &plot, &(struct page_picture){name, title, description});
}

static enum status draw_efficiency(struct page *page, const struct reading *reading)
{
    struct plot_series series[KINDS];
    char description[256];
    int32_t count = 0;
    size_t used = (size_t)snprintf(description, sizeof description, "Efficiency by ranks:");
    for (int kind = 0; kind < KINDS; kind++) {
        const struct scaling_runs *scaling = &reading->kinds[kind];
        if (scaling->count == 0)
            continue;
        series[count] = (struct plot_series){kind_names[kind], PLOT_LINES, scaling->count, scaling->ranks,
                                             scaling->efficiency};
        used +=
            (size_t)snprintf(description + used, sizeof description - used,
                             "%s %s scaling %.1f %% on %.0f ranks", count > 0 ? "," : "", kind_names[kind],
                             scaling->efficiency[scaling->count - 1], scaling->ranks[scaling->count - 1]);
        count++;
    }
    snprintf(description + used, sizeof description - used, ".");
    const struct plot plot = {.title = "Efficiency by ranks",
                              .x_label = "ranks",
                              .y_label = "efficiency, %",
                              .x_log = true,
                              .x_ticks_at_points = true,
                              .y_from_zero = true,
                              .series_count = count,
                              .series = series};
    return page_plot(page, &plot, &(struct page_picture){"scaling-efficiency", plot.title, description});
}

enum status section_scaling(struct page *page, const struct record *record)
{
    static const char *const columns[COLUMNS] = {"kind", "nodes", "ranks", "seconds"};
    struct reading *reading = NULL;
    if (record->scaling == NULL)
        return STATUS_OK;
    enum status status = memory_allocate(&reading, 1, sizeof *reading, "scaling study");
    if (status != STATUS_OK)
        return status;
    reading->path = record->scaling;
    status = csv_read(&(struct csv_table){.path = record->scaling,
                                          .writer = "slurm/scaling.sbatch",
                                          .columns = columns,
                                          .column_count = COLUMNS,
                                          .row = add_run,
                                          .context = reading});
    if (status == STATUS_OK && reading->kinds[STRONG].count + reading->kinds[WEAK].count == 0)
        status = error_set(STATUS_FORMAT, "%s: has no run; measure again", record->scaling);
    if (status == STATUS_OK) {
        for (int kind = 0; kind < KINDS; kind++)
            compare_with_ideal(&reading->kinds[kind], (enum kind)kind);
        page_section(page, "Scaling");
        page_paragraph(page,
                       "Strong scaling: the same classes on all numbers of ranks; ideal is half the time on "
                       "twice the ranks. Weak scaling: classes in proportion to the ranks; ideal is the same "
                       "time. Efficiency: the ideal time over the measured one, from the run on the fewest "
                       "ranks on.");
        write_table(page, reading);
    }
    for (int kind = 0; kind < KINDS && status == STATUS_OK; kind++)
        if (reading->kinds[kind].count > 0)
            status = draw_times(page, &reading->kinds[kind], (enum kind)kind);
    if (status == STATUS_OK)
        status = draw_efficiency(page, reading);
    memory_free(&reading);
    return status;
}
