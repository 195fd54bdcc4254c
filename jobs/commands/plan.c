/* facet plan: what a run would take on other numbers of ranks, from one that was recorded or is run for it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "jobs/plan_trial.h"
#include "jobs/plots/plot.h"
#include "jobs/run_directory.h"
#include "mpi/classes/class_schedule.h"
#include "mpi/classes/class_simulation.h"
#include "mpi/classes/recorded_run.h"
#include "mpi/ranks.h"

enum { RANKS_LISTED_MAX = 64, PLANNED_RANKS_MAX = 100000, PLANNED_CLASSES_MAX = 20000 };

struct arguments {
    struct job_options job; /* of the trial */
    struct plan_trial trial;
    const char *run, *plot;
    int32_t ranks[RANKS_LISTED_MAX];
    int32_t listed;
    int32_t classes; /* 0: as many as were recorded */
    int32_t ranks_per_class;
    float latency, answer, disk;
    bool json;
};

enum {
    KEY_RANKS = 0x100,
    KEY_CLASSES,
    KEY_RANKS_PER_CLASS,
    KEY_LATENCY,
    KEY_ANSWER,
    KEY_DISK,
    KEY_TRIAL,
    KEY_PLOT,
    KEY_JSON
};

static const struct argp_option options[] = {
    {"ranks", KEY_RANKS, "LIST", 0, "Numbers of ranks, as in 1,2,64 (default: 1, 2, 4, … 1024)", 0},
    {"classes", KEY_CLASSES, "C", 0,
     "So many classes, whose costs repeat those recorded (default: as many as were recorded)", 0},
    {"ranks-per-class", KEY_RANKS_PER_CLASS, "auto|N", 0, "As the run would be given (default auto)", 0},
    {"latency", KEY_LATENCY, "SECONDS", 0, "A small message from node to node (default 0.0001, TCP)", 0},
    {"answer", KEY_ANSWER, "SECONDS", 0, "Rank 0 answers one question for a class (default 0.00002)", 0},
    {"disk", KEY_DISK, "MB/S", 0, "What all ranks together write to the file system (default 500)", 0},
    {"trial", KEY_TRIAL, "N", 0,
     "Run COMMAND for so many classes, the first ones (default: 3, or one a rank where there are more)", 0},
    {"plot", KEY_PLOT, "FILE.svg", 0,
     "Draw efficiency and idle share over the number of ranks (needs gnuplot)", 0},
    {"json", KEY_JSON, 0, 0, "Print the plan as JSON", 0},
    {0}};

static void parse_ranks(struct argp_state *state, const char *text, struct arguments *arguments)
{
    char *copy = strdup(text), *rest = copy;
    arguments->listed = 0;
    if (copy == NULL)
        argp_failure(state, EXIT_CODE_ERROR, 0, "no memory");
    for (const char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
        if (arguments->listed == RANKS_LISTED_MAX)
            argp_error(state, "--ranks: more than %d numbers given", RANKS_LISTED_MAX);
        arguments->ranks[arguments->listed++] =
            (int32_t)parse_integer(state, "--ranks", item, 1, PLANNED_RANKS_MAX);
    }
    free(copy);
}

static const struct plain_option plain[] = {
    PLAIN_TEXT(KEY_PLOT, struct arguments, plot, NULL),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

/* A run, or a command and its words. */
static void take_arguments(struct argp_state *state, struct arguments *arguments)
{
    char **words = state->argv + state->next;
    int count = state->argc - state->next;
    if (count == 1 && !plan_trial_knows(words[0])) {
        arguments->run = words[0];
        return;
    }
    if (!plan_trial_knows(words[0]))
        argp_error(state, "'%s %s' given, expected RUN, or decompose or train-modules with its arguments",
                   words[0], words[1]);
    arguments->trial.words = words;
    arguments->trial.count = count;
    arguments->run = plan_trial_run(&arguments->trial);
    parse_require(state, "-o RUN of the command to try", arguments->run);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        return 0;
    case KEY_RANKS:
        parse_ranks(state, text, arguments);
        return 0;
    case KEY_CLASSES:
        arguments->classes = (int32_t)parse_integer(state, "--classes", text, 1, PLANNED_CLASSES_MAX);
        return 0;
    case KEY_RANKS_PER_CLASS:
        arguments->ranks_per_class =
            strcmp(text, "auto") == 0
                ? 0
                : (int32_t)parse_integer(state, "--ranks-per-class", text, 1, PLANNED_RANKS_MAX);
        return 0;
    case KEY_LATENCY:
        arguments->latency = parse_number(state, "--latency", text, 0, 1);
        return 0;
    case KEY_ANSWER:
        arguments->answer = parse_number(state, "--answer", text, 0, 1);
        return 0;
    case KEY_DISK:
        arguments->disk = parse_number(state, "--disk", text, 0.001F, 1e9F);
        return 0;
    case KEY_TRIAL:
        arguments->trial.classes = (int32_t)parse_integer(state, "--trial", text, 1, PLANNED_CLASSES_MAX);
        return 0;
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN; /* all at once, as ARGP_KEY_ARGS */
    case ARGP_KEY_ARGS:
        take_arguments(state, arguments);
        return 0;
    case ARGP_KEY_END:
        parse_require(state, "RUN", arguments->run);
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_plan = {
    options,
    parse_option,
    "RUN | -- COMMAND...",
    "Predict what a class-by-class run takes on other numbers of ranks, and how well it uses them, from the "
    "directory of one that was recorded, or from a short one that is run for it: COMMAND is a facet "
    "decompose or facet train-modules with all its arguments, and is run for a few classes.\v"
    "The model: before the first class a run takes what was recorded, but what ranks computed of a share of "
    "the images (method distill asks the network about them) is shared by all. Classes are handed out "
    "longest first in a discrete-event simulation of the queue: a question travels for --latency, waits for "
    "those before it, is answered in --answer and travels back; a group of g ranks does a class in 1/g of "
    "the time and 5 % more for each further rank. Nothing else is sent while classes are made. Then counts "
    "are summed in 2·log2(ranks) steps of --latency, modules are made, shared by all ranks, and stored at "
    "--disk, whatever the number of ranks. Steps of all classes together (--joint-steps of decompose) take "
    "what asking the network took, shared by all ranks (but at least as long as a few images of a batch), "
    "and what one class took for each class of the rank with the most; what they exchange is in none of it: "
    "a batch of scores of each class, some kilobytes a step, and, behind a stem, its output for a batch, "
    "some megabytes. All ranks are as fast as those recorded: a plan knows nothing of memory they share on a "
    "node.\n\n"
    "  facet plan --classes 1000 -- decompose resnet20.h5 --data train.h5 -o trial\n"
    "  facet plan trial --classes 1000 --ranks 1,16,256 --plot plan.svg",
    children,
    NULL,
    NULL};

/* --- the plan --- */

/* The classes planned, and what the rest of a run costs. */
struct workload {
    double *costs; /* (count) seconds on one rank */
    int32_t *rows; /* (count) longest first */
    int32_t count;
    double before, storing;                /* seconds */
    double before_shared, besides, making; /* seconds of one rank */
    struct {
        double split, fixed, by_class; /* seconds of one rank: shared by all, but no rank has less than this
                                          of it; of one class */
    } together;
    uint64_t memory_bytes;
};

struct prediction {
    int32_t ranks, groups;
    double seconds, speedup, efficiency, idle_share;
};

/* Storing grows with the classes by their bytes alone: opening, flushing and renaming stay. */
static double storing_seconds(const struct arguments *arguments, const struct recorded_run *run,
                              int32_t count)
{
    char *path = NULL;
    struct stat found;
    double bytes = 0;
    if (run_directory_path(arguments->run, "modules.h5", &path) == STATUS_OK && stat(path, &found) == 0)
        bytes = (double)found.st_size;
    memory_free(&path);
    double rate = 1e6 * (double)arguments->disk;
    return fmax(0, run->storing - bytes / rate) + bytes / rate * count / run->class_count;
}

/* Of so many ranks the one with the most. */
static double classes_of_a_rank(int32_t classes, int32_t ranks)
{
    return (double)share_of(classes, ranks, 0).count;
}

/* What steps together cost, from what they cost the recorded run's ranks. */
static void together_fill(const struct recorded_run *run, struct workload *load)
{
    double seconds = run->together.seconds, fixed = run->together.fixed_share,
           split = run->together.split_share;
    load->together.fixed = seconds * fixed;
    load->together.split = seconds * split * run->ranks;
    load->together.by_class = (run->together.ready + seconds * fmax(0, 1 - split)) /
                              classes_of_a_rank(run->class_count, run->ranks);
}

static double together_seconds(const struct workload *load, int32_t ranks)
{
    return fmax(load->together.fixed, load->together.split / ranks) +
           load->together.by_class * classes_of_a_rank(load->count, ranks);
}

static enum status workload_fill(const struct arguments *arguments, const struct recorded_run *run,
                                 struct workload *load)
{
    load->count = arguments->classes > 0 ? arguments->classes : run->class_count;
    enum status status =
        memory_allocate(&load->costs, (size_t)load->count, sizeof(double), "costs of planned classes");
    if (status == STATUS_OK)
        status = memory_allocate(&load->rows, (size_t)load->count, sizeof(int32_t), "planned classes");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < load->count; i++) {
        load->costs[i] = run->class_seconds[i % run->timed_count];
        load->rows[i] = i;
    }
    load->before = run->before - run->before_shared;
    load->before_shared = run->before_shared * run->ranks;
    /* Classes beyond the recorded ones are asked for, and those besides are among them. */
    load->besides = load->count > run->class_count ? 0 : run->besides * run->ranks;
    together_fill(run, load);
    load->making = run->making * run->ranks * load->count / run->class_count;
    load->storing = storing_seconds(arguments, run, load->count);
    load->memory_bytes = run->memory_bytes_max;
    return class_schedule_order(load->costs, load->rows, load->count);
}

static enum status predict(const struct arguments *arguments, const struct workload *load, int32_t ranks,
                           struct prediction *prediction)
{
    struct class_simulation_result result;
    prediction->ranks = ranks;
    enum status status = class_schedule_groups(ranks, arguments->ranks_per_class, load->costs, load->rows,
                                               load->count, &prediction->groups);
    if (status != STATUS_OK)
        return status;
    const struct class_simulation simulation = {.ranks = ranks,
                                                .groups = prediction->groups,
                                                .costs = load->costs,
                                                .rows = load->rows,
                                                .count = load->count,
                                                .sharing_loss = SHARING_LOSS,
                                                .latency = ranks > 1 ? (double)arguments->latency : 0,
                                                .answer = ranks > 1 ? (double)arguments->answer : 0};
    status = class_simulation_run(&simulation, &result);
    if (status != STATUS_OK)
        return status;
    int32_t makers = ranks < load->count ? ranks : load->count;
    double sum = ranks > 1 ? 2 * ceil(log2(ranks)) * (double)arguments->latency : 0;
    prediction->seconds = load->before + load->before_shared / ranks + result.seconds + sum +
                          load->besides / ranks + load->making / makers + together_seconds(load, ranks) +
                          load->storing;
    prediction->idle_share = result.idle_share;
    return STATUS_OK;
}

/* *predictions (listed) for the caller to memory_free. */
static enum status predict_all(const struct arguments *arguments, const struct workload *load,
                               struct prediction **predictions)
{
    struct prediction alone;
    enum status status = predict(arguments, load, 1, &alone);
    if (status == STATUS_OK && !(alone.seconds > 0))
        status = error_set(STATUS_NOT_FOUND,
                           "%s: the events of its last run are all of one moment, which tells nothing of "
                           "its costs; give the directory of another run",
                           arguments->run);
    if (status == STATUS_OK)
        status = memory_allocate(predictions, (size_t)arguments->listed, sizeof **predictions, "predictions");
    for (int32_t i = 0; i < arguments->listed && status == STATUS_OK; i++) {
        struct prediction *prediction = &(*predictions)[i];
        status = predict(arguments, load, arguments->ranks[i], prediction);
        if (status != STATUS_OK)
            break;
        prediction->speedup = alone.seconds / prediction->seconds;
        prediction->efficiency = prediction->speedup / prediction->ranks;
    }
    return status;
}

/* --- saying it --- */

static json_t *plan_json(const struct arguments *arguments, const struct recorded_run *run,
                         const struct workload *load, const struct prediction *predictions)
{
    json_t *rows = json_array();
    for (int32_t i = 0; i < arguments->listed; i++) {
        const struct prediction *row = &predictions[i];
        json_array_append_new(rows,
                              json_pack("{s:i, s:i, s:f, s:f, s:f, s:f}", "ranks", (int)row->ranks, "groups",
                                        (int)row->groups, "seconds", row->seconds, "speedup", row->speedup,
                                        "efficiency", row->efficiency, "idle_share", row->idle_share));
    }
    json_t *recorded = json_pack("{s:o, s:i, s:i, s:f, s:f}", "directory", json_text(arguments->run), "ranks",
                                 (int)run->ranks, "classes", (int)run->class_count, "seconds", run->elapsed,
                                 "idle_share", run->idle_share);
    json_t *model =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "before_seconds",
                  load->before, "before_rank_seconds", load->before_shared, "besides_rank_seconds",
                  load->besides, "making_rank_seconds", load->making, "together_least_seconds",
                  load->together.fixed, "together_split_rank_seconds", load->together.split,
                  "together_class_seconds", load->together.by_class, "storing_seconds", load->storing,
                  "latency_seconds", (double)arguments->latency, "answer_seconds", (double)arguments->answer,
                  "disk_bytes_per_second", 1e6 * (double)arguments->disk, "sharing_loss", SHARING_LOSS);
    return json_pack("{s:s, s:i, s:o, s:o, s:I, s:o}", "kind", "plan", "classes", (int)load->count,
                     "recorded", recorded, "model", model, "memory_bytes_per_rank",
                     (json_int_t)load->memory_bytes, "predictions", rows);
}

static void print_plan(const struct arguments *arguments, const struct recorded_run *run,
                       const struct workload *load, const struct prediction *predictions)
{
    printf("%s: %d classes on %d ranks took %.1f s, idle %.1f %%. Predicted for %d classes:\n",
           arguments->run, (int)run->class_count, (int)run->ranks, run->elapsed, 100 * run->idle_share,
           (int)load->count);
    printf("%8s %8s %12s %9s %11s %6s\n", "ranks", "groups", "seconds", "speed-up", "efficiency", "idle");
    for (int32_t i = 0; i < arguments->listed; i++) {
        const struct prediction *row = &predictions[i];
        printf("%8d %8d %12.1f %9.1f %9.1f %% %4.1f %%\n", (int)row->ranks, (int)row->groups, row->seconds,
               row->speedup, 100 * row->efficiency, 100 * row->idle_share);
    }
    if (load->together.fixed + load->together.split + load->together.by_class > 0)
        printf("Steps of all classes together: %.1f s shared by all, at least %.1f s of it on a rank, %.1f s "
               "a class\n",
               load->together.split, load->together.fixed, load->together.by_class);
    printf(
        "Before the first class %.1f s and %.1f s shared by all ranks, storing %.1f s; memory a rank at most "
        "%.0f MB, as recorded\n",
        load->before, load->before_shared, load->storing, 1e-6 * (double)load->memory_bytes);
}

static enum status draw(const struct arguments *arguments, const struct workload *load,
                        const struct prediction *predictions)
{
    double ranks[RANKS_LISTED_MAX], efficiency[RANKS_LISTED_MAX], idle[RANKS_LISTED_MAX];
    char title[128];
    for (int32_t i = 0; i < arguments->listed; i++) {
        ranks[i] = predictions[i].ranks;
        efficiency[i] = 100 * predictions[i].efficiency;
        idle[i] = 100 * predictions[i].idle_share;
    }
    const struct plot_series series[] = {
        {"efficiency", PLOT_LINES, arguments->listed, ranks, efficiency},
        {"idle while classes are made", PLOT_LINES, arguments->listed, ranks, idle}};
    snprintf(title, sizeof title, "%d classes, predicted", (int)load->count);
    const struct plot plot = {.title = title,
                              .x_label = "ranks",
                              .y_label = "%",
                              .x_log = true,
                              .series_count = sizeof series / sizeof *series,
                              .series = series};
    return plot_write(&plot, arguments->plot);
}

/* On one rank. */
static enum status plan(void *input)
{
    const struct arguments *arguments = input;
    struct recorded_run run = {0};
    struct workload load = {0};
    struct prediction *predictions = NULL;
    enum status status = recorded_run_read(arguments->run, SHARING_LOSS, &run);
    if (status == STATUS_OK)
        status = workload_fill(arguments, &run, &load);
    if (status == STATUS_OK)
        status = predict_all(arguments, &load, &predictions);
    if (status == STATUS_OK && arguments->plot != NULL)
        status = draw(arguments, &load, predictions);
    if (status == STATUS_OK && arguments->json)
        json_print(plan_json(arguments, &run, &load, predictions));
    else if (status == STATUS_OK)
        print_plan(arguments, &run, &load, predictions);
    memory_free(&predictions);
    memory_free(&load.costs);
    memory_free(&load.rows);
    recorded_run_clear(&run);
    return status;
}

static enum status try_and_plan(struct job *job, void *input)
{
    const struct arguments *arguments = input;
    enum status status = plan_trial_make(job, &arguments->trial);
    return status == STATUS_OK && job->rank == 0 ? plan(input) : status;
}

int command_plan(int argc, char **argv)
{
    struct arguments arguments = {.latency = 1e-4F, .answer = 2e-5F, .disk = 500};
    for (int32_t ranks = 1; ranks <= 1024; ranks *= 2)
        arguments.ranks[arguments.listed++] = ranks;
    job_parse(&argp_plan, argc, argv, &arguments);
    return arguments.trial.count > 0 ? job_run(&arguments.job, try_and_plan, &arguments)
                                     : job_run_single(plan, &arguments);
}
