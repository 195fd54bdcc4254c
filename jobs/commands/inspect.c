/* facet inspect: what a Facet file holds. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "compute/formats/dataset_file.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "jobs/commands/commands.h"
#include "jobs/job.h"
#include "jobs/json_output.h"
#include "modules/modules_file.h"

struct arguments {
    const char *file;
    bool json;
};

enum { KEY_JSON = 0x100 };

static const struct argp_option options[] = {{"json", KEY_JSON, 0, 0, "Print as JSON", 0}, {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->file != NULL)
            argp_usage(state);
        arguments->file = text;
        return 0;
    case ARGP_KEY_END:
        parse_require(state, "FILE", arguments->file);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
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

static json_t *shape_json(struct shape shape)
{
    return json_pack("[i, i, i]", (int)shape.h, (int)shape.w, (int)shape.c);
}

static json_t *names_json(const class_name *names, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *floats_json(const float *values, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)values[i]));
    return list;
}

static json_t *dataset_json(const struct dataset *dataset)
{
    json_t *classes = json_object();
    for (int32_t c = 0; c < dataset->class_count; c++)
        json_object_set_new(classes, dataset->class_names[c],
                            json_integer(dataset->class_start[c + 1] - dataset->class_start[c]));
    return json_pack("{s:I, s:o, s:o}", "images", (json_int_t)dataset->image_count, "shape",
                     shape_json(dataset->shape), "images_per_class", classes);
}

static json_t *layers_json(const struct network *network)
{
    json_t *layers = json_array();
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        json_array_append_new(layers,
                              json_pack("{s:s, s:s, s:o, s:I, s:I}", "name", layer->name, "kind",
                                        layer_kind_name(layer->kind), "shape", shape_json(layer->shape),
                                        "parameters", (json_int_t)layer->parameter_count, "multiply_adds",
                                        (json_int_t)layer_multiply_adds(network, i)));
    }
    return layers;
}

static json_t *network_json(const struct network *network)
{
    struct shape input = network_input_shape(network);
    json_t *scaling = json_pack("{s:f, s:o, s:o}", "scale", (double)network->scaling.scale, "mean",
                                floats_json(network->scaling.mean, input.c), "std",
                                floats_json(network->scaling.std, input.c));
    return json_pack("{s:s, s:o, s:I, s:I, s:o, s:o, s:o}", "architecture", network->architecture, "input",
                     shape_json(input), "parameters", (json_int_t)network->parameter_count, "multiply_adds",
                     (json_int_t)network_multiply_adds(network), "scaling", scaling, "classes",
                     names_json((const class_name *)network->class_names, network->class_count), "layers",
                     layers_json(network));
}

static enum status module_json(const struct module_set *set, const struct module *module, json_t **object)
{
    struct unit_layout *layout = NULL;
    enum status status = unit_layout_create(set->parents[module->parent], &layout);
    if (status != STATUS_OK)
        return status;
    *object = json_pack("{s:s, s:s, s:i, s:f, s:f, s:i, s:i, s:f, s:f}", "label", module->label, "class",
                        module->class_name, "parent", (int)module->parent, "units_kept",
                        (double)module->kept.units / (double)layout->unit_count, "channels_kept",
                        (double)module->kept.channels / (double)layout->channel_count, "positive_images",
                        (int)module->positive_images, "negative_images", (int)module->negative_images,
                        "scale", (double)module->scale, "offset", (double)module->offset);
    unit_layout_destroy(&layout);
    return STATUS_OK;
}

static enum status modules_json(const struct module_set *set, json_t **object)
{
    json_t *parents = json_array(), *modules = json_array();
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < set->parent_count; i++)
        json_array_append_new(parents, network_json(set->parents[i]));
    for (int32_t i = 0; i < set->module_count && status == STATUS_OK; i++) {
        json_t *module = NULL;
        status = module_json(set, &set->modules[i], &module);
        if (status == STATUS_OK)
            json_array_append_new(modules, module);
    }
    *object = json_pack("{s:o, s:o}", "modules", modules, "parents", parents);
    return status;
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

static void print_network(const struct network *network)
{
    struct shape input = network_input_shape(network);
    printf("%s: images of %d × %d × %d, %zu parameters, %.2f million multiply-adds an image\n",
           network->architecture, (int)input.h, (int)input.w, (int)input.c, network->parameter_count,
           1e-6 * (double)network_multiply_adds(network));
    printf("  scaling: pixels × %g", (double)network->scaling.scale);
    for (int32_t c = 0; c < input.c; c++)
        printf(", channel %d: mean %g, deviation %g", (int)c, (double)network->scaling.mean[c],
               (double)network->scaling.std[c]);
    printf("\n  classes:");
    for (int32_t c = 0; c < network->class_count; c++)
        printf("%s %s", c > 0 ? "," : "", network->class_names[c]);
    putchar('\n');
}

static void print_layers(const struct network *network)
{
    printf("  %-24s %-15s %14s %12s %14s\n", "layer", "kind", "output", "parameters", "multiply-adds");
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        char shape[48];
        snprintf(shape, sizeof shape, "%dx%dx%d", (int)layer->shape.h, (int)layer->shape.w,
                 (int)layer->shape.c);
        printf("  %-24s %-15s %14s %12zu %14llu\n", layer->name, layer_kind_name(layer->kind), shape,
               layer->parameter_count, (unsigned long long)layer_multiply_adds(network, i));
    }
}

static enum status print_modules(const struct module_set *set)
{
    for (int32_t i = 0; i < set->parent_count; i++) {
        printf("network #%d: ", (int)i);
        print_network(set->parents[i]);
    }
    printf("  %-24s %-24s %8s %9s %9s\n", "label", "class", "network", "units", "channels");
    for (int32_t i = 0; i < set->module_count; i++) {
        const struct module *module = &set->modules[i];
        struct unit_layout *layout = NULL;
        enum status status = unit_layout_create(set->parents[module->parent], &layout);
        if (status != STATUS_OK)
            return status;
        printf("  %-24s %-24s %8d %7.2f %% %7.2f %%\n", module->label, module->class_name,
               (int)module->parent, 100 * (double)module->kept.units / (double)layout->unit_count,
               100 * (double)module->kept.channels / (double)layout->channel_count);
        unit_layout_destroy(&layout);
    }
    return STATUS_OK;
}

/* --- each kind of file --- */

static enum status inspect_dataset(const char *path, json_t **object)
{
    struct dataset *dataset = NULL;
    enum status status = dataset_file_open(path, &dataset);
    if (status == STATUS_OK && object != NULL)
        *object = dataset_json(dataset);
    else if (status == STATUS_OK)
        print_dataset(dataset);
    dataset_destroy(&dataset);
    return status;
}

static enum status inspect_network(const char *path, json_t **object)
{
    struct network *network = NULL;
    enum status status = network_file_read(path, &network);
    if (status == STATUS_OK && object != NULL) {
        *object = network_json(network);
    } else if (status == STATUS_OK) {
        print_network(network);
        print_layers(network);
    }
    network_destroy(&network);
    return status;
}

static enum status inspect_modules(const char *path, json_t **object)
{
    struct module_set *set = NULL;
    enum status status = modules_file_load(path, NULL, &set);
    if (status == STATUS_OK && object != NULL)
        status = modules_json(set, object);
    else if (status == STATUS_OK)
        status = print_modules(set);
    module_set_destroy(&set);
    return status;
}

static const struct {
    const char *kind;
    enum status (*inspect)(const char *path, json_t **object); /* object NULL: print text */
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
        if (!arguments->json)
            printf("%s (%s): ", arguments->file, kind);
        status = kinds[i].inspect(arguments->file, arguments->json ? &object : NULL);
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
