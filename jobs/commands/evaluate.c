/* facet evaluate: how often a classifier is right. */
#include <stdio.h>

#include "compute/base/output_file.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/confusion_csv.h"
#include "jobs/console.h"
#include "jobs/data_arguments.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "mpi/evaluate.h"
#include "mpi/ranks.h"

struct arguments {
    struct job_options job;
    struct data_arguments data;
    const char *classifier, *classes, *csv;
    bool json, confusion;
};

enum { KEY_DATA = 0x100, KEY_CLASSES, KEY_JSON, KEY_CONFUSION, KEY_CSV };

static const struct argp_option options[] = {
    {"data", KEY_DATA, "[NAME=]FILE", 0,
     "Dataset file with test images; given several times, their classes are joined", 0},
    {"classes", KEY_CLASSES, "LIST", 0,
     "Restrict images and answers to these labels: names or indices, as in 0-4,7 or cat,dog", 0},
    {"confusion", KEY_CONFUSION, 0, 0, "Print the confusion matrix too", 0},
    {"confusion-csv", KEY_CSV, "FILE", 0, "Write the confusion matrix into a CSV file", 0},
    {"json", KEY_JSON, 0, 0, "Print the result as JSON", 0},
    {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, classifier, "FILE"),
    PLAIN_TEXT(KEY_CLASSES, struct arguments, classes, NULL),
    PLAIN_TEXT(KEY_CSV, struct arguments, csv, NULL),
    PLAIN_FLAG(KEY_CONFUSION, struct arguments, confusion),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->job;
        return 0;
    case KEY_DATA:
        data_arguments_add(&arguments->data, state, "--data", text);
        return 0;
    case ARGP_KEY_END:
        parse_require(state, "--data", arguments->data.texts[0]);
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

static const struct argp_child children[] = {{&job_argp, 0, NULL, 0}, {0}};

const struct argp argp_evaluate = {
    options,
    parse_option,
    "FILE",
    "Measure top-1, top-5 and per-class accuracy of a network, a modules file (all its modules voting) or a "
    "composition.\v"
    "Labels and classes meet by name: the images of those classes that the classifier has labels for are "
    "judged. With several datasets a label is the class that one of them has; the label NAME/class is that "
    "class of the dataset called NAME (by default its file's name without .h5).\n\n"
    "  mpirun -n 4 facet evaluate all.h5 --data test.h5 --json\n"
    "  facet evaluate both.h5 --data animals-test.h5 --data things-test.h5 --confusion-csv both.csv",
    children,
    NULL,
    NULL};

struct evaluation {
    struct job *job;
    struct arguments *arguments;
    struct classifier *classifier;
    struct dataset_join *join;
    struct joined_run *run;
    struct judgement *judgement;
    struct run_progress progress; /* for the terminal alone: nothing is published */
    struct console console;
};

/* 0 % of no images would be a figure about nothing. */
static enum status check_images(const struct evaluation *evaluation)
{
    const struct judgement *judgement = evaluation->judgement;
    char paths[512];
    for (int32_t i = 0; i < judgement->label_count; i++)
        if (dataset_join_class_images(evaluation->join, judgement->classes[i]) > 0)
            return STATUS_OK;
    dataset_join_describe(evaluation->join, paths, sizeof paths);
    return error_set(STATUS_NOT_FOUND, "%s: no images of the classes to judge; give others", paths);
}

static enum status load(struct evaluation *evaluation)
{
    struct arguments *arguments = evaluation->arguments;
    enum status status = STATUS_OK;
    if (arguments->csv != NULL && evaluation->job->rank == 0)
        status = output_file_check(arguments->csv);
    if (status == STATUS_OK && arguments->csv != NULL)
        status = output_file_check_input(arguments->csv, arguments->classifier);
    if (status == STATUS_OK)
        status = classifier_open(arguments->classifier, &evaluation->classifier);
    if (status == STATUS_OK)
        status = dataset_join_open(arguments->data.texts, arguments->data.count, &evaluation->join);
    if (status == STATUS_OK && arguments->csv != NULL)
        status = data_arguments_check_output(evaluation->join, arguments->csv);
    if (status == STATUS_OK)
        status = judgement_create(evaluation->classifier, arguments->classifier, evaluation->join,
                                  arguments->classes, &evaluation->judgement);
    if (status == STATUS_OK)
        status = check_images(evaluation);
    if (status == STATUS_OK && (arguments->confusion || arguments->csv != NULL))
        status = judgement_keep_confusion(evaluation->judgement);
    if (status == STATUS_OK)
        status = joined_run_create(evaluation->classifier, evaluation->join, &evaluation->run);
    if (status == STATUS_OK && evaluation->job->rank == 0)
        data_arguments_tell_adapted(&evaluation->console, evaluation->join, evaluation->run,
                                    arguments->classifier);
    return status;
}

static const char *judged_label(const struct evaluation *evaluation, int32_t label)
{
    return evaluation->classifier->labels[evaluation->judgement->classifier_label[label]];
}

static json_t *confusion_json(const struct judgement *judgement)
{
    json_t *rows = json_array();
    for (int32_t truth = 0; truth < judgement->label_count; truth++) {
        json_t *row = json_array();
        for (int32_t said = 0; said < judgement->label_count; said++)
            json_array_append_new(row, json_integer(judgement_confusion(judgement, truth, said)));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void print_json(const struct evaluation *evaluation, const struct energy_cost *cost)
{
    const struct judgement *judgement = evaluation->judgement;
    const struct classifier *classifier = evaluation->classifier;
    json_t *per_class = json_object();
    for (int32_t label = 0; label < judgement->label_count; label++)
        json_object_set_new(per_class, judged_label(evaluation, label),
                            json_real(judgement_class_recall(judgement, label)));
    json_t *object = json_pack("{s:s, s:o, s:I, s:f, s:f, s:o}", "kind", classifier->kind, "file",
                               json_text(evaluation->arguments->classifier), "images",
                               (json_int_t)judgement_images(judgement), "top1", judgement_top1(judgement),
                               "top5", judgement_top5(judgement), "per_class", per_class);
    if (evaluation->arguments->confusion)
        json_object_set_new(object, "confusion", confusion_json(judgement));
    json_object_set_new(object, "multiply_adds",
                        json_integer((json_int_t)classifier_multiply_adds(classifier)));
    json_object_set_new(object, "parent_multiply_adds",
                        json_integer((json_int_t)classifier_parent_multiply_adds(classifier)));
    json_add_cost(object, cost);
    json_print(object);
}

static void print_confusion(const struct evaluation *evaluation)
{
    const struct judgement *judgement = evaluation->judgement;
    printf("\nconfusion (a row is the truth, columns are what was said, in the order above)\n");
    for (int32_t truth = 0; truth < judgement->label_count; truth++) {
        for (int32_t said = 0; said < judgement->label_count; said++)
            printf("%7lld", (long long)judgement_confusion(judgement, truth, said));
        printf("  %s\n", judged_label(evaluation, truth));
    }
}

static void print_table(const struct evaluation *evaluation, const struct energy_cost *cost)
{
    const struct judgement *judgement = evaluation->judgement;
    printf("%s (%s): %lld images, top-1 %.2f %%, top-5 %.2f %%, %.1f s\n", evaluation->arguments->classifier,
           evaluation->classifier->kind, (long long)judgement_images(judgement),
           100 * judgement_top1(judgement), 100 * judgement_top5(judgement), cost->seconds);
    for (int32_t label = 0; label < judgement->label_count; label++)
        printf("  %6.2f %%  %s\n", 100 * judgement_class_recall(judgement, label),
               judged_label(evaluation, label));
    if (evaluation->arguments->confusion)
        print_confusion(evaluation);
}

static enum status evaluate_on_ranks(struct job *job, void *input)
{
    struct evaluation evaluation = {.job = job, .arguments = input};
    struct energy_meter meter;
    energy_start(&meter);
    console_attach(&evaluation.console, job, &evaluation.progress);

    enum status status = ranks_agree(job->comm, load(&evaluation));
    if (status == STATUS_OK)
        status = evaluate_classifier(job->comm, evaluation.classifier, evaluation.run, evaluation.join,
                                     evaluation.judgement, job->stop, &evaluation.progress);
    console_close(&evaluation.console);
    if (status == STATUS_OK && evaluation.arguments->csv != NULL) {
        if (job->rank == 0)
            status =
                confusion_csv_write(evaluation.judgement, (const class_name *)evaluation.classifier->labels,
                                    evaluation.arguments->csv);
        status = ranks_agree(job->comm, status);
    }
    if (status == STATUS_OK) {
        struct energy_cost cost = energy_read(job->comm, &meter);
        if (job->rank == 0 && evaluation.arguments->json)
            print_json(&evaluation, &cost);
        else if (job->rank == 0)
            print_table(&evaluation, &cost);
    }
    judgement_destroy(&evaluation.judgement);
    joined_run_destroy(&evaluation.run);
    classifier_destroy(&evaluation.classifier);
    dataset_join_destroy(&evaluation.join);
    return status;
}

int command_evaluate(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_evaluate, argc, argv, &arguments);
    return job_run(&arguments.job, evaluate_on_ranks, &arguments);
}
