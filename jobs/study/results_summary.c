#include "jobs/study/results_summary.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "jobs/report/markup.h"
#include "jobs/study/step.h"
#include "jobs/study/table.h"

/* Pan & Rajan, ICSE 2022: percentage points lost by decomposing. */
static const double published_top1 = 1.77, published_top5 = 0.85;

/* The record's table of that name, or NULL. */
static const json_t *find_table(const json_t *record, const char *name)
{
    json_t *table;
    size_t i;
    json_array_foreach(json_object_get(record, "tables"), i, table)
    {
        if (strcmp(result_text(table, "name"), name) == 0)
            return table;
    }
    return NULL;
}

/* One line: what, as published, here. */
static void write_line(FILE *out, const json_t *record, const char *what, const char *published,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

static void write_line(FILE *out, const json_t *record, const char *what, const char *published,
                       const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *const cells[] = {what, published, text, result_text(record, "name")};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        fputs("| ", out);
        markup_markdown(out, cells[i]);
        fputc(' ', out);
    }
    fputs("|\n", out);
}

/* Rows in which the column has a number. */
static int count_rows(const json_t *table, const char *column)
{
    int count = 0;
    for (size_t row = 0; row < table_row_count(table); row++)
        count += isfinite(table_cell(table, row, column));
    return count;
}

/* --- cost --- */

static bool same_network(const json_t *table, size_t row, size_t other)
{
    return strcmp(table_cell_text(table, row, "network"), table_cell_text(table, other, "network")) == 0;
}

/* The first row of its network. */
static bool is_first(const json_t *table, size_t row)
{
    return row == 0 || !same_network(table, row, row - 1);
}

static bool is_network_itself(const json_t *table, size_t row)
{
    return strcmp(table_cell_text(table, row, "variant"), "the network itself") == 0;
}

/* The row of that network with the smallest cell of `column`, of those that lose no more (pp); the number of
 * rows when there is none. The network itself, which nothing was made of, is none of them. */
static size_t find_smallest(const json_t *table, size_t network, const char *column, double top1, double top5)
{
    size_t rows = table_row_count(table), best = rows;
    for (size_t row = 0; row < rows; row++)
        if (same_network(table, row, network) && !is_network_itself(table, row) &&
            table_cell(table, row, "top-1 lost, pp") <= top1 &&
            table_cell(table, row, "top-5 lost, pp") <= top5 &&
            (best == rows || table_cell(table, row, column) < table_cell(table, best, column)))
            best = row;
    return best;
}

/* The paper's rule: a unit leaves that was never active. */
static size_t find_plain(const json_t *table, size_t network)
{
    size_t row = 0;
    while (row < table_row_count(table) &&
           !(same_network(table, row, network) &&
             strcmp(table_cell_text(table, row, "variant"), "ci-ti-mc") == 0 &&
             table_cell(table, row, "τ+") == 0 && table_cell(table, row, "τ−") == 0))
        row++;
    return row;
}

static void write_plain(const json_t *record, const json_t *table, size_t network, FILE *out)
{
    char what[256];
    size_t row = find_plain(table, network);
    if (row == table_row_count(table))
        return;
    snprintf(what, sizeof what, "%s, decomposed by the paper's rule (τ = 0): top-1 / top-5 lost",
             table_cell_text(table, row, "network"));
    write_line(out, record, what, "1.77 / 0.85 pp", "%.2f / %.2f pp, with %.1f %% of units kept",
               table_cell(table, row, "top-1 lost, pp"), table_cell(table, row, "top-5 lost, pp"),
               table_cell(table, row, "units kept %"));
}

static void write_fewest_units(const json_t *record, const json_t *table, size_t network, FILE *out)
{
    char what[256];
    size_t row = find_smallest(table, network, "units kept %", published_top1, published_top5);
    if (row == table_row_count(table))
        return;
    snprintf(what, sizeof what, "%s, fewest units of all settings tried that lose no more than the paper",
             table_cell_text(table, row, "network"));
    write_line(out, record, what, "1.77 / 0.85 pp", "%.2f / %.2f pp, with %.1f %% of units kept (%s)",
               table_cell(table, row, "top-1 lost, pp"), table_cell(table, row, "top-5 lost, pp"),
               table_cell(table, row, "units kept %"), table_cell_text(table, row, "variant"));
}

static void write_fewest_edges(const json_t *record, const json_t *table, size_t network, FILE *out)
{
    char what[256];
    size_t row = find_smallest(table, network, "Jaccard, parent", 0, 0);
    if (row == table_row_count(table))
        return;
    snprintf(what, sizeof what,
             "%s, smallest Jaccard index with the network of all settings tried that lose "
             "nothing: top-1 at that index",
             table_cell_text(table, row, "network"));
    write_line(
        out, record, what,
        "dense networks on Fashion-MNIST (ESEC/FSE 2020): 85.85 % at 0.75 with one hidden layer, 87.10 % "
        "at 0.51 with three",
        "%.2f %% at %.2f", table_cell(table, row, "top-1 %"), table_cell(table, row, "Jaccard, parent"));
}

static void write_cost(const json_t *record, FILE *out)
{
    const json_t *table = find_table(record, "cost");
    bool edges = count_rows(table, "edges") > 0;
    for (size_t row = 0; row < table_row_count(table); row++) {
        if (!is_first(table, row))
            continue;
        if (edges) {
            write_fewest_edges(record, table, row, out);
            continue;
        }
        write_plain(record, table, row, out);
        write_fewest_units(record, table, row, out);
    }
}

/* --- the others --- */

static void write_reuse(const json_t *record, FILE *out)
{
    const json_t *within = find_table(record, "within"), *between = find_table(record, "between");
    int scratch = count_rows(within, "lost to scratch, pp");
    if (table_row_count(within) > 0)
        write_line(out, record,
                   "Reuse within a dataset, against the network restricted to the classes: top-1 lost",
                   "2.3 pp", "%.2f pp, mean of %zu", table_mean(within, "lost, pp"), table_row_count(within));
    if (scratch > 0)
        write_line(out, record, "Reuse within a dataset, against training from scratch: top-1 lost", "2.3 pp",
                   "%.2f pp, mean of %d; from scratch for %.0f epochs",
                   table_mean(within, "lost to scratch, pp"), scratch, table_mean(within, "epochs"));
    if (table_row_count(between) > 0)
        write_line(out, record,
                   "Reuse between datasets, against the networks restricted to their classes: top-1 lost",
                   "2.3 pp", "%.2f pp before adapt, %.2f pp after, mean of %zu",
                   table_mean(between, "lost before, pp"), table_mean(between, "lost after, pp"),
                   table_row_count(between));
    if (count_rows(between, "classes' mean lost after, pp") > 0)
        write_line(out, record, "The same, every class counting the same: top-1 lost", "2.3 pp",
                   "%.2f pp before adapt, %.2f pp after, mean of %zu",
                   table_mean(between, "classes' mean lost before, pp"),
                   table_mean(between, "classes' mean lost after, pp"), table_row_count(between));
}

static void write_replace(const json_t *record, FILE *out)
{
    const json_t *within = find_table(record, "replace"), *between = find_table(record, "between");
    if (table_row_count(within) > 0)
        write_line(out, record, "A class of a weak network replaced: top-1 lost", "2.3 pp",
                   "%.2f pp, mean of %zu (negative: won)", -table_mean(within, "won, pp"),
                   table_row_count(within));
    if (table_row_count(between) > 0)
        write_line(out, record, "A class replaced by another dataset's: top-1 lost", "2.3 pp",
                   "%.2f pp before adapt, %.2f pp after, mean of %zu", table_mean(between, "lost before, pp"),
                   table_mean(between, "lost after, pp"), table_row_count(between));
}

static void write_factor(const json_t *record, const char *table_name, const char *what, FILE *out)
{
    const json_t *table = find_table(record, table_name);
    bool bound = false;
    for (size_t row = 0; row < table_row_count(table); row++)
        bound |= strcmp(table_cell_text(table, row, "as accurate"), "yes") != 0;
    if (table_row_count(table) > 0)
        write_line(out, record, what, "37", "%s%.1f, mean of %zu (energy: %s)", bound ? "at least " : "",
                   table_mean(table, "factor"), table_row_count(table), result_text(record, "energy_source"));
}

static void write_carbon(const json_t *record, FILE *out)
{
    write_factor(record, "carbon", "CO2e of training from scratch to the same accuracy, over that of reusing",
                 out);
    write_factor(record, "carbon-replace",
                 "CO2e of training from scratch to the same accuracy, over that of replacing a module", out);
}

static void write_pareto(const json_t *record, FILE *out)
{
    const json_t *table = find_table(record, "pareto");
    for (size_t row = 0; row < table_row_count(table); row++) {
        char what[256];
        size_t best = is_first(table, row)
                          ? find_smallest(table, row, "× multiply-adds", published_top1, published_top5)
                          : table_row_count(table);
        if (best == table_row_count(table))
            continue;
        snprintf(what, sizeof what,
                 "%s, fewest multiply-adds of all methods tried that lose no more than the paper",
                 table_cell_text(table, row, "network"));
        write_line(out, record, what, "1.77 / 0.85 pp",
                   "%.2f / %.2f pp, at %.2f times the network's (%s, %s)",
                   table_cell(table, best, "top-1 lost, pp"), table_cell(table, best, "top-5 lost, pp"),
                   table_cell(table, best, "× multiply-adds"), table_cell_text(table, best, "method"),
                   table_cell_text(table, best, "plan"));
    }
}

/* By network, modules and plan: a line for each size. */
static void write_subsets(const json_t *record, FILE *out)
{
    const json_t *table = find_table(record, "means");
    for (size_t row = 0; row < table_row_count(table); row++) {
        char what[256];
        snprintf(what, sizeof what,
                 "%s, %.0f of its classes (%s, %s), against it restricted to them: top-1 lost",
                 table_cell_text(table, row, "network"), table_cell(table, row, "k"),
                 table_cell_text(table, row, "modules"), table_cell_text(table, row, "plan"));
        write_line(out, record, what, "2.3 pp", "%.2f pp at %.2f times its multiply-adds, mean of %.0f",
                   table_cell(table, row, "lost, pp"), table_cell(table, row, "× multiply-adds"),
                   table_cell(table, row, "subsets"));
    }
}

void results_write_summary(const json_t *const *records, size_t count, FILE *out)
{
    static const struct {
        const char *kind;
        void (*write)(const json_t *record, FILE *out);
    } kinds[] = {{"cost", write_cost},     {"reuse", write_reuse},   {"replace", write_replace},
                 {"carbon", write_carbon}, {"pareto", write_pareto}, {"subsets", write_subsets}};
    fputs("## In short\n\n"
          "| what | Pan & Rajan (ICSE 2022) | here | study |\n|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcmp(result_text(records[i], "kind"), kinds[k].kind) == 0)
                kinds[k].write(records[i], out);
    fputs("\nTheir losses are means over all their networks and datasets; here each study, further down, "
          "says what it measured on. Reuse loses no top-5: of five classes at most it is always right. Lines "
          "\"of "
          "all … tried\" are points of a curve, read off the test images: nothing was chosen by them, and to "
          "choose a setting look at images held back from training.\n\n",
          out);
}
