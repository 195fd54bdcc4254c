#include "modules/modules_file.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "compute/formats/network_graph.h"
#include "modules/modules_rows.h"

enum { BATCH_BYTES = 4 << 20 }; /* more is written no faster, and falls out of the caches on its way */

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

/* Writes where each module's part of a packed array lies, and makes room for them. */
static enum status create_packed(hid_t file, enum module_array which, const struct module_lengths *lengths,
                                 int32_t module_count, int64_t *offsets)
{
    const struct packed_array *packed = &packed_arrays[which];
    hsize_t extent = (hsize_t)module_count + 1;
    hid_t type = H5I_INVALID_HID;
    offsets[0] = 0;
    for (int32_t i = 0; i < module_count; i++)
        offsets[i + 1] = offsets[i] + lengths[i].of[which];
    enum status status = hdf5_write_array(file, packed->offsets, H5T_NATIVE_INT64, 1, &extent, offsets);
    if (status != STATUS_OK || offsets[module_count] == 0)
        return status;
    status = packed_array_type(which, &type);
    if (status == STATUS_OK)
        status = create_empty(file, packed->data, type, offsets[module_count]);
    if (type >= 0)
        H5Tclose(type);
    return status;
}

static enum status create_arrays(hid_t file, const struct module_lengths *lengths, int32_t module_count)
{
    int64_t *offsets = NULL;
    hid_t row_type = H5I_INVALID_HID;
    enum status status =
        memory_allocate(&offsets, (size_t)module_count + 1, sizeof *offsets, "offsets of modules");
    if (status == STATUS_OK)
        status = module_row_type(&row_type);
    if (status == STATUS_OK)
        status = create_empty(file, MODULES_INDEX, row_type, module_count);
    for (int which = 0; which < MODULE_ARRAY_COUNT && status == STATUS_OK; which++)
        status = create_packed(file, (enum module_array)which, lengths, module_count, offsets);
    if (row_type >= 0)
        H5Tclose(row_type);
    memory_free(&offsets);
    return status;
}

enum status modules_file_create(const char *path, const char *kind, hid_t access,
                                const struct network *const *parents, int32_t parent_count,
                                const struct module_lengths *lengths, int32_t module_count, hid_t *file)
{
    *file = H5I_INVALID_HID;
    enum status status = modules_counts_check(kind, parent_count, module_count);
    if (status == STATUS_OK)
        status = hdf5_create(path, kind, access, file);
    if (status == STATUS_OK)
        status = write_parents(*file, parents, parent_count);
    if (status == STATUS_OK)
        status = create_arrays(*file, lengths, module_count);
    return status;
}

/* --- writing --- */

/* Elements starts[i] … ends[i]−1 of an array for each i below count, ascending. */
struct ranges {
    hsize_t *starts, *ends;
    int32_t count;
    hsize_t total;
};

static enum status ranges_allocate(int32_t count, struct ranges *ranges)
{
    enum status status =
        memory_allocate(&ranges->starts, (size_t)count, sizeof(hsize_t), "places of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&ranges->ends, (size_t)count, sizeof(hsize_t), "places of modules");
    return status;
}

static void ranges_clear(struct ranges *ranges)
{
    memory_free(&ranges->starts);
    memory_free(&ranges->ends);
    *ranges = (struct ranges){0};
}

/* Selects the union of the ranges. */
static enum status select_ranges(hid_t space, const struct ranges *ranges)
{
    herr_t result = H5Sselect_none(space);
    bool any = false;
    for (int32_t i = 0; i < ranges->count && result >= 0;) {
        hsize_t start = ranges->starts[i], end = ranges->ends[i];
        for (i++; i < ranges->count && ranges->starts[i] == end; i++)
            end = ranges->ends[i]; /* neighbours are one range */
        hsize_t count = end - start;
        if (count == 0)
            continue;
        result = H5Sselect_hyperslab(space, any ? H5S_SELECT_OR : H5S_SELECT_SET, &start, NULL, &count, NULL);
        any = true;
    }
    return result < 0 ? error_set(STATUS_IO, "HDF5 cannot select %d modules of the file", (int)ranges->count)
                      : STATUS_OK;
}

/* One (collective) write of the packed elements of the ranges, given as the file has them. */
static enum status write_ranges(hid_t file, hid_t transfer, const char *name, const struct ranges *ranges,
                                const void *data)
{
    hid_t array = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t space = array < 0 ? H5I_INVALID_HID : H5Dget_space(array);
    hid_t type = array < 0 ? H5I_INVALID_HID : H5Dget_type(array);
    hid_t memory = H5Screate_simple(1, &ranges->total, NULL);
    enum status status = space < 0 || type < 0 || memory < 0
                             ? hdf5_failed(STATUS_IO, file, "cannot open \"%s\" to write", name)
                             : select_ranges(space, ranges);
    if (status == STATUS_OK && ranges->total == 0)
        H5Sselect_none(memory);
    if (status == STATUS_OK && H5Dwrite(array, type, memory, space, transfer, data) < 0)
        status = hdf5_failed(STATUS_IO, file, "cannot write \"%s\"", name);
    if (memory >= 0)
        H5Sclose(memory);
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    if (array >= 0)
        H5Dclose(array);
    return status;
}

static enum status read_offsets(hid_t file, const char *name, int64_t **offsets, hsize_t *entries)
{
    enum status status = hdf5_array_extent(file, name, 1, (hsize_t)MODULES_MAX + 1, entries);
    if (status == STATUS_OK)
        status = memory_allocate(offsets, (size_t)*entries, sizeof **offsets, "offsets of modules");
    if (status == STATUS_OK)
        status = hdf5_read_array(file, name, H5T_NATIVE_INT64, 1, entries, *offsets);
    return status;
}

/* The ranges of the rows in a packed array. */
static enum status locate(hid_t file, const struct packed_array *packed, const int32_t *rows, int32_t count,
                          struct ranges *ranges)
{
    int64_t *offsets = NULL;
    hsize_t entries = 0;
    enum status status = read_offsets(file, packed->offsets, &offsets, &entries);
    if (status == STATUS_OK)
        status = ranges_allocate(count, ranges);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        if (rows[i] < 0 || (hsize_t)rows[i] + 1 >= entries || (i > 0 && rows[i] <= rows[i - 1])) {
            status =
                error_set(STATUS_INTERNAL, "modules to write: row %d stands after row %d of %llu",
                          (int)rows[i], (int)(i > 0 ? rows[i - 1] : -1), (unsigned long long)entries - 1);
            break;
        }
        ranges->starts[i] = (hsize_t)offsets[rows[i]];
        ranges->ends[i] = (hsize_t)offsets[rows[i] + 1];
        ranges->total += ranges->ends[i] - ranges->starts[i];
    }
    ranges->count = status == STATUS_OK ? count : 0;
    memory_free(&offsets);
    return status;
}

/* Copies module's part of an array, `count` elements, to where it is packed. STATUS_INTERNAL when it has not
 * so many. */
static enum status pack_module(const struct module *module, enum module_array which, size_t count, void *to)
{
    const struct network *network = module->network;
    const void *from[MODULE_ARRAY_COUNT] = {[MODULE_ARRAY_MAP] = module->map,
                                            [MODULE_ARRAY_HEAD] = module->head_weights,
                                            [MODULE_ARRAY_CHANNELS] = module->channels};
    size_t has[MODULE_ARRAY_COUNT] = {[MODULE_ARRAY_MAP] = module->map != NULL ? count : 0,
                                      [MODULE_ARRAY_HEAD] = module->head_weights != NULL ? count : 0,
                                      [MODULE_ARRAY_CHANNELS] = module->channels != NULL ? count : 0};
    if (network != NULL) {
        has[MODULE_ARRAY_LAYERS] = (size_t)network->layer_count;
        has[MODULE_ARRAY_INPUTS] = (size_t)network_graph_inputs(network);
        has[MODULE_ARRAY_PARAMETERS] = network->parameter_count;
        has[MODULE_ARRAY_STATISTICS] = network->statistic_count;
        from[MODULE_ARRAY_PARAMETERS] = network->parameters;
        from[MODULE_ARRAY_STATISTICS] = network->statistics;
    }
    if (has[which] != count)
        return error_set(STATUS_INTERNAL, "module %s has %zu elements of %s; its file has room for %zu",
                         module->label, has[which], packed_arrays[which].what, count);
    if (count == 0)
        return STATUS_OK;
    if (which == MODULE_ARRAY_LAYERS || which == MODULE_ARRAY_INPUTS) {
        struct network_graph graph = {NULL, NULL, 0, 0};
        enum status status = network_graph_of(network, &graph);
        if (status == STATUS_OK)
            memcpy(to,
                   which == MODULE_ARRAY_LAYERS ? (const void *)graph.records : (const void *)graph.inputs,
                   count * packed_arrays[which].element_bytes);
        network_graph_clear(&graph);
        return status;
    }
    memcpy(to, from[which], count * packed_arrays[which].element_bytes);
    return STATUS_OK;
}

/* Turns packed elements from how they lie in memory into how they lie in the file, so that writing need not
 * convert, which would not be collective. */
static enum status pack_records(enum module_array which, size_t count, void *elements)
{
    hid_t type = H5I_INVALID_HID, packed = H5I_INVALID_HID;
    void *background = NULL; /* HDF5 wants one to convert records */
    if (which != MODULE_ARRAY_LAYERS)
        return STATUS_OK;
    enum status status =
        memory_allocate(&background, count, packed_arrays[which].element_bytes, packed_arrays[which].what);
    if (status == STATUS_OK)
        status = packed_array_type(which, &type);
    if (status == STATUS_OK) {
        packed = H5Tcopy(type);
        if (packed < 0 || H5Tpack(packed) < 0 ||
            H5Tconvert(type, packed, count, elements, background, H5P_DEFAULT) < 0)
            status = error_set(STATUS_IO, "HDF5 cannot convert %s", packed_arrays[which].what);
    }
    if (packed >= 0)
        H5Tclose(packed);
    if (type >= 0)
        H5Tclose(type);
    memory_free(&background);
    return status;
}

static enum status pack(hid_t file, enum module_array which, const struct module *const *modules,
                        const int32_t *rows, int32_t count, struct ranges *ranges, uint8_t **elements)
{
    size_t at = 0, bytes = packed_arrays[which].element_bytes;
    enum status status = locate(file, &packed_arrays[which], rows, count, ranges);
    if (status == STATUS_OK)
        status = memory_allocate(elements, (size_t)ranges->total, bytes, packed_arrays[which].what);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        size_t length = (size_t)(ranges->ends[i] - ranges->starts[i]);
        status = pack_module(modules[i], which, length, *elements + at * bytes);
        at += length;
    }
    return status == STATUS_OK ? pack_records(which, (size_t)ranges->total, *elements) : status;
}

/* The modules' parts of one packed array. */
static enum status write_packed(hid_t file, hid_t transfer, enum module_array which,
                                const struct module *const *modules, const int32_t *rows, int32_t count)
{
    struct ranges ranges = {0};
    uint8_t *elements = NULL;
    struct error_carried first = {STATUS_OK, ""};
    if (H5Lexists(file, packed_arrays[which].data, H5P_DEFAULT) <= 0)
        return STATUS_OK; /* nobody has any */
    error_keep_first(&first, pack(file, which, modules, rows, count, &ranges, &elements));
    if (first.status != STATUS_OK)
        ranges_clear(&ranges);
    error_keep_first(&first, write_ranges(file, transfer, packed_arrays[which].data, &ranges, elements));
    ranges_clear(&ranges);
    memory_free(&elements);
    return error_raise(&first);
}

static enum status fill_rows(const struct module *const *modules, const int32_t *rows, int32_t count,
                             struct ranges *ranges, struct module_row **filled)
{
    enum status status = ranges_allocate(count, ranges);
    if (status == STATUS_OK)
        status = memory_allocate(filled, (size_t)count, sizeof **filled, "rows of modules");
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        (*filled)[i] = module_row_of(modules[i]);
        ranges->starts[i] = (hsize_t)rows[i];
        ranges->ends[i] = (hsize_t)rows[i] + 1;
    }
    ranges->total = (hsize_t)count;
    ranges->count = count;
    return status;
}

static enum status write_rows(hid_t file, hid_t transfer, const struct module *const *modules,
                              const int32_t *rows, int32_t count)
{
    struct ranges ranges = {0};
    struct module_row *filled = NULL;
    struct error_carried first = {STATUS_OK, ""};
    error_keep_first(&first, fill_rows(modules, rows, count, &ranges, &filled));
    if (first.status != STATUS_OK)
        ranges_clear(&ranges);
    error_keep_first(&first, write_ranges(file, transfer, MODULES_INDEX, &ranges, filled));
    ranges_clear(&ranges);
    memory_free(&filled);
    return error_raise(&first);
}

enum status modules_file_write(hid_t file, hid_t transfer, const struct module *const *modules,
                               const int32_t *rows, int32_t count)
{
    struct error_carried first = {STATUS_OK, ""};
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++)
        error_keep_first(&first,
                         write_packed(file, transfer, (enum module_array)which, modules, rows, count));
    error_keep_first(&first,
                     write_rows(file, transfer, modules, rows, first.status == STATUS_OK ? count : 0));
    return error_raise(&first);
}

int32_t modules_file_batch(const struct module_lengths *lengths, int32_t first, int32_t count)
{
    size_t bytes = 0;
    int32_t taken = 0;
    for (; first + taken < count; taken++) {
        for (int which = 0; which < MODULE_ARRAY_COUNT; which++)
            bytes += (size_t)lengths[first + taken].of[which] * packed_arrays[which].element_bytes;
        if (bytes > BATCH_BYTES && taken > 0)
            break;
    }
    return taken;
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

static enum status write_batches(hid_t file, const struct module_set *set,
                                 const struct module_lengths *lengths, const struct module **modules,
                                 int32_t *rows)
{
    enum status status = STATUS_OK;
    for (int32_t first = 0, count; first < set->module_count && status == STATUS_OK; first += count) {
        count = modules_file_batch(lengths, first, set->module_count);
        for (int32_t i = 0; i < count; i++) {
            modules[i] = &set->modules[first + i];
            rows[i] = first + i;
        }
        status = modules_file_write(file, H5P_DEFAULT, modules, rows, count);
    }
    return status;
}

/* Creates, writes and closes. */
static enum status write_set(const struct module_set *set, const char *kind, const char *path,
                             struct module_lengths *lengths, const struct module **modules, int32_t *rows)
{
    hid_t file = H5I_INVALID_HID;
    struct error_carried first = {STATUS_OK, ""};
    for (int32_t i = 0; i < set->module_count && first.status == STATUS_OK; i++)
        error_keep_first(
            &first, module_lengths_of(&set->modules[i], module_set_base(set, &set->modules[i]), &lengths[i]));
    if (first.status == STATUS_OK)
        error_keep_first(&first, modules_file_create(path, kind, H5P_DEFAULT,
                                                     (const struct network *const *)set->parents,
                                                     set->parent_count, lengths, set->module_count, &file));
    if (first.status == STATUS_OK)
        error_keep_first(&first, write_batches(file, set, lengths, modules, rows));
    error_keep_first(&first, hdf5_close(&file, path));
    return error_raise(&first);
}

enum status modules_file_save(const struct module_set *set, const char *kind, const char *path)
{
    char *beside = NULL;
    const struct module **modules = NULL;
    struct module_lengths *lengths = NULL;
    int32_t *rows = NULL;
    size_t count = (size_t)set->module_count;
    enum status status = output_file_check(path);
    if (status == STATUS_OK)
        status = set_check(set, path);
    if (status == STATUS_OK)
        status = memory_allocate(&modules, count, sizeof *modules, "modules to write");
    if (status == STATUS_OK)
        status = memory_allocate(&lengths, count, sizeof *lengths, "lengths of modules");
    if (status == STATUS_OK)
        status = memory_allocate(&rows, count, sizeof *rows, "rows of modules");
    if (status == STATUS_OK)
        status = output_file_beside(path, &beside);
    if (status == STATUS_OK) {
        status = write_set(set, kind, beside, lengths, modules, rows);
        if (status == STATUS_OK)
            status = output_file_commit(beside, path);
        if (status != STATUS_OK)
            output_file_discard(beside);
    }
    memory_free(&beside);
    memory_free(&modules);
    memory_free(&lengths);
    memory_free(&rows);
    return status;
}
