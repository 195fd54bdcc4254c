#include "modules/file/modules_rows.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "compute/formats/hdf5_error.h"
#include "compute/formats/hdf5_record.h"
#include "compute/formats/network_graph.h"

#define ROW_MEMBER(field, kind, count)                                                                       \
    {                                                                                                        \
#        field, offsetof(struct module_row, field), kind, count                                              \
    }
#define ROW_INT32(field) ROW_MEMBER(field, HDF5_MEMBER_INT32, 0)
#define ROW_INT64(field) ROW_MEMBER(field, HDF5_MEMBER_INT64, 0)
#define ROW_FLOAT(field) ROW_MEMBER(field, HDF5_MEMBER_FLOAT, 0)

static const struct hdf5_member members[] = {
    ROW_MEMBER(class_name, HDF5_MEMBER_TEXT, sizeof(class_name)),
    ROW_MEMBER(label, HDF5_MEMBER_TEXT, sizeof(class_name)),
    ROW_INT32(parent),
    ROW_INT32(class_index),
    ROW_FLOAT(bias_class),
    ROW_FLOAT(bias_rest),
    ROW_FLOAT(scale),
    ROW_FLOAT(offset),
    ROW_INT32(positive_images),
    ROW_INT32(negative_images),
    ROW_INT64(kept_units),
    ROW_INT64(kept_channels),
    ROW_INT64(kept_weights),
    ROW_INT64(kept_multiply_adds),
    ROW_INT64(whole_units),
    ROW_INT64(whole_channels),
    ROW_INT64(whole_weights),
    ROW_INT64(whole_multiply_adds),
    ROW_MEMBER(kind, HDF5_MEMBER_TEXT, MODULE_KIND_BYTES),
    ROW_MEMBER(origin_architecture, HDF5_MEMBER_TEXT, LAYER_NAME_BYTES),
    ROW_MEMBER(origin_digest, HDF5_MEMBER_UINT8, DIGEST_BYTES),
    ROW_MEMBER(architecture, HDF5_MEMBER_TEXT, LAYER_NAME_BYTES),
    ROW_FLOAT(scaling_scale),
    ROW_MEMBER(scaling_mean, HDF5_MEMBER_FLOAT, SCALING_CHANNELS_MAX),
    ROW_MEMBER(scaling_std, HDF5_MEMBER_FLOAT, SCALING_CHANNELS_MAX),
};

_Static_assert(sizeof(struct module_row) == 2 * sizeof(class_name) + 4 * sizeof(int32_t) + 4 * sizeof(float) +
                                                8 * sizeof(int64_t) + MODULE_KIND_BYTES +
                                                2 * LAYER_NAME_BYTES + DIGEST_BYTES +
                                                (1 + 2 * SCALING_CHANNELS_MAX) * sizeof(float),
               "a row has no gaps, whose bytes would be undefined");

static const char *const kind_names[] = {[MODULE_MAP] = "map", [MODULE_NETWORK] = "network"};

enum status modules_counts_check(const char *kind, int32_t parent_count, int32_t module_count)
{
    bool modules = strcmp(kind, "modules") == 0;
    if (!modules && strcmp(kind, "composition") != 0)
        return error_set(STATUS_INTERNAL, "file kind \"%s\"; expected modules or composition", kind);
    if (parent_count < 0 || parent_count > MODULES_PARENTS_MAX || module_count < 1 ||
        module_count > MODULES_MAX)
        return error_set(STATUS_SHAPE,
                         "a %s file of %d parents and %d modules; at most %d and at least one and at most %d "
                         "fit",
                         kind, (int)parent_count, (int)module_count, MODULES_PARENTS_MAX, MODULES_MAX);
    if (modules && parent_count > 1)
        return error_set(STATUS_SHAPE, "a modules file of %d parents; only a composition has several",
                         (int)parent_count);
    return STATUS_OK;
}

void modules_parent_name(int32_t index, char name[PARENT_NAME_BYTES])
{
    snprintf(name, PARENT_NAME_BYTES, "%d", (int)index);
}

/* --- the index --- */

enum status module_row_type(hid_t *type)
{
    return hdf5_record_type(members, sizeof members / sizeof *members, sizeof(struct module_row), type);
}

/* Copies the text and nothing that may stand behind its end. */
static void text_copy(char *to, size_t bytes, const char *from)
{
    size_t length = strnlen(from, bytes - 1);
    memset(to, 0, bytes);
    memcpy(to, from, length);
}

static void network_to_row(const struct network *network, struct module_row *row)
{
    size_t bytes = (size_t)network_scaled_channels(network) * sizeof(float);
    text_copy(row->architecture, sizeof row->architecture, network->architecture);
    row->scaling_scale = network->scaling.scale;
    memcpy(row->scaling_mean, network->scaling.mean, bytes);
    memcpy(row->scaling_std, network->scaling.std, bytes);
}

struct module_row module_row_of(const struct module *module)
{
    struct module_row row = {.parent = module->parent,
                             .class_index = module->class_index,
                             .bias_class = module->head_bias[0],
                             .bias_rest = module->head_bias[1],
                             .scale = module->scale,
                             .offset = module->offset,
                             .positive_images = module->positive_images,
                             .negative_images = module->negative_images,
                             .kept_units = (int64_t)module->kept.units,
                             .kept_channels = (int64_t)module->kept.channels,
                             .kept_weights = (int64_t)module->kept.weights,
                             .kept_multiply_adds = (int64_t)module->kept.multiply_adds,
                             .whole_units = (int64_t)module->whole.units,
                             .whole_channels = (int64_t)module->whole.channels,
                             .whole_weights = (int64_t)module->whole.weights,
                             .whole_multiply_adds = (int64_t)module->whole.multiply_adds};
    text_copy(row.class_name, sizeof row.class_name, module->class_name);
    text_copy(row.label, sizeof row.label, module->label);
    text_copy(row.kind, sizeof row.kind, kind_names[module->kind]);
    text_copy(row.origin_architecture, sizeof row.origin_architecture, module->origin.architecture);
    memcpy(row.origin_digest, module->origin.digest, DIGEST_BYTES);
    if (module->network != NULL)
        network_to_row(module->network, &row);
    return row;
}

bool module_row_kind(const struct module_row *row, enum module_kind *kind)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++) {
        if (strncmp(row->kind, kind_names[i], sizeof row->kind) == 0) {
            *kind = (enum module_kind)i;
            return true;
        }
    }
    return false;
}

void module_row_apply(const struct module_row *row, struct module *module)
{
    text_copy(module->class_name, sizeof module->class_name, row->class_name);
    text_copy(module->label, sizeof module->label, row->label);
    (void)module_row_kind(row, &module->kind);
    module->parent = row->parent;
    module->class_index = row->class_index;
    module->head_bias[0] = row->bias_class;
    module->head_bias[1] = row->bias_rest;
    module->scale = row->scale;
    module->offset = row->offset;
    module->positive_images = row->positive_images;
    module->negative_images = row->negative_images;
    module->kept = (struct module_size){(uint64_t)row->kept_units, (uint64_t)row->kept_channels,
                                        (uint64_t)row->kept_weights, (uint64_t)row->kept_multiply_adds};
    module->whole = (struct module_size){(uint64_t)row->whole_units, (uint64_t)row->whole_channels,
                                         (uint64_t)row->whole_weights, (uint64_t)row->whole_multiply_adds};
    text_copy(module->origin.architecture, sizeof module->origin.architecture, row->origin_architecture);
    memcpy(module->origin.digest, row->origin_digest, DIGEST_BYTES);
}

void module_row_scaling(const struct module_row *row, int32_t channels, struct scaling *scaling)
{
    scaling->scale = row->scaling_scale;
    memcpy(scaling->mean, row->scaling_mean, (size_t)channels * sizeof(float));
    memcpy(scaling->std, row->scaling_std, (size_t)channels * sizeof(float));
}

/* --- the packed arrays --- */

const struct packed_array packed_arrays[MODULE_ARRAY_COUNT] = {
    [MODULE_ARRAY_MAP] = {"map_offsets", "maps", "maps of modules", 1},
    [MODULE_ARRAY_HEAD] = {"head_offsets", "heads", "heads of modules", sizeof(float)},
    [MODULE_ARRAY_CHANNELS] = {"channel_offsets", "channels", "channels of modules", 1},
    [MODULE_ARRAY_LAYERS] = {"layer_offsets", "layers", "layers of modules", sizeof(struct layer_record)},
    [MODULE_ARRAY_INPUTS] = {"input_offsets", "inputs", "layer inputs of modules", sizeof(int32_t)},
    [MODULE_ARRAY_PARAMETERS] = {"parameter_offsets", "parameters", "parameters of modules", sizeof(float)},
    [MODULE_ARRAY_STATISTICS] = {"statistic_offsets", "statistics", "statistics of modules", sizeof(float)},
};

enum status packed_array_type(enum module_array array, hid_t *type)
{
    switch (array) {
    case MODULE_ARRAY_LAYERS:
        return layer_record_type(type);
    case MODULE_ARRAY_MAP:
    case MODULE_ARRAY_CHANNELS:
        *type = H5Tcopy(H5T_NATIVE_UINT8);
        break;
    case MODULE_ARRAY_INPUTS:
        *type = H5Tcopy(H5T_NATIVE_INT32);
        break;
    default:
        *type = H5Tcopy(H5T_NATIVE_FLOAT);
    }
    return *type < 0 ? error_set(STATUS_IO, "HDF5 cannot make the type of %s", packed_arrays[array].what)
                     : STATUS_OK;
}
