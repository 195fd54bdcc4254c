#include "jobs/study/experiments.h"

#include <stdarg.h>
#include <stdio.h>

#include "jobs/json_output.h"

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
