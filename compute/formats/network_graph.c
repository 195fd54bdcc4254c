#include "compute/formats/network_graph.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_error.h"

enum { TEXT_BYTES = 512 };

enum status network_graph_allocate(struct network_graph *graph, int32_t layer_count, int32_t input_count)
{
    *graph = (struct network_graph){.layer_count = layer_count, .input_count = input_count};
    enum status status = memory_allocate(&graph->records, (size_t)layer_count, sizeof *graph->records,
                                         "the layers of a network");
    if (status == STATUS_OK)
        status = memory_allocate(&graph->inputs, (size_t)input_count, sizeof *graph->inputs,
                                 "the graph of a network");
    return status;
}

void network_graph_clear(struct network_graph *graph)
{
    memory_free(&graph->records);
    memory_free(&graph->inputs);
}

/* --- out --- */

int32_t network_graph_inputs(const struct network *network)
{
    int32_t count = 0;
    for (int32_t i = 0; i < network->layer_count; i++)
        count += network->layers[i].input_count;
    return count;
}

enum status network_graph_of(const struct network *network, struct network_graph *graph)
{
    int32_t first_input = 0;
    enum status status = network_graph_allocate(graph, network->layer_count, network_graph_inputs(network));
    for (int32_t i = 0; i < network->layer_count && status == STATUS_OK; i++) {
        const struct layer *layer = &network->layers[i];
        graph->records[i] = layer_record_of(network, i, first_input);
        for (int32_t k = 0; k < layer->input_count; k++)
            graph->inputs[first_input++] = layer->inputs[k];
    }
    return status;
}

int32_t network_scaled_channels(const struct network *network)
{
    int32_t c = network_input_shape(network).c;
    return c < SCALING_CHANNELS_MAX ? c : SCALING_CHANNELS_MAX;
}

static enum status check_scaling(hid_t group, const struct network *network)
{
    const struct scaling *scaling = &network->scaling;
    if (!(isfinite(scaling->scale) && scaling->scale != 0))
        return hdf5_refuse(STATUS_FORMAT, group, "scaling.scale is %g; expected a finite number other than 0",
                           (double)scaling->scale);
    for (int32_t c = 0; c < network_scaled_channels(network); c++)
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

enum status network_values_check(hid_t where, const struct network *network)
{
    enum status status = check_scaling(where, network);
    for (int32_t i = 0; i < network->layer_count && status == STATUS_OK; i++)
        status = check_layer_values(where, network, &network->layers[i]);
    return status;
}

/* --- in --- */

/* A network's own complaint about what a file asks for: the file is to blame, unless memory is. */
static enum status blame_file(enum status status, hid_t group)
{
    char where[TEXT_BYTES];
    if (status == STATUS_OK)
        return status;
    hdf5_where(group, where, sizeof where);
    return error_prefix(status == STATUS_NO_MEMORY ? status : STATUS_FORMAT, "%s: ", where);
}

/* What network_add_layer cannot see: text without an end (or that cannot stand in a message), flags that are
 * neither 0 nor 1, inputs outside their array. */
static enum status check_record(hid_t group, const struct network_graph *graph, int32_t row,
                                int32_t first_input)
{
    const struct layer_record *record = &graph->records[row];
    if (memchr(record->kind, '\0', sizeof record->kind) == NULL ||
        memchr(record->name, '\0', sizeof record->name) == NULL)
        return hdf5_refuse(STATUS_FORMAT, group, "kind or name of layer %d has no end; damaged", row);
    if (!text_is_printable(record->name))
        return hdf5_refuse(STATUS_FORMAT, group,
                           "the name of layer %d has a control character or is not UTF-8; damaged", row);
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

static enum status add_recorded_layer(hid_t group, const struct network_graph *graph, int32_t row,
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
static bool begins_with_input(const struct network_graph *graph)
{
    const struct layer_record *input = &graph->records[0];
    return layer_kind_from_name(input->kind) == LAYER_INPUT && strcmp(input->name, "input") == 0 &&
           input->input_count == 0;
}

enum status network_graph_build(hid_t where, const struct network_graph *graph, const char *architecture,
                                struct network **network)
{
    const struct layer_record *input = graph->records;
    enum status status = STATUS_OK;
    if (graph->layer_count < 1)
        return hdf5_refuse(STATUS_FORMAT, where, "a network has no layers; damaged");
    status = check_record(where, graph, 0, 0);
    if (status == STATUS_OK && !begins_with_input(graph))
        status = hdf5_refuse(STATUS_FORMAT, where, "layer 0 is not the input layer; damaged");
    if (status == STATUS_OK)
        status = blame_file(
            network_create(architecture, (struct shape){input->h, input->w, input->c}, network), where);
    if (status == STATUS_OK)
        status = check_inferred(where, &(*network)->layers[0], input);
    int32_t first_input = 0;
    for (int32_t i = 1; status == STATUS_OK && i < graph->layer_count; i++) {
        status = add_recorded_layer(where, graph, i, first_input, *network);
        if (status == STATUS_OK) /* or the record may count to anything */
            first_input += graph->records[i].input_count;
    }
    if (status == STATUS_OK && first_input != graph->input_count)
        status = hdf5_refuse(STATUS_FORMAT, where, "has %d layer inputs; its layers use %d",
                             graph->input_count, first_input);
    return status;
}

enum status network_graph_finish(hid_t where, struct network *network, uint64_t parameters,
                                 uint64_t statistics, const class_name *names, int32_t name_count)
{
    int32_t outputs = network->layers[network->layer_count - 1].shape.c;
    if (parameters != network->parameter_count || statistics != network->statistic_count)
        return hdf5_refuse(STATUS_FORMAT, where,
                           "has %llu parameters and %llu statistics; its layers need %zu and %zu",
                           (unsigned long long)parameters, (unsigned long long)statistics,
                           network->parameter_count, network->statistic_count);
    if (name_count != outputs)
        return hdf5_refuse(STATUS_FORMAT, where, "has %d class names; its last layer has %d outputs",
                           name_count, outputs);
    enum status status = blame_file(network_finish(network), where);
    return status == STATUS_OK ? blame_file(network_set_class_names(network, names, name_count), where)
                               : status;
}
