#include "jobs/study/experiments.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/random.h"
#include "jobs/json_output.h"

/* --- words of commands --- */

static int compare_classes(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

void draw_classes(uint64_t seed, uint64_t number, int32_t class_count, int32_t count, struct study_draw *draw)
{
    uint64_t index = 0;
    draw->count = 0;
    if (count > class_count)
        count = class_count;
    while (draw->count < count && draw->count < STUDY_DRAW_MAX) {
        int32_t class_index = (int32_t)random_below(seed, number, index++, (uint64_t)class_count);
        bool taken = false;
        for (int32_t i = 0; i < draw->count; i++)
            taken |= draw->classes[i] == class_index;
        if (!taken)
            draw->classes[draw->count++] = class_index;
    }
    qsort(draw->classes, (size_t)draw->count, sizeof *draw->classes, compare_classes);
}

/* Appends to a text, which is cut when full. */
static void append(char *text, size_t bytes, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, bytes - used, format, arguments);
    va_end(arguments);
}

void draw_list(const struct study_draw *draw, char *text, size_t bytes)
{
    *text = '\0';
    for (int32_t i = 0; i < draw->count; i++)
        append(text, bytes, "%s#%d", i > 0 ? "," : "", (int)draw->classes[i]);
}

/* With a backslash before what compose gives a meaning to. */
static void append_escaped(char *text, size_t bytes, const char *name)
{
    for (; *name != '\0'; name++)
        append(text, bytes, "%s%c", strchr(":,=\\", *name) != NULL ? "\\" : "", *name);
}

void step_selection(struct study_step *step, const char *file, const struct study_draw *draw,
                    const char *prefix, const json_t *names)
{
    char word[2 * STUDY_PATH_BYTES] = "";
    append_escaped(word, sizeof word, file);
    for (int32_t i = 0; i < draw->count; i++) {
        append(word, sizeof word, "%s#%d", i > 0 ? "," : ":", (int)draw->classes[i]);
        if (names != NULL) {
            append(word, sizeof word, "=");
            append_escaped(word, sizeof word, prefix);
            append(word, sizeof word, "/");
            append_escaped(word, sizeof word, result_class(names, draw->classes[i]));
        }
    }
    step_word(step, "%s", word);
}

void step_plan(struct study_step *step, const struct study_network *network, const char *plan)
{
    if (plan == NULL)
        return;
    step_word(step, "--plan");
    step_word(step, "%s", plan);
    if (strcmp(plan, "union") == 0) { /* for modules that do not carry it */
        step_word(step, "--parent");
        step_word(step, "%s", network->network);
        step_input(step, network->network);
    }
}

void step_data_of_two(struct study_step *step, const struct study_network *a, const struct study_network *b,
                      bool test)
{
    const struct study_network *networks[] = {a, b};
    for (int i = 0; i < 2; i++) {
        step_word(step, "--data");
        step_word(step, "%s=%s", networks[i]->name, test ? networks[i]->test : networks[i]->train);
    }
}

const char *result_class(const json_t *per_class, int32_t index)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)per_class, name, value) if (index-- == 0) return name;
    return "";
}

void draw_names(const struct study_draw *draw, const json_t *per_class, char *text, size_t bytes)
{
    *text = '\0';
    for (int32_t i = 0; i < draw->count; i++)
        append(text, bytes, "%s%s", i > 0 ? ", " : "", result_class(per_class, draw->classes[i]));
}

/* --- steps --- */

enum status experiment_evaluate(struct study *study, const char *name, const char *file, const char *test,
                                const char *classes, json_t **result)
{
    struct study_step step;
    json_t *record = NULL;
    step_begin(study, &step, "%s", name);
    step_command(&step, "evaluate", file, "--data", test, NULL);
    if (classes != NULL) {
        step_word(&step, "--classes");
        step_word(&step, "%s", classes);
    }
    step_word(&step, "--json");
    step_input(&step, file);
    step_input(&step, test);
    enum status status = step_run(study, &step, &record);
    *result = status == STATUS_OK ? step_result(record, -1) : NULL;
    return status;
}

enum status experiment_parent(struct study *study, const struct study_network *network, json_t **result)
{
    char name[STUDY_STEP_BYTES];
    snprintf(name, sizeof name, "%s-parent", network->name);
    return experiment_evaluate(study, name, network->network, network->test, NULL, result);
}

enum status experiment_decompose(struct study *study, const struct study_network *network, const char *name,
                                 const char *words, char modules[STUDY_PATH_BYTES], json_t **record)
{
    struct study_step step;
    step_begin(study, &step, "%s", name);
    study_path(study, modules, "work/%s/modules.h5", step.name);
    step_command(&step, "decompose", network->network, "--data", network->train, NULL);
    step_words(&step, words);
    step_words(&step, study->options->decompose);
    step_word(&step, "--json");
    step_word(&step, "-o");
    step_word(&step, "%s", step.folder);
    step_input(&step, network->network);
    step_input(&step, network->train);
    step_output(&step, modules);
    return step_run(study, &step, record);
}

enum status experiment_modules(struct study *study, const struct study_network *network,
                               char modules[STUDY_PATH_BYTES])
{
    char name[STUDY_STEP_BYTES];
    if (network->modules != NULL) {
        snprintf(modules, STUDY_PATH_BYTES, "%s", network->modules);
        return STATUS_OK;
    }
    snprintf(name, sizeof name, "%s-modules", network->name);
    return experiment_decompose(study, network, name, NULL, modules, NULL);
}

enum status experiment_composed(struct study *study, const struct study_network *network, const char *name,
                                const char *modules, const char *plan, json_t **result)
{
    struct study_step step;
    char composed[STUDY_PATH_BYTES + 32];
    json_t *record = NULL;
    step_begin(study, &step, "%s", name);
    snprintf(composed, sizeof composed, "%s/composed.h5", step.folder);
    step_command(&step, "compose", modules, NULL);
    step_plan(&step, network, plan);
    step_words(&step, study->options->compose);
    step_word(&step, "-o");
    step_word(&step, "%s", composed);
    step_command(&step, "evaluate", composed, "--data", network->test, "--json", NULL);
    step_input(&step, modules);
    step_input(&step, network->test);
    enum status status = step_run(study, &step, &record);
    *result = status == STATUS_OK ? step_result(record, -1) : NULL;
    return status;
}

void step_train(struct study *study, struct study_step *step, const struct study_network *network,
                const char *classes, int32_t epochs, const char *output)
{
    step_command(step, "train", "--net", study->options->architecture, "--data", network->train, "--epochs",
                 NULL);
    step_word(step, "%d", (int)epochs);
    if (classes != NULL) {
        step_word(step, "--classes");
        step_word(step, "%s", classes);
    }
    step_words(step, study->options->train);
    step_word(step, "--json");
    step_word(step, "-o");
    step_word(step, "%s", output);
    step_input(step, network->train);
}

enum status experiment_weak(struct study *study, const struct study_network *first,
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

/* --- options --- */

const char *const study_plans[STUDY_PLAN_COUNT] = {"votes", "union"};

bool study_list_has(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* --- figures --- */

void study_remark(struct study *study, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(study->remarks, json_text(text));
}

double points_lost(double parent, double other)
{
    return 100 * (parent - other);
}
