#include "compute/formats/network_file.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_records.h"

static const char kind[] = "network";
static const char group_name[] = "network";
static const char layers_name[] = "layers";         /* (layers) layer_record */
static const char inputs_name[] = "inputs";         /* int32, the inputs of all layers one after the other */
static const char parameters_name[] = "parameters"; /* float32 */
static const char statistics_name[] = "statistics"; /* float32 */
static const char index_name[] = "parameter_index"; /* index_record */
static const char class_names_name[] = "class_names"; /* (classes) text */
static const char architecture_attribute[] = "architecture";
static const char scale_attribute[] = "scaling.scale";
static const char mean_attribute[] = "scaling.mean";
static const char std_attribute[] = "scaling.std";

enum { TEXT_BYTES = 512 };

/* --- values: the same is asked of what is written and of what is read --- */

static int32_t scaled_channels(const struct network *network)
{
    int32_t c = network_input_shape(network).c;
    return c < SCALING_CHANNELS_MAX ? c : SCALING_CHANNELS_MAX;
}

static enum status check_scaling(hid_t group, const struct network *network)
{
    const struct scaling *scaling = &network->scaling;
    if (!(isfinite(scaling->scale) && scaling->scale != 0))
        return hdf5_refuse(STATUS_FORMAT, group, "%s is %g; expected a finite number other than 0",
                           scale_attribute, (double)scaling->scale);
    for (int32_t c = 0; c < scaled_channels(network); c++)
        if (!isfinite(scaling->mean[c]) || !isfinite(scaling->std[c]) || scaling->std[c] <= 0)
            return hdf5_refuse(
                STATUS_FORMAT, group,
                "scaling of channel %d has mean %g and std %g; expected finite numbers and std above 0", c,
                (double)scaling->mean[c], (double)scaling->std[c]);
    return STATUS_OK;
}

static enum status check_layer_values(hid_t group, const struct network *network, const struct layer *layer)
{
    const float *parameters = network->parameters + layer->parameter_offset;
    const float *statistics = network->statistics + layer->statistic_offset;
    for (size_t i = 0; i < layer->parameter_count; i++)
        if (!isfinite(parameters[i]))
            return hdf5_refuse(
                STATUS_FORMAT, group,
                "parameter %zu of layer \"%s\" is %g; expected a finite number: did training diverge?", i,
                layer->name, (double)parameters[i]);
    for (size_t i = 0; i < layer->statistic_count; i++) {
        bool variance = i >= layer->statistic_count / 2;
        if (!isfinite(statistics[i]) || (variance && statistics[i] < 0))
            return hdf5_refuse(STATUS_FORMAT, group,
                               "a running %s of layer \"%s\" is %g; expected a finite number%s",
                               variance ? "variance" : "mean", layer->name, (double)statistics[i],
                               variance ? ", 0 or above" : "");
    }
    return STATUS_OK;
}

static enum status check_values(hid_t group, const struct network *network)
{
    enum status status = check_scaling(group, network);
    for (int32_t i = 0; i < network->layer_count && status == STATUS_OK; i++)
        status = check_layer_values(group, network, &network->layers[i]);
    return status;
}

/* --- arrays that are left out when they would be empty, which other tools (h5repack) stumble over --- */

static enum status write_if_any(hid_t group, const char *name, hid_t type, size_t count, const void *data)
{
    hsize_t extent = (hsize_t)count;
    return count == 0 ? STATUS_OK : hdf5_write_array(group, name, type, 1, &extent, data);
}

static enum status count_if_any(hid_t group, const char *name, hsize_t *count)
{
    *count = 0;
    return H5Lexists(group, name, H5P_DEFAULT) == 0 ? STATUS_OK
                                                    : hdf5_array_extent(group, name, 1, INT64_MAX, count);
}

static enum status read_if_any(hid_t group, const char *name, hid_t type, size_t count, void *data)
{
    hsize_t extent = (hsize_t)count;
    return count == 0 ? STATUS_OK : hdf5_read_array(group, name, type, 1, &extent, data);
}

/* --- writing --- */

static enum status write_layers(hid_t group, const struct network *network)
{
    struct layer_record *records = NULL;
    hid_t type = H5I_INVALID_HID;
    hsize_t count = (hsize_t)network->layer_count;
    int32_t first_input = 0;
    enum status status = memory_allocate(&records, (size_t)count, sizeof *records, "the layers of a network");
    if (status == STATUS_OK)
        status = layer_record_type(&type);
    for (int32_t i = 0; status == STATUS_OK && i < network->layer_count; i++) {
        records[i] = layer_record_of(network, i, first_input);
        first_input += network->layers[i].input_count;
    }
    if (status == STATUS_OK)
        status = hdf5_write_array(group, layers_name, type, 1, &count, records);
    if (type >= 0)
        H5Tclose(type);
    memory_free(&records);
    return status;
}

static enum status write_inputs(hid_t group, const struct network *network)
{
    int32_t *inputs = NULL;
    hsize_t count = 0;
    size_t used = 0;
    for (int32_t i = 0; i < network->layer_count; i++)
        count += (hsize_t)network->layers[i].input_count;
    enum status status = memory_allocate(&inputs, (size_t)count, sizeof *inputs, "the graph of a network");
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 1; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        memcpy(inputs + used, layer->inputs, (size_t)layer->input_count * sizeof *inputs);
        used += (size_t)layer->input_count;
    }
    status = hdf5_write_array(group, inputs_name, H5T_NATIVE_INT32, 1, &count, inputs);
    memory_free(&inputs);
    return status;
}

static enum status write_index(hid_t group, const struct network *network)
{
    struct index_record *records = NULL;
    size_t rows = 0;
    hid_t type = H5I_INVALID_HID;
    enum status status = index_records_of(network, &records, &rows);
    if (status == STATUS_OK)
        status = index_record_type(&type);
    if (status == STATUS_OK)
        status = write_if_any(group, index_name, type, rows, records);
    if (type >= 0)
        H5Tclose(type);
    memory_free(&records);
    return status;
}

static enum status write_scaling(hid_t group, const struct network *network)
{
    int32_t channels = scaled_channels(network);
    enum status status = hdf5_write_float_attribute(group, scale_attribute, network->scaling.scale);
    if (status == STATUS_OK)
        status = hdf5_write_floats_attribute(group, mean_attribute, network->scaling.mean, channels);
    if (status == STATUS_OK)
        status = hdf5_write_floats_attribute(group, std_attribute, network->scaling.std, channels);
    return status;
}

enum status network_group_write(hid_t parent, const char *name, const struct network *network)
{
    hid_t group = H5I_INVALID_HID;
    if (network->class_names == NULL)
        return error_set(STATUS_USAGE, "network \"%s\" is not finished; finish it before writing",
                         network->architecture);
    enum status status = hdf5_create_group(parent, name, &group);
    if (status == STATUS_OK)
        status = check_values(group, network);
    if (status == STATUS_OK)
        status = hdf5_write_text_attribute(group, architecture_attribute, network->architecture);
    if (status == STATUS_OK)
        status = write_scaling(group, network);
    if (status == STATUS_OK)
        status = hdf5_write_class_names(group, class_names_name, network->class_names, network->class_count);
    if (status == STATUS_OK)
        status = write_layers(group, network);
    if (status == STATUS_OK)
        status = write_inputs(group, network);
    if (status == STATUS_OK)
        status = write_index(group, network);
    if (status == STATUS_OK)
        status = write_if_any(group, parameters_name, H5T_NATIVE_FLOAT, network->parameter_count,
                              network->parameters);
    if (status == STATUS_OK)
        status = write_if_any(group, statistics_name, H5T_NATIVE_FLOAT, network->statistic_count,
                              network->statistics);
    if (group >= 0)
        H5Gclose(group);
    return status;
}

static enum status write_content(hid_t file, const void *network)
{
    return network_group_write(file, group_name, network);
}

enum status network_file_write(const struct network *network, const char *path)
{
    return hdf5_save(path, kind, write_content, network);
}

/* --- reading --- */

/* The rows of "layers" and the entries of "inputs" as they stand in the file. */
struct graph {
    struct layer_record *records;
    int32_t *inputs;
    int32_t layer_count, input_count;
};

static void graph_clear(struct graph *graph)
{
    memory_free(&graph->records);
    memory_free(&graph->inputs);
}

static enum status graph_read(hid_t group, struct graph *graph)
{
    hsize_t layers = 0, inputs = 0;
    hid_t type = H5I_INVALID_HID;
    enum status status = hdf5_array_extent(group, layers_name, 1, INT32_MAX, &layers);
    if (status == STATUS_OK)
        status = hdf5_array_extent(group, inputs_name, 1, INT32_MAX, &inputs);
    if (status == STATUS_OK)
        status = memory_allocate(&graph->records, (size_t)layers, sizeof *graph->records,
                                 "the layers of a network");
    if (status == STATUS_OK)
        status =
            memory_allocate(&graph->inputs, (size_t)inputs, sizeof *graph->inputs, "the graph of a network");
    if (status == STATUS_OK)
        status = layer_record_type(&type);
    if (status == STATUS_OK)
        status = hdf5_read_array(group, layers_name, type, 1, &layers, graph->records);
    if (status == STATUS_OK)
        status = hdf5_read_array(group, inputs_name, H5T_NATIVE_INT32, 1, &inputs, graph->inputs);
    if (type >= 0)
        H5Tclose(type);
    graph->layer_count = (int32_t)layers;
    graph->input_count = (int32_t)inputs;
    return status;
}

/* A network's own complaint about what a file asks for: the file is to blame, unless memory is. */
static enum status blame_file(enum status status, hid_t group)
{
    char where[TEXT_BYTES];
    if (status == STATUS_OK)
        return status;
    hdf5_where(group, where, sizeof where);
    return error_prefix(status == STATUS_NO_MEMORY ? status : STATUS_FORMAT, "%s: ", where);
}

/* What network_add_layer cannot see: text without an end, flags that are neither 0 nor 1, inputs outside
 * their array. */
static enum status check_record(hid_t group, const struct graph *graph, int32_t row, int32_t first_input)
{
    const struct layer_record *record = &graph->records[row];
    if (memchr(record->kind, '\0', sizeof record->kind) == NULL ||
        memchr(record->name, '\0', sizeof record->name) == NULL)
        return hdf5_refuse(STATUS_FORMAT, group, "kind or name of layer %d has no end; damaged", row);
    if (record->bias > 1 || record->ceil_mode > 1 || record->count_padding > 1)
        return hdf5_refuse(STATUS_FORMAT, group, "layer \"%s\" has a flag other than 0 and 1; damaged",
                           record->name);
    if (record->first_input != first_input || record->input_count < 0 ||
        record->input_count > graph->input_count - first_input)
        return hdf5_refuse(
            STATUS_FORMAT, group,
            "layer \"%s\" has inputs %d and the %d after it; expected them from %d on, within %d",
            record->name, record->first_input, record->input_count, first_input, graph->input_count);
    return STATUS_OK;
}

/* What was inferred anew is what was written. */
static enum status check_inferred(hid_t group, const struct layer *layer, const struct layer_record *record)
{
    if (layer->shape.h != record->h || layer->shape.w != record->w || layer->shape.c != record->c)
        return hdf5_refuse(STATUS_FORMAT, group,
                           "layer \"%s\" claims an output of %d×%d×%d; it gives %d×%d×%d", layer->name,
                           record->h, record->w, record->c, layer->shape.h, layer->shape.w, layer->shape.c);
    if (record->parameter_count != (int64_t)layer->parameter_count ||
        record->statistic_count != (int64_t)layer->statistic_count)
        return hdf5_refuse(STATUS_FORMAT, group,
                           "layer \"%s\" claims %lld parameters and %lld statistics; it has %zu and %zu",
                           layer->name, (long long)record->parameter_count,
                           (long long)record->statistic_count, layer->parameter_count,
                           layer->statistic_count);
    return STATUS_OK;
}

static enum status add_recorded_layer(hid_t group, const struct graph *graph, int32_t row,
                                      int32_t first_input, struct network *network)
{
    const struct layer_record *record = &graph->records[row];
    enum status status = check_record(group, graph, row, first_input);
    if (status != STATUS_OK)
        return status;
    enum layer_kind layer_kind = layer_kind_from_name(record->kind);
    if (layer_kind == LAYER_KIND_COUNT)
        return hdf5_refuse(STATUS_FORMAT, group,
                           "layer \"%s\" is of an unknown kind; damaged, or written by a newer Facet",
                           record->name);
    struct layer_options options = layer_record_options(record);
    int32_t index;
    status = network_add_layer(network, layer_kind, record->name, &options, graph->inputs + first_input,
                               record->input_count, &index);
    if (status != STATUS_OK)
        return blame_file(status, group);
    return check_inferred(group, &network->layers[index], record);
}

/* Whether the first row is an input layer's; there are rows, and the first has passed check_record. */
static bool begins_with_input(const struct graph *graph)
{
    const struct layer_record *input = &graph->records[0];
    return layer_kind_from_name(input->kind) == LAYER_INPUT && strcmp(input->name, "input") == 0 &&
           input->input_count == 0;
}

static enum status create_from_graph(hid_t group, const struct graph *graph, struct network **network)
{
    char architecture[LAYER_NAME_BYTES];
    const struct layer_record *input = graph->records;
    enum status status =
        hdf5_read_text_attribute(group, architecture_attribute, architecture, sizeof architecture);
    if (status == STATUS_OK && graph->layer_count < 1)
        status = hdf5_refuse(STATUS_FORMAT, group, "has no layers; damaged");
    if (status == STATUS_OK)
        status = check_record(group, graph, 0, 0);
    if (status == STATUS_OK && !begins_with_input(graph))
        status = hdf5_refuse(STATUS_FORMAT, group, "layer 0 is not the input layer; damaged");
    if (status == STATUS_OK)
        status = blame_file(
            network_create(architecture, (struct shape){input->h, input->w, input->c}, network), group);
    if (status == STATUS_OK)
        status = check_inferred(group, &(*network)->layers[0], input);
    int32_t first_input = 0;
    for (int32_t i = 1; status == STATUS_OK && i < graph->layer_count; i++) {
        status = add_recorded_layer(group, graph, i, first_input, *network);
        first_input += graph->records[i].input_count;
    }
    if (status == STATUS_OK && first_input != graph->input_count)
        status = hdf5_refuse(STATUS_FORMAT, group, "has %d layer inputs; its layers use %d",
                             graph->input_count, first_input);
    return status;
}

/* Compares counts before network_finish allocates by them. */
static enum status finish_as_stored(hid_t group, struct network *network)
{
    hsize_t parameters = 0, statistics = 0;
    class_name *names = NULL;
    int32_t name_count = 0;
    int32_t outputs = network->layers[network->layer_count - 1].shape.c;
    enum status status = count_if_any(group, parameters_name, &parameters);
    if (status == STATUS_OK)
        status = count_if_any(group, statistics_name, &statistics);
    if (status == STATUS_OK &&
        (parameters != network->parameter_count || statistics != network->statistic_count))
        status = hdf5_refuse(STATUS_FORMAT, group,
                             "has %llu parameters and %llu statistics; its layers need %zu and %zu",
                             (unsigned long long)parameters, (unsigned long long)statistics,
                             network->parameter_count, network->statistic_count);
    if (status == STATUS_OK)
        status = hdf5_read_class_names(group, class_names_name, &name_count, &names);
    if (status == STATUS_OK && name_count != outputs)
        status = hdf5_refuse(STATUS_FORMAT, group, "has %d class names; its last layer has %d outputs",
                             name_count, outputs);
    if (status == STATUS_OK)
        status = blame_file(network_finish(network), group);
    if (status == STATUS_OK)
        status = blame_file(network_set_class_names(network, names, name_count), group);
    memory_free(&names);
    return status;
}

static enum status read_values(hid_t group, struct network *network)
{
    int32_t channels = scaled_channels(network);
    enum status status =
        read_if_any(group, parameters_name, H5T_NATIVE_FLOAT, network->parameter_count, network->parameters);
    if (status == STATUS_OK)
        status = read_if_any(group, statistics_name, H5T_NATIVE_FLOAT, network->statistic_count,
                             network->statistics);
    if (status == STATUS_OK)
        status = hdf5_read_float_attribute(group, scale_attribute, &network->scaling.scale);
    if (status == STATUS_OK)
        status = hdf5_read_floats_attribute(group, mean_attribute, network->scaling.mean, channels);
    if (status == STATUS_OK)
        status = hdf5_read_floats_attribute(group, std_attribute, network->scaling.std, channels);
    return status == STATUS_OK ? check_values(group, network) : status;
}

static bool index_rows_equal(const struct index_record *a, const struct index_record *b)
{
    return a->layer == b->layer && strncmp(a->role, b->role, sizeof a->role) == 0 && a->offset == b->offset &&
           a->rank == b->rank && memcmp(a->extents, b->extents, sizeof a->extents) == 0;
}

/* The index is for other readers; Facet needs it not, but a file whose index lies is damaged. */
static enum status check_index(hid_t group, const struct network *network)
{
    struct index_record *expected = NULL, *found = NULL;
    size_t rows = 0;
    hid_t type = H5I_INVALID_HID;
    enum status status = index_records_of(network, &expected, &rows);
    if (status == STATUS_OK)
        status = memory_allocate(&found, rows, sizeof *found, "the parameter index");
    if (status == STATUS_OK)
        status = index_record_type(&type);
    if (status == STATUS_OK)
        status = read_if_any(group, index_name, type, rows, found);
    for (size_t i = 0; status == STATUS_OK && i < rows; i++)
        if (!index_rows_equal(&found[i], &expected[i]))
            status = hdf5_refuse(STATUS_FORMAT, group,
                                 "row %zu of %s is not where the %s of layer \"%s\" lies; damaged", i,
                                 index_name, expected[i].role, network->layers[expected[i].layer].name);
    if (type >= 0)
        H5Tclose(type);
    memory_free(&found);
    memory_free(&expected);
    return status;
}

enum status network_group_read(hid_t parent, const char *name, struct network **network)
{
    hid_t group;
    struct graph graph = {NULL, NULL, 0, 0};
    *network = NULL;
    enum status status = hdf5_open_group(parent, name, &group);
    if (status != STATUS_OK)
        return status;
    status = graph_read(group, &graph);
    if (status == STATUS_OK)
        status = create_from_graph(group, &graph, network);
    if (status == STATUS_OK)
        status = finish_as_stored(group, *network);
    if (status == STATUS_OK)
        status = read_values(group, *network);
    if (status == STATUS_OK)
        status = check_index(group, *network);
    if (status != STATUS_OK)
        network_destroy(network);
    graph_clear(&graph);
    H5Gclose(group);
    return status;
}

enum status network_file_read(const char *path, struct network **network)
{
    hid_t file;
    *network = NULL;
    enum status status = hdf5_open(path, kind, H5P_DEFAULT, &file, NULL);
    if (status != STATUS_OK)
        return status;
    status = network_group_read(file, group_name, network);
    H5Fclose(file); /* read only: nothing is lost if that fails */
    return status;
}
