/* Study `cost`: all modules of a network voting, against the network. Method activation in its three
 * variants, over the thresholds τ⁺ and τ⁻ and over the ε of backtracking; one pass of the network over the
 * training images beside, which is the least that decomposing can take. */
#include <math.h>
#include <stdio.h>

#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

/* One way of decomposing. */
struct setting {
    const char *variant;
    struct study_tau tau;
    double epsilon; /* NAN: the variant does not look back */
};

/* What the parent does, measured once. */
struct parent {
    const struct study_network *network;
    double top1, top5, pass_seconds;
};

static json_t *create_table(struct study *study)
{
    static const struct table_column columns[] = {{"network", COLUMN_TEXT},
                                                  {"variant", COLUMN_TEXT},
                                                  {"τ+", 2},
                                                  {"τ−", 2},
                                                  {"ε", 2},
                                                  {"images", 0},
                                                  {"top-1 %", 2},
                                                  {"top-1 lost, pp", 2},
                                                  {"top-5 lost, pp", 2},
                                                  {"units kept %", 1},
                                                  {"channels kept %", 1},
                                                  {"weights kept %", 1},
                                                  {"multiply-adds kept %", 1},
                                                  {"Jaccard, parent", 3},
                                                  {"Jaccard, modules", 3},
                                                  {"decomposing, s", 1},
                                                  {"× one pass", 2},
                                                  {"curve", COLUMN_KEY}};
    json_t *table = table_create(study->tables, "cost", "All modules voting, against the network");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

static void add_parent(json_t *table, const struct parent *parent, double images)
{
    table_row(table);
    table_text(table, "%s", parent->network->name);
    table_text(table, "the network itself");
    for (int i = 0; i < 3; i++)
        table_number(table, (double)NAN);
    table_number(table, images);
    table_number(table, 100 * parent->top1);
    table_number(table, 0);
    table_number(table, 0);
    for (int i = 0; i < 4; i++)
        table_number(table, 100);
    table_number(table, 1);
    for (int i = 0; i < 3; i++)
        table_number(table, (double)NAN);
    table_text(table, "%s: network", parent->network->name);
}

static void add_row(json_t *table, const struct parent *parent, const struct setting *setting,
                    const json_t *cut, const json_t *judged)
{
    double seconds = result_number(cut, "seconds");
    const json_t *overlap = json_object_get(cut, "overlap");
    table_row(table);
    table_text(table, "%s", parent->network->name);
    table_text(table, "%s", setting->variant);
    table_number(table, setting->tau.plus);
    table_number(table, setting->tau.minus);
    table_number(table, setting->epsilon);
    table_number(table, result_number(judged, "images"));
    table_number(table, 100 * result_number(judged, "top1"));
    table_number(table, points_lost(parent->top1, result_number(judged, "top1")));
    table_number(table, points_lost(parent->top5, result_number(judged, "top5")));
    table_number(table, 100 * result_number(cut, "units_kept"));
    table_number(table, 100 * result_number(cut, "channels_kept"));
    table_number(table, 100 * result_number(cut, "weights_kept"));
    table_number(table, 100 * result_number(cut, "multiply_adds_kept"));
    table_number(table, result_number(overlap, "mean_with_origin"));
    table_number(table, result_number(overlap, "mean_between"));
    table_number(table, seconds);
    table_number(table, seconds / parent->pass_seconds);
    table_text(table, "%s: %s", parent->network->name, setting->variant);
}

/* The modules with one setting, judged. */
static enum status try_setting(struct study *study, const struct parent *parent,
                               const struct setting *setting, json_t *table)
{
    char name[STUDY_STEP_BYTES], judging[STUDY_STEP_BYTES + 16], words[128], modules[STUDY_PATH_BYTES];
    json_t *record = NULL, *judged = NULL;
    int used =
        snprintf(words, sizeof words, "--tau-plus %g --tau-minus %g", setting->tau.plus, setting->tau.minus);
    if (!isnan(setting->epsilon))
        snprintf(words + used, sizeof words - (size_t)used, " --variant %s --epsilon %g", setting->variant,
                 setting->epsilon);
    snprintf(name, sizeof name, "%s-%s-%.4g-%.4g-%.4g", parent->network->name, setting->variant,
             setting->tau.plus, setting->tau.minus, isnan(setting->epsilon) ? 0 : setting->epsilon);
    snprintf(judging, sizeof judging, "%s-judged", name);
    enum status status = experiment_decompose(study, parent->network, name, words, modules, &record);
    if (status == STATUS_OK)
        status = experiment_evaluate(study, judging, modules, parent->network->test, NULL, &judged);
    if (status == STATUS_OK)
        add_row(table, parent, setting, step_result(record, -1), judged);
    return status;
}

static enum status try_network(struct study *study, const struct study_network *network, json_t *table)
{
    const struct study_options *options = study->options;
    char name[STUDY_STEP_BYTES];
    struct parent parent = {.network = network};
    json_t *result = NULL;
    snprintf(name, sizeof name, "%s-pass", network->name);
    enum status status = experiment_evaluate(study, name, network->network, network->train, NULL, &result);
    parent.pass_seconds = result_number(result, "seconds");
    snprintf(name, sizeof name, "%s-parent", network->name);
    if (status == STATUS_OK)
        status = experiment_evaluate(study, name, network->network, network->test, NULL, &result);
    if (status != STATUS_OK)
        return status;
    parent.top1 = result_number(result, "top1");
    parent.top5 = result_number(result, "top5");
    add_parent(table, &parent, result_number(result, "images"));
    for (int32_t i = 0; i < options->tau_count && status == STATUS_OK; i++) {
        struct setting setting = {"ci-ti-mc", options->taus[i], (double)NAN};
        status = try_setting(study, &parent, &setting, table);
    }
    for (int32_t i = 0; i < 2 * options->epsilon_count && status == STATUS_OK; i++) {
        struct setting setting = {
            i < options->epsilon_count ? "bd" : "bc", {0, 0}, options->epsilons[i % options->epsilon_count]};
        status = try_setting(study, &parent, &setting, table);
    }
    return status;
}

enum status study_cost(struct study *study)
{
    enum status status = STATUS_OK;
    json_t *table = create_table(study);
    study_remark(
        study,
        "Pan & Rajan (ICSE 2022) report 1.77 pp of top-1 and 0.85 pp of top-5 lost by decomposing. The "
        "variants are theirs: concern and tangling identification with channeling (ci-ti-mc), with "
        "backtracking through the dense layers (bd) and through the convolutions (bc). \"× one pass\" is "
        "the time of decomposing against that of passing all training images through the network once "
        "(facet evaluate).");
    for (int32_t i = 0; i < study->options->network_count && status == STATUS_OK; i++)
        status = try_network(study, &study->options->networks[i], table);
    if (status == STATUS_OK)
        status = results_plot(study, table,
                              &(struct table_plot){.title = "Accuracy lost over units kept",
                                                   .x = "units kept %",
                                                   .y = "top-1 lost, pp",
                                                   .series = "curve",
                                                   .lines = true});
    return status;
}
