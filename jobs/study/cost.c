/* Study `cost`: all modules of a network voting, against the network. Method activation in its three
 * variants, over the thresholds τ⁺ and τ⁻, over the ε of backtracking and over the edges that leave; one pass
 * of the network over the training images beside, which is the least that decomposing can take. */
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
    double edges;   /* NAN: all stay */
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
                                                  {"edges", 3},
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
    for (int i = 0; i < 4; i++)
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
    table_number(table, setting->edges);
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
    table_text(table, "%s: %s%s", parent->network->name, setting->variant,
               isnan(setting->edges) ? "" : ", edges");
}

/* Options of decompose, and a name that tells the setting from others. */
static void describe(const struct setting *setting, char *words, size_t words_bytes, char *name,
                     size_t name_bytes)
{
    int used =
        snprintf(words, words_bytes, "--tau-plus %g --tau-minus %g", setting->tau.plus, setting->tau.minus);
    if (!isnan(setting->epsilon))
        used += snprintf(words + used, words_bytes - (size_t)used, " --variant %s --epsilon %g",
                         setting->variant, setting->epsilon);
    if (!isnan(setting->edges))
        snprintf(words + used, words_bytes - (size_t)used, " --edges %g", setting->edges);
    used = snprintf(name, name_bytes, "%s-%.4g-%.4g-%.4g", setting->variant, setting->tau.plus,
                    setting->tau.minus, isnan(setting->epsilon) ? 0 : setting->epsilon);
    if (!isnan(setting->edges))
        snprintf(name + used, name_bytes - (size_t)used, "-edges-%.4g", setting->edges);
}

/* The modules with one setting, judged. */
static enum status try_setting(struct study *study, const struct parent *parent,
                               const struct setting *setting, json_t *table)
{
    char described[96], words[160], name[STUDY_STEP_BYTES], judging[STUDY_STEP_BYTES + 16],
        modules[STUDY_PATH_BYTES];
    json_t *record = NULL, *judged = NULL;
    describe(setting, words, sizeof words, described, sizeof described);
    snprintf(name, sizeof name, "%s-%s", parent->network->name, described);
    snprintf(judging, sizeof judging, "%s-judged", name);
    enum status status = experiment_decompose(study, parent->network, name, words, modules, &record);
    if (status == STATUS_OK)
        status = study->options->compose == NULL
                     ? experiment_evaluate(study, judging, modules, parent->network->test, NULL, &judged)
                     : experiment_composed(study, parent->network, judging, modules, NULL, &judged);
    if (status == STATUS_OK)
        add_row(table, parent, setting, step_result(record, -1), judged);
    return status;
}

static enum status try_settings(struct study *study, const struct parent *parent, json_t *table)
{
    const struct study_options *options = study->options;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < options->tau_count && status == STATUS_OK; i++) {
        struct setting setting = {"ci-ti-mc", options->taus[i], (double)NAN, (double)NAN};
        status = try_setting(study, parent, &setting, table);
    }
    for (int32_t i = 0; i < 2 * options->epsilon_count && status == STATUS_OK; i++) {
        struct setting setting = {i < options->epsilon_count ? "bd" : "bc", options->backtrack_tau,
                                  options->epsilons[i % options->epsilon_count], (double)NAN};
        status = try_setting(study, parent, &setting, table);
    }
    for (int32_t i = 0; i < options->edge_count && status == STATUS_OK; i++) {
        struct setting setting = {"bd", options->backtrack_tau, 0, options->edges[i]};
        status = try_setting(study, parent, &setting, table);
    }
    return status;
}

static enum status try_network(struct study *study, const struct study_network *network, json_t *table)
{
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
    return try_settings(study, &parent, table);
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
    if (study->options->edge_count > 0)
        study_remark(study,
                     "Where a fraction stands under \"edges\", edges of dense layers up to it have left "
                     "(facet decompose --edges). Pan & Rajan (ESEC/FSE 2020), Table 1, report for dense "
                     "networks of one and of three hidden layers on Fashion-MNIST 85.85 %% at a Jaccard "
                     "index of 0.75 with the network, and 87.10 %% at 0.51.");
    if (study->options->compose != NULL)
        study_remark(study, "The modules are composed with %s before they are judged.",
                     study->options->compose);
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
