/* facet inspect: what a Facet file holds. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "compute/formats/dataset_file.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "jobs/command_line.h"
#include "jobs/commands/commands.h"
#include "jobs/inspect_modules.h"
#include "jobs/inspect_network.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "modules/file/modules_file.h"

struct arguments {
    const char *file;
    bool json;
};

enum { KEY_JSON = 0x100 };

static const struct argp_option options[] = {{"json", KEY_JSON, 0, 0, "Print as JSON", 0}, {0}};

static const struct plain_option plain[] = {
    PLAIN_TEXT(ARGP_KEY_ARG, struct arguments, file, "FILE"),
    PLAIN_FLAG(KEY_JSON, struct arguments, json),
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    return plain_options_parse(plain, sizeof plain / sizeof *plain, key, text, state);
}

const struct argp argp_inspect = {options,
                                  parse_option,
                                  "FILE",
                                  "Show what a Facet file (dataset, network, modules, composition) holds.\v"
                                  "The files are HDF5: h5dump and h5py read them too.",
                                  NULL,
                                  NULL,
                                  NULL};

/* --- as JSON --- */

static json_t *dataset_json(const struct dataset *dataset)
{
    json_t *classes = json_object();
    for (int32_t c = 0; c < dataset->class_count; c++)
        json_object_set_new(classes, dataset->class_names[c],
                            json_integer(dataset->class_start[c + 1] - dataset->class_start[c]));
    return json_pack("{s:I, s:o, s:o}", "images", (json_int_t)dataset->image_count, "shape",
                     inspect_shape_json(dataset->shape), "images_per_class", classes);
}

/* --- as text --- */

static void print_dataset(const struct dataset *dataset)
{
    printf("%lld images of %d × %d × %d in %d classes\n", (long long)dataset->image_count,
           (int)dataset->shape.h, (int)dataset->shape.w, (int)dataset->shape.c, (int)dataset->class_count);
    for (int32_t c = 0; c < dataset->class_count; c++)
        printf("  %8lld  %s\n", (long long)(dataset->class_start[c + 1] - dataset->class_start[c]),
               dataset->class_names[c]);
}

/* --- each kind of file --- */

/* What the text begins with, once the file is read. */
static void print_head(const char *path, const char *kind)
{
    printf("%s (%s): ", path, kind);
}

static enum status inspect_dataset(const char *path, const char *kind, json_t **object)
{
    struct dataset *dataset = NULL;
    enum status status = dataset_file_open(path, &dataset);
    if (status == STATUS_OK && object != NULL) {
        *object = dataset_json(dataset);
    } else if (status == STATUS_OK) {
        print_head(path, kind);
        print_dataset(dataset);
    }
    dataset_destroy(&dataset);
    return status;
}

static enum status inspect_network(const char *path, const char *kind, json_t **object)
{
    struct network *network = NULL;
    enum status status = network_file_read(path, &network);
    if (status == STATUS_OK && object != NULL) {
        *object = inspect_network_json(network);
    } else if (status == STATUS_OK) {
        print_head(path, kind);
        inspect_network_print(network);
        inspect_layers_print(network);
    }
    network_destroy(&network);
    return status;
}

static enum status inspect_modules(const char *path, const char *kind, json_t **object)
{
    struct module_set *set = NULL;
    enum status status = modules_file_load(path, NULL, &set);
    if (status == STATUS_OK && object != NULL) {
        status = inspect_modules_json(set, object);
    } else if (status == STATUS_OK) {
        print_head(path, kind);
        status = inspect_modules_print(set);
    }
    module_set_destroy(&set);
    return status;
}

static const struct {
    const char *kind;
    enum status (*inspect)(const char *path, const char *kind, json_t **object); /* object NULL: print text */
} kinds[] = {{"dataset", inspect_dataset},
             {"network", inspect_network},
             {"modules", inspect_modules},
             {"composition", inspect_modules}};

static enum status inspect(void *input)
{
    const struct arguments *arguments = input;
    char kind[FACET_KIND_BYTES];
    enum status status = hdf5_kind(arguments->file, kind);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        json_t *object = NULL;
        if (strcmp(kinds[i].kind, kind) != 0)
            continue;
        status = kinds[i].inspect(arguments->file, kind, arguments->json ? &object : NULL);
        if (status == STATUS_OK && arguments->json) {
            json_object_set_new(object, "kind", json_string(kind));
            json_print(object);
        } else {
            json_decref(object);
        }
        return status;
    }
    return error_set(STATUS_FORMAT, "%s: a %s file, expected a dataset, network, modules or composition file",
                     arguments->file, kind);
}

int command_inspect(int argc, char **argv)
{
    struct arguments arguments = {0};
    job_parse(&argp_inspect, argc, argv, &arguments);
    return job_run_single(inspect, &arguments);
}
