/* facet import-data: images with labels into a dataset file. */
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/class_names_file.h"
#include "compute/formats/dataset_file.h"
#include "compute/formats/idx.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"

struct arguments {
    const char *source, *split, *class_names, *output;
    int64_t limit;
};

enum { KEY_SPLIT = 0x100, KEY_CLASS_NAMES, KEY_LIMIT };

static const struct argp_option options[] = {
    {"split", KEY_SPLIT, "NAME", 0, "Which part of the source: train (default) or test", 0},
    {"output", 'o', "FILE", 0, "Dataset file to write", 0},
    {"class-names", KEY_CLASS_NAMES, "FILE", 0,
     "Names of the classes, one a line, in label order (default: 0, 1, …)", 0},
    {"limit", KEY_LIMIT, "N", 0, "Take only the first N images of each class", 0},
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_SPLIT:
        if (strcmp(text, "train") != 0 && strcmp(text, "test") != 0)
            argp_error(state, "--split: '%s' given, expected train or test", text);
        arguments->split = text;
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case KEY_CLASS_NAMES:
        arguments->class_names = text;
        return 0;
    case KEY_LIMIT:
        arguments->limit = parse_integer(state, "--limit", text, 1, INT32_MAX);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->source != NULL)
            argp_usage(state);
        arguments->source = text;
        return 0;
    case ARGP_KEY_END:
        parse_require(state, "SOURCE", arguments->source);
        parse_require(state, "--output", arguments->output);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse_option,
    "SOURCE",
    "Read images with labels and write them as a dataset file, sorted by class.\v"
    "SOURCE is a folder of IDX files as MNIST and Fashion-MNIST come: train-images-idx3-ubyte, "
    "train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each plain or .gz.\n\n"
    "  facet import-data /usr/share/datasets/fashion-mnist --split train -o train.h5",
    NULL,
    NULL,
    NULL};

static enum status import(void *input)
{
    const struct arguments *arguments = input;
    class_name *names = NULL;
    int32_t name_count = 0;
    struct dataset *dataset = NULL;
    enum status status = output_file_check(arguments->output);
    if (status == STATUS_OK && arguments->class_names != NULL)
        status = class_names_file_read(arguments->class_names, &names, &name_count);
    if (status == STATUS_OK)
        status = idx_read_split(arguments->source, arguments->split, (const class_name *)names, name_count,
                                &dataset);
    if (status == STATUS_OK && arguments->limit > 0)
        dataset_limit(dataset, arguments->limit);
    if (status == STATUS_OK)
        status = dataset_file_write(dataset, arguments->output);
    if (status == STATUS_OK)
        printf("%s: %lld images of %d × %d × %d in %d classes\n", arguments->output,
               (long long)dataset->image_count, (int)dataset->shape.h, (int)dataset->shape.w,
               (int)dataset->shape.c, (int)dataset->class_count);
    dataset_destroy(&dataset);
    memory_free(&names);
    return status;
}

int command_import_data(int argc, char **argv)
{
    struct arguments arguments = {.split = "train"};
    job_parse(&argp, argc, argv, &arguments);
    return job_run_single(import, &arguments);
}
