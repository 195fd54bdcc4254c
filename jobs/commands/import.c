/* facet import: a network trained elsewhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/class_names_file.h"
#include "compute/formats/keras/keras_import.h"
#include "compute/formats/network_file.h"
#include "compute/formats/onnx/onnx_import.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"

/* Numbers of an option, one a channel. */
struct channel_numbers {
    int32_t count; /* 0: the option was not given */
    float numbers[SCALING_CHANNELS_MAX];
};

struct arguments {
    const char *source, *output, *class_names;
    float scale; /* 0: not given */
    struct channel_numbers mean, std;
};

enum { KEY_SCALE = 0x100, KEY_MEAN, KEY_STD, KEY_CLASS_NAMES };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Network file to write", 0},
    {"scale", KEY_SCALE, "S", 0, "Pixels are multiplied by S (default: 1/255), written 0.00392 or 1/255", 0},
    {"mean", KEY_MEAN, "A,B,...", 0, "... then these are subtracted, one a channel (default: 0)", 0},
    {"std", KEY_STD, "A,B,...", 0, "... and divided by these (default: 1)", 0},
    {"class-names", KEY_CLASS_NAMES, "FILE", 0,
     "Names of the classes, one a line, in the order of the outputs (default: 0, 1, …)", 0},
    {0}};

/* A finite number, or a quotient of two ("1/255"). */
static float parse_scale(struct argp_state *state, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && *end == '/') {
        const char *divisor = end + 1;
        value /= strtod(divisor, &end);
        if (end == divisor)
            value = NAN;
    }
    if (end == text || *end != '\0' || !isfinite((float)value) || (float)value <= 0)
        argp_error(state, "--scale: '%s' given, expected a number above 0, or a quotient like 1/255", text);
    return (float)value;
}

static void parse_numbers(struct argp_state *state, const char *option, const char *text, bool positive,
                          struct channel_numbers *list)
{
    const char *at = text;
    list->count = 0;
    for (;;) {
        char *end;
        float value = strtof(at, &end);
        if (end == at || (*end != ',' && *end != '\0') || !isfinite(value) || (positive && value <= 0) ||
            list->count == SCALING_CHANNELS_MAX)
            argp_error(state, "%s: '%s' given, expected up to %d numbers%s with commas between", option, text,
                       (int)SCALING_CHANNELS_MAX, positive ? " above 0" : "");
        list->numbers[list->count++] = value;
        if (*end == '\0')
            return;
        at = end + 1;
    }
}

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, source, "NETWORK"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
    PLAIN_TEXT(KEY_CLASS_NAMES, struct arguments, class_names, NULL),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_SCALE:
        arguments->scale = parse_scale(state, text);
        return 0;
    case KEY_MEAN:
        parse_numbers(state, "--mean", text, false, &arguments->mean);
        return 0;
    case KEY_STD:
        parse_numbers(state, "--std", text, true, &arguments->std);
        return 0;
    default:
        return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
    }
}

const struct argp argp_import = {
    options,
    parse_option,
    "NETWORK",
    "Read a network trained elsewhere and write it as a network file.\v"
    "NETWORK is an ONNX file (NAME.onnx), as PyTorch and most others export them, or a Keras model "
    "(NAME.h5), "
    "as model.save of Keras 2 writes it. The file does not say what its pixels are: give the scaling it was "
    "trained with. A softmax at the end of a Keras model is left out: Facet's networks give logits, which "
    "rank "
    "classes alike.\n\n"
    "  facet import resnet20.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 -o resnet20.h5",
    NULL,
    NULL,
    NULL};

/* --- kinds of files --- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Nodes that cannot be imported are a line each on stderr; the error that follows names the first alone. */
static enum status import_onnx(const char *path, struct network **network)
{
    char *problems;
    enum status status = onnx_import(path, network, &problems);
    if (problems != NULL && strchr(problems, '\n') != NULL)
        fprintf(stderr, "%s\n", problems);
    memory_free(&problems);
    return status;
}

struct source_kind {
    const char *ending;
    enum status (*import)(const char *path, struct network **network);
};

static const struct source_kind source_kinds[] = {
    {".onnx", import_onnx},
    {".h5", keras_import},
    {".hdf5", keras_import},
};
enum { SOURCE_KINDS = sizeof source_kinds / sizeof *source_kinds };

static enum status import_source(const char *path, struct network **network)
{
    for (int i = 0; i < SOURCE_KINDS; i++)
        if (ends_with(path, source_kinds[i].ending))
            return source_kinds[i].import(path, network);
    error_set(
        STATUS_USAGE,
        "%s: which kind of file is this? Networks are read from ONNX files named *.onnx and Keras files "
        "named *.h5 or *.hdf5",
        path);
    return STATUS_USAGE;
}

/* --- what the file does not say --- */

static enum status set_numbers(const struct channel_numbers *list, const char *option,
                               const struct network *network, float *numbers)
{
    int32_t channels = network_input_shape(network).c;
    if (list->count == 0)
        return STATUS_OK;
    if (list->count != channels && list->count != 1)
        return error_set(STATUS_USAGE, "%s: %d numbers given; the network's images have %d channels", option,
                         (int)list->count, (int)channels);
    for (int32_t c = 0; c < channels && c < SCALING_CHANNELS_MAX; c++)
        numbers[c] = list->numbers[list->count == 1 ? 0 : c];
    return STATUS_OK;
}

static enum status set_scaling(const struct arguments *arguments, struct network *network)
{
    if (arguments->scale > 0)
        network->scaling.scale = arguments->scale;
    enum status status = set_numbers(&arguments->mean, "--mean", network, network->scaling.mean);
    return status == STATUS_OK ? set_numbers(&arguments->std, "--std", network, network->scaling.std)
                               : status;
}

static enum status set_class_names(const struct arguments *arguments, struct network *network)
{
    class_name *names = NULL;
    int32_t count = 0;
    if (arguments->class_names == NULL)
        return STATUS_OK;
    enum status status = class_names_file_read(arguments->class_names, &names, &count);
    if (status == STATUS_OK)
        status = network_set_class_names(network, (const class_name *)names, count);
    memory_free(&names);
    return status;
}

static enum status import(void *input)
{
    const struct arguments *arguments = input;
    struct network *network = NULL;
    enum status status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = output_file_check_input(arguments->output, arguments->source);
    if (status == STATUS_OK)
        status = import_source(arguments->source, &network);
    if (status == STATUS_OK)
        status = set_scaling(arguments, network);
    if (status == STATUS_OK)
        status = set_class_names(arguments, network);
    if (status == STATUS_OK)
        status = network_file_write(network, arguments->output);
    if (status == STATUS_OK) {
        struct shape shape = network_input_shape(network);
        printf("%s: %d layers, %zu parameters; images of %d × %d × %d, %d classes\n", arguments->output,
               (int)network->layer_count, network->parameter_count, (int)shape.h, (int)shape.w, (int)shape.c,
               (int)network->class_count);
    }
    network_destroy(&network);
    return status;
}

int command_import(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_import, argc, argv, &arguments);
    return job_run_single(import, &arguments);
}
