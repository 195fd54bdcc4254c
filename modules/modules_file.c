#include "modules/modules_file.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "modules/modules_rows.h"

/* --- creating --- */

static enum status write_parents(hid_t file, const struct network *const *parents, int32_t count)
{
    char name[PARENT_NAME_BYTES];
    hid_t group = H5I_INVALID_HID;
    enum status status = hdf5_create_group(file, MODULES_PARENTS, &group);
    if (status != STATUS_OK)
        return status;
    status = hdf5_write_int_attribute(group, "count", count);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        modules_parent_name(i, name);
        status = network_group_write(group, name, parents[i]);
    }
    H5Gclose(group);
    return status;
}

static enum status create_empty(hid_t file, const char *name, hid_t type, int64_t elements)
{
    hid_t array = H5I_INVALID_HID;
    hsize_t extent = (hsize_t)elements;
    enum status status = hdf5_create_array(file, name, type, 1, &extent, &array);
    if (status == STATUS_OK)
        H5Dclose(array);
    return status;
}

/* Writes where each module's map and head lie, and makes room for them. */
static enum status create_arrays(hid_t file, const struct module_sizes *sizes, const int32_t *module_parents,
                                 int32_t module_count)
{
    int64_t *offsets = NULL; /* (2, module_count + 1): maps, heads */
    size_t stride = (size_t)module_count + 1;
    hsize_t extent = stride;
    enum status status = memory_allocate(&offsets, 2 * stride, sizeof *offsets, "offsets of modules");
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i + 1 < stride; i++) {
        const struct module_sizes *size = &sizes[module_parents[i]];
        offsets[i + 1] = offsets[i] + (int64_t)size->map_bytes;
        offsets[stride + i + 1] = offsets[stride + i] + (int64_t)size->head_floats;
    }
    hid_t row_type = H5I_INVALID_HID;
    status = module_row_type(&row_type);
    if (status == STATUS_OK)
        status = create_empty(file, MODULES_INDEX, row_type, module_count);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, MODULES_MAP_OFFSETS, H5T_NATIVE_INT64, 1, &extent, offsets);
    if (status == STATUS_OK)
        status = create_empty(file, MODULES_MAPS, H5T_NATIVE_UINT8, offsets[stride - 1]);
    if (status == STATUS_OK)
        status = hdf5_write_array(file, MODULES_HEAD_OFFSETS, H5T_NATIVE_INT64, 1, &extent, offsets + stride);
    if (status == STATUS_OK)
        status = create_empty(file, MODULES_HEADS, H5T_NATIVE_FLOAT, offsets[2 * stride - 1]);
    if (row_type >= 0)
        H5Tclose(row_type);
    memory_free(&offsets);
    return status;
}

/* Sizes of all parents; the caller frees them. */
static enum status parents_measure(const struct network *const *parents, int32_t parent_count,
                                   const int32_t *module_parents, int32_t module_count,
                                   struct module_sizes **sizes)
{
    enum status status = memory_allocate(sizes, (size_t)parent_count, sizeof **sizes, "sizes of parents");
    for (int32_t i = 0; i < parent_count && status == STATUS_OK; i++)
        status = module_sizes_of(parents[i], &(*sizes)[i]);
    for (int32_t i = 0; i < module_count && status == STATUS_OK; i++)
        if (module_parents[i] < 0 || module_parents[i] >= parent_count)
            status = error_set(STATUS_INTERNAL, "module %d is of parent %d of %d", (int)i,
                               (int)module_parents[i], (int)parent_count);
    return status;
}

enum status modules_file_create(const char *path, const char *kind, hid_t access,
                                const struct network *const *parents, int32_t parent_count,
                                const int32_t *module_parents, int32_t module_count, hid_t *file)
{
    struct module_sizes *sizes = NULL;
    *file = H5I_INVALID_HID;
    enum status status = modules_counts_check(kind, parent_count, module_count);
    if (status == STATUS_OK)
        status = parents_measure(parents, parent_count, module_parents, module_count, &sizes);
    if (status == STATUS_OK)
        status = hdf5_create(path, kind, access, file);
    if (status == STATUS_OK) {
        status = write_parents(*file, parents, parent_count);
        if (status == STATUS_OK)
            status = create_arrays(*file, sizes, module_parents, module_count);
    }
    memory_free(&sizes);
    return status;
}

/* --- writing --- */

/* Elements starts[i] … ends[i]−1 of an array for each i below count, ascending. */
struct ranges {
    const hsize_t *starts, *ends;
    int32_t count;
};

/* Selects the union of the ranges; *total is how many elements. */
static enum status select_ranges(hid_t space, const struct ranges *ranges, hsize_t *total)
{
    herr_t result = H5Sselect_none(space);
    *total = 0;
    for (int32_t i = 0; i < ranges->count && result >= 0;) {
        hsize_t start = ranges->starts[i], end = ranges->ends[i];
        for (i++; i < ranges->count && ranges->starts[i] == end; i++)
            end = ranges->ends[i]; /* neighbours are one range */
        hsize_t count = end - start;
        result = H5Sselect_hyperslab(space, *total == 0 ? H5S_SELECT_SET : H5S_SELECT_OR, &start, NULL,
                                     &count, NULL);
        *total += count;
    }
    return result < 0 ? error_set(STATUS_IO, "HDF5 cannot select %d modules of the file", (int)ranges->count)
                      : STATUS_OK;
}

/* One (collective) write of the packed elements of the ranges. */
static enum status write_ranges(hid_t file, hid_t transfer, const char *name, hid_t type,
                                const struct ranges *ranges, const void *data)
{
    hsize_t total = 0;
    hid_t array = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t space = array < 0 ? H5I_INVALID_HID : H5Dget_space(array);
    hid_t memory = H5I_INVALID_HID;
    enum status status = space < 0 ? hdf5_failed(STATUS_IO, file, "cannot open \"%s\" to write", name)
                                   : select_ranges(space, ranges, &total);
    if (status == STATUS_OK)
        memory = H5Screate_simple(1, &total, NULL);
    if (memory >= 0 && total == 0)
        H5Sselect_none(memory);
    if (status == STATUS_OK && (memory < 0 || H5Dwrite(array, type, memory, space, transfer, data) < 0))
        status = hdf5_failed(STATUS_IO, file, "cannot write \"%s\"", name);
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    if (array >= 0)
        H5Dclose(array);
    return status;
}

/* The modules of one call, packed as they go into the file. */
struct batch {
    struct module_row *rows; /* (count) */
    uint8_t *maps;
    float *heads;
    hsize_t *starts, *ends; /* (3, count): of rows, maps and heads */
    int32_t count;          /* 0 unless all the above is filled */
};

static enum status read_offsets(hid_t file, const char *name, int64_t **offsets, hsize_t *entries)
{
    enum status status = hdf5_array_extent(file, name, 1, (hsize_t)MODULES_MAX + 1, entries);
    if (status == STATUS_OK)
        status = memory_allocate(offsets, (size_t)*entries, sizeof **offsets, "offsets of modules");
    if (status == STATUS_OK)
        status = hdf5_read_array(file, name, H5T_NATIVE_INT64, 1, entries, *offsets);
    return status;
}

/* The ranges of the rows in the array whose offsets those are; *total is their elements in all. */
static enum status locate(hid_t file, const char *name, const int32_t *rows, int32_t count, hsize_t *starts,
                          hsize_t *ends, size_t *total)
{
    int64_t *offsets = NULL;
    hsize_t entries = 0;
    *total = 0;
    enum status status = read_offsets(file, name, &offsets, &entries);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        if (rows[i] < 0 || (hsize_t)rows[i] + 1 >= entries || (i > 0 && rows[i] <= rows[i - 1])) {
            status =
                error_set(STATUS_INTERNAL, "modules to write: row %d stands after row %d of %llu",
                          (int)rows[i], (int)(i > 0 ? rows[i - 1] : -1), (unsigned long long)entries - 1);
            break;
        }
        starts[i] = (hsize_t)offsets[rows[i]];
        ends[i] = (hsize_t)offsets[rows[i] + 1];
        *total += (size_t)(ends[i] - starts[i]);
    }
    memory_free(&offsets);
    return status;
}

static void batch_clear(struct batch *batch)
{
    memory_free(&batch->rows);
    memory_free(&batch->maps);
    memory_free(&batch->heads);
    memory_free(&batch->starts);
    memory_free(&batch->ends);
    memset(batch, 0, sizeof *batch);
}

static enum status batch_allocate(hid_t file, const int32_t *rows, int32_t count, struct batch *batch)
{
    size_t n = (size_t)count, map_bytes = 0, head_floats = 0;
    enum status status = memory_allocate(&batch->starts, 3 * n, sizeof(hsize_t), "places of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&batch->ends, 3 * n, sizeof(hsize_t), "places of modules");
    if (status == STATUS_OK)
        status =
            locate(file, MODULES_MAP_OFFSETS, rows, count, batch->starts + n, batch->ends + n, &map_bytes);
    if (status == STATUS_OK)
        status = locate(file, MODULES_HEAD_OFFSETS, rows, count, batch->starts + 2 * n, batch->ends + 2 * n,
                        &head_floats);
    if (status == STATUS_OK)
        status = memory_allocate(&batch->rows, n, sizeof *batch->rows, "rows of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&batch->maps, map_bytes, 1, "maps to write");
    if (status == STATUS_OK)
        status = memory_allocate(&batch->heads, head_floats, sizeof(float), "heads to write");
    return status;
}

static enum status batch_fill(hid_t file, const struct module *const *modules, const int32_t *rows,
                              int32_t count, struct batch *batch)
{
    enum status status = batch_allocate(file, rows, count, batch);
    if (status != STATUS_OK)
        return status;
    size_t n = (size_t)count;
    uint8_t *map = batch->maps;
    float *head = batch->heads;
    for (size_t i = 0; i < n; i++) {
        size_t map_bytes = (size_t)(batch->ends[n + i] - batch->starts[n + i]);
        size_t head_floats = (size_t)(batch->ends[2 * n + i] - batch->starts[2 * n + i]);
        batch->rows[i] = module_row_of(modules[i]);
        batch->starts[i] = (hsize_t)rows[i];
        batch->ends[i] = (hsize_t)rows[i] + 1;
        memcpy(map, modules[i]->map, map_bytes);
        memcpy(head, modules[i]->head_weights, head_floats * sizeof(float));
        map += map_bytes;
        head += head_floats;
    }
    batch->count = count;
    return STATUS_OK;
}

/* The ranges of array 0 (rows), 1 (maps) or 2 (heads). */
static struct ranges batch_ranges(const struct batch *batch, size_t array)
{
    if (batch->count == 0)
        return (struct ranges){.count = 0};
    size_t at = array * (size_t)batch->count;
    return (struct ranges){.starts = batch->starts + at, .ends = batch->ends + at, .count = batch->count};
}

enum status modules_file_write(hid_t file, hid_t transfer, const struct module *const *modules,
                               const int32_t *rows, int32_t count)
{
    struct batch batch = {.count = 0};
    struct error_carried first = {STATUS_OK, ""};
    hid_t row_type = H5I_INVALID_HID;
    error_keep_first(&first, module_row_type(&row_type));
    error_keep_first(&first, batch_fill(file, modules, rows, count, &batch));
    const struct {
        const char *name;
        hid_t type;
        const void *data;
    } arrays[] = {{MODULES_INDEX, row_type, batch.rows},
                  {MODULES_MAPS, H5T_NATIVE_UINT8, batch.maps},
                  {MODULES_HEADS, H5T_NATIVE_FLOAT, batch.heads}};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        struct ranges ranges = batch_ranges(&batch, i);
        error_keep_first(
            &first, write_ranges(file, transfer, arrays[i].name, arrays[i].type, &ranges, arrays[i].data));
    }
    if (row_type >= 0)
        H5Tclose(row_type);
    batch_clear(&batch);
    return error_raise(&first);
}

/* --- a whole set --- */

static enum status set_check(const struct module_set *set, const char *path)
{
    class_name *labels = NULL;
    enum status status = module_set_labels(set, &labels);
    if (status == STATUS_OK)
        status = class_names_check((const class_name *)labels, set->module_count, path);
    memory_free(&labels);
    return status;
}

/* Creates, writes and closes. */
static enum status write_set(const struct module_set *set, const char *kind, const char *path,
                             const struct module **modules, int32_t *rows, int32_t *parents)
{
    hid_t file = H5I_INVALID_HID;
    for (int32_t i = 0; i < set->module_count; i++) {
        modules[i] = &set->modules[i];
        rows[i] = i;
        parents[i] = set->modules[i].parent;
    }
    enum status status =
        modules_file_create(path, kind, H5P_DEFAULT, (const struct network *const *)set->parents,
                            set->parent_count, parents, set->module_count, &file);
    struct error_carried first = {STATUS_OK, ""};
    error_keep_first(&first, status);
    if (status == STATUS_OK)
        error_keep_first(&first, modules_file_write(file, H5P_DEFAULT, modules, rows, set->module_count));
    error_keep_first(&first, hdf5_close(&file, path));
    return error_raise(&first);
}

enum status modules_file_save(const struct module_set *set, const char *kind, const char *path)
{
    char *beside = NULL;
    const struct module **modules = NULL;
    int32_t *rows = NULL; /* (2, module_count): rows, parents */
    size_t count = (size_t)set->module_count;
    enum status status = output_file_check(path);
    if (status == STATUS_OK)
        status = set_check(set, path);
    if (status == STATUS_OK)
        status = memory_allocate(&modules, count, sizeof *modules, "modules to write");
    if (status == STATUS_OK)
        status = memory_allocate(&rows, 2 * count, sizeof *rows, "rows of modules");
    if (status == STATUS_OK)
        status = output_file_beside(path, &beside);
    if (status == STATUS_OK) {
        status = write_set(set, kind, beside, modules, rows, rows + count);
        if (status == STATUS_OK)
            status = output_file_commit(beside, path);
        if (status != STATUS_OK)
            output_file_discard(beside);
    }
    memory_free(&beside);
    memory_free(&modules);
    memory_free(&rows);
    return status;
}
