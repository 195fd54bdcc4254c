/* Study `subsets`: random subsets of a network's classes, of several sizes. For each the modules of these
 * classes, voting or united to one network (as it comes, and adapted), against the network choosing among
 * them alone. The subsets are the same for all modules files and plans. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

enum { ATTEMPTS = 256 }; /* to draw a subset that was not drawn before */

/* Modules of a network, and how they are composed. */
struct composed {
    const struct study_network *network;
    const json_t *per_class;            /* of the network's own result */
    const char *modules_name, *modules; /* what they are called; their file */
    const char *plan;
};

/* What is known of the compositions of some subsets: sums, and the worst. */
struct tally {
    int32_t subsets;
    double images, restricted, top1, worst_lost, multiply_adds, seconds, restricted_seconds, adapting_seconds;
};

/* --- subsets --- */

static bool is_among(const struct study_draw *draws, int32_t count, const struct study_draw *draw)
{
    for (int32_t i = 0; i < count; i++)
        if (memcmp(draws[i].classes, draw->classes, (size_t)draw->count * sizeof *draw->classes) == 0)
            return true;
    return false;
}

/* `count` subsets of `size` classes each, no two the same as long as that can be. */
static void draw_subsets(uint64_t seed, int32_t class_count, int32_t size, struct study_draw *draws,
                         int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        uint64_t number = ((uint64_t)size << 32) + (uint64_t)i * ATTEMPTS;
        for (int32_t attempt = 0; attempt == 0 || (attempt < ATTEMPTS && is_among(draws, i, &draws[i]));
             attempt++)
            draw_classes(seed, number + (uint64_t)attempt, class_count, size, &draws[i]);
    }
}

/* --- tables --- */

static json_t *create_subsets(struct study *study)
{
    static const struct table_column columns[] = {{"network", COLUMN_TEXT},
                                                  {"modules", COLUMN_TEXT},
                                                  {"plan", COLUMN_TEXT},
                                                  {"k", 0},
                                                  {"draw", 0},
                                                  {"classes", COLUMN_TEXT},
                                                  {"images", 0},
                                                  {"restricted network, top-1 %", 2},
                                                  {"top-1 %", 2},
                                                  {"lost, pp", 2},
                                                  {"× multiply-adds", 3},
                                                  {"× time", 2},
                                                  {"adapting, s", 1}};
    json_t *table = table_create(study->tables, "each", "Each subset");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

static json_t *create_means(struct study *study)
{
    static const struct table_column columns[] = {{"network", COLUMN_TEXT},
                                                  {"modules", COLUMN_TEXT},
                                                  {"plan", COLUMN_TEXT},
                                                  {"k", 0},
                                                  {"subsets", 0},
                                                  {"images", 0},
                                                  {"restricted network, top-1 %", 2},
                                                  {"top-1 %", 2},
                                                  {"lost, pp", 2},
                                                  {"worst lost, pp", 2},
                                                  {"× multiply-adds", 3},
                                                  {"× time", 2},
                                                  {"adapting, s", 1},
                                                  {"curve", COLUMN_KEY}};
    json_t *table = table_create(study->tables, "means", "Means over the subsets of a size");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

static void add_subset(json_t *table, const struct composed *composed, const char *plan,
                       const struct study_draw *draw, int32_t number, const json_t *restricted,
                       const json_t *judged, double adapting_seconds, struct tally *tally)
{
    char names[1024];
    double lost = points_lost(result_number(restricted, "top1"), result_number(judged, "top1"));
    /* A union's file has no parent: the network's own, as it was judged, is the whole. */
    double multiply_adds =
        result_number(judged, "multiply_adds") / result_number(restricted, "multiply_adds");
    draw_names(draw, composed->per_class, names, sizeof names);
    table_row(table);
    table_text(table, "%s", composed->network->name);
    table_text(table, "%s", composed->modules_name);
    table_text(table, "%s", plan);
    table_number(table, draw->count);
    table_number(table, number);
    table_text(table, "%s", names);
    table_number(table, result_number(judged, "images"));
    table_number(table, 100 * result_number(restricted, "top1"));
    table_number(table, 100 * result_number(judged, "top1"));
    table_number(table, lost);
    table_number(table, multiply_adds);
    table_number(table, result_number(judged, "seconds") / result_number(restricted, "seconds"));
    table_number(table, adapting_seconds);
    tally->worst_lost = tally->subsets == 0 || lost > tally->worst_lost ? lost : tally->worst_lost;
    tally->subsets++;
    tally->images += result_number(judged, "images");
    tally->restricted += result_number(restricted, "top1");
    tally->top1 += result_number(judged, "top1");
    tally->multiply_adds += multiply_adds;
    tally->seconds += result_number(judged, "seconds");
    tally->restricted_seconds += result_number(restricted, "seconds");
    tally->adapting_seconds += adapting_seconds;
}

static void add_mean(json_t *table, const struct composed *composed, const char *plan, int32_t size,
                     const struct tally *tally)
{
    double count = tally->subsets;
    if (tally->subsets == 0)
        return;
    table_row(table);
    table_text(table, "%s", composed->network->name);
    table_text(table, "%s", composed->modules_name);
    table_text(table, "%s", plan);
    table_number(table, size);
    table_number(table, count);
    table_number(table, tally->images / count);
    table_number(table, 100 * tally->restricted / count);
    table_number(table, 100 * tally->top1 / count);
    table_number(table, points_lost(tally->restricted, tally->top1) / count);
    table_number(table, tally->worst_lost);
    table_number(table, tally->multiply_adds / count);
    table_number(table, tally->seconds / tally->restricted_seconds);
    table_number(table, tally->adapting_seconds / count);
    table_text(table, "%s: %s, %s", composed->network->name, composed->modules_name, plan);
}

/* --- steps --- */

/* The network choosing among those classes alone. */
static enum status judge_restricted(struct study *study, const struct study_network *network,
                                    const struct study_draw *draw, int32_t number, json_t **result)
{
    char name[STUDY_STEP_BYTES], list[256];
    draw_list(draw, list, sizeof list);
    snprintf(name, sizeof name, "%s-restricted-%d-%02d", network->name, (int)draw->count, (int)number);
    return experiment_evaluate(study, name, network->network, network->test, list, result);
}

/* Composed and judged; a union, when --adapt is given, is adapted and judged again: results 1 and 3. */
static enum status judge_composed(struct study *study, const struct composed *composed,
                                  const struct study_draw *draw, int32_t number, bool adapts, json_t **record)
{
    const struct study_network *network = composed->network;
    struct study_step step;
    char file[STUDY_PATH_BYTES + 32], adapted[STUDY_PATH_BYTES + 32];
    step_begin(study, &step, "%s-%s-%s-%d-%02d", network->name, composed->modules_name, composed->plan,
               (int)draw->count, (int)number);
    snprintf(file, sizeof file, "%s/composed.h5", step.folder);
    snprintf(adapted, sizeof adapted, "%s/adapted.h5", step.folder);
    step_command(&step, "compose", NULL);
    step_selection(&step, composed->modules, draw, NULL, NULL);
    step_plan(&step, network, composed->plan);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", file);
    step_command(&step, "evaluate", file, "--data", network->test, "--json", NULL);
    if (adapts) {
        step_command(&step, "adapt", file, "--data", network->train, "--parent", network->network, "--json",
                     NULL);
        step_words(&step, study->options->adapt);
        step_word(&step, "-o");
        step_word(&step, "%s", adapted);
        step_command(&step, "evaluate", adapted, "--data", network->test, "--json", NULL);
        step_input(&step, network->train);
    }
    step_input(&step, composed->modules);
    step_input(&step, network->test);
    return step_run(study, &step, record);
}

/* --- the study --- */

struct subset_tables {
    json_t *each, *means;
};

static enum status try_size(struct study *study, const struct composed *composed,
                            const struct study_draw *draws, int32_t count, struct subset_tables *tables)
{
    bool adapts = study->options->adapt != NULL && strcmp(composed->plan, "union") == 0;
    char adapted[64];
    struct tally as_composed = {0}, after = {0};
    enum status status = STATUS_OK;
    snprintf(adapted, sizeof adapted, "%s, adapted", composed->plan);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        json_t *restricted = NULL, *record = NULL;
        status = judge_restricted(study, composed->network, &draws[i], i + 1, &restricted);
        if (status == STATUS_OK)
            status = judge_composed(study, composed, &draws[i], i + 1, adapts, &record);
        if (status == STATUS_OK)
            add_subset(tables->each, composed, composed->plan, &draws[i], i + 1, restricted,
                       step_result(record, 1), (double)NAN, &as_composed);
        if (status == STATUS_OK && adapts)
            add_subset(tables->each, composed, adapted, &draws[i], i + 1, restricted, step_result(record, 3),
                       result_number(step_result(record, 2), "seconds"), &after);
    }
    if (status == STATUS_OK && count > 0) {
        add_mean(tables->means, composed, composed->plan, draws[0].count, &as_composed);
        add_mean(tables->means, composed, adapted, draws[0].count, &after);
    }
    return status;
}

/* Of each size, with each plan. */
static enum status try_modules(struct study *study, struct composed composed, struct subset_tables *tables)
{
    const struct study_options *options = study->options;
    struct study_draw draws[STUDY_DRAWS_MAX];
    int32_t class_count = (int32_t)json_object_size(composed.per_class);
    enum status status = STATUS_OK;
    for (size_t p = 0; p < STUDY_PLAN_COUNT; p++) {
        composed.plan = study_plans[p];
        for (int32_t s = 0;
             study_list_has(options->plans, composed.plan) && s < options->size_count && status == STATUS_OK;
             s++) {
            draw_subsets(options->seed, class_count, (int32_t)options->sizes[s], draws, options->draws);
            status = try_size(study, &composed, draws, options->draws, tables);
        }
    }
    return status;
}

static enum status try_network(struct study *study, int32_t index, struct subset_tables *tables)
{
    const struct study_options *options = study->options;
    struct composed composed = {.network = &options->networks[index], .modules_name = "modules"};
    char modules[STUDY_PATH_BYTES];
    json_t *parent = NULL;
    bool given = false;
    enum status status = experiment_parent(study, composed.network, &parent);
    composed.per_class = json_object_get(parent, "per_class");
    for (int32_t i = 0; i < options->ready_count && status == STATUS_OK; i++)
        if (options->ready[i].network == index) {
            given = true;
            composed.modules_name = options->ready[i].name;
            composed.modules = options->ready[i].file;
            status = try_modules(study, composed, tables);
        }
    if (given || status != STATUS_OK)
        return status;
    status = experiment_modules(study, composed.network, modules);
    composed.modules = modules;
    return status == STATUS_OK ? try_modules(study, composed, tables) : status;
}

enum status study_subsets(struct study *study)
{
    const struct study_options *options = study->options;
    enum status status = STATUS_OK;
    struct subset_tables tables = {.means = create_means(study), .each = create_subsets(study)};
    for (int32_t i = 0; i < options->network_count && status == STATUS_OK; i++)
        status = try_network(study, i, &tables);
    if (status != STATUS_OK)
        return status;
    study_remark(
        study,
        "%d subsets of each size k, drawn with seed %llu, the same for all modules and plans. The "
        "restricted network is the parent choosing among those classes alone; multiply-adds are those "
        "of the composition as planned and time that of facet evaluate on the same images, both as "
        "multiples of the parent's.%s%s%s",
        (int)options->draws, (unsigned long long)options->seed,
        options->adapt != NULL ? " Adapted: facet adapt " : "", options->adapt != NULL ? options->adapt : "",
        options->adapt != NULL ? "." : "");
    return results_plot(study, tables.means,
                        &(struct table_plot){.title = "Accuracy lost by compositions of some classes",
                                             .x = "× multiply-adds",
                                             .y = "lost, pp",
                                             .series = "curve",
                                             .lines = true});
}
