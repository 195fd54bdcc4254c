/* facet decompose: cut a network into modules, classes shared among ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/dataset_file.h"
#include "compute/formats/network_file.h"
#include "jobs/class_run_options.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/commands/decompose_distill.h"
#include "jobs/console.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "jobs/overlap_output.h"
#include "jobs/run_directory.h"
#include "mpi/data_digest.h"
#include "mpi/decompose/decompose.h"
#include "mpi/ranks.h"

enum method { METHOD_ACTIVATION, METHOD_DISTILL, METHOD_GRADIENT, METHOD_COUNT };

enum { JOINT_STEPS_NOT_GIVEN = -1 }; /* the method decides */

static const char *const method_names[METHOD_COUNT] = {"activation", "distill", "gradient"};

struct arguments {
    struct job_options job;
    struct class_run_options classes_run;
    const char *network, *data, *classes, *run;
    char *command_line;
    enum method method;
    struct distill_arguments distill;
    const char *activation_given; /* the last option that was given of method activation alone, or NULL */
    struct activation_options activation;
    struct backtracking_options backtracking;
    bool slice, json;
};

enum {
    KEY_DATA = 0x100,
    KEY_METHOD,
    KEY_CLASSES,
    KEY_TAU_PLUS,
    KEY_TAU_MINUS,
    KEY_POSITIVES,
    KEY_NEGATIVES,
    KEY_CONFIDENCE,
    KEY_VARIANT,
    KEY_EPSILON,
    KEY_EDGES,
    KEY_SLICE,
    KEY_JSON
};

static const struct argp_option options[] = {
    {"data", KEY_DATA, "FILE", 0, "Dataset file with training images of the network's classes", 0},
    {"output", 'o', "RUN", 0, "Run directory to make; the modules go to RUN/modules.h5", 0},
    {"method", KEY_METHOD, "NAME", 0, "How modules are made: activation (default), distill or gradient", 0},
    {"classes", KEY_CLASSES, "LIST", 0,
     "Make modules of these classes alone: names or indices, as in 0-4,7 or cat,dog", 0},
    {"json", KEY_JSON, 0, 0, "Print the result as JSON", 0},
    {0, 0, 0, 0, "Method activation:", 2},
    {"tau-plus", KEY_TAU_PLUS, "T", 0,
     "A unit active on at most this fraction of a class's own images leaves its module (default 0: never "
     "active)",
     2},
    {"tau-minus", KEY_TAU_MINUS, "T", 0,
     "It returns when active on more than this fraction of the other classes' images (default 0)", 2},
    {"positives", KEY_POSITIVES, "N", 0, "Images of a class to look at (default 1000)", 2},
    {"negatives", KEY_NEGATIVES, "N", 0, "Images of all other classes together (default 1000)", 2},
    {"confidence", KEY_CONFIDENCE, "P", 0, "Least probability the network gives a positive (default 0.9)", 2},
    {"variant", KEY_VARIANT, "NAME", 0,
     "ci-ti-mc: what was active (default); bd: without units of dense layers that nothing of the module "
     "reads; bc: without any such unit",
     2},
    {"epsilon", KEY_EPSILON, "E", 0,
     "bd, bc: features whose weights to the class and to the rest differ by at most this fraction of the "
     "largest such difference leave (default 0: no score changes)",
     2},
    {"edges", KEY_EDGES, "E", 0,
     "Edges of dense layers whose weight is at most this fraction of the largest into the same node leave "
     "(default 0: none)",
     2},
    {"slice", KEY_SLICE, 0, 0,
     "Store modules as networks of their own, without the channels that they can do without", 2},
    {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, network, "NETWORK"),
    PLAIN_TEXT(KEY_DATA, struct arguments, data, "--data"),
    PLAIN_TEXT('o', struct arguments, run, "--output"),
    PLAIN_TEXT(KEY_CLASSES, struct arguments, classes, NULL),
    PLAIN_FLAG(KEY_SLICE, struct arguments, slice),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (key >= KEY_TAU_PLUS && key <= KEY_SLICE)
        arguments->activation_given = parsed_name(options, key);
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->distill;
        state->child_inputs[1] = &arguments->classes_run;
        state->child_inputs[2] = &arguments->job;
        return 0;
    case KEY_METHOD:
        for (arguments->method = 0; arguments->method < METHOD_COUNT; arguments->method++)
            if (strcmp(text, method_names[arguments->method]) == 0)
                return 0;
        argp_error(state, "--method: '%s' given, expected activation, distill or gradient", text);
        return 0;
    case KEY_TAU_PLUS:
        arguments->activation.tau_plus = parse_number(state, "--tau-plus", text, 0, 1);
        return 0;
    case KEY_TAU_MINUS:
        arguments->activation.tau_minus = parse_number(state, "--tau-minus", text, 0, 1);
        return 0;
    case KEY_POSITIVES:
        arguments->activation.positives = (int32_t)parse_integer(state, "--positives", text, 1, INT32_MAX);
        return 0;
    case KEY_NEGATIVES:
        arguments->activation.negatives = (int32_t)parse_integer(state, "--negatives", text, 1, INT32_MAX);
        return 0;
    case KEY_CONFIDENCE:
        arguments->activation.confidence = parse_number(state, "--confidence", text, 0, 1);
        return 0;
    case KEY_VARIANT:
        arguments->backtracking.variant = module_variant_from_name(text);
        if (arguments->backtracking.variant == VARIANT_COUNT)
            argp_error(state, "--variant: '%s' given, expected ci-ti-mc, bd or bc", text);
        return 0;
    case KEY_EPSILON:
        arguments->backtracking.epsilon = parse_number(state, "--epsilon", text, 0, 1);
        return 0;
    case KEY_EDGES:
        arguments->backtracking.edges = parse_number(state, "--edges", text, 0, 1);
        return 0;
    case ARGP_KEY_END:
        arguments->distill.options.frozen = arguments->method == METHOD_GRADIENT;
        if (arguments->distill.options.joint_steps == JOINT_STEPS_NOT_GIVEN)
            arguments->distill.options.joint_steps =
                arguments->distill.options.frozen ? 0 : distill_options_default().joint_steps;
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {
    {&distill_argp, 0, NULL, 0}, {&class_run_argp, 0, NULL, 0}, {&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_decompose = {
    options,
    parse_option,
    "NETWORK",
    "Cut a trained network into one module a class.\v"
    "Method activation (Pan & Rajan, ICSE 2022): a module keeps the units that "
    "are active on images of its class, and "
    "those that tell it from the others; it shares the network's weights. One "
    "pass over the images serves all classes "
    "and ranks. RUN/modules.h5 is the same bytes for any number of ranks.\n\n"
    "Modules stay small when more leaves: --tau-plus and --tau-minus, then "
    "--variant bc with --epsilon, and in dense layers --edges, cost accuracy (measure it with facet evaluate "
    "on images that were not "
    "used for choosing them); --slice then makes networks of what is left. What modules have in common is "
    "the Jaccard index of the weights they keep, with the network and between pairs of modules.\n\n"
    "Method distill: small networks of their own that learn to say what the network says of their class, cut "
    "to --budget, behind a stem that all share; first each class by itself, then all together, so that their "
    "scores can be compared. Method gradient: the same budget, but no weight changes; only which channels "
    "stay is learned.\n\n"
    "Each class that is finished is kept in RUN/parts until the modules are "
    "stored: a run that was stopped (it then "
    "exits with 75) or killed goes on with --resume.\n\n"
    "  mpirun -n 4 facet decompose resnet20.h5 --data train.h5 -o run\n"
    "  facet decompose resnet20.h5 --data train.h5 --variant bc --tau-plus 0.1 --tau-minus 0.2 --slice -o "
    "small\n"
    "  mpirun -n 2 facet decompose resnet20.h5 --data train.h5 --method distill --budget 0.12 -o small",
    children,
    NULL,
    NULL};

/* What a run holds on one rank. */
struct decompose_run {
    struct job *job;
    struct arguments *arguments;
    struct network *network;
    struct dataset *dataset;
    int32_t *classes, class_count;
    char *modules;
    struct option_records records;
    struct run_progress progress;
    struct console console;
    struct energy_meter meter;
    struct option_records class_records; /* distill: all that a module of phase one is a function of */
    struct decomposition_result result;
    struct distill_result distilled;
};

/* The classes to make modules of, ascending. */
static enum status choose_classes(struct decompose_run *run)
{
    const struct network *network = run->network;
    enum status status =
        memory_allocate(&run->classes, (size_t)network->class_count, sizeof(int32_t), "classes to decompose");
    if (status == STATUS_OK)
        status = class_names_select_ascending((const class_name *)network->class_names, network->class_count,
                                              run->arguments->classes, run->arguments->network, run->classes,
                                              &run->class_count);
    return status;
}

static enum status check_shapes(const struct decompose_run *run)
{
    struct shape wants = network_input_shape(run->network), has = run->dataset->shape;
    if (shape_equals(wants, has))
        return STATUS_OK;
    return error_set(
        STATUS_SHAPE,
        "%s: images of %d × %d × %d, but the network %s takes %d × %d × %d; give the kind of images it was "
        "trained on",
        run->arguments->data, (int)has.h, (int)has.w, (int)has.c, run->arguments->network, (int)wants.h,
        (int)wants.w, (int)wants.c);
}

/* Each class of the network is one of the data, and those asked for have images: before work begins, not when
 * their turn comes. */
static enum status check_classes(const struct decompose_run *run)
{
    const struct dataset *dataset = run->dataset;
    for (int32_t i = 0, asked = 0; i < run->network->class_count; i++) {
        const char *name = run->network->class_names[i];
        int32_t found;
        enum status status = class_names_find((const class_name *)dataset->class_names, dataset->class_count,
                                              name, run->arguments->data, &found);
        if (status != STATUS_OK)
            return status;
        if (asked == run->class_count || run->classes[asked] != i)
            continue;
        asked++;
        if (dataset->class_start[found + 1] == dataset->class_start[found])
            return error_set(STATUS_NOT_FOUND,
                             "%s: class %s has no images to make a module of; leave it out with --classes",
                             run->arguments->data, name);
    }
    return STATUS_OK;
}

/* What makes no sense is refused before the run directory is touched. */
static enum status check_options(const struct arguments *arguments)
{
    if (arguments->method != METHOD_ACTIVATION)
        return distill_options_check(&arguments->distill.options);
    enum status status = activation_options_check(&arguments->activation);
    return status == STATUS_OK ? backtracking_options_check(&arguments->backtracking) : status;
}

static enum status load(struct decompose_run *run)
{
    const struct arguments *arguments = run->arguments;
    enum status status = check_options(arguments);
    if (status == STATUS_OK)
        status = network_file_read(arguments->network, &run->network);
    if (status == STATUS_OK)
        status = dataset_file_open(arguments->data, &run->dataset);
    if (status == STATUS_OK)
        status = check_shapes(run);
    if (status == STATUS_OK)
        status = choose_classes(run);
    if (status == STATUS_OK)
        status = check_classes(run);
    return status;
}

static void record_activation(const struct arguments *arguments, struct option_records *records)
{
    const struct activation_options *activation = &arguments->activation;
    option_records_add_number(records, "--tau-plus", activation->tau_plus);
    option_records_add_number(records, "--tau-minus", activation->tau_minus);
    option_records_add(records, "--positives", "%d", (int)activation->positives);
    option_records_add(records, "--negatives", "%d", (int)activation->negatives);
    option_records_add_number(records, "--confidence", activation->confidence);
    option_records_add(records, "--variant", "%s", module_variant_name(arguments->backtracking.variant));
    option_records_add_number(records, "--epsilon", arguments->backtracking.epsilon);
    if (arguments->backtracking.edges > 0)
        option_records_add_number(records, "--edges", arguments->backtracking.edges);
    option_records_add(records, "--slice", "%s", arguments->slice ? "yes" : "no");
}

static enum status record_options(struct decompose_run *run)
{
    const struct arguments *arguments = run->arguments;
    uint8_t digest[DIGEST_BYTES];
    char network_hex[DIGEST_HEX_BYTES], data_hex[DIGEST_HEX_BYTES];
    network_digest(run->network, digest);
    digest_to_hex(digest, network_hex);
    enum status status = data_digest(run->job->comm, run->dataset, arguments->data, digest);
    if (status != STATUS_OK)
        return status;
    digest_to_hex(digest, data_hex);
    option_records_add(&run->records, "network (digest)", "%s", network_hex);
    option_records_add(&run->records, "--data (digest)", "%s", data_hex);
    option_records_add(&run->records, "--method", "%s", method_names[arguments->method]);
    option_records_add(&run->records, "--conv", "%s", run->job->convolutions);
    if (arguments->method != METHOD_ACTIVATION) {
        distill_options_record(&arguments->distill.options, &run->records);
        run->class_records = run->records;
        distill_options_record_joint(&arguments->distill.options, &run->records);
    } else
        record_activation(arguments, &run->records);
    option_records_add(&run->records, "--classes", "%s",
                       arguments->classes != NULL ? arguments->classes : "all");
    return STATUS_OK;
}

/* But for records. */
static struct class_work work_of(struct decompose_run *run)
{
    struct class_work work = class_run_work(&run->arguments->classes_run, run->job, run->arguments->run,
                                            &run->progress, &run->console);
    work.output_path = run->modules;
    work.classes = run->classes;
    work.class_count = run->class_count;
    return work;
}

/* Collective. All images are needed at once, on every rank. */
static enum status distill(struct decompose_run *run)
{
    class_name *names = NULL;
    struct dataset *dataset = run->dataset;
    enum status status = memory_allocate(&names, (size_t)run->class_count, sizeof *names, "names of classes");
    for (int32_t i = 0; status == STATUS_OK && i < run->class_count; i++)
        memcpy(names[i], run->network->class_names[run->classes[i]], sizeof *names);
    if (status == STATUS_OK)
        status = dataset_file_load_range(dataset, run->arguments->data, 0, dataset->image_count);
    struct distillation distillation = {.network = run->network,
                                        .dataset = dataset,
                                        .dataset_path = run->arguments->data,
                                        .options = &run->arguments->distill.options,
                                        .work = work_of(run)};
    distillation.work.records = &run->class_records;
    distillation.work.class_names = (const class_name *)names;
    status = ranks_agree(run->job->comm, status);
    if (status == STATUS_OK)
        status = distill_run(&distillation, &run->distilled);
    memory_free(&names);
    return status;
}

static struct decomposition decomposition_of(struct decompose_run *run)
{
    struct decomposition decomposition = {.network = run->network,
                                          .dataset = run->dataset,
                                          .dataset_path = run->arguments->data,
                                          .options = &run->arguments->activation,
                                          .backtracking = &run->arguments->backtracking,
                                          .slice = run->arguments->slice,
                                          .work = work_of(run)};
    decomposition.work.records = &run->records;
    return decomposition;
}

/* Collective. */
static enum status check(void *context)
{
    struct decompose_run *run = context;
    if (run->arguments->method != METHOD_ACTIVATION) {
        struct class_work work = work_of(run);
        work.records = &run->class_records;
        return class_run_check(&work);
    }
    struct decomposition decomposition = decomposition_of(run);
    return decompose_check(&decomposition);
}

/* Collective. */
static enum status decompose(void *context)
{
    struct decompose_run *run = context;
    if (run->arguments->method != METHOD_ACTIVATION)
        return distill(run);
    struct decomposition decomposition = decomposition_of(run);
    return decompose_activation(&decomposition, &run->result);
}

static json_t *describe_distilled(const struct decompose_run *run)
{
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:i}", "kind", "modules", "file", json_text(run->modules), "method",
                  method_names[run->arguments->method], "modules", (int)run->class_count);
    distill_describe(&run->distilled, object);
    return object;
}

static json_t *describe(void *context)
{
    const struct decompose_run *run = context;
    const struct decomposition_result *result = &run->result;
    if (run->arguments->method != METHOD_ACTIVATION)
        return describe_distilled(run);
    return json_pack("{s:s, s:o, s:s, s:s, s:f, s:f, s:i, s:I, s:f, s:f, s:f, s:f, s:o}", "kind", "modules",
                     "file", json_text(run->modules), "method", "activation", "variant",
                     module_variant_name(run->arguments->backtracking.variant), "epsilon",
                     (double)run->arguments->backtracking.epsilon, "edges",
                     (double)run->arguments->backtracking.edges, "modules", (int)run->class_count, "images",
                     (json_int_t)result->images, "units_kept", result->mean_units_kept, "channels_kept",
                     result->mean_channels_kept, "weights_kept", result->mean_weights_kept,
                     "multiply_adds_kept", result->mean_multiply_adds_kept, "overlap",
                     overlap_json(result->overlap));
}

static void print(void *context, double seconds)
{
    const struct decompose_run *run = context;
    const struct decomposition_result *result = &run->result;
    if (run->arguments->method != METHOD_ACTIVATION) {
        distill_print(&run->distilled, run->modules, run->class_count, seconds);
        return;
    }
    printf("%s: %d modules, %.1f %% of units, %.1f %% of channels, %.1f %% of weights and %.1f %% of "
           "multiply-adds kept on average, %.1f s\n",
           run->modules, (int)run->class_count, 100 * result->mean_units_kept,
           100 * result->mean_channels_kept, 100 * result->mean_weights_kept,
           100 * result->mean_multiply_adds_kept, seconds);
    overlap_print(result->overlap);
}

/* Collective. */
static enum status publish(struct decompose_run *run)
{
    const struct published_run published = {.job = run->job,
                                            .directory = run->arguments->run,
                                            .bind = run->arguments->job.bind,
                                            .command_line = run->arguments->command_line,
                                            .class_count = run->class_count,
                                            .records = &run->records,
                                            .progress = &run->progress,
                                            .console = &run->console,
                                            .resume = run->arguments->classes_run.resume,
                                            .json = run->arguments->json,
                                            .check = check,
                                            .result = run->modules,
                                            .command = "facet decompose",
                                            .meter = &run->meter,
                                            .describe = describe,
                                            .print = print};
    return run_publish(&published, decompose, run);
}

/* Says of an option that only other methods look at that this one does not. */
static void tell_ignored(struct decompose_run *run)
{
    const struct arguments *arguments = run->arguments;
    const char *given =
        arguments->method == METHOD_ACTIVATION ? arguments->distill.given : arguments->activation_given;
    if (given != NULL && run->job->rank == 0)
        console_print(&run->console, "facet: note: --%s means nothing to method %s", given,
                      method_names[arguments->method]);
}

static enum status decompose_on_ranks(struct job *job, void *input)
{
    struct decompose_run run = {.job = job, .arguments = input};
    energy_start(&run.meter);
    console_attach(&run.console, job, &run.progress);

    tell_ignored(&run);
    enum status status = ranks_agree(job->comm, load(&run));
    if (status == STATUS_OK)
        status = record_options(&run);
    if (status == STATUS_OK)
        status = ranks_agree(job->comm, run_directory_path(run.arguments->run, "modules.h5", &run.modules));
    if (status == STATUS_OK)
        status = publish(&run);
    console_close(&run.console);
    overlap_destroy(&run.result.overlap);
    memory_free(&run.modules);
    memory_free(&run.classes);
    dataset_destroy(&run.dataset);
    network_destroy(&run.network);
    return status;
}

int command_decompose(int argc, char **argv)
{
    struct arguments arguments = {.classes_run = class_run_options_default(),
                                  .activation = activation_options_default(),
                                  .distill = {.options = distill_options_default()},
                                  .backtracking = backtracking_options_default()};
    arguments.distill.options.joint_steps = JOINT_STEPS_NOT_GIVEN;
    arguments.command_line = command_line_join(argc, argv);
    job_parse(&argp_decompose, argc, argv, &arguments);
    int code = job_run(&arguments.job, decompose_on_ranks, &arguments);
    free(arguments.command_line);
    return code;
}
