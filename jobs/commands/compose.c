/* facet compose: make a classifier of modules. */
#include <stdio.h>
#include <stdlib.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/network_file.h"
#include "jobs/commands/commands.h"
#include "jobs/composition_job.h"
#include "modules/composition/channel_union.h"
#include "modules/composition/composition.h"
#include "modules/composition/composition_plan.h"
#include "modules/composition/composition_union.h"
#include "modules/file/modules_file.h"

struct arguments {
    struct job_options job;
    struct calibrate_arguments calibrate;
    const char *output, *parent;
    enum composition_plan plan;
    bool planned;      /* --plan was given */
    char **selections; /* borrowed from argv */
    int32_t count;
};

enum { KEY_PLAN = 0x100, KEY_PARENT };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Composition file to write", 0},
    {"plan", KEY_PLAN, "votes|union|auto", 0,
     "votes (the default): every module runs, shared work once; union: modules that are maps over one "
     "network "
     "become one network, which is written as a network file; auto: union where it is cheaper and exact, "
     "else "
     "votes",
     0},
    {"parent", KEY_PARENT, "NETWORK", 0,
     "With --plan union: the network file that the modules were made of. Modules with weights of their own "
     "(methods distill and gradient) are then united, too: the channels that some module keeps, with the "
     "network's own weights, for facet adapt to tune",
     0},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->calibrate;
        state->child_inputs[1] = &arguments->job;
        return 0;
    case KEY_PLAN:
        if (!composition_plan_from_name(text, &arguments->plan))
            argp_error(state, "--plan %s: expected votes, union or auto", text);
        arguments->planned = true;
        return 0;
    case KEY_PARENT:
        arguments->parent = text;
        return 0;
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
        if (arguments->parent != NULL && arguments->plan != PLAN_UNION)
            argp_error(state, "--parent goes with --plan union");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&calibrate_argp, 0, NULL, 0}, {&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_compose = {
    options,
    parse_option,
    "MODULES[:CLASS[=LABEL],...]...",
    "Make a classifier of modules, of one file or several, all classes or some.\v"
    "MODULES is a modules or composition file. A class is a name or #index; =LABEL renames it; a backslash "
    "stands before "
    "a :, a comma or a = that belongs to a name. A label stands once in a composition.\n\n"
    "  facet compose run/modules.h5 -o all.h5\n"
    "  facet compose run/modules.h5:cat,dog other/modules.h5:'Ankle boot=boot' -o three.h5\n"
    "  facet compose run/modules.h5:cat,dog --plan union -o cat-or-dog.h5\n"
    "  facet compose distilled/modules.h5:cat,dog --plan union --parent net.h5 -o cat-or-dog.h5\n"
    "  mpirun -n 2 facet compose a/modules.h5:cat,dog b/modules.h5:cup --calibrate train-a.h5 \\\n"
    "         --calibrate train-b.h5 -o mixed.h5",
    children,
    NULL,
    NULL};

static enum status load_all(const struct arguments *arguments, struct module_selection *selections,
                            struct module_set **sets)
{
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < arguments->count && status == STATUS_OK; i++) {
        status = module_selection_parse(arguments->selections[i], &selections[i]);
        if (status == STATUS_OK) /* a union is no composition */
            status = arguments->planned ? output_file_check_input(arguments->output, selections[i].path)
                                        : composition_check_output(arguments->output, selections[i].path);
        if (status == STATUS_OK)
            status = modules_file_load(selections[i].path, NULL, &sets[i]);
    }
    return status;
}

static enum status compose(void *input, struct module_set **composition)
{
    const struct arguments *arguments = input;
    struct module_selection *selections = NULL;
    struct module_set **sets = NULL;
    size_t count = (size_t)arguments->count;
    enum status status = memory_allocate(&selections, count, sizeof *selections, "selections");
    if (status == STATUS_OK)
        status = memory_allocate(&sets, count, sizeof(struct module_set *), "modules files");
    if (status == STATUS_OK)
        status = load_all(arguments, selections, sets);
    if (status == STATUS_OK)
        status = composition_create(sets, selections, arguments->count, composition);
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

/* A union of modules with weights of their own needs the network that they were made of. */
static enum status make_plan(const struct arguments *arguments, const struct module_set *composition,
                             struct planned_composition *planned)
{
    struct network *parent = NULL;
    if (arguments->parent == NULL || composition_union_check(composition) == STATUS_OK)
        return composition_plan_make(composition, arguments->plan, planned);
    enum status status = network_file_read(arguments->parent, &parent);
    if (status == STATUS_OK)
        status = channel_union(composition, parent, &planned->united);
    if (status == STATUS_OK)
        planned->multiply_adds = network_multiply_adds(planned->united);
    network_destroy(&parent);
    return status;
}

/* Writes the composition as the plan has it, and says which plan that is and why. */
static enum status write_planned(void *input, const struct module_set *composition)
{
    const struct arguments *arguments = input;
    struct planned_composition planned = {0};
    enum status status = make_plan(arguments, composition, &planned);
    if (status == STATUS_OK)
        status = planned.united != NULL ? network_file_write(planned.united, arguments->output)
                                        : modules_file_save(composition, "composition", arguments->output);
    if (status == STATUS_OK)
        printf("%s: plan %s, %.2f million multiply-adds an image, %.2f times the network of %s%s%s\n",
               arguments->output, planned.united != NULL ? "union" : "votes",
               1e-6 * (double)planned.multiply_adds,
               (double)planned.multiply_adds / (double)composition->modules[0].whole.multiply_adds,
               composition->modules[0].label, planned.reason[0] != '\0' ? "; " : "", planned.reason);
    planned_composition_clear(&planned);
    return status;
}

static void announce(void *input, const struct module_set *composition)
{
    const struct arguments *arguments = input;
    int networks = (int)composition->parent_count;
    for (int32_t i = 0; i < composition->module_count; i++)
        networks += composition->modules[i].parent < 0; /* it takes images itself */
    printf("%s: %d modules of %d networks\n", arguments->output, (int)composition->module_count, networks);
}

int command_compose(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_compose, argc, argv, &arguments);
    struct composition_job job = {.options = &arguments.job,
                                  .calibrate = &arguments.calibrate,
                                  .output = arguments.output,
                                  .make = compose,
                                  .write = arguments.planned ? write_planned : NULL,
                                  .announce = announce,
                                  .input = &arguments};
    return composition_job_run(&job);
}
