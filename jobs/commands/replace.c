/* facet replace: exchange one module of a composition for another. */
#include <stdio.h>

#include "compute/base/output_file.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "modules/composition.h"
#include "modules/modules_file.h"

struct arguments {
    const char *composition, *label, *with, *output;
};

enum { KEY_CLASS = 0x100, KEY_WITH };

static const struct argp_option options[] = {
    {"class", KEY_CLASS, "LABEL", 0, "The composition's label (or #index) whose module goes", 0},
    {"with", KEY_WITH, "MODULES:CLASS", 0, "The module that takes its place and label", 0},
    {"output", 'o', "FILE", 0, "Composition file to write", 0},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_CLASS:
        arguments->label = text;
        return 0;
    case KEY_WITH:
        arguments->with = text;
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->composition != NULL)
            argp_usage(state);
        arguments->composition = text;
        return 0;
    case ARGP_KEY_END:
        parse_require(state, "COMPOSITION", arguments->composition);
        parse_require(state, "--class", arguments->label);
        parse_require(state, "--with", arguments->with);
        parse_require(state, "--output", arguments->output);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp argp_replace = {
    options,
    parse_option,
    "COMPOSITION",
    "Exchange one module of a composition for a better one, of any network.\v"
    "  facet replace weak.h5 --class Shirt --with strong/modules.h5:Shirt -o better.h5",
    NULL,
    NULL,
    NULL};

static enum status replace(void *input)
{
    const struct arguments *arguments = input;
    struct module_selection with = {0};
    struct module_set *composition = NULL, *from = NULL, *replaced = NULL;
    enum status status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = module_selection_parse(arguments->with, &with);
    if (status == STATUS_OK && with.count != 1)
        status = error_set(STATUS_USAGE, "--with %s: names %d classes, expected one: FILE:CLASS",
                           arguments->with, (int)with.count);
    if (status == STATUS_OK)
        status = modules_file_load(arguments->composition, NULL, &composition);
    if (status == STATUS_OK)
        status = modules_file_load(with.path, NULL, &from);
    if (status == STATUS_OK)
        status = composition_replace(composition, arguments->label, from, with.classes[0], &replaced);
    if (status == STATUS_OK)
        status = modules_file_save(replaced, "composition", arguments->output);
    if (status == STATUS_OK)
        printf("%s: %s is now %s of %s\n", arguments->output, arguments->label, with.classes[0], with.path);
    module_set_destroy(&replaced);
    module_set_destroy(&from);
    module_set_destroy(&composition);
    module_selection_clear(&with);
    return status;
}

int command_replace(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_replace, argc, argv, &arguments);
    return job_run_single(replace, &arguments);
}
