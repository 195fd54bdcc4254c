#include "compute/formats/network_file.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_graph.h"

static const char kind[] = "network";
static const char group_name[] = "network";
static const char layers_name[] = "layers";         /* (layers) layer_record */
static const char inputs_name[] = "inputs";         /* int32, the inputs of all layers one after the other */
static const char parameters_name[] = "parameters"; /* float32 */
static const char statistics_name[] = "statistics"; /* float32 */
static const char index_name[] = "parameter_index"; /* index_record */
static const char class_names_name[] = "class_names"; /* (classes) text */
static const char architecture_attribute[] = "architecture";
static const char rank_attribute[] = "output_rank";
static const char scale_attribute[] = "scaling.scale";
static const char mean_attribute[] = "scaling.mean";
static const char std_attribute[] = "scaling.std";

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

static enum status write_graph(hid_t group, const struct network *network)
{
    struct network_graph graph = {NULL, NULL, 0, 0};
    hid_t type = H5I_INVALID_HID;
    enum status status = network_graph_of(network, &graph);
    hsize_t layers = (hsize_t)graph.layer_count, inputs = (hsize_t)graph.input_count;
    if (status == STATUS_OK)
        status = layer_record_type(&type);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, layers_name, type, 1, &layers, graph.records);
    if (status == STATUS_OK)
        status = hdf5_write_array(group, inputs_name, H5T_NATIVE_INT32, 1, &inputs, graph.inputs);
    if (type >= 0)
        H5Tclose(type);
    network_graph_clear(&graph);
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
    int32_t channels = network_scaled_channels(network);
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
        status = network_values_check(group, network);
    if (status == STATUS_OK)
        status = hdf5_write_text_attribute(group, architecture_attribute, network->architecture);
    if (status == STATUS_OK)
        status = hdf5_write_int_attribute(group, rank_attribute, network->output_rank);
    if (status == STATUS_OK)
        status = write_scaling(group, network);
    if (status == STATUS_OK)
        status = hdf5_write_class_names(group, class_names_name, network->class_names, network->class_count);
    if (status == STATUS_OK)
        status = write_graph(group, network);
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

static enum status graph_read(hid_t group, struct network_graph *graph)
{
    hsize_t layers = 0, inputs = 0;
    hid_t type = H5I_INVALID_HID;
    enum status status = hdf5_array_extent(group, layers_name, 1, INT32_MAX, &layers);
    if (status == STATUS_OK)
        status = hdf5_array_extent(group, inputs_name, 1, INT32_MAX, &inputs);
    if (status == STATUS_OK)
        status = network_graph_allocate(graph, (int32_t)layers, (int32_t)inputs);
    if (status == STATUS_OK)
        status = layer_record_type(&type);
    if (status == STATUS_OK)
        status = hdf5_read_array(group, layers_name, type, 1, &layers, graph->records);
    if (status == STATUS_OK)
        status = hdf5_read_array(group, inputs_name, H5T_NATIVE_INT32, 1, &inputs, graph->inputs);
    if (type >= 0)
        H5Tclose(type);
    return status;
}

static enum status create_from_graph(hid_t group, const struct network_graph *graph, struct network **network)
{
    char architecture[LAYER_NAME_BYTES];
    enum status status =
        hdf5_read_text_attribute(group, architecture_attribute, architecture, sizeof architecture);
    return status == STATUS_OK ? network_graph_build(group, graph, architecture, network) : status;
}

static enum status finish_as_stored(hid_t group, struct network *network)
{
    hsize_t parameters = 0, statistics = 0;
    class_name *names = NULL;
    int32_t name_count = 0;
    enum status status = count_if_any(group, parameters_name, &parameters);
    if (status == STATUS_OK)
        status = count_if_any(group, statistics_name, &statistics);
    if (status == STATUS_OK)
        status = hdf5_read_class_names(group, class_names_name, &name_count, &names);
    if (status == STATUS_OK)
        status = network_graph_finish(group, network, parameters, statistics, names, name_count);
    memory_free(&names);
    return status;
}

static enum status read_output_rank(hid_t group, struct network *network)
{
    int64_t rank = 0;
    enum status status = hdf5_read_int_attribute(group, rank_attribute, 2, 4, &rank);
    if (status == STATUS_OK && network_set_output_rank(network, (int32_t)rank) != STATUS_OK)
        status =
            hdf5_refuse(STATUS_FORMAT, group, "output_rank is %d; damaged: %s", (int)rank, error_message());
    return status;
}

static enum status read_values(hid_t group, struct network *network)
{
    int32_t channels = network_scaled_channels(network);
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
    if (status == STATUS_OK && hdf5_has_attribute(group, rank_attribute))
        status = read_output_rank(group, network);
    return status == STATUS_OK ? network_values_check(group, network) : status;
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
    struct network_graph graph = {NULL, NULL, 0, 0};
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
    network_graph_clear(&graph);
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
