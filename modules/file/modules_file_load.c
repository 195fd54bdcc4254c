#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "compute/formats/network_graph.h"
#include "modules/file/modules_file.h"
#include "modules/file/modules_rows.h"

/* One packed array while it is read. */
struct packed_reading {
    int64_t *offsets; /* (module_count + 1) */
    hid_t array;      /* H5I_INVALID_HID when nobody has any */
    hid_t type;
};

/* What is known of a file while it is read. */
struct reading {
    hid_t file;
    const char *path;
    struct module_set *set;
    struct module_row *rows; /* (module_count) */
    struct packed_reading packed[MODULE_ARRAY_COUNT];
};

static void reading_clear(struct reading *reading)
{
    memory_free(&reading->rows);
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++) {
        struct packed_reading *packed = &reading->packed[which];
        memory_free(&packed->offsets);
        if (packed->array >= 0)
            H5Dclose(packed->array);
        if (packed->type >= 0)
            H5Tclose(packed->type);
    }
}

/* --- parents --- */

static enum status read_counts(struct reading *reading, hid_t parents, const char *kind)
{
    int64_t parent_count = 0;
    hsize_t module_count = 0;
    enum status status = hdf5_read_int_attribute(parents, "count", 0, MODULES_PARENTS_MAX, &parent_count);
    if (status == STATUS_OK)
        status = hdf5_array_extent(reading->file, MODULES_INDEX, 1, MODULES_MAX, &module_count);
    if (status == STATUS_OK)
        status = modules_counts_check(kind, (int32_t)parent_count, (int32_t)module_count);
    if (status == STATUS_OK)
        status = module_set_create((int32_t)parent_count, (int32_t)module_count, &reading->set);
    return status;
}

static enum status read_parents(struct reading *reading, const char *kind)
{
    hid_t parents = H5I_INVALID_HID;
    char name[PARENT_NAME_BYTES];
    enum status status = hdf5_open_group(reading->file, MODULES_PARENTS, &parents);
    if (status != STATUS_OK)
        return status;
    status = read_counts(reading, parents, kind);
    int32_t count = status == STATUS_OK ? reading->set->parent_count : 0;
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        modules_parent_name(i, name);
        status = network_group_read(parents, name, &reading->set->parents[i]);
    }
    H5Gclose(parents);
    return status;
}

/* --- rows --- */

static enum status check_row_parent(const struct reading *reading, int32_t index, enum module_kind kind)
{
    const struct module_row *row = &reading->rows[index];
    if (row->parent < (kind == MODULE_MAP ? 0 : -1) || row->parent >= reading->set->parent_count)
        return error_set(STATUS_FORMAT, "%s: module %d is of parent %d; the file has %d parents",
                         reading->path, (int)index, (int)row->parent, (int)reading->set->parent_count);
    return STATUS_OK;
}

static enum status check_row_class(const struct reading *reading, int32_t index, enum module_kind kind)
{
    const struct module_row *row = &reading->rows[index];
    if (kind == MODULE_NETWORK) {
        if (row->class_index < 0)
            return error_set(STATUS_FORMAT, "%s: module %d is of class %d; expected 0 or above",
                             reading->path, (int)index, (int)row->class_index);
        return class_names_check(&row->class_name, 1, reading->path);
    }
    const struct network *parent = reading->set->parents[row->parent];
    if (row->class_index < 0 || row->class_index >= parent->class_count)
        return error_set(STATUS_FORMAT, "%s: module %d is of class %d; its parent has %d classes",
                         reading->path, (int)index, (int)row->class_index, (int)parent->class_count);
    if (strncmp(row->class_name, parent->class_names[row->class_index], sizeof(class_name)) != 0)
        return error_set(STATUS_FORMAT, "%s: module %d says that its class is not its parent's class \"%s\"",
                         reading->path, (int)index, parent->class_names[row->class_index]);
    return STATUS_OK;
}

static bool row_is_finite(const struct module_row *row)
{
    return isfinite(row->bias_class) && isfinite(row->bias_rest) && isfinite(row->scale) &&
           isfinite(row->offset);
}

static bool row_counts_fit(const struct module_row *row)
{
    return row->positive_images >= 0 && row->negative_images >= 0 && row->kept_units >= 0 &&
           row->kept_channels >= 0 && row->kept_weights >= 0 && row->kept_multiply_adds >= 0 &&
           row->whole_units >= 0 && row->whole_channels >= 0 && row->whole_weights >= 0 &&
           row->whole_multiply_adds >= 0;
}

static bool text_is_sound(const char *text, size_t bytes)
{
    return memchr(text, '\0', bytes) != NULL && text_is_printable(text);
}

static bool row_texts_are_sound(const struct module_row *row)
{
    return text_is_sound(row->kind, sizeof row->kind) &&
           text_is_sound(row->origin_architecture, sizeof row->origin_architecture) &&
           text_is_sound(row->architecture, sizeof row->architecture);
}

static enum status check_row(const struct reading *reading, int32_t index)
{
    const struct module_row *row = &reading->rows[index];
    enum module_kind kind;
    if (!row_texts_are_sound(row) || !module_row_kind(row, &kind))
        return error_set(STATUS_FORMAT,
                         "%s: module %d is of an unknown kind, or has a text that is none; damaged, or "
                         "written by a newer Facet",
                         reading->path, (int)index);
    enum status status = check_row_parent(reading, index, kind);
    if (status == STATUS_OK)
        status = check_row_class(reading, index, kind);
    if (status == STATUS_OK && (!row_is_finite(row) || !row_counts_fit(row)))
        status = error_set(
            STATUS_FORMAT,
            "%s: module %d (%s) has a bias or calibration that is not finite or counts below 0; damaged",
            reading->path, (int)index, row->class_name);
    return status;
}

static enum status check_labels(const struct reading *reading)
{
    size_t count = (size_t)reading->set->module_count;
    class_name *labels = NULL;
    enum status status = memory_allocate(&labels, count, sizeof *labels, "module labels");
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        memcpy(labels[i], reading->rows[i].label, sizeof(class_name));
    if (status == STATUS_OK)
        status = class_names_check((const class_name *)labels, reading->set->module_count, reading->path);
    memory_free(&labels);
    return status;
}

static enum status read_rows(struct reading *reading)
{
    hsize_t extent = (hsize_t)reading->set->module_count;
    hid_t type = H5I_INVALID_HID;
    enum status status =
        memory_allocate(&reading->rows, (size_t)extent, sizeof *reading->rows, "rows of modules");
    if (status == STATUS_OK)
        status = module_row_type(&type);
    if (status == STATUS_OK)
        status = hdf5_read_array(reading->file, MODULES_INDEX, type, 1, &extent, reading->rows);
    if (type >= 0)
        H5Tclose(type);
    for (int32_t i = 0; i < reading->set->module_count && status == STATUS_OK; i++)
        status = check_row(reading, i);
    if (status == STATUS_OK)
        status = check_labels(reading);
    for (int32_t i = 0; i < reading->set->module_count && status == STATUS_OK; i++)
        module_row_apply(&reading->rows[i], &reading->set->modules[i]);
    return status;
}

/* --- packed arrays --- */

/* Checks that the offsets begin with 0 and never fall. */
static enum status check_offsets(const struct reading *reading, const char *name, const int64_t *offsets)
{
    for (int32_t i = 0; i <= reading->set->module_count; i++) {
        int64_t least = i == 0 ? 0 : offsets[i - 1];
        if (offsets[i] < least || (i == 0 && offsets[i] != 0))
            return error_set(STATUS_FORMAT, "%s: %s[%d] is %lld; expected %s%lld", reading->path, name,
                             (int)i, (long long)offsets[i], i == 0 ? "" : "at least ", (long long)least);
    }
    return STATUS_OK;
}

/* Reads where each module's part lies, and opens what is to be read; it is as long as the offsets say. */
static enum status open_packed(struct reading *reading, enum module_array which)
{
    const struct packed_array *of = &packed_arrays[which];
    struct packed_reading *packed = &reading->packed[which];
    size_t count = (size_t)reading->set->module_count;
    hsize_t extent = count + 1, found = 0;
    enum status status =
        memory_allocate(&packed->offsets, count + 1, sizeof *packed->offsets, "offsets of modules");
    if (status == STATUS_OK)
        status = hdf5_read_array(reading->file, of->offsets, H5T_NATIVE_INT64, 1, &extent, packed->offsets);
    if (status == STATUS_OK)
        status = check_offsets(reading, of->offsets, packed->offsets);
    if (status != STATUS_OK || packed->offsets[count] == 0)
        return status;
    status = packed_array_type(which, &packed->type);
    if (status == STATUS_OK)
        status = hdf5_open_array(reading->file, of->data, packed->type, 1, &found, &packed->array);
    if (status == STATUS_OK && found != (hsize_t)packed->offsets[count])
        status = error_set(STATUS_SHAPE, "%s: array %s has %llu elements; expected %llu", reading->path,
                           of->data, (unsigned long long)found, (unsigned long long)packed->offsets[count]);
    return status;
}

static int64_t length_of(const struct reading *reading, enum module_array which, int32_t index)
{
    const int64_t *offsets = reading->packed[which].offsets;
    return offsets[index + 1] - offsets[index];
}

/* Reads module index's part into memory that is there. */
static enum status read_into(const struct reading *reading, enum module_array which, int32_t index, void *to)
{
    const struct packed_reading *packed = &reading->packed[which];
    int64_t length = length_of(reading, which, index);
    return length == 0 ? STATUS_OK
                       : hdf5_read_rows(packed->array, H5P_DEFAULT, packed->type,
                                        (hsize_t)packed->offsets[index], (hsize_t)length, to);
}

/* Reads it into memory of its own; NULL when the module has none. `place` is a pointer's address. */
static enum status read_part(const struct reading *reading, enum module_array which, int32_t index,
                             void *place)
{
    void *elements = NULL;
    int64_t length = length_of(reading, which, index);
    if (length == 0)
        return STATUS_OK;
    enum status status = memory_allocate(&elements, (size_t)length, packed_arrays[which].element_bytes,
                                         packed_arrays[which].what);
    if (status == STATUS_OK)
        status = read_into(reading, which, index, elements);
    if (status != STATUS_OK)
        memory_free(&elements);
    memcpy(place, &elements, sizeof elements);
    return status;
}

/* --- own networks --- */

static enum status read_graph(const struct reading *reading, int32_t index, struct network_graph *graph)
{
    int64_t layers = length_of(reading, MODULE_ARRAY_LAYERS, index),
            inputs = length_of(reading, MODULE_ARRAY_INPUTS, index);
    if (layers < 1 || layers > NETWORK_LAYERS_MAX || inputs > INT32_MAX)
        return error_set(STATUS_FORMAT,
                         "%s: module %d has a network of %lld layers and %lld layer inputs; damaged",
                         reading->path, (int)index, (long long)layers, (long long)inputs);
    enum status status = network_graph_allocate(graph, (int32_t)layers, (int32_t)inputs);
    if (status == STATUS_OK)
        status = read_into(reading, MODULE_ARRAY_LAYERS, index, graph->records);
    if (status == STATUS_OK)
        status = read_into(reading, MODULE_ARRAY_INPUTS, index, graph->inputs);
    return status;
}

static enum status read_network(const struct reading *reading, int32_t index, struct module *module)
{
    struct network_graph graph = {NULL, NULL, 0, 0};
    struct network **network = &module->network;
    hid_t where = reading->file;
    enum status status = read_graph(reading, index, &graph);
    if (status == STATUS_OK)
        status = network_graph_build(where, &graph, reading->rows[index].architecture, network);
    if (status == STATUS_OK)
        status = network_graph_finish(where, *network,
                                      (uint64_t)length_of(reading, MODULE_ARRAY_PARAMETERS, index),
                                      (uint64_t)length_of(reading, MODULE_ARRAY_STATISTICS, index),
                                      (const class_name *)&module->class_name, 1);
    if (status == STATUS_OK)
        status = read_into(reading, MODULE_ARRAY_PARAMETERS, index, (*network)->parameters);
    if (status == STATUS_OK)
        status = read_into(reading, MODULE_ARRAY_STATISTICS, index, (*network)->statistics);
    if (status == STATUS_OK) {
        module_row_scaling(&reading->rows[index], network_scaled_channels(*network), &(*network)->scaling);
        status = network_values_check(where, *network);
    }
    network_graph_clear(&graph);
    return status == STATUS_OK
               ? status
               : error_prefix(status, "the network of module %d (%s): ", (int)index, module->label);
}

/* --- each module --- */

/* Every array is as long as a module of its kind needs it, on what it stands on. */
static enum status check_lengths(const struct reading *reading, int32_t index, const struct module *module)
{
    struct module_lengths lengths;
    enum status status = module_lengths_of(module, module_set_base(reading->set, module), &lengths);
    if (status != STATUS_OK)
        return status;
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++)
        if (lengths.of[which] != length_of(reading, (enum module_array)which, index))
            return error_set(
                STATUS_FORMAT, "%s: module \"%s\" has %lld elements of %s, by %s; expected %lld",
                reading->path, module->label, (long long)length_of(reading, (enum module_array)which, index),
                packed_arrays[which].data, packed_arrays[which].offsets, (long long)lengths.of[which]);
    return STATUS_OK;
}

static bool sizes_equal(const struct module_size *a, const struct module_size *b)
{
    return a->units == b->units && a->channels == b->channels && a->weights == b->weights &&
           a->multiply_adds == b->multiply_adds;
}

/* What a map and its row say. */
static enum status measure_map(const struct reading *reading, const struct module *module,
                               const struct network *mapped, struct module_size *kept)
{
    struct unit_layout *layout = NULL;
    enum status status = unit_layout_create(mapped, &layout);
    if (status != STATUS_OK)
        return status;
    if (!unit_map_is_clean(layout, module->map))
        status = error_set(STATUS_FORMAT, "%s: the map of module \"%s\" has bits beyond its %zu units",
                           reading->path, module->label, layout->unit_count);
    unit_map_measure(layout, module->map, &kept->units, &kept->channels);
    unit_layout_destroy(&layout);
    return status;
}

/* Of a map: what it keeps was counted in its parent, of whose weights it may use any part. */
static enum status check_map_sizes(const struct reading *reading, const struct module *module,
                                   struct module_size *kept, struct module_size *whole)
{
    const struct network *parent = module_set_base(reading->set, module);
    *whole = module_size_of_network(parent);
    kept->weights = module->kept.weights < whole->weights ? module->kept.weights : whole->weights;
    kept->multiply_adds =
        module->kept.multiply_adds < whole->multiply_adds ? module->kept.multiply_adds : whole->multiply_adds;
    return measure_map(reading, module, parent, kept);
}

static enum status check_network_sizes(const struct reading *reading, const struct module *module,
                                       struct module_size *kept, struct module_size *whole)
{
    struct module_size mapped;
    *whole = module_origin_exists(&module->origin) ? module->whole : module->kept;
    enum status status =
        module->map == NULL ? STATUS_OK : measure_map(reading, module, module->network, &mapped);
    return status == STATUS_OK ? module_network_measure(module_set_base(reading->set, module),
                                                        module->network, module->map, kept)
                               : status;
}

static enum status check_sizes(const struct reading *reading, const struct module *module)
{
    struct module_size kept = {0}, whole = {0};
    enum status status = module->kind == MODULE_MAP ? check_map_sizes(reading, module, &kept, &whole)
                                                    : check_network_sizes(reading, module, &kept, &whole);
    if (status != STATUS_OK || (sizes_equal(&kept, &module->kept) && sizes_equal(&whole, &module->whole)))
        return status;
    return error_set(
        STATUS_FORMAT,
        "%s: module \"%s\" keeps %llu units, %llu channels, %llu weights and %llu multiply-adds of %llu, "
        "%llu, %llu and %llu, but its row says otherwise; the file is damaged",
        reading->path, module->label, (unsigned long long)kept.units, (unsigned long long)kept.channels,
        (unsigned long long)kept.weights, (unsigned long long)kept.multiply_adds,
        (unsigned long long)whole.units, (unsigned long long)whole.channels,
        (unsigned long long)whole.weights, (unsigned long long)whole.multiply_adds);
}

static enum status check_head(const struct reading *reading, int32_t index, const struct module *module)
{
    int64_t floats = length_of(reading, MODULE_ARRAY_HEAD, index);
    for (int64_t i = 0; i < floats; i++)
        if (!isfinite(module->head_weights[i]))
            return error_set(STATUS_FORMAT, "%s: the head of module \"%s\" has a weight that is not finite",
                             reading->path, module->label);
    return STATUS_OK;
}

static enum status check_channels(const struct reading *reading, const struct module *module)
{
    uint64_t used = module->whole.channels % 8;
    if (module->channels == NULL || used == 0 || module->channels[module->whole.channels / 8] >> used == 0)
        return STATUS_OK;
    return error_set(STATUS_FORMAT,
                     "%s: the channels of module \"%s\" have bits beyond the %llu of its origin",
                     reading->path, module->label, (unsigned long long)module->whole.channels);
}

static enum status read_module(struct reading *reading, int32_t index)
{
    struct module *module = &reading->set->modules[index];
    enum status status = STATUS_OK;
    if (module->kind == MODULE_NETWORK)
        status = read_network(reading, index, module);
    if (status == STATUS_OK)
        status = read_part(reading, MODULE_ARRAY_MAP, index, &module->map);
    if (status == STATUS_OK)
        status = read_part(reading, MODULE_ARRAY_HEAD, index, &module->head_weights);
    if (status == STATUS_OK)
        status = read_part(reading, MODULE_ARRAY_CHANNELS, index, &module->channels);
    if (status == STATUS_OK)
        status = check_lengths(reading, index, module);
    if (status == STATUS_OK)
        status = check_sizes(reading, module);
    if (status == STATUS_OK)
        status = check_head(reading, index, module);
    return status == STATUS_OK ? check_channels(reading, module) : status;
}

/* --- all of it --- */

static enum status read_modules(struct reading *reading)
{
    enum status status = STATUS_OK;
    for (int which = 0; which < MODULE_ARRAY_COUNT && status == STATUS_OK; which++)
        status = open_packed(reading, (enum module_array)which);
    for (int32_t i = 0; i < reading->set->module_count && status == STATUS_OK; i++)
        status = read_module(reading, i);
    return status;
}

static enum status open_kind(const char *path, const char *kind, hid_t *file, char found[FACET_KIND_BYTES])
{
    enum status status = hdf5_open(path, kind, H5P_DEFAULT, file, found);
    if (status != STATUS_OK || strcmp(found, "modules") == 0 || strcmp(found, "composition") == 0)
        return status;
    hdf5_close(file, path);
    return error_set(STATUS_FORMAT, "%s: a %s file; expected a modules or composition file", path, found);
}

enum status modules_file_load(const char *path, const char *kind, struct module_set **set)
{
    char found[FACET_KIND_BYTES] = "";
    struct reading reading = {.file = H5I_INVALID_HID, .path = path};
    struct error_carried first = {STATUS_OK, ""};
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++)
        reading.packed[which].array = reading.packed[which].type = H5I_INVALID_HID;
    *set = NULL;
    enum status status = open_kind(path, kind, &reading.file, found);
    if (status == STATUS_OK)
        status = read_parents(&reading, found);
    if (status == STATUS_OK)
        status = read_rows(&reading);
    if (status == STATUS_OK)
        status = read_modules(&reading);
    error_keep_first(&first, status);
    reading_clear(&reading);
    error_keep_first(&first, hdf5_close(&reading.file, path));
    if (first.status != STATUS_OK)
        module_set_destroy(&reading.set);
    *set = reading.set;
    return error_raise(&first);
}
