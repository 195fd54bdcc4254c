/* facet train: a whole network, data-parallel over ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/dataset_file.h"
#include "compute/formats/network_file.h"
#include "compute/network/zoo.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/console.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "jobs/run_directory.h"
#include "jobs/training_options.h"
#include "mpi/ranks.h"
#include "mpi/training/checkpoint.h"
#include "mpi/training/train.h"

struct arguments {
    struct job_options job;
    const char *net, *data, *test, *classes, *output, *run;
    char *command_line;
    enum shortcut shortcut;
    struct train_options train;
    bool resume, json;
};

enum {
    KEY_NET = 0x100,
    KEY_DATA,
    KEY_TEST,
    KEY_CLASSES,
    KEY_RUN,
    KEY_EPOCHS,
    KEY_SHORTCUT,
    KEY_RESUME,
    KEY_JSON
};

static const struct argp_option options[] = {
    {"net", KEY_NET, "NAME", 0,
     "Architecture: mlp-1 … mlp-4, lenet, simcnn, resnet20/32/44/56/110, resnet18/34/50, vgg16", 0},
    {"data", KEY_DATA, "FILE", 0, "Dataset file to train on", 0},
    {"test", KEY_TEST, "FILE", 0, "Dataset file to measure accuracy on after each epoch", 0},
    {"classes", KEY_CLASSES, "LIST", 0,
     "Train on these classes alone: names or indices, as in 0-4,7 or cat,dog", 0},
    {"output", 'o', "FILE", 0, "Network file to write", 0},
    {"run", KEY_RUN, "DIR", 0, "Run directory: checkpoint, events, monitor (default: OUTPUT.run)", 0},
    {"resume", KEY_RESUME, 0, 0, "Go on from the run directory's checkpoint, if there is one", 0},
    {"json", KEY_JSON, 0, 0, "Print the result as JSON", 0},
    {"epochs", KEY_EPOCHS, "N", 0, "Passes over the training images (default 10)", 0},
    {"shortcut", KEY_SHORTCUT, "A|B", 0,
     "ResNet shortcuts: A pads, B convolves (default: A for resnet20 … 110)", 0},
    {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(KEY_NET, struct arguments, net, "--net"),
    PLAIN_TEXT(KEY_DATA, struct arguments, data, "--data"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
    PLAIN_TEXT(KEY_TEST, struct arguments, test, NULL),
    PLAIN_TEXT(KEY_CLASSES, struct arguments, classes, NULL),
    PLAIN_TEXT(KEY_RUN, struct arguments, run, NULL),
    PLAIN_FLAG(KEY_RESUME, struct arguments, resume),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        state->child_inputs[1] = &arguments->train;
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

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {&training_argp, 0, NULL, 0}, {0}};

const struct argp argp_train = {
    options,
    parse_option,
    NULL,
    "Train a network from scratch. The result is the same bytes for any number of ranks and threads.\v"
    "The rate is 0.05 by default, the schedule one-cycle.\n\n"
    "Stopped by SIGINT, SIGTERM or SIGUSR1, it saves a checkpoint in the run directory and exits with 75; "
    "the same "
    "command with --resume goes on. Follow it with `facet-monitor OUTPUT.run`.\n\n"
    "  mpirun -n 4 facet train --net resnet20 --data train.h5 --test test.h5 \\\n"
    "         --epochs 30 --rate 0.1 --crop 4 --flip -o resnet20.h5",
    children,
    NULL,
    NULL};

/* What a run holds on one rank. */
struct train_run {
    struct job *job;
    struct arguments *arguments;
    struct dataset *train, *test;
    struct network *network;
    char *directory, *checkpoint;
    struct option_records records;
    struct run_progress progress;
    struct console console;
    struct energy_meter meter;
    double test_top1;
};

static enum status same_classes(const struct dataset *train, const char *train_path,
                                const struct dataset *test, const char *test_path)
{
    if (!shape_equals(train->shape, test->shape))
        return error_set(STATUS_SHAPE,
                         "%s: images of %d × %d × %d, but %s has %d × %d × %d; give sets of one shape",
                         test_path, (int)test->shape.h, (int)test->shape.w, (int)test->shape.c, train_path,
                         (int)train->shape.h, (int)train->shape.w, (int)train->shape.c);
    for (int32_t i = 0; i < test->class_count; i++) {
        int32_t found;
        if (class_names_match((const class_name *)train->class_names, train->class_count,
                              test->class_names[i], train_path, &found) != STATUS_OK)
            return error_prefix(STATUS_NOT_FOUND, "%s: ", test_path);
    }
    return STATUS_OK;
}

/* Of the training images those of --classes, of the test images those of the same names. */
static enum status keep_classes(const struct train_run *run, const char *list, const char *path)
{
    struct dataset *train = run->train, *test = run->test;
    int32_t *selected = NULL, count = 0, in_test = 0, found;
    enum status status =
        memory_allocate(&selected, (size_t)train->class_count, sizeof(int32_t), "classes to train on");
    if (status == STATUS_OK)
        status = class_names_select_ascending((const class_name *)train->class_names, train->class_count,
                                              list, path, selected, &count);
    if (status == STATUS_OK) {
        dataset_keep_classes(train, selected, count);
        for (int32_t i = 0; test != NULL && i < test->class_count && in_test < count; i++)
            if (class_names_match((const class_name *)train->class_names, count, test->class_names[i], path,
                                  &found) == STATUS_OK)
                selected[in_test++] = i;
        if (test != NULL && in_test > 0)
            dataset_keep_classes(test, selected, in_test);
        if (train->image_count == 0 || (test != NULL && test->image_count == 0))
            status =
                error_set(STATUS_NOT_FOUND, "%s: no images of the classes %s; give others with --classes",
                          train->image_count == 0 ? path : run->arguments->test, list);
    }
    memory_free(&selected);
    return status;
}

/* Loads the data and builds the network; on every rank. */
static enum status load(struct train_run *run)
{
    const struct arguments *arguments = run->arguments;
    enum status status = dataset_file_load(arguments->data, &run->train);
    if (status == STATUS_OK && arguments->test != NULL)
        status = dataset_file_load(arguments->test, &run->test);
    if (status == STATUS_OK && arguments->classes != NULL)
        status = keep_classes(run, arguments->classes, arguments->data);
    if (status == STATUS_OK && run->test != NULL)
        status = same_classes(run->train, arguments->data, run->test, arguments->test);
    if (status == STATUS_OK)
        status = zoo_build(arguments->net, run->train->shape, run->train->class_count, arguments->shortcut,
                           &run->network);
    if (status == STATUS_OK)
        status = network_set_class_names(run->network, (const class_name *)run->train->class_names,
                                         run->train->class_count);
    if (status != STATUS_OK)
        return status;
    run->network->scaling = scaling_default();
    dataset_measure_scaling(run->train, &run->network->scaling);
    network_initialise(run->network, arguments->train.seed);
    return STATUS_OK;
}

/* Everything the result is a function of, and nothing else: what --resume compares. */
static void record_options(struct train_run *run)
{
    const struct arguments *arguments = run->arguments;
    const struct train_options *train = &arguments->train;
    struct option_records *records = &run->records;
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX_BYTES];
    dataset_digest(run->train, digest);
    digest_to_hex(digest, hex);
    option_records_add(records, "--net", "%s", arguments->net);
    option_records_add(records, "--shortcut", "%s", shortcut_name(arguments->shortcut));
    option_records_add(records, "--data (digest)", "%s", hex);
    option_records_add(records, "--epochs", "%d", (int)train->epochs);
    training_options_record(train, records);
    option_records_add(records, "--conv", "%s", run->job->convolutions);
}

static enum status name_paths(struct train_run *run)
{
    const struct arguments *arguments = run->arguments;
    enum status status = STATUS_OK;
    size_t bytes = strlen(arguments->output) + sizeof ".run";
    if (arguments->run != NULL)
        bytes = strlen(arguments->run) + 1;
    status = memory_allocate(&run->directory, bytes, 1, "run directory");
    if (status != STATUS_OK)
        return status;
    if (arguments->run != NULL)
        snprintf(run->directory, bytes, "%s", arguments->run);
    else
        snprintf(run->directory, bytes, "%s.run", arguments->output);
    return run_directory_path(run->directory, "checkpoint.h5", &run->checkpoint);
}

static void on_epoch(void *context, const struct epoch_result *result)
{
    struct train_run *run = context;
    run->test_top1 = result->test_top1;
    if (run->job->rank != 0)
        return;
    char test[32] = "";
    if (result->test_top1 >= 0)
        snprintf(test, sizeof test, ", test top-1 %.2f %%", 100 * result->test_top1);
    console_print(&run->console, "epoch %d of %d: loss %.4f, training top-1 %.2f %%%s, %.1f s",
                  (int)result->epoch, (int)run->arguments->train.epochs, result->loss,
                  100 * result->train_top1, test, result->seconds);
}

/* Collective. Says what --resume will do; false: there is nothing to resume. Rank 0's look at the disk
 * counts. */
static bool decide_resume(struct train_run *run)
{
    int there = 0;
    if (run->job->rank == 0) {
        there = access(run->checkpoint, F_OK) == 0;
        if (run->arguments->resume && !there)
            console_print(&run->console, "facet: note: no checkpoint %s: starting from the beginning",
                          run->checkpoint);
        if (!run->arguments->resume && there)
            console_print(
                &run->console,
                "facet: note: %s of an earlier run is there and will be replaced (--resume goes on from it)",
                run->checkpoint);
    }
    MPI_Bcast(&there, 1, MPI_INT, 0, run->job->comm);
    return run->arguments->resume && there;
}

/* Collective. Rank 0 writes the result; only then the checkpoint is of no more use. */
static enum status write_result(const struct train_run *run)
{
    enum status status = STATUS_OK;
    if (run->job->rank == 0) {
        status = network_file_write(run->network, run->arguments->output);
        if (status == STATUS_OK)
            unlink(run->checkpoint);
    }
    return ranks_agree(run->job->comm, status);
}

/* Collective. */
static enum status check(void *context)
{
    const struct train_run *run = context;
    enum status status = STATUS_OK;
    if (run->job->rank == 0 && run->arguments->resume && access(run->checkpoint, F_OK) == 0)
        status = checkpoint_check(run->checkpoint, &run->records);
    return ranks_agree(run->job->comm, status);
}

/* Collective. */
static enum status train(void *context)
{
    struct train_run *run = context;
    struct training training = {.comm = run->job->comm,
                                .train = run->train,
                                .test = run->test,
                                .options = &run->arguments->train,
                                .records = &run->records,
                                .checkpoint_path = run->checkpoint,
                                .resume = decide_resume(run),
                                .stop = run->job->stop,
                                .progress = &run->progress,
                                .on_epoch = on_epoch,
                                .context = run};
    enum status status = train_network(&training, run->network);
    return status == STATUS_OK ? write_result(run) : status;
}

static json_t *describe(void *context)
{
    const struct train_run *run = context;
    const struct arguments *arguments = run->arguments;
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:i}", "kind", "network", "file", json_text(arguments->output),
                  "architecture", arguments->net, "epochs", (int)arguments->train.epochs);
    if (run->test_top1 >= 0)
        json_object_set_new(object, "test_top1", json_real(run->test_top1));
    return object;
}

static void print(void *context, double seconds)
{
    const struct train_run *run = context;
    printf("%s: %s", run->arguments->output, run->arguments->net);
    if (run->test_top1 >= 0)
        printf(", test top-1 %.2f %%", 100 * run->test_top1);
    printf(", %.1f s\n", seconds);
}

/* Collective. */
static enum status publish(struct train_run *run)
{
    const struct published_run published = {.job = run->job,
                                            .directory = run->directory,
                                            .bind = run->arguments->job.bind,
                                            .command_line = run->arguments->command_line,
                                            .records = &run->records,
                                            .progress = &run->progress,
                                            .console = &run->console,
                                            .resume = run->arguments->resume,
                                            .json = run->arguments->json,
                                            .check = check,
                                            .result = run->arguments->output,
                                            .command = "facet train",
                                            .meter = &run->meter,
                                            .describe = describe,
                                            .print = print};
    return run_publish(&published, train, run);
}

static enum status check_output(const struct arguments *arguments)
{
    enum status status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = output_file_check_input(arguments->output, arguments->data);
    if (status == STATUS_OK)
        status = output_file_check_input(arguments->output, arguments->test);
    return status;
}

static enum status train_on_ranks(struct job *job, void *input)
{
    struct train_run run = {.job = job, .arguments = input, .test_top1 = -1};
    energy_start(&run.meter);
    console_attach(&run.console, job, &run.progress);

    enum status status = name_paths(&run);
    if (status == STATUS_OK && job->rank == 0)
        status = check_output(run.arguments);
    status = ranks_agree(job->comm, status);
    if (status == STATUS_OK)
        status = ranks_agree(job->comm, load(&run));
    if (status == STATUS_OK) {
        record_options(&run);
        status = publish(&run);
    }
    console_close(&run.console);
    memory_free(&run.checkpoint);
    memory_free(&run.directory);
    network_destroy(&run.network);
    dataset_destroy(&run.train);
    dataset_destroy(&run.test);
    return status;
}

int command_train(int argc, char **argv)
{
    struct arguments arguments = {.train = train_options_default(10, 0.05F, SCHEDULE_ONE_CYCLE)};
    arguments.command_line = command_line_join(argc, argv);
    job_parse(&argp_train, argc, argv, &arguments);
    int code = job_run(&arguments.job, train_on_ranks, &arguments);
    free(arguments.command_line);
    return code;
}
