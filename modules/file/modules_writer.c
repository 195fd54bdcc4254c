#include "modules/file/modules_writer.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_graph.h"
#include "modules/file/modules_rows.h"

struct open_array {
    hid_t array, type; /* H5I_INVALID_HID: not open */
};

struct packed_writing {
    struct open_array open; /* not open: no module has any */
    int64_t *offsets;       /* (module_count + 1) */
};

struct modules_writer {
    hid_t file, transfer; /* borrowed */
    int32_t module_count;
    struct open_array index;
    struct packed_writing packed[MODULE_ARRAY_COUNT];
    uint8_t *buffer; /* (buffer_bytes): a batch's part of one array, packed */
    size_t buffer_bytes;
};

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
static enum status write_ranges(const struct modules_writer *writer, const struct open_array *open,
                                const char *name, const struct ranges *ranges, const void *data)
{
    hid_t space = H5Dget_space(open->array);
    hid_t memory = H5Screate_simple(1, &ranges->total, NULL);
    enum status status = space < 0 || memory < 0
                             ? hdf5_failed(STATUS_IO, writer->file, "cannot open \"%s\" to write", name)
                             : select_ranges(space, ranges);
    if (status == STATUS_OK && ranges->total == 0)
        H5Sselect_none(memory);
    if (status == STATUS_OK && H5Dwrite(open->array, open->type, memory, space, writer->transfer, data) < 0)
        status = hdf5_failed(STATUS_IO, writer->file, "cannot write \"%s\"", name);
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    return status;
}

/* The ranges of the rows in a packed array. */
static enum status locate(const struct modules_writer *writer, enum module_array which, const int32_t *rows,
                          int32_t count, struct ranges *ranges)
{
    const int64_t *offsets = writer->packed[which].offsets;
    enum status status = ranges_allocate(count, ranges);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        if (rows[i] < 0 || rows[i] >= writer->module_count || (i > 0 && rows[i] <= rows[i - 1])) {
            status = error_set(STATUS_INTERNAL, "modules to write: row %d stands after row %d of %d",
                               (int)rows[i], (int)(i > 0 ? rows[i - 1] : -1), (int)writer->module_count);
            break;
        }
        ranges->starts[i] = (hsize_t)offsets[rows[i]];
        ranges->ends[i] = (hsize_t)offsets[rows[i] + 1];
        ranges->total += ranges->ends[i] - ranges->starts[i];
    }
    ranges->count = status == STATUS_OK ? count : 0;
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

/* Room for so many elements in the writer's buffer, which stays for the batches to come: fresh memory for
 * each would cost as much as writing it. */
static enum status reserve(struct modules_writer *writer, size_t elements, size_t element_bytes)
{
    size_t bytes = 0;
    if (!size_multiply(elements, element_bytes, &bytes))
        return error_set(STATUS_NO_MEMORY, "modules to write: %zu elements of %zu bytes", elements,
                         element_bytes);
    if (bytes <= writer->buffer_bytes)
        return STATUS_OK;
    memory_free(&writer->buffer);
    writer->buffer_bytes = 0;
    enum status status = memory_allocate(&writer->buffer, bytes, 1, "modules to write");
    if (status == STATUS_OK)
        writer->buffer_bytes = bytes;
    return status;
}

/* Into the writer's buffer. */
static enum status pack(struct modules_writer *writer, enum module_array which,
                        const struct module *const *modules, const int32_t *rows, int32_t count,
                        struct ranges *ranges)
{
    size_t at = 0, bytes = packed_arrays[which].element_bytes;
    enum status status = locate(writer, which, rows, count, ranges);
    if (status == STATUS_OK)
        status = reserve(writer, (size_t)ranges->total, bytes);
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        size_t length = (size_t)(ranges->ends[i] - ranges->starts[i]);
        status = pack_module(modules[i], which, length, writer->buffer + at * bytes);
        at += length;
    }
    return status == STATUS_OK ? pack_records(which, (size_t)ranges->total, writer->buffer) : status;
}

/* The modules' parts of one packed array. */
static enum status write_packed(struct modules_writer *writer, enum module_array which,
                                const struct module *const *modules, const int32_t *rows, int32_t count)
{
    struct ranges ranges = {0};
    struct error_carried first = {STATUS_OK, ""};
    if (writer->packed[which].open.array < 0)
        return STATUS_OK; /* nobody has any */
    error_keep_first(&first, pack(writer, which, modules, rows, count, &ranges));
    if (first.status != STATUS_OK)
        ranges_clear(&ranges);
    error_keep_first(&first, write_ranges(writer, &writer->packed[which].open, packed_arrays[which].data,
                                          &ranges, writer->buffer));
    ranges_clear(&ranges);
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

static enum status write_rows(const struct modules_writer *writer, const struct module *const *modules,
                              const int32_t *rows, int32_t count)
{
    struct ranges ranges = {0};
    struct module_row *filled = NULL;
    struct error_carried first = {STATUS_OK, ""};
    error_keep_first(&first, fill_rows(modules, rows, count, &ranges, &filled));
    if (first.status != STATUS_OK)
        ranges_clear(&ranges);
    error_keep_first(&first, write_ranges(writer, &writer->index, MODULES_INDEX, &ranges, filled));
    ranges_clear(&ranges);
    memory_free(&filled);
    return error_raise(&first);
}

enum status modules_writer_put(struct modules_writer *writer, const struct module *const *modules,
                               const int32_t *rows, int32_t count)
{
    struct error_carried first = {STATUS_OK, ""};
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++)
        error_keep_first(&first, write_packed(writer, (enum module_array)which, modules, rows, count));
    error_keep_first(&first, write_rows(writer, modules, rows, first.status == STATUS_OK ? count : 0));
    return error_raise(&first);
}

/* --- opening, closing --- */

static enum status open_array(hid_t file, const char *name, struct open_array *open)
{
    open->array = H5Dopen2(file, name, H5P_DEFAULT);
    open->type = open->array < 0 ? H5I_INVALID_HID : H5Dget_type(open->array);
    return open->type < 0 ? hdf5_failed(STATUS_IO, file, "cannot open \"%s\" to write", name) : STATUS_OK;
}

static enum status open_packed(struct modules_writer *writer, enum module_array which)
{
    const struct packed_array *names = &packed_arrays[which];
    struct packed_writing *packed = &writer->packed[which];
    const hsize_t entries = (hsize_t)writer->module_count + 1;
    enum status status =
        memory_allocate(&packed->offsets, (size_t)entries, sizeof *packed->offsets, "offsets of modules");
    if (status == STATUS_OK)
        status =
            hdf5_read_array(writer->file, names->offsets, H5T_NATIVE_INT64, 1, &entries, packed->offsets);
    if (status == STATUS_OK && H5Lexists(writer->file, names->data, H5P_DEFAULT) > 0)
        status = open_array(writer->file, names->data, &packed->open);
    return status;
}

static enum status open_all(struct modules_writer *writer)
{
    hsize_t modules = 0;
    enum status status = hdf5_array_extent(writer->file, MODULES_INDEX, 1, MODULES_MAX, &modules);
    writer->module_count = (int32_t)modules;
    if (status == STATUS_OK)
        status = open_array(writer->file, MODULES_INDEX, &writer->index);
    for (int which = 0; which < MODULE_ARRAY_COUNT && status == STATUS_OK; which++)
        status = open_packed(writer, (enum module_array)which);
    return status;
}

enum status modules_writer_open(hid_t file, hid_t transfer, struct modules_writer **writer)
{
    const struct open_array closed = {H5I_INVALID_HID, H5I_INVALID_HID};
    enum status status = memory_allocate(writer, 1, sizeof **writer, "writer of modules");
    if (status != STATUS_OK)
        return status;
    (*writer)->file = file;
    (*writer)->transfer = transfer;
    (*writer)->index = closed;
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++)
        (*writer)->packed[which].open = closed;
    status = open_all(*writer);
    if (status != STATUS_OK)
        modules_writer_close(writer);
    return status;
}

static void close_array(struct open_array *open)
{
    if (open->type >= 0)
        H5Tclose(open->type);
    if (open->array >= 0)
        H5Dclose(open->array);
}

void modules_writer_close(struct modules_writer **writer)
{
    if (*writer == NULL)
        return;
    close_array(&(*writer)->index);
    for (int which = 0; which < MODULE_ARRAY_COUNT; which++) {
        close_array(&(*writer)->packed[which].open);
        memory_free(&(*writer)->packed[which].offsets);
    }
    memory_free(&(*writer)->buffer);
    memory_free(writer);
}
