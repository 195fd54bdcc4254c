/* facet adapt: tune modules further on classes they have not seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "jobs/command_line.h"
#include "jobs/commands/adapt_union.h"
#include "jobs/commands/commands.h"
#include "jobs/composition_job.h"
#include "jobs/json_output.h"
#include "jobs/training_options.h"
#include "modules/file/modules_file.h"
#include "mpi/adapt/adapt.h"
#include "mpi/ranks.h"

struct arguments {
    struct job_options job;
    struct train_options train;
    struct union_arguments united;
    struct data_arguments data;
    const char *composition, *modules, *output;
    enum tune_part part; /* unless `choose`: by held-back images */
    bool choose;
    enum adapt_negatives negatives;
    int64_t steps;
    const char *of_modules; /* the last option given that is of modules alone, or NULL */
    bool json;
};

enum { KEY_DATA = 0x100, KEY_MODULES, KEY_TUNE, KEY_NEGATIVES, KEY_STEPS, KEY_JSON };

static const struct argp_option options[] = {
    {"data", KEY_DATA, "[NAME=]FILE", 0,
     "Dataset file with training images; given several times, their classes are joined", 0},
    {"output", 'o', "FILE", 0, "Composition file to write", 0},
    {"modules", KEY_MODULES, "LIST", 0,
     "Tune these alone: labels or indices, as in 0-4,7 or cat,dog (default: all)", 0},
    {"tune", KEY_TUNE, "PART", 0,
     "What of a module is tuned: head, last-stage or all, or auto (default): head or last stage, whichever "
     "fits the held-back images better; the rest stays as it is, and stays shared",
     0},
    {"negatives", KEY_NEGATIVES, "WHICH", 0,
     "Classes to tell a module's own from: labels (those of the other modules), all (of the data), or auto "
     "(default): labels if the data have any, else all",
     0},
    {"steps", KEY_STEPS, "N", 0, "Steps a module (default 300)", 0},
    {"json", KEY_JSON, 0, 0, "Print the result as JSON", 0},
    {0}};

static enum adapt_negatives parse_negatives(const struct argp_state *state, const char *text)
{
    if (strcmp(text, "labels") == 0)
        return ADAPT_NEGATIVES_LABELS;
    if (strcmp(text, "all") == 0)
        return ADAPT_NEGATIVES_ALL;
    if (strcmp(text, "auto") != 0)
        argp_error(state, "--negatives: '%s' given, expected labels, all or auto", text);
    return ADAPT_NEGATIVES_AUTO;
}

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, composition, "COMPOSITION"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
    PLAIN_TEXT(KEY_MODULES, struct arguments, modules, NULL),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

/* Options of a composition of modules and of a union exclude each other. */
static void check_union(const struct argp_state *state, const struct arguments *arguments)
{
    const char *of_modules = arguments->modules != NULL ? "--modules" : arguments->of_modules;
    if (arguments->united.parent == NULL && arguments->united.given != NULL)
        argp_error(state, "--%s is of a union: give its network as --parent", arguments->united.given);
    if (arguments->united.parent == NULL)
        return;
    if (of_modules != NULL)
        argp_error(state, "%s is of modules; a union (--parent) is tuned as a whole", of_modules);
    if (arguments->data.count > 1)
        argp_error(state, "--data: %d given; a union (--parent) learns from one", (int)arguments->data.count);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->train;
        state->child_inputs[1] = &arguments->united;
        state->child_inputs[2] = &arguments->job;
        return 0;
    case KEY_DATA:
        data_arguments_add(&arguments->data, state, "--data", text);
        return 0;
    case KEY_TUNE:
        arguments->of_modules = "--tune";
        arguments->choose = strcmp(text, "auto") == 0;
        if (!arguments->choose && tune_part_from_name(text, &arguments->part) != STATUS_OK)
            argp_error(state, "--tune: %s, or auto", error_message());
        return 0;
    case KEY_NEGATIVES:
        arguments->of_modules = "--negatives";
        arguments->negatives = parse_negatives(state, text);
        return 0;
    case KEY_STEPS:
        arguments->steps = parse_integer(state, "--steps", text, 1, 100000000);
        return 0;
    case ARGP_KEY_END:
        parse_require(state, "--data", arguments->data.texts[0]);
        check_union(state, arguments);
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {
    {&training_argp, 0, NULL, 0}, {&union_argp, 0, NULL, 0}, {&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_adapt = {
    options,
    parse_option,
    "COMPOSITION",
    "Continuous learning: tune the modules of a composition (or a modules file) further on classes they have "
    "not seen.\v"
    "A module that meets images of another dataset has never learned to say no to them. It is trained on "
    "them as negatives, and on images of its own class, to tell the two apart; half of each batch is of its "
    "own class. Then all modules are calibrated together, on images held back from both. The rate is 0.01 by "
    "default, the schedule cosine. The result is the same bytes for any number of ranks.\n\n"
    "A union, which is one network, is tuned as a whole to say of its classes what the network it was cut "
    "out "
    "of says (--parent); the best state on held-back images stays.\n\n"
    "  facet compose a/modules.h5:cat,dog b/modules.h5:cup -o mixed.h5\n"
    "  mpirun -n 4 facet adapt mixed.h5 --data train-a.h5 --data train-b.h5 -o adapted.h5\n"
    "  facet adapt union.h5 --parent net.h5 --budget 0.4 --data train.h5 -o adapted.h5",
    children,
    NULL,
    NULL};

/* What a run holds on one rank. */
struct adaptation {
    struct job *job;
    struct arguments *arguments;
    struct module_set *set;
    struct dataset_join *join;
    int32_t *chosen, chosen_count;
    enum tune_part part; /* what was tuned */
    bool calibrated;     /* else `missing` is a label that the data have not */
    class_name missing;
    bool told; /* of images that are resized */
    struct calibration_result calibration;
    struct run_progress progress; /* for the terminal alone */
    struct console console;
};

static enum status choose_modules(struct adaptation *run)
{
    class_name *labels = NULL;
    enum status status =
        memory_allocate(&run->chosen, (size_t)run->set->module_count, sizeof(int32_t), "modules to adapt");
    if (status == STATUS_OK)
        status = module_set_labels(run->set, &labels);
    if (status == STATUS_OK)
        status = class_names_select_ascending((const class_name *)labels, run->set->module_count,
                                              run->arguments->modules, run->arguments->composition,
                                              run->chosen, &run->chosen_count);
    memory_free(&labels);
    return status;
}

/* STATUS_FORMAT for a network: of a union its parent must be known. */
static enum status check_kind(const char *path)
{
    char kind[FACET_KIND_BYTES];
    enum status status = hdf5_kind(path, kind);
    if (status == STATUS_OK && strcmp(kind, "network") == 0)
        status = error_set(STATUS_FORMAT,
                           "%s: a network; to adapt a union give the network that it was cut out of as "
                           "--parent",
                           path);
    return status;
}

static enum status load(struct adaptation *run)
{
    const struct arguments *arguments = run->arguments;
    enum status status = STATUS_OK;
    if (run->job->rank == 0)
        status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = composition_check_output(arguments->output, arguments->composition);
    if (status == STATUS_OK)
        status = check_kind(arguments->composition);
    if (status == STATUS_OK)
        status = modules_file_load(arguments->composition, NULL, &run->set);
    if (status == STATUS_OK)
        status = choose_modules(run);
    if (status == STATUS_OK)
        status = dataset_join_open(arguments->data.texts, arguments->data.count, &run->join);
    if (status == STATUS_OK)
        status = data_arguments_check_output(run->join, arguments->output);
    if (status == STATUS_OK)
        status = dataset_join_load(run->join);
    return status;
}

/* Whether every label is a class of the data: modules that are left alone may be of others. */
static enum status can_calibrate(struct adaptation *run)
{
    run->calibrated = true;
    for (int32_t i = 0; i < run->set->module_count && run->calibrated; i++) {
        struct joined_class found;
        const char *label = run->set->modules[i].label;
        enum status status = dataset_join_find(run->join, label, run->arguments->composition, &found);
        if (status != STATUS_OK)
            return status;
        run->calibrated = found.dataset >= 0;
        memcpy(run->missing, label, sizeof run->missing);
    }
    return STATUS_OK;
}

static void tell_adapted(void *context, const struct joined_run *joined)
{
    struct adaptation *run = context;
    if (run->job->rank == 0 && !run->told)
        data_arguments_tell_adapted(&run->console, run->join, joined, run->arguments->composition);
    run->told = true;
}

/* Collective. Tunes that part of the chosen modules, and calibrates all if that can be. */
static enum status adapt_part(struct adaptation *run, enum tune_part part)
{
    const struct arguments *arguments = run->arguments;
    const struct adapting adapting = {.comm = run->job->comm,
                                      .join = run->join,
                                      .where = arguments->composition,
                                      .part = part,
                                      .negatives = arguments->negatives,
                                      .options = &arguments->train,
                                      .steps = arguments->steps,
                                      .chosen_count = run->chosen_count,
                                      .chosen = run->chosen,
                                      .stop = run->job->stop,
                                      .progress = &run->progress};
    const struct calibrating calibrating = {.comm = run->job->comm,
                                            .join = run->join,
                                            .where = arguments->composition,
                                            .stop = run->job->stop,
                                            .progress = &run->progress,
                                            .on_run = tell_adapted,
                                            .context = run};
    enum status status = adapt_modules(&adapting, &run->set);
    if (status == STATUS_OK && run->calibrated)
        status = calibrate_modules(&calibrating, &run->set, &run->calibration);
    run->part = part;
    return status;
}

/* Collective. Tries head and last stage; keeps the one of the smaller cross-entropy on the held-back images,
 * the head when they are equal. */
static enum status adapt_better(struct adaptation *run)
{
    struct module_set *head = NULL;
    struct calibration_result with_head;
    enum status status = adapt_part(run, TUNE_HEAD);
    if (status != STATUS_OK)
        return status;
    head = run->set;
    with_head = run->calibration;
    run->set = NULL;
    status = ranks_agree(run->job->comm, modules_file_load(run->arguments->composition, NULL, &run->set));
    if (status == STATUS_OK)
        status = adapt_part(run, TUNE_LAST_STAGE);
    if (status == STATUS_OK && with_head.after.loss <= run->calibration.after.loss) {
        module_set_destroy(&run->set);
        run->set = head;
        head = NULL;
        run->calibration = with_head;
        run->part = TUNE_HEAD;
    }
    module_set_destroy(&head);
    return status;
}

/* Collective. */
static enum status adapt(struct adaptation *run)
{
    enum status status = ranks_agree(run->job->comm, can_calibrate(run));
    if (status != STATUS_OK)
        return status;
    if (run->arguments->choose && run->calibrated)
        return adapt_better(run);
    /* Without calibration there is nothing to choose by. */
    return adapt_part(run, run->arguments->choose ? TUNE_LAST_STAGE : run->arguments->part);
}

static void print_json(const struct adaptation *run, const struct energy_cost *cost)
{
    const struct arguments *arguments = run->arguments;
    json_t *object = json_pack("{s:s, s:o, s:i, s:i, s:s, s:I, s:b}", "kind", "composition", "file",
                               json_text(arguments->output), "modules", (int)run->set->module_count,
                               "adapted", (int)run->chosen_count, "tune", tune_part_name(run->part), "steps",
                               (json_int_t)arguments->steps, "calibrated", (int)run->calibrated);
    if (run->calibrated) {
        json_object_set_new(object, "held_back_images", json_integer((json_int_t)run->calibration.images));
        json_object_set_new(object, "held_back_top1", json_real(run->calibration.after.top1));
        json_object_set_new(object, "held_back_loss", json_real(run->calibration.after.loss));
    }
    json_add_cost(object, cost);
    json_print(object);
}

static void report(const struct adaptation *run, const struct energy_cost *cost)
{
    const struct arguments *arguments = run->arguments;
    if (run->job->rank != 0)
        return;
    if (!run->calibrated)
        fprintf(stderr,
                "facet: note: %s is not calibrated: the data have no class \"%s\"; facet compose --calibrate "
                "does it with data that have all\n",
                arguments->output, run->missing);
    if (arguments->json) {
        print_json(run, cost);
        return;
    }
    printf("%s: %s of %d of %d modules adapted in %lld steps each, %.1f s\n", arguments->output,
           tune_part_name(run->part), (int)run->chosen_count, (int)run->set->module_count,
           (long long)arguments->steps, cost->seconds);
    if (run->calibrated)
        calibration_print(arguments->output, &run->calibration);
}

static enum status adapt_union(struct job *job, const struct arguments *arguments)
{
    const struct union_adapting adapting = {.arguments = &arguments->united,
                                            .network = arguments->composition,
                                            .output = arguments->output,
                                            .data = &arguments->data,
                                            .train = &arguments->train,
                                            .steps = arguments->steps,
                                            .json = arguments->json};
    return adapt_union_on_ranks(job, &adapting);
}

static enum status adapt_on_ranks(struct job *job, void *input)
{
    struct adaptation run = {.job = job, .arguments = input};
    struct energy_meter meter;
    if (run.arguments->united.parent != NULL)
        return adapt_union(job, run.arguments);
    energy_start(&meter);
    console_attach(&run.console, job, &run.progress);
    enum status status = ranks_agree(job->comm, load(&run));
    if (status == STATUS_OK)
        status = adapt(&run);
    console_close(&run.console);
    if (status == STATUS_OK && job->rank == 0)
        status = modules_file_save(run.set, "composition", run.arguments->output);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK) {
        struct energy_cost cost = energy_read(job->comm, &meter);
        report(&run, &cost);
    }
    memory_free(&run.chosen);
    dataset_join_destroy(&run.join);
    module_set_destroy(&run.set);
    return status;
}

int command_adapt(int argc, char **argv)
{
    struct arguments arguments = {.train = train_options_default(0, 0.01F, SCHEDULE_COSINE),
                                  .united = union_arguments_default(),
                                  .choose = true,
                                  .steps = 300};
    job_parse(&argp_adapt, argc, argv, &arguments);
    return job_run(&arguments.job, adapt_on_ranks, &arguments);
}
