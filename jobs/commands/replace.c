/* facet replace: exchange one module of a composition for another. */
#include <stdbool.h>
#include <stdio.h>

#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/composition_job.h"
#include "modules/composition/composition.h"
#include "modules/file/modules_file.h"

struct arguments {
    struct job_options job;
    struct calibrate_arguments calibrate;
    const char *composition, *label, *with, *output;
    struct module_selection selection; /* of `with` */
};

enum { KEY_CLASS = 0x100, KEY_WITH };

static const struct argp_option options[] = {
    {"class", KEY_CLASS, "LABEL", 0, "The composition's label (or #index) whose module goes", 0},
    {"with", KEY_WITH, "MODULES:CLASS[=LABEL]", 0,
     "The module that takes its place, and its label unless another is given", 0},
    {"output", 'o', "FILE", 0, "Composition file to write", 0},
    {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, composition, "COMPOSITION"),
    PLAIN_TEXT(KEY_CLASS, struct arguments, label, "--class"),
    PLAIN_TEXT(KEY_WITH, struct arguments, with, "--with"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->calibrate;
        state->child_inputs[1] = &arguments->job;
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {{&calibrate_argp, 0, NULL, 0}, {&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_replace = {
    options,
    parse_option,
    "COMPOSITION",
    "Exchange one module of a composition for another, of any network.\v"
    "A better module of the same class takes over its label; a module of another dataset's class gets one of "
    "its own with =LABEL. Modules of different networks are not equally sure of themselves; with --calibrate "
    "all modules of the new composition are brought to one measure.\n\n"
    "  facet replace weak.h5 --class Shirt --with strong/modules.h5:Shirt --calibrate train.h5 -o better.h5\n"
    "  facet replace all.h5 --class ship --with other/modules.h5:cup=cup -o mixed.h5",
    children,
    NULL,
    NULL};

static enum status replace(void *input, struct module_set **replaced)
{
    struct arguments *arguments = input;
    struct module_selection *with = &arguments->selection;
    struct module_set *composition = NULL, *from = NULL;
    enum status status = module_selection_parse(arguments->with, with);
    if (status == STATUS_OK && with->count != 1)
        status = error_set(STATUS_USAGE, "--with %s: names %d classes, expected one: FILE:CLASS",
                           arguments->with, (int)with->count);
    if (status == STATUS_OK)
        status = composition_check_output(arguments->output, arguments->composition);
    if (status == STATUS_OK)
        status = composition_check_output(arguments->output, with->path);
    if (status == STATUS_OK)
        status = modules_file_load(arguments->composition, NULL, &composition);
    if (status == STATUS_OK)
        status = modules_file_load(with->path, NULL, &from);
    if (status == STATUS_OK)
        status = composition_replace(composition, arguments->label, from, with->classes[0], with->labels[0],
                                     replaced);
    module_set_destroy(&from);
    module_set_destroy(&composition);
    return status;
}

static void announce(void *input, const struct module_set *replaced)
{
    const struct arguments *arguments = input;
    (void)replaced;
    const struct module_selection *with = &arguments->selection;
    bool renamed = with->labels[0][0] != '\0';
    printf("%s: %s is now %s of %s%s%s\n", arguments->output, arguments->label, with->classes[0], with->path,
           renamed ? ", labelled " : "", renamed ? with->labels[0] : "");
}

int command_replace(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_replace, argc, argv, &arguments);
    struct composition_job job = {.options = &arguments.job,
                                  .calibrate = &arguments.calibrate,
                                  .output = arguments.output,
                                  .make = replace,
                                  .announce = announce,
                                  .input = &arguments};
    int code = composition_job_run(&job);
    module_selection_clear(&arguments.selection);
    return code;
}
