/* facet study: the experiments, as tables and plots. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/output_file.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/console.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "jobs/option_lists.h"
#include "jobs/run_directory.h"
#include "jobs/study/experiments.h"
#include "jobs/study/kinds.h"
#include "jobs/study/results.h"
#include "jobs/study/results_page.h"
#include "mpi/ranks.h"

struct arguments {
    struct job_options job;
    struct study_options study;
    const struct study_kind *kind; /* NULL: `results` */
    const char *directory, *page;
    char *command_line;
    char *texts[STUDY_NETWORKS_MAX +
                STUDY_READY_MAX]; /* of --network and --modules, cut apart: the options point into them */
    int32_t text_count;
    bool json, page_alone;
};

enum {
    KEY_NETWORK = 0x100,
    KEY_MODULES,
    KEY_NAME,
    KEY_RESULTS,
    KEY_TAU,
    KEY_EPSILON,
    KEY_EDGES,
    KEY_BACKTRACK_TAU,
    KEY_METHODS,
    KEY_PLAN,
    KEY_BUDGET,
    KEY_DRAWS,
    KEY_SIZES,
    KEY_SCRATCH_DRAWS,
    KEY_PAIR_DRAWS,
    KEY_REPLACE_DRAWS,
    KEY_SEED,
    KEY_NET,
    KEY_EPOCHS,
    KEY_WEAK_EPOCHS,
    KEY_DECOMPOSE,
    KEY_COMPOSE,
    KEY_ADAPT,
    KEY_TRAIN,
    KEY_ACTIVATION,
    KEY_GRADIENT,
    KEY_DISTILL,
    KEY_DISTILL_JOINT,
    KEY_JSON
};

static const struct argp_option options[] = {
    {"network", KEY_NETWORK, "NAME=NET,TRAIN,TEST", 0,
     "A trained network file and the dataset files of its training and test images; may be given several "
     "times",
     0},
    {"modules", KEY_MODULES, "NAME=FILE", 0,
     "pareto, subsets: a modules file made already of the network given last before; may be given several "
     "times",
     0},
    {"output", 'o', "STUDY", 0, "Directory of the study: steps done are kept there and not done again", 0},
    {"name", KEY_NAME, "NAME", 0, "What the study is called in results (default: its kind)", 0},
    {"results", KEY_RESULTS, "PAGE.md", 0,
     "Put the study into the folder PAGE and write the page of all studies there anew", 0},
    {"json", KEY_JSON, 0, 0, "Print the study's record as JSON", 0},
    {0, 0, 0, 0, "What is tried:", 2},
    {"tau", KEY_TAU, "T+:T-,...", 0,
     "cost: pairs of thresholds (default 0:0,0.05:0.1,0.1:0.1,0.1:0.2,0.2:0.2,0.3:0.3), or none", 2},
    {"epsilon", KEY_EPSILON, "E,...", 0, "cost: for backtracking (default 0,0.1,0.2,0.4), or none", 2},
    {"edges", KEY_EDGES, "E,...", 0, "cost: for edges of dense layers that leave (default none)", 2},
    {"backtrack-tau", KEY_BACKTRACK_TAU, "T+:T-", 0,
     "cost: the thresholds that go with each of --epsilon and --edges (default 0:0)", 2},
    {"methods", KEY_METHODS, "NAME,...", 0,
     "pareto: of activation, gradient, distill-alone (without joint steps) and distill (default: all), or "
     "none: those of --modules alone",
     2},
    {"plan", KEY_PLAN, "votes,union", 0,
     "pareto, subsets: how modules made already are composed, as in facet compose (default votes)", 2},
    {"budget", KEY_BUDGET, "B,...", 0,
     "pareto: fractions of the network's multiply-adds for a module (default 0.06,0.12,0.25)", 2},
    {"draws", KEY_DRAWS, "N", 0,
     "reuse, carbon: random choices of 2 to 5 classes; subsets: of each of --sizes; replace: classes "
     "replaced, from the first (default 20); reuse, replace: 0 for what is between datasets alone",
     2},
    {"sizes", KEY_SIZES, "K,...", 0, "subsets: numbers of classes (default 2,3,5)", 2},
    {"scratch-draws", KEY_SCRATCH_DRAWS, "N", 0,
     "reuse: so many of them are also trained from scratch (default 0)", 2},
    {"pair-draws", KEY_PAIR_DRAWS, "N", 0,
     "reuse: choices of classes of two networks that follow one another; replace: classes replaced by those "
     "of each network with other images than the first (default 4)",
     2},
    {"replace-draws", KEY_REPLACE_DRAWS, "N", 0,
     "carbon: classes of a weak network that are replaced by the first network's, from the first (default 0)",
     2},
    {"seed", KEY_SEED, "N", 0, "Seed of what is drawn (default 1)", 2},
    {"net", KEY_NET, "NAME", 0, "Architecture of networks trained from scratch (default resnet20)", 2},
    {"epochs", KEY_EPOCHS, "N", 0, "For so long; carbon: at most (default 32)", 2},
    {"weak-epochs", KEY_WEAK_EPOCHS, "N", 0, "replace, carbon: the weak network's (default 2)", 2},
    {0, 0, 0, 0, "Options added to the commands of steps, apart by blanks:", 3},
    {"decompose", KEY_DECOMPOSE, "OPTIONS", 0, "To every facet decompose", 3},
    {"compose", KEY_COMPOSE, "OPTIONS", 0,
     "To every facet compose and replace (of replace, those within a dataset), as in '--calibrate train.h5'; "
     "cost composes when it is given",
     3},
    {"adapt", KEY_ADAPT, "OPTIONS", 0, "To every facet adapt", 3},
    {"train", KEY_TRAIN, "OPTIONS", 0, "To every facet train", 3},
    {"activation", KEY_ACTIVATION, "OPTIONS", 0, "pareto: to facet decompose --method activation", 3},
    {"gradient", KEY_GRADIENT, "OPTIONS", 0, "pareto: to facet decompose --method gradient", 3},
    {"distill", KEY_DISTILL, "OPTIONS", 0, "pareto: to facet decompose --method distill without joint steps",
     3},
    {"distill-joint", KEY_DISTILL_JOINT, "OPTIONS", 0,
     "pareto: to facet decompose --method distill with joint steps", 3},
    {0}};

/* --- parsing --- */

/* A copy that lives as long as the arguments. */
static char *keep_text(const struct argp_state *state, struct arguments *arguments, const char *text)
{
    char **kept = &arguments->texts[arguments->text_count++];
    *kept = strdup(text);
    if (*kept == NULL)
        argp_failure(state, EXIT_CODE_ERROR, 0, "no memory for the options");
    return *kept;
}

static void parse_name(const struct argp_state *state, const char *option, const char *text,
                       char name[STUDY_NAME_BYTES])
{
    bool good = *text != '\0' && *text != '.' && strlen(text) < STUDY_NAME_BYTES;
    for (const char *c = text; *c != '\0'; c++)
        good = good && (isalnum((unsigned char)*c) || strchr(".-_", *c) != NULL);
    if (!good)
        argp_error(state, "%s: '%s' given, expected a name of letters, digits, '.', '-' and '_', at most %d",
                   option, text, STUDY_NAME_BYTES - 1);
    snprintf(name, STUDY_NAME_BYTES, "%s", text);
}

static void parse_network(const struct argp_state *state, struct arguments *arguments, const char *text)
{
    struct study_options *study = &arguments->study;
    if (study->network_count == STUDY_NETWORKS_MAX)
        argp_error(state, "--network: more than %d given", STUDY_NETWORKS_MAX);
    char *copy = keep_text(state, arguments, text), *rest = strchr(copy, '='), *parts[4] = {NULL};
    for (int i = 0; i < 4 && rest != NULL; i++) {
        *rest = '\0';
        parts[i] = rest + 1;
        rest = strchr(parts[i], ',');
    }
    if (rest != NULL || parts[2] == NULL || *parts[0] == '\0' || *parts[1] == '\0' || *parts[2] == '\0')
        argp_error(state,
                   "--network: '%s' given, expected NAME=NET,TRAIN,TEST or NAME=NET,TRAIN,TEST,MODULES",
                   text);
    struct study_network *network = &study->networks[study->network_count++];
    parse_name(state, "--network", copy, network->name);
    network->network = parts[0];
    network->train = parts[1];
    network->test = parts[2];
    network->modules = parts[3];
    for (int32_t i = 0; i + 1 < study->network_count; i++)
        if (strcmp(study->networks[i].name, network->name) == 0)
            argp_error(state, "--network: %s is given twice; name them differently", network->name);
}

static int32_t parse_taus(const struct argp_state *state, const char *option, const char *text,
                          struct study_tau taus[STUDY_VALUES_MAX])
{
    double plus[STUDY_VALUES_MAX], minus[STUDY_VALUES_MAX];
    int32_t count = parse_number_list(state, option, text, 0, 1, plus, minus, STUDY_VALUES_MAX);
    for (int32_t i = 0; i < count; i++)
        taus[i] = (struct study_tau){plus[i], minus[i]};
    return count;
}

static void parse_backtrack_tau(const struct argp_state *state, const char *text, struct study_options *study)
{
    struct study_tau taus[STUDY_VALUES_MAX];
    if (parse_taus(state, "--backtrack-tau", text, taus) != 1)
        argp_error(state, "--backtrack-tau: '%s' given, expected one pair A:B", text);
    study->backtrack_tau = taus[0];
}

static void parse_methods(const struct argp_state *state, const char *text, struct study_options *study)
{
    static const char *const known[] = {"activation", "gradient", "distill-alone", "distill"};
    if (strcmp(text, "none") != 0)
        check_name_list(state, "--methods", text, known, sizeof known / sizeof *known);
    study->methods = text;
}

static void parse_modules(const struct argp_state *state, struct arguments *arguments, const char *text)
{
    struct study_options *study = &arguments->study;
    if (study->network_count == 0)
        argp_error(state, "--modules: '%s' given before the --network that it was made of", text);
    if (study->ready_count == STUDY_READY_MAX)
        argp_error(state, "--modules: more than %d given", STUDY_READY_MAX);
    struct study_ready *ready = &study->ready[study->ready_count++];
    char *copy = keep_text(state, arguments, text);
    size_t length = strcspn(text, "=");
    if (text[length] == '\0' || text[length + 1] == '\0')
        argp_error(state, "--modules: '%s' given, expected NAME=FILE", text);
    copy[length] = '\0';
    parse_name(state, "--modules", copy, ready->name);
    ready->file = copy + length + 1;
    ready->network = study->network_count - 1;
    for (int32_t i = 0; i + 1 < study->ready_count; i++)
        if (study->ready[i].network == ready->network && strcmp(study->ready[i].name, ready->name) == 0)
            argp_error(state, "--modules: %s is given twice; name them differently", ready->name);
}

static void parse_sizes(const struct argp_state *state, const char *text, struct study_options *study)
{
    study->size_count =
        parse_number_list(state, "--sizes", text, 2, STUDY_DRAW_MAX, study->sizes, NULL, STUDY_VALUES_MAX);
    for (int32_t i = 0; i < study->size_count; i++)
        if (study->sizes[i] != floor(study->sizes[i]))
            argp_error(state, "--sizes: '%s' given, expected whole numbers", text);
}

static error_t parse_added_options(int key, const char *text, struct study_options *study)
{
    switch (key) {
    case KEY_DECOMPOSE:
        study->decompose = text;
        return 0;
    case KEY_COMPOSE:
        study->compose = text;
        return 0;
    case KEY_ADAPT:
        study->adapt = text;
        return 0;
    case KEY_TRAIN:
        study->train = text;
        return 0;
    case KEY_ACTIVATION:
        study->activation = text;
        return 0;
    case KEY_GRADIENT:
        study->gradient = text;
        return 0;
    case KEY_DISTILL:
        study->distill = text;
        return 0;
    case KEY_DISTILL_JOINT:
        study->distill_joint = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_study_option(int key, char *text, struct argp_state *state, struct arguments *arguments)
{
    struct study_options *study = &arguments->study;
    switch (key) {
    case KEY_NETWORK:
        parse_network(state, arguments, text);
        return 0;
    case KEY_MODULES:
        parse_modules(state, arguments, text);
        return 0;
    case KEY_NAME:
        parse_name(state, "--name", text, study->name);
        return 0;
    case KEY_TAU:
        study->tau_count = parse_taus(state, "--tau", text, study->taus);
        return 0;
    case KEY_BACKTRACK_TAU:
        parse_backtrack_tau(state, text, study);
        return 0;
    case KEY_EPSILON:
        study->epsilon_count =
            parse_number_list(state, "--epsilon", text, 0, 1, study->epsilons, NULL, STUDY_VALUES_MAX);
        return 0;
    case KEY_EDGES:
        study->edge_count =
            parse_number_list(state, "--edges", text, 0, 1, study->edges, NULL, STUDY_VALUES_MAX);
        return 0;
    case KEY_METHODS:
        parse_methods(state, text, study);
        return 0;
    case KEY_PLAN:
        check_name_list(state, "--plan", text, study_plans, STUDY_PLAN_COUNT);
        study->plans = text;
        return 0;
    case KEY_SIZES:
        parse_sizes(state, text, study);
        return 0;
    case KEY_BUDGET:
        study->budget_count =
            parse_number_list(state, "--budget", text, 1e-6, 1, study->budgets, NULL, STUDY_VALUES_MAX);
        return 0;
    case KEY_DRAWS:
        study->draws = (int32_t)parse_integer(state, "--draws", text, 0, 10000);
        return 0;
    case KEY_SCRATCH_DRAWS:
        study->scratch_draws = (int32_t)parse_integer(state, "--scratch-draws", text, 0, 10000);
        return 0;
    case KEY_PAIR_DRAWS:
        study->pair_draws = (int32_t)parse_integer(state, "--pair-draws", text, 0, 10000);
        return 0;
    case KEY_REPLACE_DRAWS:
        study->replace_draws = (int32_t)parse_integer(state, "--replace-draws", text, 0, 10000);
        return 0;
    case KEY_SEED:
        study->seed = (uint64_t)parse_integer(state, "--seed", text, 0, INT64_MAX);
        return 0;
    case KEY_NET:
        study->architecture = text;
        return 0;
    case KEY_EPOCHS:
        study->epochs = (int32_t)parse_integer(state, "--epochs", text, 1, 1000000);
        return 0;
    case KEY_WEAK_EPOCHS:
        study->weak_epochs = (int32_t)parse_integer(state, "--weak-epochs", text, 1, 1000000);
        return 0;
    default:
        return parse_added_options(key, text, study);
    }
}

static void parse_kind(const struct argp_state *state, struct arguments *arguments, const char *text)
{
    if (arguments->study.kind != NULL)
        argp_error(state, "'%s' and '%s' given, one kind of study is expected", arguments->study.kind, text);
    arguments->study.kind = text;
    arguments->page_alone = strcmp(text, "results") == 0;
    arguments->kind = study_kind_find(text);
    if (arguments->kind == NULL && !arguments->page_alone)
        argp_error(state, "there is no study '%s'; --help lists them", text);
}

static void check(const struct argp_state *state, struct arguments *arguments)
{
    char folder[STUDY_PATH_BYTES];
    parse_require(state, "KIND", arguments->study.kind);
    if (arguments->page != NULL && results_page_folder(arguments->page, folder, sizeof folder) != STATUS_OK)
        argp_error(state, "--results: %s", error_message());
    if (arguments->page_alone) {
        parse_require(state, "--results", arguments->page);
        return;
    }
    parse_require(state, "--output", arguments->directory);
    if (arguments->study.network_count < arguments->kind->least_networks)
        argp_error(state, "study %s needs at least %d --network", arguments->kind->name,
                   (int)arguments->kind->least_networks);
    bool subsets = strcmp(arguments->kind->name, "subsets") == 0;
    if (arguments->study.draws == 0 && (subsets || strcmp(arguments->kind->name, "carbon") == 0))
        argp_error(state, "--draws: study %s needs at least 1", arguments->kind->name);
    if (arguments->study.draws > STUDY_DRAWS_MAX && subsets)
        argp_error(state, "--draws: study subsets takes at most %d", STUDY_DRAWS_MAX);
    if (*arguments->study.name == '\0')
        parse_name(state, "--name", arguments->kind->name, arguments->study.name);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        return 0;
    case 'o':
        arguments->directory = text;
        return 0;
    case KEY_RESULTS:
        arguments->page = text;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        parse_kind(state, arguments, text);
        return 0;
    case ARGP_KEY_END:
        check(state, arguments);
        return 0;
    default:
        return parse_study_option(key, text, state, arguments);
    }
}

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_study = {
    options,
    parse_option,
    "KIND",
    "Run experiments on your own networks: tables, plots and a page of results.\v"
    "KIND is one of\n"
    "  cost      what decomposing costs: all modules voting against the network, over the thresholds and "
    "variants of method activation\n"
    "  reuse     modules of a few classes against the network restricted to them, and against training from "
    "scratch; modules of two networks together, before and after facet adapt\n"
    "  replace   classes of a weak network replaced by modules of a better one; a class of the first network "
    "by one of another dataset, before and after facet adapt\n"
    "  carbon    energy and CO2e of reusing and replacing modules against training from scratch to the same "
    "accuracy\n"
    "  pareto    accuracy against multiply-adds and time, over methods and budgets\n"
    "  subsets   compositions of random subsets of the classes, as votes or as a union, against the network "
    "restricted to them\n"
    "  results   no experiment: write the page of --results anew from the records beside it\n"
    "\n"
    "Each experiment is a step with a recorded result in STUDY/steps. A study that was stopped goes on with "
    "the same command; steps are done again only when their options, networks or images have changed.\n\n"
    "  mpirun -n 4 facet study cost --network resnet20=resnet20.h5,train.h5,test.h5 -o study --results "
    "results.md",
    children,
    NULL,
    NULL};

/* --- before hours of work --- */

static enum status check_file(const char *path)
{
    if (path == NULL || access(path, R_OK) == 0)
        return STATUS_OK;
    return error_set(STATUS_IO,
                     "%s: cannot be read: %s; name files that are there with --network and --modules", path,
                     strerror(errno));
}

static enum status check_files(const struct arguments *arguments)
{
    const struct study_options *named = &arguments->study;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < named->network_count; i++) {
        const struct study_network *network = &named->networks[i];
        const char *const paths[] = {network->network, network->train, network->test, network->modules};
        for (size_t j = 0; j < sizeof paths / sizeof *paths && status == STATUS_OK; j++)
            status = check_file(paths[j]);
    }
    for (int32_t i = 0; i < named->ready_count && status == STATUS_OK; i++)
        status = check_file(named->ready[i].file);
    if (status == STATUS_OK && arguments->page != NULL)
        status = output_file_check(arguments->page);
    return status;
}

/* --- running --- */

static void print_summary(const struct study *study, const struct arguments *arguments)
{
    char path[STUDY_PATH_BYTES];
    json_t *record = NULL;
    study_path(study, path, "%s.json", study->options->name);
    if (arguments->json && json_file_read(path, &record) == STATUS_OK)
        json_print(record);
    else
        printf("%s: %d steps run, %d done before%s%s\n", path, (int)study->run_count,
               (int)study->believed_count, arguments->page != NULL ? "; results in " : "",
               arguments->page != NULL ? arguments->page : "");
}

/* Collective. */
static enum status run_study(struct study *study, const struct arguments *arguments,
                             const struct option_records *records)
{
    enum status status = study_open(study);
    if (status == STATUS_OK)
        status = run_progress_open(study->job->comm, study->directory, arguments->job.bind,
                                   study->command_line, 0, study->progress);
    if (status == STATUS_OK)
        status = run_directory_describe(study->job, study->directory, study->command_line, records);
    if (status == STATUS_OK)
        status = arguments->kind->run(study);
    if (status == STATUS_OK && study->job->rank == 0)
        status = results_publish(study, arguments->page);
    status = ranks_agree(study->job->comm, status);
    if (run_progress_close(study->job->comm, study->progress, status,
                           status == STATUS_OK ? study->directory : error_message()) != STATUS_OK &&
        status == STATUS_OK)
        console_print(study->console, "facet: note: %s", error_message());
    if (status == STATUS_OK && study->job->rank == 0)
        print_summary(study, arguments);
    study_close(study);
    return status;
}

static enum status study_on_ranks(struct job *job, void *input)
{
    struct arguments *arguments = input;
    struct run_progress progress = {0};
    struct console console;
    struct option_records records = {0};
    struct energy_meter meter;
    struct study study = {.job = job,
                          .options = &arguments->study,
                          .directory = arguments->directory,
                          .command_line = arguments->command_line,
                          .console = &console,
                          .progress = &progress};
    if (arguments->page_alone)
        return job->rank == 0 ? results_write_page(arguments->page) : STATUS_OK;
    energy_start(&meter);
    console_open(&console, false);
    option_records_add(&records, "study", "%s", arguments->kind->name);
    enum status status = ranks_agree(job->comm, job->rank == 0 ? check_files(arguments) : STATUS_OK);
    if (status == STATUS_OK)
        status = run_directory_make(job, arguments->directory);
    if (status == STATUS_OK)
        status = run_study(&study, arguments, &records);
    if (status == STATUS_OK) {
        struct energy_cost cost = energy_read(job->comm, &meter);
        run_directory_add_cost(job, arguments->directory, "facet study", &cost);
    }
    return status;
}

int command_study(int argc, char **argv)
{
    struct arguments arguments = {
        .study = {.tau_count = 6,
                  .taus = {{0, 0}, {0.05, 0.1}, {0.1, 0.1}, {0.1, 0.2}, {0.2, 0.2}, {0.3, 0.3}},
                  .epsilon_count = 4,
                  .epsilons = {0, 0.1, 0.2, 0.4},
                  .budget_count = 3,
                  .budgets = {0.06, 0.12, 0.25},
                  .draws = 20,
                  .pair_draws = 4,
                  .seed = 1,
                  .architecture = "resnet20",
                  .methods = "activation,gradient,distill-alone,distill",
                  .plans = "votes",
                  .size_count = 3,
                  .sizes = {2, 3, 5},
                  .epochs = 32,
                  .weak_epochs = 2}};
    arguments.command_line = command_line_join(argc, argv);
    job_parse(&argp_study, argc, argv, &arguments);
    int code = job_run(&arguments.job, study_on_ranks, &arguments);
    for (int32_t i = 0; i < arguments.text_count; i++)
        free(arguments.texts[i]);
    free(arguments.command_line);
    return code;
}
