/* facet compose: make a classifier of modules. */
#include <stdio.h>
#include <stdlib.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "modules/composition.h"
#include "modules/modules_file.h"

struct arguments {
    const char *output;
    char **selections; /* borrowed from argv */
    int32_t count;
};

static const struct argp_option options[] = {{"output", 'o', "FILE", 0, "Composition file to write", 0}, {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'o':
        arguments->output = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->selections = state->argv + state->next;
        arguments->count = (int32_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN; /* leave them to ARGP_KEY_ARGS */
    case ARGP_KEY_END:
        parse_require(state, "MODULES", arguments->selections);
        parse_require(state, "--output", arguments->output);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp argp_compose = {
    options,
    parse_option,
    "MODULES[:CLASS[=LABEL],...]...",
    "Make a classifier of modules, of one file or several, all classes or some.\v"
    "MODULES is a modules or composition file. A class is a name or #index; =LABEL renames it; a backslash "
    "stands before "
    "a :, a comma or a = that belongs to a name. A label stands once in a composition.\n\n"
    "  facet compose run/modules.h5 -o all.h5\n"
    "  facet compose run/modules.h5:cat,dog other/modules.h5:'Ankle boot=boot' -o three.h5",
    NULL,
    NULL,
    NULL};

static enum status load_all(const struct arguments *arguments, struct module_selection *selections,
                            struct module_set **sets)
{
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < arguments->count && status == STATUS_OK; i++) {
        status = module_selection_parse(arguments->selections[i], &selections[i]);
        if (status == STATUS_OK)
            status = modules_file_load(selections[i].path, NULL, &sets[i]);
    }
    return status;
}

static enum status compose(void *input)
{
    const struct arguments *arguments = input;
    struct module_selection *selections = NULL;
    struct module_set **sets = NULL, *composition = NULL;
    size_t count = (size_t)arguments->count;
    enum status status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = memory_allocate(&selections, count, sizeof *selections, "selections");
    if (status == STATUS_OK)
        status = memory_allocate(&sets, count, sizeof(struct module_set *), "modules files");
    if (status == STATUS_OK)
        status = load_all(arguments, selections, sets);
    if (status == STATUS_OK)
        status = composition_create(sets, selections, arguments->count, &composition);
    if (status == STATUS_OK)
        status = modules_file_save(composition, "composition", arguments->output);
    if (status == STATUS_OK)
        printf("%s: %d modules of %d networks\n", arguments->output, (int)composition->module_count,
               (int)composition->parent_count);
    module_set_destroy(&composition);
    for (size_t i = 0; i < count; i++) {
        if (sets != NULL)
            module_set_destroy(&sets[i]);
        if (selections != NULL)
            module_selection_clear(&selections[i]);
    }
    memory_free(&sets);
    memory_free(&selections);
    return status;
}

int command_compose(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_compose, argc, argv, &arguments);
    return job_run_single(compose, &arguments);
}
