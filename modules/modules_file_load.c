#include <math.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "modules/modules_file.h"
#include "modules/modules_rows.h"

/* What is known of a file while it is read. */
struct reading {
    hid_t file;
    const char *path;
    struct module_set *set;
    struct unit_layout **layouts; /* (parent_count) */
    struct module_sizes *sizes;   /* (parent_count) */
    struct module_row *rows;      /* (module_count) */
};

static void reading_clear(struct reading *reading)
{
    for (int32_t i = 0; reading->layouts != NULL && i < reading->set->parent_count; i++)
        unit_layout_destroy(&reading->layouts[i]);
    memory_free(&reading->layouts);
    memory_free(&reading->sizes);
    memory_free(&reading->rows);
}

/* --- parents and rows --- */

static enum status read_counts(struct reading *reading, hid_t parents, const char *kind)
{
    int64_t parent_count = 0;
    hsize_t module_count = 0;
    enum status status = hdf5_read_int_attribute(parents, "count", 1, MODULES_PARENTS_MAX, &parent_count);
    if (status == STATUS_OK)
        status = hdf5_array_extent(reading->file, MODULES_INDEX, 1, MODULES_MAX, &module_count);
    if (status == STATUS_OK)
        status = modules_counts_check(kind, (int32_t)parent_count, (int32_t)module_count);
    if (status == STATUS_OK)
        status = module_set_create((int32_t)parent_count, (int32_t)module_count, &reading->set);
    return status;
}

static enum status read_parent(struct reading *reading, hid_t parents, int32_t index)
{
    char name[PARENT_NAME_BYTES];
    struct network **parent = &reading->set->parents[index];
    modules_parent_name(index, name);
    enum status status = network_group_read(parents, name, parent);
    if (status == STATUS_OK)
        status = module_sizes_of(*parent, &reading->sizes[index]);
    if (status == STATUS_OK)
        status = unit_layout_create(*parent, &reading->layouts[index]);
    return status;
}

static enum status read_parents(struct reading *reading, const char *kind)
{
    hid_t parents = H5I_INVALID_HID;
    enum status status = hdf5_open_group(reading->file, MODULES_PARENTS, &parents);
    if (status != STATUS_OK)
        return status;
    status = read_counts(reading, parents, kind);
    int32_t count = status == STATUS_OK ? reading->set->parent_count : 0;
    if (status == STATUS_OK)
        status = memory_allocate(&reading->layouts, (size_t)count, sizeof *reading->layouts, "unit layouts");
    if (status == STATUS_OK)
        status = memory_allocate(&reading->sizes, (size_t)count, sizeof *reading->sizes, "sizes of parents");
    for (int32_t i = 0; i < count && status == STATUS_OK; i++)
        status = read_parent(reading, parents, i);
    H5Gclose(parents);
    return status;
}

static bool row_is_finite(const struct module_row *row)
{
    return isfinite(row->bias_class) && isfinite(row->bias_rest) && isfinite(row->scale) &&
           isfinite(row->offset);
}

static enum status row_check(const struct reading *reading, int32_t index)
{
    const struct module_row *row = &reading->rows[index];
    if (row->parent < 0 || row->parent >= reading->set->parent_count)
        return error_set(STATUS_FORMAT, "%s: module %d is of parent %d; the file has %d parents",
                         reading->path, (int)index, (int)row->parent, (int)reading->set->parent_count);
    const struct network *parent = reading->set->parents[row->parent];
    if (row->class_index < 0 || row->class_index >= parent->class_count)
        return error_set(STATUS_FORMAT, "%s: module %d is of class %d; its parent has %d classes",
                         reading->path, (int)index, (int)row->class_index, (int)parent->class_count);
    if (strncmp(row->class_name, parent->class_names[row->class_index], sizeof(class_name)) != 0)
        return error_set(STATUS_FORMAT, "%s: module %d says that its class is not its parent's class \"%s\"",
                         reading->path, (int)index, parent->class_names[row->class_index]);
    if (!row_is_finite(row) || row->positive_images < 0 || row->negative_images < 0)
        return error_set(STATUS_FORMAT,
                         "%s: module %d (%s) has a bias or calibration that is not finite or counts below 0",
                         reading->path, (int)index, parent->class_names[row->class_index]);
    return STATUS_OK;
}

static enum status read_rows(struct reading *reading)
{
    size_t count = (size_t)reading->set->module_count;
    hsize_t extent = count;
    class_name *labels = NULL;
    enum status status = memory_allocate(&reading->rows, count, sizeof *reading->rows, "rows of modules");
    hid_t type = H5I_INVALID_HID;
    if (status == STATUS_OK)
        status = module_row_type(&type);
    if (status == STATUS_OK)
        status = hdf5_read_array(reading->file, MODULES_INDEX, type, 1, &extent, reading->rows);
    if (type >= 0)
        H5Tclose(type);
    for (int32_t i = 0; i < reading->set->module_count && status == STATUS_OK; i++)
        status = row_check(reading, i);
    if (status == STATUS_OK)
        status = memory_allocate(&labels, count, sizeof *labels, "module labels");
    if (status == STATUS_OK) {
        for (size_t i = 0; i < count; i++)
            memcpy(labels[i], reading->rows[i].label, sizeof(class_name));
        status = class_names_check((const class_name *)labels, reading->set->module_count, reading->path);
    }
    memory_free(&labels);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct module *module = &reading->set->modules[i];
        module->whole = module_size_of_network(reading->set->parents[reading->rows[i].parent]);
        module->kept = module->whole;
        module_row_apply(&reading->rows[i], module);
    }
    return status;
}

/* --- maps and heads --- */

/* Checks that the offsets are those of arrays packed in row order; *total is the last one. */
static enum status check_offsets(const struct reading *reading, const char *name, bool heads, hsize_t *total)
{
    int64_t *offsets = NULL, expected = 0;
    size_t count = (size_t)reading->set->module_count;
    hsize_t extent = count + 1;
    enum status status = memory_allocate(&offsets, count + 1, sizeof *offsets, "offsets of modules");
    if (status == STATUS_OK)
        status = hdf5_read_array(reading->file, name, H5T_NATIVE_INT64, 1, &extent, offsets);
    for (size_t i = 0; i <= count && status == STATUS_OK; i++) {
        if (offsets[i] != expected)
            status = error_set(STATUS_FORMAT, "%s: %s[%zu] is %lld; expected %lld", reading->path, name, i,
                               (long long)offsets[i], (long long)expected);
        if (i == count)
            break;
        const struct module_sizes *sizes = &reading->sizes[reading->rows[i].parent];
        expected += (int64_t)(heads ? sizes->head_floats : sizes->map_bytes);
    }
    *total = (hsize_t)expected;
    memory_free(&offsets);
    return status;
}

/* Opens one of the two packed arrays and checks that it is as long as its offsets say. */
static enum status open_packed(const struct reading *reading, const char *offsets, const char *name,
                               bool heads, hid_t *array)
{
    hsize_t total = 0, found = 0;
    *array = H5I_INVALID_HID;
    enum status status = check_offsets(reading, offsets, heads, &total);
    if (status == STATUS_OK)
        status = hdf5_open_array(reading->file, name, heads ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT8, 1, &found,
                                 array);
    if (status == STATUS_OK && found != total) {
        H5Dclose(*array);
        *array = H5I_INVALID_HID;
        status = error_set(STATUS_SHAPE, "%s: array %s has %llu elements; expected %llu", reading->path, name,
                           (unsigned long long)found, (unsigned long long)total);
    }
    return status;
}

static enum status map_check(const struct reading *reading, const struct module *module)
{
    const struct unit_layout *layout = reading->layouts[module->parent];
    uint64_t units = 0, channels = 0;
    if (!unit_map_is_clean(layout, module->map))
        return error_set(STATUS_FORMAT, "%s: the map of module \"%s\" has bits beyond its %zu units",
                         reading->path, module->label, layout->unit_count);
    unit_map_measure(layout, module->map, &units, &channels);
    if (units != module->kept.units || channels != module->kept.channels)
        return error_set(STATUS_FORMAT,
                         "%s: the map of module \"%s\" keeps %llu units and %llu channels but its row says "
                         "%llu and %llu; the file is damaged",
                         reading->path, module->label, (unsigned long long)units,
                         (unsigned long long)channels, (unsigned long long)module->kept.units,
                         (unsigned long long)module->kept.channels);
    return STATUS_OK;
}

static enum status read_maps(struct reading *reading)
{
    hid_t array = H5I_INVALID_HID;
    hsize_t at = 0;
    enum status status = open_packed(reading, MODULES_MAP_OFFSETS, MODULES_MAPS, false, &array);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < reading->set->module_count && status == STATUS_OK; i++) {
        struct module *module = &reading->set->modules[i];
        size_t bytes = reading->sizes[module->parent].map_bytes;
        status = memory_allocate(&module->map, bytes, 1, "unit map");
        if (status == STATUS_OK)
            status = hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_UINT8, at, bytes, module->map);
        if (status == STATUS_OK)
            status = map_check(reading, module);
        at += bytes;
    }
    H5Dclose(array);
    return status;
}

static enum status head_check(const struct reading *reading, const struct module *module, size_t floats)
{
    for (size_t i = 0; i < floats; i++)
        if (!isfinite(module->head_weights[i]))
            return error_set(STATUS_FORMAT, "%s: the head of module \"%s\" has a weight that is not finite",
                             reading->path, module->label);
    return STATUS_OK;
}

static enum status read_heads(struct reading *reading)
{
    hid_t array = H5I_INVALID_HID;
    hsize_t at = 0;
    enum status status = open_packed(reading, MODULES_HEAD_OFFSETS, MODULES_HEADS, true, &array);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < reading->set->module_count && status == STATUS_OK; i++) {
        struct module *module = &reading->set->modules[i];
        size_t floats = reading->sizes[module->parent].head_floats;
        status = memory_allocate(&module->head_weights, floats, sizeof(float), "module head");
        if (status == STATUS_OK)
            status = hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_FLOAT, at, floats, module->head_weights);
        if (status == STATUS_OK)
            status = head_check(reading, module, floats);
        at += floats;
    }
    H5Dclose(array);
    return status;
}

/* --- all of it --- */

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
    *set = NULL;
    enum status status = open_kind(path, kind, &reading.file, found);
    if (status == STATUS_OK)
        status = read_parents(&reading, found);
    if (status == STATUS_OK)
        status = read_rows(&reading);
    if (status == STATUS_OK)
        status = read_maps(&reading);
    if (status == STATUS_OK)
        status = read_heads(&reading);
    error_keep_first(&first, status);
    error_keep_first(&first, hdf5_close(&reading.file, path));
    reading_clear(&reading);
    if (first.status != STATUS_OK)
        module_set_destroy(&reading.set);
    *set = reading.set;
    return error_raise(&first);
}
