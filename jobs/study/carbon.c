/* Study `carbon`: what reusing k classes costs (decomposing them and composing the modules) against training
 * from scratch on those classes to the same accuracy; and what replacing a class of a weak network's
 * composition costs (decomposing that class of a better network) against training from scratch on all classes
 * to the accuracy that comes of it. Training is tried for 1, 2, 4 … epochs, up to --epochs, and the shortest
 * that is as accurate as the modules counts; when none is, the factor is only a lower bound. */
#include <math.h>
#include <stdio.h>

#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

enum { LEAST_CLASSES = 2, CLASSES_RANGE = 4 };

static json_t *create_table(struct study *study, const char *name, const char *title)
{
    static const struct table_column columns[] = {{"network", COLUMN_TEXT},
                                                  {"draw", 0},
                                                  {"classes", COLUMN_TEXT},
                                                  {"modules, top-1 %", 2},
                                                  {"modules, s", 1},
                                                  {"modules, J", 0},
                                                  {"modules, g CO2e", 4},
                                                  {"from scratch, top-1 %", 2},
                                                  {"epochs", 0},
                                                  {"from scratch, s", 1},
                                                  {"from scratch, J", 0},
                                                  {"from scratch, g CO2e", 4},
                                                  {"factor", 1},
                                                  {"as accurate", COLUMN_TEXT}};
    json_t *table = table_create(study->tables, name, title);
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

/* Modules of those classes alone, composed and judged. */
static enum status reuse(struct study *study, const struct study_network *network,
                         const struct study_draw *draw, int32_t number, json_t **record)
{
    struct study_step step;
    char list[256], run[STUDY_PATH_BYTES + 32], composed[STUDY_PATH_BYTES + 32],
        modules[STUDY_PATH_BYTES + 64];
    draw_list(draw, list, sizeof list);
    step_begin(study, &step, "%s-reused-%02d", network->name, (int)number);
    snprintf(run, sizeof run, "%s/run", step.folder);
    snprintf(modules, sizeof modules, "%s/modules.h5", run);
    snprintf(composed, sizeof composed, "%s/composed.h5", step.folder);
    step_command(&step, "decompose", network->network, "--data", network->train, "--classes", list, NULL);
    step_words(&step, study->options->decompose);
    step_word(&step, "--json");
    step_word(&step, "-o");
    step_word(&step, "%s", run);
    step_command(&step, "compose", modules, NULL);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", composed);
    step_command(&step, "evaluate", composed, "--data", network->test, "--json", NULL);
    step_input(&step, network->network);
    step_input(&step, network->train);
    step_input(&step, network->test);
    return step_run(study, &step, record);
}

/* Training from scratch on `classes` (NULL: all); `label` tells these from others in the names of steps. */
struct scratch {
    const struct study_network *network;
    const char *classes, *label;
};

static enum status train_epochs(struct study *study, const struct scratch *scratch, int32_t epochs,
                                json_t **record)
{
    struct study_step step;
    char output[STUDY_PATH_BYTES + 32];
    step_begin(study, &step, "%s-scratch-%s-%d-epochs", scratch->network->name, scratch->label, (int)epochs);
    snprintf(output, sizeof output, "%s/scratch.h5", step.folder);
    step_train(study, &step, scratch->network, scratch->classes, epochs, output);
    step_command(&step, "evaluate", output, "--data", scratch->network->test, "--json", NULL);
    step_input(&step, scratch->network->test);
    return step_run(study, &step, record);
}

/* The shortest training that reaches `top1`, or the longest. */
static enum status train_to(struct study *study, const struct scratch *scratch, double top1, int32_t *epochs,
                            json_t **record)
{
    const int32_t most = study->options->epochs;
    for (*epochs = 1;; *epochs = 2 * *epochs < most ? 2 * *epochs : most) {
        enum status status = train_epochs(study, scratch, *epochs, record);
        if (status != STATUS_OK || *epochs == most || result_number(step_result(*record, 1), "top1") >= top1)
            return status;
    }
}

/* Of the first `count` commands of a step: what only judges is not counted. */
static double command_sum(const json_t *record, const char *figure, size_t count)
{
    const json_t *commands = json_object_get(record, "commands");
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += result_number(json_array_get(commands, i), figure);
    return sum;
}

static void add_row(json_t *table, const struct study_network *network, const char *names, int32_t number,
                    json_t *reused, json_t *trained, int32_t epochs)
{
    double modules_top1 = result_number(step_result(reused, -1), "top1");
    double scratch_top1 = result_number(step_result(trained, -1), "top1");
    double modules_grams = command_sum(reused, "co2e_grams", 2),
           grams = command_sum(trained, "co2e_grams", 1);
    table_row(table);
    table_text(table, "%s", network->name);
    table_number(table, number);
    table_text(table, "%s", names);
    table_number(table, 100 * modules_top1);
    table_number(table, command_sum(reused, "seconds", 2));
    table_number(table, command_sum(reused, "energy_joules", 2));
    table_number(table, modules_grams);
    table_number(table, 100 * scratch_top1);
    table_number(table, epochs);
    table_number(table, command_sum(trained, "seconds", 1));
    table_number(table, command_sum(trained, "energy_joules", 1));
    table_number(table, grams);
    table_number(table, grams / modules_grams);
    table_text(table, scratch_top1 >= modules_top1 ? "yes" : "no: the factor is a lower bound");
}

static enum status compare(struct study *study, const struct study_network *network, json_t *table)
{
    const struct study_options *options = study->options;
    json_t *parent = NULL;
    enum status status = experiment_parent(study, network, &parent);
    const json_t *per_class = json_object_get(parent, "per_class");
    for (int32_t number = 1; number <= options->draws && status == STATUS_OK; number++) {
        struct study_draw draw;
        char list[256], names[192], label[16];
        json_t *reused = NULL, *trained = NULL;
        int32_t epochs = 0;
        draw_classes(options->seed, (uint64_t)number, (int32_t)json_object_size(per_class),
                     LEAST_CLASSES + (number - 1) % CLASSES_RANGE, &draw);
        draw_list(&draw, list, sizeof list);
        draw_names(&draw, per_class, names, sizeof names);
        snprintf(label, sizeof label, "%02d", (int)number);
        const struct scratch scratch = {network, list, label};
        status = reuse(study, network, &draw, number, &reused);
        if (status == STATUS_OK)
            status =
                train_to(study, &scratch, result_number(step_result(reused, -1), "top1"), &epochs, &trained);
        if (status == STATUS_OK)
            add_row(table, network, names, number, reused, trained, epochs);
    }
    return status;
}

/* --- replacing --- */

/* The weak modules with that class of the network, which is decomposed for it, judged. */
static enum status replace(struct study *study, const struct study_network *network, const char *weak_modules,
                           int32_t class_index, json_t **record)
{
    struct study_step step;
    const struct study_draw only = {.count = 1, .classes = {0}};
    char run[STUDY_PATH_BYTES + 32], replaced[STUDY_PATH_BYTES + 32], modules[STUDY_PATH_BYTES + 64];
    step_begin(study, &step, "%s-replaced-%d", network->name, (int)class_index);
    snprintf(run, sizeof run, "%s/run", step.folder);
    snprintf(modules, sizeof modules, "%s/modules.h5", run);
    snprintf(replaced, sizeof replaced, "%s/replaced.h5", step.folder);
    step_command(&step, "decompose", network->network, "--data", network->train, "--classes", NULL);
    step_word(&step, "#%d", (int)class_index);
    step_words(&step, study->options->decompose);
    step_word(&step, "--json");
    step_word(&step, "-o");
    step_word(&step, "%s", run);
    step_command(&step, "replace", weak_modules, "--class", NULL);
    step_word(&step, "#%d", (int)class_index);
    step_word(&step, "--with");
    step_selection(&step, modules, &only, NULL, NULL);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", replaced);
    step_command(&step, "evaluate", replaced, "--data", network->test, "--json", NULL);
    step_input(&step, weak_modules);
    step_input(&step, network->network);
    step_input(&step, network->train);
    step_input(&step, network->test);
    return step_run(study, &step, record);
}

static enum status compare_replacing(struct study *study, const struct study_network *network, json_t *table)
{
    char weak_modules[STUDY_PATH_BYTES];
    const struct scratch scratch = {network, NULL, "all"};
    json_t *weak = NULL;
    enum status status = experiment_weak(study, network, weak_modules, &weak);
    const json_t *per_class = json_object_get(weak, "per_class");
    int32_t most = (int32_t)json_object_size(per_class);
    for (int32_t i = 0; i < study->options->replace_draws && i < most && status == STATUS_OK; i++) {
        json_t *replaced = NULL, *trained = NULL;
        int32_t epochs = 0;
        status = replace(study, network, weak_modules, i, &replaced);
        if (status == STATUS_OK)
            status = train_to(study, &scratch, result_number(step_result(replaced, -1), "top1"), &epochs,
                              &trained);
        if (status == STATUS_OK)
            add_row(table, network, result_class(per_class, i), i + 1, replaced, trained, epochs);
    }
    if (status == STATUS_OK)
        study_remark(
            study,
            "Replacing: a class of %s trained for %d epochs gets the module of %s; what counts is to "
            "decompose that class and to replace. Against it stands training from scratch on all "
            "classes until it is as accurate as the composition that came of it; the mean factor is "
            "%.1f.",
            study->options->architecture, (int)study->options->weak_epochs, network->name,
            table_mean(table, "factor"));
    return status;
}

/* --- the study --- */

enum status study_carbon(struct study *study)
{
    enum status status = STATUS_OK;
    json_t *table = create_table(study, "carbon", "Reusing modules, against training from scratch");
    for (int32_t i = 0; i < study->options->network_count && status == STATUS_OK; i++)
        status = compare(study, &study->options->networks[i], table);
    if (status != STATUS_OK)
        return status;
    study_remark(
        study,
        "Pan & Rajan (ICSE 2022) report 37 times less CO2e than training; the mean factor here is %.1f. From "
        "scratch: %s, %s, for 1, 2, 4 … at most %d epochs, the shortest that is as accurate as the modules "
        "on "
        "the test images of the classes drawn; judging is counted for neither. Energy: %s.",
        table_mean(table, "factor"), study->options->architecture,
        study->options->train != NULL ? study->options->train : "default options",
        (int)study->options->epochs,
        result_text(json_array_get(study->steps, json_array_size(study->steps) - 1), "energy_source"));
    if (study->options->replace_draws > 0)
        status = compare_replacing(
            study, &study->options->networks[0],
            create_table(study, "carbon-replace", "Replacing a module, against training from scratch"));
    if (status != STATUS_OK)
        return status;
    return results_plot(study, table,
                        &(struct table_plot){.title = "CO2e of training over that of reusing",
                                             .x = "draw",
                                             .y = "factor",
                                             .series = "network"});
}
