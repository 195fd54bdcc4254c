/* facet export: a network, modules or a composition as an ONNX file. */
#include <stdio.h>
#include <string.h>

#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "modules/composition/composition.h"
#include "modules/file/modules_file.h"
#include "modules/module_export.h"

struct arguments {
    const char *source, *output;
    bool with_scaling;
};

enum { KEY_WITH_SCALING = 0x100 };

static const struct argp_option options[] = {{"output", 'o', "FILE", 0, "ONNX file to write", 0},
                                             {"with-scaling", KEY_WITH_SCALING, NULL, 0,
                                              "Let the graph take pixels from 0 to 255 (default: images "
                                              "scaled as the network wants them; how is in the "
                                              "file's metadata)",
                                              0},
                                             {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, source, "FILE"),
    PLAIN_TEXT('o', struct arguments, output, "--output"),
    PLAIN_FLAG(KEY_WITH_SCALING, struct arguments, with_scaling),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
}

const struct argp argp_export = {
    options,
    parse_option,
    "FILE[:CLASS[=LABEL],...]",
    "Write a network, modules or a composition as one ONNX graph, for other programs.\v"
    "The graph takes \"image\" (N, C, H, W) and gives \"logits\" of a network or \"scores\" of modules, one "
    "column "
    "a label; the labels are in the file's metadata, facet.class_names, one a line. Of a modules or "
    "composition "
    "file, all classes are written or those named, as `facet compose` takes them.\n\n"
    "  facet export net.h5 -o net.onnx\n"
    "  facet export run/modules.h5:cat -o cat.onnx",
    NULL,
    NULL,
    NULL};

/* All modules of the file, or those selected. */
static enum status open_modules(const struct module_selection *selection, struct classifier **classifier)
{
    struct module_set *set = NULL, *composition = NULL;
    enum status status = modules_file_load(selection->path, NULL, &set);
    if (status == STATUS_OK)
        status = composition_create(&set, selection, 1, &composition);
    module_set_destroy(&set);
    return status == STATUS_OK ? classifier_from_modules(composition, "composition", classifier) : status;
}

static enum status open_source(const char *source, const char *output, struct classifier **classifier)
{
    struct module_selection selection = {0};
    char kind[FACET_KIND_BYTES];
    enum status status = module_selection_parse(source, &selection);
    if (status == STATUS_OK)
        status = output_file_check_input(output, selection.path);
    if (status == STATUS_OK)
        status = hdf5_kind(selection.path, kind);
    if (status == STATUS_OK && strcmp(kind, "modules") != 0 && strcmp(kind, "composition") != 0) {
        if (selection.count > 0)
            status =
                error_set(STATUS_USAGE, "%s is a %s file; only modules and compositions have single classes",
                          selection.path, kind);
        else
            status = classifier_open(selection.path, classifier);
    } else if (status == STATUS_OK) {
        status = open_modules(&selection, classifier);
    }
    module_selection_clear(&selection);
    return status;
}

static enum status export_graph(void *input)
{
    const struct arguments *arguments = input;
    struct classifier *classifier = NULL;
    enum status status = output_file_check(arguments->output);
    if (status == STATUS_OK)
        status = open_source(arguments->source, arguments->output, &classifier);
    if (status == STATUS_OK)
        status = classifier_export(classifier, arguments->with_scaling, arguments->output);
    if (status == STATUS_OK)
        printf("%s: %d labels\n", arguments->output, (int)classifier->label_count);
    classifier_destroy(&classifier);
    return status;
}

int command_export(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_export, argc, argv, &arguments);
    return job_run_single(export_graph, &arguments);
}
