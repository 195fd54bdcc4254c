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
    double top1, top5, seconds, multiply_adds; /* of the network itself */
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

/* Modules as they came; budget and seconds may be NAN. */
struct made {
    const char *method;
    double budget, weights_kept, seconds;
};

static void add_row(json_t *table, const struct measured *measured, const struct made *made, const char *plan,
                    const json_t *judged)
{
    table_row(table);
    table_text(table, "%s", measured->network->name);
    table_text(table, "%s", made->method);
    table_text(table, "%s", plan);
    table_number(table, made->budget);
    table_number(table, result_number(judged, "images"));
    table_number(table, 100 * result_number(judged, "top1"));
    table_number(table, points_lost(measured->top1, result_number(judged, "top1")));
    table_number(table, points_lost(measured->top5, result_number(judged, "top5")));
    table_number(table, result_number(judged, "multiply_adds") / measured->multiply_adds);
    table_number(table, result_number(judged, "seconds") / measured->seconds);
    table_number(table, 100 * made->weights_kept);
    table_number(table, made->seconds);
    table_text(table, "%s: %s, %s", measured->network->name, made->method, plan);
}

static enum status judge_with_plan(struct study *study, const struct measured *measured, const char *name,
                                   const char *modules, const char *plan, json_t **judged)
{
    char step[STUDY_STEP_BYTES + 16];
    snprintf(step, sizeof step, "%s-%s", name, plan);
    return experiment_composed(study, measured->network, step, modules, plan, judged);
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
    if (status == STATUS_OK) {
        const struct made made = {way->name, way->budget ? budget : (double)NAN,
                                  result_number(step_result(cut, -1), "weights_kept"),
                                  result_number(cut, "seconds")};
        add_row(table, measured, &made, way->plan, judged);
    }
    return status;
}

/* --- modules made already --- */

/* Mean over the modules of a file, as facet inspect tells it. */
static double mean_weights_kept(const json_t *inspected)
{
    json_t *module;
    size_t i;
    double sum = 0;
    json_array_foreach(json_object_get(inspected, "modules"), i, module) sum +=
        result_number(module, "weights_kept");
    return sum / (double)json_array_size(json_object_get(inspected, "modules"));
}

static enum status try_ready(struct study *study, const struct measured *measured,
                             const struct study_ready *ready, json_t *table)
{
    struct study_step step;
    json_t *record = NULL, *judged = NULL;
    char name[STUDY_STEP_BYTES];
    step_begin(study, &step, "%s-%s-inspected", measured->network->name, ready->name);
    step_command(&step, "inspect", ready->file, "--json", NULL);
    step_input(&step, ready->file);
    enum status status = step_run(study, &step, &record);
    snprintf(name, sizeof name, "%s-%s", measured->network->name, ready->name);
    for (size_t p = 0; p < STUDY_PLAN_COUNT && status == STATUS_OK; p++) {
        const struct made made = {ready->name, (double)NAN, mean_weights_kept(step_result(record, -1)),
                                  (double)NAN};
        if (!study_list_has(study->options->plans, study_plans[p]))
            continue;
        status = judge_with_plan(study, measured, name, ready->file, study_plans[p], &judged);
        if (status == STATUS_OK)
            add_row(table, measured, &made, study_plans[p], judged);
    }
    return status;
}

/* --- the study --- */

static enum status try_network(struct study *study, int32_t index, json_t *table)
{
    const struct study_options *options = study->options;
    const struct study_network *network = &options->networks[index];
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
    measured.multiply_adds = result_number(result, "multiply_adds");
    for (size_t i = 0; i < sizeof ways / sizeof *ways && status == STATUS_OK; i++)
        for (int32_t b = 0; study_list_has(options->methods, ways[i].name) &&
                            b < (ways[i].budget ? options->budget_count : 1) && status == STATUS_OK;
             b++)
            status = try_way(study, &measured, &ways[i], options->budgets[b], table);
    for (int32_t i = 0; i < options->ready_count && status == STATUS_OK; i++)
        if (options->ready[i].network == index)
            status = try_ready(study, &measured, &options->ready[i], table);
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
        status = try_network(study, i, table);
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
