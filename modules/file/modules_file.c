#include "modules/file/modules_file.h"

#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "compute/formats/hdf5_file.h"
#include "compute/formats/network_file.h"
#include "compute/formats/network_graph.h"
#include "modules/file/modules_rows.h"
#include "modules/file/modules_writer.h"

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

/* --- batches --- */

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

/* --- lengths --- */

static enum status read_lengths(hid_t file, const char *path, struct module_lengths *lengths)
{
    enum status status = STATUS_OK;
    for (int which = 0; which < MODULE_ARRAY_COUNT && status == STATUS_OK; which++) {
        int64_t offsets[2] = {0, 0};
        const hsize_t one = 2; /* a module's beginning and its end */
        status = hdf5_read_array(file, packed_arrays[which].offsets, H5T_NATIVE_INT64, 1, &one, offsets);
        if (status == STATUS_OK && (offsets[0] != 0 || offsets[1] < 0))
            status = error_set(STATUS_FORMAT, "%s: %s are %lld and %lld; expected 0 and more; damaged", path,
                               packed_arrays[which].offsets, (long long)offsets[0], (long long)offsets[1]);
        lengths->of[which] = offsets[1];
    }
    return status;
}

enum status modules_file_lengths(const char *path, struct module_lengths *lengths)
{
    hid_t file = H5I_INVALID_HID;
    struct error_carried first = {STATUS_OK, ""};
    error_keep_first(&first, hdf5_open(path, "modules", H5P_DEFAULT, &file, NULL));
    if (first.status == STATUS_OK)
        error_keep_first(&first, read_lengths(file, path, lengths));
    error_keep_first(&first, hdf5_close(&file, path));
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

static enum status write_batches(hid_t file, const struct module_set *set,
                                 const struct module_lengths *lengths, const struct module **modules,
                                 int32_t *rows)
{
    struct modules_writer *writer = NULL;
    enum status status = modules_writer_open(file, H5P_DEFAULT, &writer);
    for (int32_t first = 0, count; first < set->module_count && status == STATUS_OK; first += count) {
        count = modules_file_batch(lengths, first, set->module_count);
        for (int32_t i = 0; i < count; i++) {
            modules[i] = &set->modules[first + i];
            rows[i] = first + i;
        }
        status = modules_writer_put(writer, modules, rows, count);
    }
    modules_writer_close(&writer);
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
