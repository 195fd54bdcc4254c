/* Study `pareto`: accuracy lost against multiply-adds and time, of all modules of a network voting and as a
 * union, for the methods activation, gradient and distill (with and without joint steps) over budgets. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

/* A way of making modules. */
struct way {
    const char *name, *words; /* as --methods calls it; options of decompose */
    const char *plan;         /* of compose */
    bool budget;              /* it takes one */
    const char *extra;        /* options of the study for this method, or NULL */
};

struct measured {
    const struct study_network *network;
    double top1, top5, seconds; /* of the network itself */
};

static json_t *create_table(struct study *study)
{
    static const struct table_column columns[] = {{"network", COLUMN_TEXT},
                                                  {"method", COLUMN_TEXT},
                                                  {"plan", COLUMN_TEXT},
                                                  {"budget", 3},
                                                  {"images", 0},
                                                  {"top-1 %", 2},
                                                  {"top-1 lost, pp", 2},
                                                  {"top-5 lost, pp", 2},
                                                  {"× multiply-adds", 2},
                                                  {"× time", 2},
                                                  {"weights kept %", 1},
                                                  {"decomposing, s", 1},
                                                  {"curve", COLUMN_KEY}};
    json_t *table =
        table_create(study->tables, "pareto", "All modules together: accuracy lost, and what they cost");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

static void add_row(json_t *table, const struct measured *measured, const struct way *way, double budget,
                    json_t *cut, const json_t *judged)
{
    const json_t *modules = step_result(cut, -1);
    table_row(table);
    table_text(table, "%s", measured->network->name);
    table_text(table, "%s", way->name);
    table_text(table, "%s", way->plan);
    table_number(table, budget);
    table_number(table, result_number(judged, "images"));
    table_number(table, 100 * result_number(judged, "top1"));
    table_number(table, points_lost(measured->top1, result_number(judged, "top1")));
    table_number(table, points_lost(measured->top5, result_number(judged, "top5")));
    table_number(table,
                 result_number(judged, "multiply_adds") / result_number(judged, "parent_multiply_adds"));
    table_number(table, result_number(judged, "seconds") / measured->seconds);
    table_number(table, 100 * result_number(modules, "weights_kept"));
    table_number(table, result_number(cut, "seconds"));
    table_text(table, "%s: %s, %s", measured->network->name, way->name, way->plan);
}

static enum status judge_with_plan(struct study *study, const struct measured *measured, const char *name,
                                   const char *modules, const char *plan, json_t **judged)
{
    char step[STUDY_STEP_BYTES + 16];
    snprintf(step, sizeof step, "%s-%s", name, plan);
    return experiment_composed(study, step, modules, plan, measured->network->test, judged);
}

static enum status try_way(struct study *study, const struct measured *measured, const struct way *way,
                           double budget, json_t *table)
{
    char name[STUDY_STEP_BYTES], words[512], modules[STUDY_PATH_BYTES];
    json_t *cut = NULL, *judged = NULL;
    int used = snprintf(words, sizeof words, "%s", way->words);
    if (way->budget)
        used += snprintf(words + used, sizeof words - (size_t)used, " --budget %g", budget);
    if (way->extra != NULL)
        used += snprintf(words + used, sizeof words - (size_t)used, " %s", way->extra);
    if (used < 0 || (size_t)used >= sizeof words)
        return error_set(STATUS_USAGE, "%s: more options than a study takes", way->words);
    snprintf(name, sizeof name, "%s-%s-%g", measured->network->name, way->name, way->budget ? budget : 1.0);
    enum status status = experiment_decompose(study, measured->network, name, words, modules, &cut);
    if (status == STATUS_OK)
        status = judge_with_plan(study, measured, name, modules, way->plan, &judged);
    if (status == STATUS_OK)
        add_row(table, measured, way, way->budget ? budget : (double)NAN, cut, judged);
    return status;
}

/* Whether a list of names apart by commas has this one. */
static bool method_asked(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static enum status try_network(struct study *study, const struct study_network *network, json_t *table)
{
    const struct study_options *options = study->options;
    const struct way ways[] = {
        {"activation", "--method activation --variant bc", "votes", false, options->activation},
        {"activation", "--method activation --variant bc", "union", false, options->activation},
        {"gradient", "--method gradient", "votes", true, options->gradient},
        {"distill-alone", "--method distill --joint-steps 0", "votes", true, options->distill},
        {"distill", "--method distill", "votes", true, options->distill_joint},
    };
    struct measured measured = {.network = network};
    json_t *result = NULL;
    enum status status = experiment_parent(study, network, &result);
    measured.top1 = result_number(result, "top1");
    measured.top5 = result_number(result, "top5");
    measured.seconds = result_number(result, "seconds");
    for (size_t i = 0; i < sizeof ways / sizeof *ways && status == STATUS_OK; i++)
        for (int32_t b = 0; method_asked(options->methods, ways[i].name) &&
                            b < (ways[i].budget ? options->budget_count : 1) && status == STATUS_OK;
             b++)
            status = try_way(study, &measured, &ways[i], options->budgets[b], table);
    return status;
}

enum status study_pareto(struct study *study)
{
    enum status status = STATUS_OK;
    json_t *table = create_table(study);
    study_remark(
        study,
        "Multiply-adds are those of the composition as planned, time that of facet evaluate over the test "
        "images, both as multiples of the network's own. What others report: CNNSplitter 2.89 pp lost; "
        "MwT 1.13 pp lost with 14.58 %% of kernels kept, training the network for it; SeaM keeps 10.11 %% "
        "of weights for a binary target.");
    for (int32_t i = 0; i < study->options->network_count && status == STATUS_OK; i++)
        status = try_network(study, &study->options->networks[i], table);
    if (status == STATUS_OK)
        status = results_plot(study, table,
                              &(struct table_plot){.title = "Accuracy lost over multiply-adds",
                                                   .x = "× multiply-adds",
                                                   .y = "top-1 lost, pp",
                                                   .series = "curve",
                                                   .lines = true});
    if (status == STATUS_OK)
        status = results_plot(study, table,
                              &(struct table_plot){.title = "Accuracy lost over time",
                                                   .x = "× time",
                                                   .y = "top-1 lost, pp",
                                                   .series = "curve",
                                                   .lines = true});
    return status;
}
