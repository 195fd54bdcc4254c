/* Study `replace`. Within a dataset: classes of a weak network's composition get the modules of better
 * networks of the same classes; the weak one is trained for a few epochs on the first network's training
 * images. Between datasets: of a composition of classes of the first network one is exchanged for a class of
 * a network with other images, before and after continuous learning. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/names.h"
#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

enum { BETWEEN_CLASSES = 5 }; /* of the first network, one of which is exchanged */

/* --- within a dataset --- */

static json_t *create_within(struct study *study)
{
    static const struct table_column columns[] = {{"modules of", COLUMN_TEXT},
                                                  {"draw", 0},
                                                  {"replaced", COLUMN_TEXT},
                                                  {"images", 0},
                                                  {"weak, top-1 %", 2},
                                                  {"replaced, top-1 %", 2},
                                                  {"won, pp", 2},
                                                  {"top-5 won, pp", 2},
                                                  {"weak, of that class %", 2},
                                                  {"replaced, of that class %", 2},
                                                  {"better network, top-1 %", 2},
                                                  {"seconds", 1}};
    json_t *table = table_create(study->tables, "replace", "One class of a weak network, replaced");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

/* The weak modules with one class of `better`, judged. */
static enum status judge_replaced(struct study *study, const struct study_network *better,
                                  const char *weak_modules, const char *modules, int32_t class_index,
                                  json_t **record)
{
    struct study_step step;
    struct study_draw one = {.count = 1, .classes = {class_index}};
    char replaced[STUDY_PATH_BYTES + 32];
    step_begin(study, &step, "%s-replaces-%d", better->name, (int)class_index);
    snprintf(replaced, sizeof replaced, "%s/replaced.h5", step.folder);
    step_command(&step, "replace", weak_modules, "--class", NULL);
    step_word(&step, "#%d", (int)class_index);
    step_word(&step, "--with");
    step_selection(&step, modules, &one, NULL, NULL);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", replaced);
    step_command(&step, "evaluate", replaced, "--data", better->test, "--json", NULL);
    step_input(&step, weak_modules);
    step_input(&step, modules);
    step_input(&step, better->test);
    return step_run(study, &step, record);
}

static void add_row(json_t *table, const struct study_network *better, int32_t number, const char *class,
                    const json_t *weak, json_t *record, const json_t *parent)
{
    const json_t *replaced = step_result(record, -1);
    table_row(table);
    table_text(table, "%s", better->name);
    table_number(table, number);
    table_text(table, "%s", class);
    table_number(table, result_number(replaced, "images"));
    table_number(table, 100 * result_number(weak, "top1"));
    table_number(table, 100 * result_number(replaced, "top1"));
    table_number(table, points_lost(result_number(replaced, "top1"), result_number(weak, "top1")));
    table_number(table, points_lost(result_number(replaced, "top5"), result_number(weak, "top5")));
    table_number(table, 100 * result_number(json_object_get(weak, "per_class"), class));
    table_number(table, 100 * result_number(json_object_get(replaced, "per_class"), class));
    table_number(table, 100 * result_number(parent, "top1"));
    table_number(table, result_number(record, "seconds"));
}

static enum status replace_with(struct study *study, const struct study_network *better,
                                const char *weak_modules, const json_t *weak, json_t *table)
{
    const struct study_options *options = study->options;
    char modules[STUDY_PATH_BYTES];
    json_t *parent = NULL;
    enum status status = experiment_modules(study, better, modules);
    if (status == STATUS_OK)
        status = experiment_parent(study, better, &parent);
    const json_t *per_class = json_object_get(weak, "per_class");
    int32_t class_count = (int32_t)json_object_size(per_class);
    for (int32_t number = 1; number <= options->draws && number <= class_count && status == STATUS_OK;
         number++) {
        json_t *record = NULL;
        status = judge_replaced(study, better, weak_modules, modules, number - 1, &record);
        if (status == STATUS_OK)
            add_row(table, better, number, result_class(per_class, number - 1), weak, record, parent);
    }
    return status;
}

/* Whether it has the first network's images. */
static bool is_within(const struct study_options *options, int32_t network)
{
    return strcmp(options->networks[network].test, options->networks[0].test) == 0;
}

static enum status replace_within(struct study *study)
{
    json_t *table = create_within(study);
    const struct study_options *options = study->options;
    char weak_modules[STUDY_PATH_BYTES];
    json_t *weak = NULL;
    enum status status = experiment_weak(study, &options->networks[0], weak_modules, &weak);
    for (int32_t i = 0; i < options->network_count && status == STATUS_OK; i++)
        if (is_within(options, i))
            status = replace_with(study, &options->networks[i], weak_modules, weak, table);
    if (status != STATUS_OK)
        return status;
    study_remark(
        study,
        "The weak network is %s trained for %d epochs (%s) on the training images of %s. Pan & Rajan (ICSE "
        "2022) report 2.3 pp of top-1 and 0.5 pp of top-5 lost by reusing and replacing; replacing a weak "
        "module should win. Mean won here: %.2f pp of top-1, %.2f pp of top-5.",
        options->architecture, (int)options->weak_epochs,
        options->train != NULL ? options->train : "default options", options->networks[0].name,
        table_mean(table, "won, pp"), table_mean(table, "top-5 won, pp"));
    return results_plot(study, table,
                        &(struct table_plot){.title = "One class of a weak network, replaced",
                                             .x = "weak, of that class %",
                                             .y = "replaced, of that class %",
                                             .series = "modules of"});
}

/* --- between datasets --- */

/* One exchange: the class at `place` of those drawn of network a leaves for one of network b. */
struct exchange {
    const struct study_network *a, *b;
    const json_t *names_a, *names_b; /* per_class of their networks' results */
    const char *modules_a, *modules_b;
    int32_t number, place;
    struct study_draw classes, newcomer;
};

static json_t *create_between(struct study *study)
{
    static const struct table_column columns[] = {{"networks", COLUMN_TEXT},
                                                  {"draw", 0},
                                                  {"classes", COLUMN_TEXT},
                                                  {"replaced by", COLUMN_TEXT},
                                                  {"images", 0},
                                                  {"composition, top-1 %", 2},
                                                  {"before adapt, top-1 %", 2},
                                                  {"lost before, pp", 2},
                                                  {"after adapt, top-1 %", 2},
                                                  {"lost after, pp", 2},
                                                  {"of that class before %", 2},
                                                  {"of that class after %", 2},
                                                  {"adapt, s", 1}};
    json_t *table = table_create(study->tables, "between",
                                 "One class of a composition replaced by a class of another dataset");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

/* Composed and judged on a's images; one class exchanged, judged on the images of both; adapted, judged
 * again. */
static enum status judge_exchange(struct study *study, const struct exchange *exchange, json_t **record)
{
    const struct study_network *a = exchange->a, *b = exchange->b;
    struct study_step step;
    char composed[STUDY_PATH_BYTES + 32], replaced[STUDY_PATH_BYTES + 32], adapted[STUDY_PATH_BYTES + 32];
    step_begin(study, &step, "%s-%s-replaces-%02d", a->name, b->name, (int)exchange->number);
    snprintf(composed, sizeof composed, "%s/composed.h5", step.folder);
    snprintf(replaced, sizeof replaced, "%s/replaced.h5", step.folder);
    snprintf(adapted, sizeof adapted, "%s/adapted.h5", step.folder);
    step_command(&step, "compose", NULL);
    step_selection(&step, exchange->modules_a, &exchange->classes, a->name, exchange->names_a);
    step_word(&step, "-o");
    step_word(&step, "%s", composed);
    step_command(&step, "evaluate", composed, "--json", "--data", NULL);
    step_word(&step, "%s=%s", a->name, a->test);
    step_command(&step, "replace", composed, "--class", NULL);
    step_word(&step, "#%d", (int)exchange->place);
    step_word(&step, "--with");
    step_selection(&step, exchange->modules_b, &exchange->newcomer, b->name, exchange->names_b);
    step_word(&step, "-o");
    step_word(&step, "%s", replaced);
    step_command(&step, "evaluate", replaced, "--json", NULL);
    step_data_of_two(&step, a, b, true);
    step_command(&step, "adapt", replaced, "--json", NULL);
    step_data_of_two(&step, a, b, false);
    step_words(&step, study->options->adapt);
    step_word(&step, "-o");
    step_word(&step, "%s", adapted);
    step_command(&step, "evaluate", adapted, "--json", NULL);
    step_data_of_two(&step, a, b, true);
    step_input(&step, exchange->modules_a);
    step_input(&step, exchange->modules_b);
    for (int i = 0; i < 2; i++) {
        step_input(&step, (i == 0 ? a : b)->train);
        step_input(&step, (i == 0 ? a : b)->test);
    }
    return step_run(study, &step, record);
}

static void add_exchange(json_t *table, const struct exchange *exchange, json_t *record)
{
    char classes[192], newcomer[2 * CLASS_NAME_BYTES];
    const json_t *composed = step_result(record, 1), *before = step_result(record, 3),
                 *after = step_result(record, 5);
    const char *class = result_class(exchange->names_b, exchange->newcomer.classes[0]);
    snprintf(newcomer, sizeof newcomer, "%s/%s", exchange->b->name, class);
    draw_names(&exchange->classes, exchange->names_a, classes, sizeof classes);
    table_row(table);
    table_text(table, "%s, %s", exchange->a->name, exchange->b->name);
    table_number(table, exchange->number);
    table_text(table, "%s", classes);
    table_text(table, "%s by %s", result_class(exchange->names_a, exchange->classes.classes[exchange->place]),
               class);
    table_number(table, result_number(before, "images"));
    table_number(table, 100 * result_number(composed, "top1"));
    table_number(table, 100 * result_number(before, "top1"));
    table_number(table, points_lost(result_number(composed, "top1"), result_number(before, "top1")));
    table_number(table, 100 * result_number(after, "top1"));
    table_number(table, points_lost(result_number(composed, "top1"), result_number(after, "top1")));
    table_number(table, 100 * result_number(json_object_get(before, "per_class"), newcomer));
    table_number(table, 100 * result_number(json_object_get(after, "per_class"), newcomer));
    table_number(table, result_number(step_result(record, 4), "seconds"));
}

static enum status exchange_with(struct study *study, const struct study_network *b, json_t *table)
{
    const struct study_options *options = study->options;
    char modules[2][STUDY_PATH_BYTES];
    json_t *parents[2] = {NULL, NULL};
    struct exchange exchange = {
        .a = &options->networks[0], .b = b, .modules_a = modules[0], .modules_b = modules[1]};
    enum status status = STATUS_OK;
    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        status = experiment_modules(study, i == 0 ? exchange.a : b, modules[i]);
        if (status == STATUS_OK)
            status = experiment_parent(study, i == 0 ? exchange.a : b, &parents[i]);
    }
    exchange.names_a = json_object_get(parents[0], "per_class");
    exchange.names_b = json_object_get(parents[1], "per_class");
    for (int32_t number = 1; number <= options->pair_draws && status == STATUS_OK; number++) {
        json_t *record = NULL;
        exchange.number = number;
        draw_classes(options->seed, (uint64_t)number, (int32_t)json_object_size(exchange.names_a),
                     BETWEEN_CLASSES, &exchange.classes);
        draw_classes(options->seed + 1, (uint64_t)number, (int32_t)json_object_size(exchange.names_b), 1,
                     &exchange.newcomer);
        exchange.place = (number - 1) % exchange.classes.count;
        status = judge_exchange(study, &exchange, &record);
        if (status == STATUS_OK)
            add_exchange(table, &exchange, record);
    }
    return status;
}

static enum status replace_between(struct study *study)
{
    const struct study_options *options = study->options;
    enum status status = STATUS_OK;
    json_t *table = create_between(study);
    for (int32_t i = 1; i < options->network_count && status == STATUS_OK; i++)
        if (!is_within(options, i))
            status = exchange_with(study, &options->networks[i], table);
    if (status == STATUS_OK)
        study_remark(
            study,
            "Between datasets one of %d classes of %s is replaced by a class of another dataset, and "
            "the new composition judged on the images of both. Against the composition as it was, "
            "on its own images, the mean loss is %.2f pp before and %.2f pp after adapt (%s).",
            (int)BETWEEN_CLASSES, options->networks[0].name, table_mean(table, "lost before, pp"),
            table_mean(table, "lost after, pp"), options->adapt != NULL ? options->adapt : "default options");
    return status;
}

/* --- the study --- */

enum status study_replace(struct study *study)
{
    const struct study_options *options = study->options;
    bool between = false;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < options->network_count; i++)
        between |= options->pair_draws > 0 && !is_within(options, i);
    if (options->draws > 0)
        status = replace_within(study);
    return status == STATUS_OK && between ? replace_between(study) : status;
}
