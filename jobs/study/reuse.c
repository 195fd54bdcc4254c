/* Study `reuse`: k modules of one network against the network restricted to their classes, some draws also
 * against a network trained from scratch on them; and, of each two networks that follow one another, modules
 * of both together, before and after continuous learning. */
#include <math.h>
#include <stdio.h>

#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/table.h"

enum { LEAST_CLASSES = 2, CLASSES_RANGE = 4 }; /* k = 2 … 5, as in the paper */

/* A network made ready: its modules and what it says of its test images. */
struct reused {
    const struct study_network *network;
    char modules[STUDY_PATH_BYTES];
    json_t *parent, *per_class;
};

static enum status prepare(struct study *study, const struct study_network *network, struct reused *reused)
{
    reused->network = network;
    enum status status = experiment_modules(study, network, reused->modules);
    if (status == STATUS_OK)
        status = experiment_parent(study, network, &reused->parent);
    reused->per_class = json_object_get(reused->parent, "per_class");
    return status;
}

/* --- within a dataset --- */

static json_t *create_within(struct study *study)
{
    static const struct table_column columns[] = {{"network", COLUMN_TEXT},
                                                  {"draw", 0},
                                                  {"k", 0},
                                                  {"classes", COLUMN_TEXT},
                                                  {"images", 0},
                                                  {"restricted network, top-1 %", 2},
                                                  {"modules, top-1 %", 2},
                                                  {"lost, pp", 2},
                                                  {"× multiply-adds", 2},
                                                  {"seconds", 1},
                                                  {"from scratch, top-1 %", 2},
                                                  {"lost to scratch, pp", 2},
                                                  {"epochs", 0},
                                                  {"from scratch, s", 1}};
    json_t *table =
        table_create(study->tables, "within", "Modules of one network, against it and from scratch");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

/* Composed, and both judged on those classes. */
static enum status judge_draw(struct study *study, const struct reused *reused, const struct study_draw *draw,
                              int32_t number, json_t **record)
{
    struct study_step step;
    char composed[STUDY_PATH_BYTES + 32], list[256];
    draw_list(draw, list, sizeof list);
    step_begin(study, &step, "%s-draw-%02d", reused->network->name, (int)number);
    snprintf(composed, sizeof composed, "%s/composed.h5", step.folder);
    step_command(&step, "compose", NULL);
    step_selection(&step, reused->modules, draw, NULL, NULL);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", composed);
    step_command(&step, "evaluate", composed, "--data", reused->network->test, "--json", NULL);
    step_command(&step, "evaluate", reused->network->network, "--data", reused->network->test, "--classes",
                 list, "--json", NULL);
    step_input(&step, reused->modules);
    step_input(&step, reused->network->network);
    step_input(&step, reused->network->test);
    return step_run(study, &step, record);
}

static enum status train_from_scratch(struct study *study, const struct reused *reused,
                                      const struct study_draw *draw, int32_t number, json_t **record)
{
    struct study_step step;
    char output[STUDY_PATH_BYTES + 32], list[256];
    draw_list(draw, list, sizeof list);
    step_begin(study, &step, "%s-scratch-%02d", reused->network->name, (int)number);
    snprintf(output, sizeof output, "%s/scratch.h5", step.folder);
    step_train(study, &step, reused->network, list, study->options->epochs, output);
    step_command(&step, "evaluate", output, "--data", reused->network->test, "--json", NULL);
    step_input(&step, reused->network->test);
    return step_run(study, &step, record);
}

static void add_within(json_t *table, const struct reused *reused, const struct study_draw *draw,
                       int32_t number, int32_t epochs, json_t *judged, json_t *scratch)
{
    char names[192];
    const json_t *composed = step_result(judged, 1), *restricted = step_result(judged, 2);
    draw_names(draw, reused->per_class, names, sizeof names);
    table_row(table);
    table_text(table, "%s", reused->network->name);
    table_number(table, number);
    table_number(table, draw->count);
    table_text(table, "%s", names);
    table_number(table, result_number(composed, "images"));
    table_number(table, 100 * result_number(restricted, "top1"));
    table_number(table, 100 * result_number(composed, "top1"));
    table_number(table, points_lost(result_number(restricted, "top1"), result_number(composed, "top1")));
    table_number(table,
                 result_number(composed, "multiply_adds") / result_number(composed, "parent_multiply_adds"));
    table_number(table, result_number(judged, "seconds"));
    table_number(table, 100 * result_number(step_result(scratch, 1), "top1"));
    table_number(
        table, points_lost(result_number(step_result(scratch, 1), "top1"), result_number(composed, "top1")));
    table_number(table, scratch != NULL ? epochs : (double)NAN);
    table_number(table, result_number(step_result(scratch, 0), "seconds"));
}

static enum status reuse_within(struct study *study, const struct reused *reused, json_t *table)
{
    const struct study_options *options = study->options;
    enum status status = STATUS_OK;
    int32_t class_count = (int32_t)json_object_size(reused->per_class);
    for (int32_t number = 1; number <= options->draws && status == STATUS_OK; number++) {
        struct study_draw draw;
        json_t *judged = NULL, *scratch = NULL;
        draw_classes(options->seed, (uint64_t)number, class_count,
                     LEAST_CLASSES + (number - 1) % CLASSES_RANGE, &draw);
        status = judge_draw(study, reused, &draw, number, &judged);
        if (status == STATUS_OK && number <= options->scratch_draws)
            status = train_from_scratch(study, reused, &draw, number, &scratch);
        if (status == STATUS_OK)
            add_within(table, reused, &draw, number, options->epochs, judged, scratch);
    }
    return status;
}

/* --- between datasets --- */

static json_t *create_between(struct study *study)
{
    static const struct table_column columns[] = {{"networks", COLUMN_TEXT},
                                                  {"draw", 0},
                                                  {"classes", COLUMN_TEXT},
                                                  {"images", 0},
                                                  {"restricted networks, top-1 %", 2},
                                                  {"before adapt, top-1 %", 2},
                                                  {"lost before, pp", 2},
                                                  {"after adapt, top-1 %", 2},
                                                  {"lost after, pp", 2},
                                                  {"classes' mean lost before, pp", 2},
                                                  {"classes' mean lost after, pp", 2},
                                                  {"adapt, s", 1}};
    json_t *table =
        table_create(study->tables, "between", "Modules of two networks together, before and after adapt");
    table_columns(table, columns, sizeof columns / sizeof *columns);
    return table;
}

/* Composed, judged on both test sets, adapted, judged again; each parent judged on its own classes. */
static enum status judge_pair(struct study *study, const struct reused *a, const struct reused *b,
                              const struct study_draw *draw_a, const struct study_draw *draw_b,
                              int32_t number, json_t **record)
{
    struct study_step step;
    char composed[STUDY_PATH_BYTES + 32], adapted[STUDY_PATH_BYTES + 32], list[256];
    const struct reused *both[] = {a, b};
    const struct study_draw *draws[] = {draw_a, draw_b};
    step_begin(study, &step, "%s-%s-draw-%02d", a->network->name, b->network->name, (int)number);
    snprintf(composed, sizeof composed, "%s/composed.h5", step.folder);
    snprintf(adapted, sizeof adapted, "%s/adapted.h5", step.folder);
    step_command(&step, "compose", NULL);
    for (int i = 0; i < 2; i++)
        step_selection(&step, both[i]->modules, draws[i], both[i]->network->name, both[i]->per_class);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", composed);
    step_command(&step, "evaluate", composed, "--json", NULL);
    step_data_of_two(&step, a->network, b->network, true);
    step_command(&step, "adapt", composed, "--json", NULL);
    step_data_of_two(&step, a->network, b->network, false);
    step_words(&step, study->options->adapt);
    step_word(&step, "-o");
    step_word(&step, "%s", adapted);
    step_command(&step, "evaluate", adapted, "--json", NULL);
    step_data_of_two(&step, a->network, b->network, true);
    for (int i = 0; i < 2; i++) {
        draw_list(draws[i], list, sizeof list);
        step_command(&step, "evaluate", both[i]->network->network, "--data", both[i]->network->test,
                     "--classes", list, "--json", NULL);
        step_input(&step, both[i]->modules);
        step_input(&step, both[i]->network->network);
        step_input(&step, both[i]->network->train);
        step_input(&step, both[i]->network->test);
    }
    return step_run(study, &step, record);
}

/* Adds what one evaluation says of each class to a mean of classes. */
struct class_mean {
    double sum, count;
};

static void mean_add(struct class_mean *mean, const json_t *evaluated)
{
    const char *name;
    const json_t *value;
    json_object_foreach(json_object_get(evaluated, "per_class"), name, value)
    {
        mean->sum += json_number_value(value);
        mean->count++;
    }
}

static double class_mean(const json_t *evaluated)
{
    struct class_mean mean = {0, 0};
    mean_add(&mean, evaluated);
    return mean.sum / mean.count;
}

static void add_between(json_t *table, const struct reused *a, const struct reused *b,
                        const struct study_draw *draw_a, const struct study_draw *draw_b, int32_t number,
                        json_t *judged)
{
    char names[2][128];
    const json_t *before = step_result(judged, 1), *after = step_result(judged, 3);
    struct class_mean mean = {0, 0};
    double restricted = 0, images = 0;
    for (int i = 4; i < 6; i++) {
        const json_t *parent = step_result(judged, i);
        restricted += result_number(parent, "top1") * result_number(parent, "images");
        images += result_number(parent, "images");
        mean_add(&mean, parent);
    }
    restricted /= images;
    draw_names(draw_a, a->per_class, names[0], sizeof names[0]);
    draw_names(draw_b, b->per_class, names[1], sizeof names[1]);
    table_row(table);
    table_text(table, "%s, %s", a->network->name, b->network->name);
    table_number(table, number);
    table_text(table, "%s; %s", names[0], names[1]);
    table_number(table, result_number(before, "images"));
    table_number(table, 100 * restricted);
    table_number(table, 100 * result_number(before, "top1"));
    table_number(table, points_lost(restricted, result_number(before, "top1")));
    table_number(table, 100 * result_number(after, "top1"));
    table_number(table, points_lost(restricted, result_number(after, "top1")));
    table_number(table, points_lost(mean.sum / mean.count, class_mean(before)));
    table_number(table, points_lost(mean.sum / mean.count, class_mean(after)));
    table_number(table, result_number(step_result(judged, 2), "seconds"));
}

static enum status reuse_between(struct study *study, const struct reused *a, const struct reused *b,
                                 json_t *table)
{
    const struct study_options *options = study->options;
    enum status status = STATUS_OK;
    for (int32_t number = 1; number <= options->pair_draws && status == STATUS_OK; number++) {
        struct study_draw draws[2];
        json_t *judged = NULL;
        int32_t count = LEAST_CLASSES + (number - 1) % 2;
        draw_classes(options->seed, (uint64_t)number, (int32_t)json_object_size(a->per_class), count,
                     &draws[0]);
        draw_classes(options->seed + 1, (uint64_t)number, (int32_t)json_object_size(b->per_class), count,
                     &draws[1]);
        status = judge_pair(study, a, b, &draws[0], &draws[1], number, &judged);
        if (status == STATUS_OK)
            add_between(table, a, b, &draws[0], &draws[1], number, judged);
    }
    return status;
}

/* --- the study --- */

static void remark_within(struct study *study, const json_t *within)
{
    const struct study_options *options = study->options;
    double scratch = table_mean(within, "from scratch, top-1 %");
    study_remark(
        study,
        "Pan & Rajan (ICSE 2022) report 2.3 pp of top-1 and 0.5 pp of top-5 lost by reusing and "
        "replacing. Mean over the %d draws here: %.2f pp lost within a dataset. The restricted network "
        "is the parent choosing among those classes alone; its classes are drawn with seed %llu.",
        (int)table_row_count(within), table_mean(within, "lost, pp"), (unsigned long long)options->seed);
    if (isfinite(scratch))
        study_remark(study,
                     "From scratch: %s trained for %d epochs on the training images of those classes alone "
                     "(%s), top-1 %.2f %% on average; against that modules lose %.2f pp.",
                     options->architecture, (int)options->epochs,
                     options->train != NULL ? options->train : "default options", scratch,
                     table_mean(within, "lost to scratch, pp"));
}

static void remark_between(struct study *study, const json_t *between)
{
    study_remark(
        study,
        "Between datasets the mean loss is %.2f pp before and %.2f pp after adapt, against each network "
        "choosing among its own classes alone: the composition has to tell the datasets apart, too. Test "
        "images count the "
        "same in this; as means over classes, which datasets may have very different numbers of images of, "
        "%.2f pp and "
        "%.2f pp.",
        table_mean(between, "lost before, pp"), table_mean(between, "lost after, pp"),
        table_mean(between, "classes' mean lost before, pp"),
        table_mean(between, "classes' mean lost after, pp"));
}

enum status study_reuse(struct study *study)
{
    const struct study_options *options = study->options;
    struct reused reused[STUDY_NETWORKS_MAX];
    enum status status = STATUS_OK;
    json_t *within = NULL, *between = NULL;
    if (options->draws > 0)
        within = create_within(study);
    for (int32_t i = 0; i < options->network_count && status == STATUS_OK; i++)
        status = prepare(study, &options->networks[i], &reused[i]);
    for (int32_t i = 0; i < options->network_count && status == STATUS_OK; i++)
        status = reuse_within(study, &reused[i], within);
    if (options->network_count > 1 && options->pair_draws > 0)
        between = create_between(study);
    for (int32_t i = 0; between != NULL && i + 1 < options->network_count && status == STATUS_OK; i++)
        status = reuse_between(study, &reused[i], &reused[i + 1], between);
    if (status != STATUS_OK)
        return status;
    if (within != NULL)
        remark_within(study, within);
    if (between != NULL)
        remark_between(study, between);
    return within == NULL ? STATUS_OK
                          : results_plot(study, within,
                                         &(struct table_plot){.title = "Accuracy lost by reusing k modules",
                                                              .x = "k",
                                                              .y = "lost, pp",
                                                              .series = "network"});
}
