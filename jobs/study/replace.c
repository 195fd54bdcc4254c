/* Study `replace`: classes of a weak network's composition get the modules of better networks of the same
 * classes. The weak one is trained for a few epochs on the first network's training images; with networks of
 * several datasets, a class of the first is also exchanged for one of another. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

static json_t *create_table(struct study *study)
{
    static const struct table_column columns[] = {{"modules of", COLUMN_TEXT},
                                                  {"draw", 0},
                                                  {"replaced", COLUMN_TEXT},
                                                  {"images", 0},
                                                  {"weak, top-1 %", 2},
                                                  {"replaced, top-1 %", 2},
                                                  {"won, pp", 2},
                                                  {"weak, of that class %", 2},
                                                  {"replaced, of that class %", 2},
                                                  {"better network, top-1 %", 2},
                                                  {"seconds", 1}};
    json_t *table = table_create(study->tables, "replace", "One class of a weak network, replaced");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

/* The weak network, cut, and all its modules voting. */
static enum status make_weak(struct study *study, const struct study_network *first,
                             char modules[STUDY_PATH_BYTES], json_t **judged)
{
    struct study_step step;
    struct study_network weak = {.name = "weak", .train = first->train, .test = first->test};
    char network[STUDY_PATH_BYTES];
    step_begin(study, &step, "weak-trained");
    study_path(study, network, "work/%s/weak.h5", step.name);
    step_train(study, &step, first, NULL, study->options->weak_epochs, network);
    step_output(&step, network);
    enum status status = step_run(study, &step, NULL);
    weak.network = network;
    if (status == STATUS_OK)
        status = experiment_modules(study, &weak, modules);
    if (status == STATUS_OK)
        status = experiment_evaluate(study, "weak-judged", modules, first->test, NULL, judged);
    return status;
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
    table_number(table, -points_lost(result_number(weak, "top1"), result_number(replaced, "top1")));
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

enum status study_replace(struct study *study)
{
    const struct study_options *options = study->options;
    char weak_modules[STUDY_PATH_BYTES];
    json_t *weak = NULL, *table = create_table(study);
    enum status status = make_weak(study, &options->networks[0], weak_modules, &weak);
    for (int32_t i = 0; i < options->network_count && status == STATUS_OK; i++)
        if (strcmp(options->networks[i].test, options->networks[0].test) == 0)
            status = replace_with(study, &options->networks[i], weak_modules, weak, table);
    if (status != STATUS_OK)
        return status;
    study_remark(
        study,
        "The weak network is %s trained for %d epochs (%s) on the training images of %s. Pan & Rajan (ICSE "
        "2022) report 2.3 pp of top-1 and 0.5 pp of top-5 lost by reusing and replacing; replacing a weak "
        "module should win. Mean won here: %.2f pp.",
        options->architecture, (int)options->weak_epochs,
        options->train != NULL ? options->train : "default options", options->networks[0].name,
        table_mean(table, "won, pp"));
    return results_plot(study, table,
                        &(struct table_plot){.title = "One class of a weak network, replaced",
                                             .x = "weak, of that class %",
                                             .y = "replaced, of that class %",
                                             .series = "modules of"});
}
