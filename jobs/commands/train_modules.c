/* facet train-modules: one module a class, trained from scratch, classes shared among ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "jobs/class_run_options.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/console.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "jobs/run_directory.h"
#include "jobs/training_options.h"
#include "mpi/ranks.h"
#include "mpi/training/train_modules.h"

struct arguments {
    struct job_options job;
    struct class_run_options classes_run;
    struct train_options train;
    const char *net, *data, *classes, *run;
    char *command_line;
    enum shortcut shortcut;
    bool json;
};

enum { KEY_NET = 0x100, KEY_DATA, KEY_CLASSES, KEY_EPOCHS, KEY_SHORTCUT, KEY_JSON };

static const struct argp_option options[] = {
    {"net", KEY_NET, "NAME", 0, "Architecture of each module, as of `facet train`", 0},
    {"data", KEY_DATA, "FILE", 0, "Dataset file to train on", 0},
    {"output", 'o', "RUN", 0, "Run directory to make; the modules go to RUN/modules.h5", 0},
    {"classes", KEY_CLASSES, "LIST", 0,
     "Make modules of these classes alone: names or indices, as in 0-4,7 or cat,dog", 0},
    {"epochs", KEY_EPOCHS, "N", 0,
     "Passes over the images of a module's own class; as many of other classes beside them (default 10)", 0},
    {"shortcut", KEY_SHORTCUT, "A|B", 0,
     "ResNet shortcuts: A pads, B convolves (default: A for resnet20 … 110)", 0},
    {"json", KEY_JSON, 0, 0, "Print the result as JSON", 0},
    {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(KEY_NET, struct arguments, net, "--net"),
    PLAIN_TEXT(KEY_DATA, struct arguments, data, "--data"),
    PLAIN_TEXT('o', struct arguments, run, "--output"),
    PLAIN_TEXT(KEY_CLASSES, struct arguments, classes, NULL),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->train;
        state->child_inputs[1] = &arguments->classes_run;
        state->child_inputs[2] = &arguments->job;
        return 0;
    case KEY_EPOCHS:
        arguments->train.epochs = (int32_t)parse_integer(state, "--epochs", text, 1, 1000000);
        return 0;
    case KEY_SHORTCUT:
        arguments->shortcut = parse_shortcut(state, text);
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {
    {&training_argp, 0, NULL, 0}, {&class_run_argp, 0, NULL, 0}, {&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_train_modules = {
    options,
    parse_option,
    NULL,
    "Train one module a class from scratch: a network with one output that tells its class from the others.\v"
    "Half of each batch are images of the class, half of the others, these by class in equal parts; the loss "
    "is binary cross-entropy. Every tenth image of each class is held back: `facet compose --calibrate` "
    "makes "
    "the modules' scores comparable on them. The rate is 0.05 by default, the schedule one-cycle. "
    "RUN/modules.h5 is the same bytes for any number of ranks.\n\n"
    "Each finished class is kept in RUN/parts until all are: a run that was stopped (it then exits with 75) "
    "or killed goes on with --resume.\n\n"
    "  mpirun -n 4 facet train-modules --net lenet --data train.h5 -o run\n"
    "  facet compose run/modules.h5 --calibrate train.h5 -o all.h5",
    children,
    NULL,
    NULL};

/* What a run holds on one rank. */
struct training_run {
    struct job *job;
    struct arguments *arguments;
    struct dataset *dataset;
    int32_t *classes, class_count;
    class_name *names; /* of classes[i] */
    char *modules;
    struct option_records records;
    struct run_progress progress;
    struct console console;
    struct energy_meter meter;
    struct class_run_result result;
};

static enum status choose_classes(struct training_run *run)
{
    const struct dataset *dataset = run->dataset;
    size_t most = (size_t)dataset->class_count;
    enum status status = memory_allocate(&run->classes, most, sizeof(int32_t), "classes to train");
    if (status == STATUS_OK)
        status = memory_allocate(&run->names, most, sizeof(class_name), "classes to train");
    if (status == STATUS_OK)
        status = class_names_select_ascending((const class_name *)dataset->class_names, dataset->class_count,
                                              run->arguments->classes, run->arguments->data, run->classes,
                                              &run->class_count);
    for (int32_t i = 0; status == STATUS_OK && i < run->class_count; i++)
        memcpy(run->names[i], dataset->class_names[run->classes[i]], sizeof(class_name));
    return status;
}

static struct modules_training training_of(const struct training_run *run)
{
    return (struct modules_training){.net = run->arguments->net,
                                     .shortcut = run->arguments->shortcut,
                                     .dataset = run->dataset,
                                     .dataset_name = run->arguments->data,
                                     .options = &run->arguments->train};
}

/* On every rank: the data, all of it, and whether a network can be built for it. */
static enum status load(struct training_run *run)
{
    enum status status = dataset_file_load(run->arguments->data, &run->dataset);
    if (status == STATUS_OK)
        status = choose_classes(run);
    if (status == STATUS_OK) {
        struct modules_training training = training_of(run);
        status = modules_training_check(&training);
    }
    if (status == STATUS_OK)
        status = run_directory_path(run->arguments->run, "modules.h5", &run->modules);
    return status;
}

static void record_options(struct training_run *run)
{
    const struct arguments *arguments = run->arguments;
    struct option_records *records = &run->records;
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX_BYTES];
    dataset_digest(run->dataset, digest);
    digest_to_hex(digest, hex);
    option_records_add(records, "--net", "%s", arguments->net);
    option_records_add(records, "--shortcut", "%s", shortcut_name(arguments->shortcut));
    option_records_add(records, "--data (digest)", "%s", hex);
    option_records_add(records, "--epochs", "%d", (int)arguments->train.epochs);
    training_options_record(&arguments->train, records);
    option_records_add(records, "--conv", "%s", run->job->convolutions);
}

static struct class_work work_of(struct training_run *run)
{
    const struct arguments *arguments = run->arguments;
    struct class_work work =
        class_run_work(&arguments->classes_run, run->job, arguments->run, &run->progress, &run->console);
    work.output_path = run->modules;
    work.records = &run->records;
    work.classes = run->classes;
    work.class_count = run->class_count;
    work.class_names = (const class_name *)run->names;
    return work;
}

/* Collective. */
static enum status check(void *context)
{
    const struct class_work work = work_of(context);
    return class_run_check(&work);
}

/* Collective. */
static enum status train(void *context)
{
    struct training_run *run = context;
    const struct modules_training training = training_of(run);
    struct class_work work = work_of(run);
    return train_modules(&training, &work, &run->result);
}

static json_t *describe(void *context)
{
    const struct training_run *run = context;
    return json_pack("{s:s, s:o, s:s, s:i, s:i, s:i}", "kind", "modules", "file", json_text(run->modules),
                     "net", run->arguments->net, "modules", (int)run->class_count, "epochs",
                     (int)run->arguments->train.epochs, "resumed", (int)run->result.resumed);
}

static void print(void *context, double seconds)
{
    const struct training_run *run = context;
    printf("%s: %d modules of %s, %.1f s\n", run->modules, (int)run->class_count, run->arguments->net,
           seconds);
}

/* Collective. */
static enum status publish(struct training_run *run)
{
    const struct published_run published = {.job = run->job,
                                            .directory = run->arguments->run,
                                            .bind = run->arguments->job.bind,
                                            .command_line = run->arguments->command_line,
                                            .class_count = run->class_count,
                                            .records = &run->records,
                                            .choice = run->arguments->classes,
                                            .progress = &run->progress,
                                            .console = &run->console,
                                            .resume = run->arguments->classes_run.resume,
                                            .json = run->arguments->json,
                                            .check = check,
                                            .result = run->modules,
                                            .command = "facet train-modules",
                                            .meter = &run->meter,
                                            .describe = describe,
                                            .print = print};
    return run_publish(&published, train, run);
}

static enum status train_modules_on_ranks(struct job *job, void *input)
{
    struct training_run run = {.job = job, .arguments = input};
    energy_start(&run.meter);
    console_attach(&run.console, job, &run.progress);
    enum status status = ranks_agree(job->comm, load(&run));
    if (status == STATUS_OK) {
        record_options(&run);
        status = publish(&run);
    }
    console_close(&run.console);
    memory_free(&run.modules);
    memory_free(&run.names);
    memory_free(&run.classes);
    dataset_destroy(&run.dataset);
    return status;
}

int command_train_modules(int argc, char **argv)
{
    struct arguments arguments = {.train = train_options_default(10, 0.05F, SCHEDULE_ONE_CYCLE),
                                  .classes_run = class_run_options_default()};
    arguments.command_line = command_line_join(argc, argv);
    job_parse(&argp_train_modules, argc, argv, &arguments);
    int code = job_run(&arguments.job, train_modules_on_ranks, &arguments);
    free(arguments.command_line);
    return code;
}
