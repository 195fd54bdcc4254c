#include "compute/formats/hdf5_array.h"

#include <stdbool.h>
#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_check.h"
#include "compute/formats/hdf5_error.h"

enum { TEXT_BYTES = 160 };

/* --- creating --- */

/* One way to store, whatever the version and the number of ranks: no object times, space allocated at once
 * (as parallel HDF5 must), nothing written but the data. */
static hid_t creation_list(void)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (list >= 0 && H5Pset_obj_track_times(list, false) >= 0 && H5Pset_layout(list, H5D_CONTIGUOUS) >= 0 &&
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(list, H5D_FILL_TIME_NEVER) >= 0)
        return list;
    if (list >= 0)
        H5Pclose(list);
    return H5I_INVALID_HID;
}

static hid_t file_type_of(hid_t type)
{
    hid_t copy = H5Tcopy(type);
    if (copy >= 0 && H5Tget_class(copy) == H5T_COMPOUND && H5Tpack(copy) < 0) {
        H5Tclose(copy);
        return H5I_INVALID_HID;
    }
    return copy;
}

enum status hdf5_create_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                              hid_t *array)
{
    hid_t list = creation_list();
    hid_t file_type = file_type_of(type);
    hid_t space = H5Screate_simple(rank, extent, NULL);
    enum status status = STATUS_OK;
    *array = H5I_INVALID_HID;
    if (list >= 0 && file_type >= 0 && space >= 0)
        *array = H5Dcreate2(parent, name, file_type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (*array < 0) {
        *array = H5I_INVALID_HID;
        status = hdf5_failed(STATUS_IO, parent, "cannot create array \"%s\"", name);
    }
    if (space >= 0)
        H5Sclose(space);
    if (file_type >= 0)
        H5Tclose(file_type);
    if (list >= 0)
        H5Pclose(list);
    return status;
}

/* --- opening --- */

static enum status open_unchecked(hid_t parent, const char *name, hid_t *array)
{
    H5L_info_t link;
    if (H5Lexists(parent, name, H5P_DEFAULT) <= 0)
        return hdf5_refuse(STATUS_FORMAT, parent, "no array \"%s\"; damaged, or not written by Facet", name);
    if (H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return hdf5_refuse(STATUS_FORMAT, parent, "\"%s\" is a link to somewhere else; expected an array",
                           name);
    *array = H5Dopen2(parent, name, H5P_DEFAULT);
    if (*array < 0) {
        *array = H5I_INVALID_HID;
        return hdf5_failed(STATUS_FORMAT, parent, "cannot open \"%s\" as an array", name);
    }
    return STATUS_OK;
}

/* Opens and checks all but the type. */
static enum status open_sized(hid_t parent, const char *name, int rank, hsize_t *extent, hid_t *array)
{
    *array = H5I_INVALID_HID;
    enum status status = open_unchecked(parent, name, array);
    if (status == STATUS_OK)
        status = hdf5_check_rank(*array, rank, extent);
    if (status == STATUS_OK)
        status = hdf5_check_bytes(*array, rank, extent);
    if (status != STATUS_OK && *array >= 0) {
        H5Dclose(*array);
        *array = H5I_INVALID_HID;
    }
    return status;
}

enum status hdf5_open_array(hid_t parent, const char *name, hid_t type, int rank, hsize_t *extent,
                            hid_t *array)
{
    enum status status = open_sized(parent, name, rank, extent, array);
    if (status == STATUS_OK && (status = hdf5_check_type(*array, type)) != STATUS_OK) {
        H5Dclose(*array);
        *array = H5I_INVALID_HID;
    }
    return status;
}

enum status hdf5_array_extent(hid_t parent, const char *name, int rank, hsize_t limit, hsize_t *extent)
{
    hid_t array;
    enum status status = open_sized(parent, name, rank, extent, &array);
    if (status != STATUS_OK)
        return status;
    for (int d = 0; d < rank && status == STATUS_OK; d++)
        if (extent[d] > limit)
            status = hdf5_refuse(STATUS_FORMAT, array, "dimension %d is %llu; expected at most %llu", d,
                                 (unsigned long long)extent[d], (unsigned long long)limit);
    H5Dclose(array);
    return status;
}

/* --- rows --- */

/* The two selections of a transfer of rows. */
struct row_spaces {
    hid_t file, memory;
};

static void row_spaces_close(struct row_spaces *spaces)
{
    if (spaces->file >= 0)
        H5Sclose(spaces->file);
    if (spaces->memory >= 0)
        H5Sclose(spaces->memory);
}

static enum status row_spaces_open(hid_t array, hsize_t first, hsize_t count, struct row_spaces *spaces)
{
    hsize_t extent[HDF5_RANK_MAX], start[HDF5_RANK_MAX] = {first};
    enum status status = STATUS_OK;
    spaces->memory = H5I_INVALID_HID;
    spaces->file = H5Dget_space(array);
    int rank = spaces->file < 0 ? -1 : H5Sget_simple_extent_ndims(spaces->file);
    if (rank < 1 || rank > HDF5_RANK_MAX || H5Sget_simple_extent_dims(spaces->file, extent, NULL) < 0) {
        status = hdf5_failed(STATUS_FORMAT, array, "cannot read the extent");
    } else if (first > extent[0] || count > extent[0] - first) {
        status =
            hdf5_refuse(STATUS_SHAPE, array, "has %llu rows; asked for %llu from row %llu",
                        (unsigned long long)extent[0], (unsigned long long)count, (unsigned long long)first);
    } else {
        extent[0] = count;
        spaces->memory = H5Screate_simple(rank, extent, NULL);
        bool selected = spaces->memory >= 0;
        if (selected && count == 0)
            selected = H5Sselect_none(spaces->file) >= 0 && H5Sselect_none(spaces->memory) >= 0;
        else if (selected)
            selected = H5Sselect_hyperslab(spaces->file, H5S_SELECT_SET, start, NULL, extent, NULL) >= 0;
        if (!selected)
            status = hdf5_failed(STATUS_IO, array, "cannot select rows");
    }
    if (status != STATUS_OK)
        row_spaces_close(spaces);
    return status;
}

enum status hdf5_write_rows(hid_t array, hid_t transfer, hid_t type, hsize_t first, hsize_t count,
                            const void *data)
{
    struct row_spaces spaces;
    enum status status = row_spaces_open(array, first, count, &spaces);
    if (status != STATUS_OK)
        return status;
    if (H5Dwrite(array, type, spaces.memory, spaces.file, transfer, data) < 0)
        status = hdf5_failed(STATUS_IO, array, "cannot write; make room or name another folder");
    row_spaces_close(&spaces);
    return status;
}

enum status hdf5_read_rows(hid_t array, hid_t transfer, hid_t type, hsize_t first, hsize_t count, void *data)
{
    struct row_spaces spaces;
    enum status status = row_spaces_open(array, first, count, &spaces);
    if (status != STATUS_OK)
        return status;
    if (H5Dread(array, type, spaces.memory, spaces.file, transfer, data) < 0)
        status = hdf5_failed(STATUS_IO, array, "cannot read");
    row_spaces_close(&spaces);
    return status;
}

/* --- whole arrays --- */

enum status hdf5_write_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                             const void *data)
{
    hid_t array;
    enum status status = hdf5_create_array(parent, name, type, rank, extent, &array);
    if (status != STATUS_OK)
        return status;
    status = hdf5_write_rows(array, H5P_DEFAULT, type, 0, extent[0], data);
    H5Dclose(array);
    return status;
}

/* "3×32×32" */
static void extent_describe(int rank, const hsize_t *extent, char text[TEXT_BYTES])
{
    size_t used = 0;
    for (int d = 0; d < rank; d++)
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%llu", d == 0 ? "" : "×",
                                 (unsigned long long)extent[d]);
}

enum status hdf5_read_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                            void *data)
{
    hid_t array;
    hsize_t found[HDF5_RANK_MAX];
    enum status status = hdf5_open_array(parent, name, type, rank, found, &array);
    if (status != STATUS_OK)
        return status;
    for (int d = 0; d < rank && status == STATUS_OK; d++)
        if (found[d] != extent[d]) {
            char seen[TEXT_BYTES], expected[TEXT_BYTES];
            extent_describe(rank, found, seen);
            extent_describe(rank, extent, expected);
            status = hdf5_refuse(STATUS_SHAPE, array, "has %s elements; expected %s", seen, expected);
        }
    if (status == STATUS_OK)
        status = hdf5_read_rows(array, H5P_DEFAULT, type, 0, extent[0], data);
    H5Dclose(array);
    return status;
}

/* --- class names --- */

/* As read, all 64 bytes are text, so that a name without its zero is seen for what it is. */
static hid_t class_name_type(H5T_str_t padding, H5T_cset_t character_set)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, CLASS_NAME_BYTES) < 0 || H5Tset_strpad(type, padding) < 0 ||
                      H5Tset_cset(type, character_set) < 0)) {
        H5Tclose(type);
        return H5I_INVALID_HID;
    }
    return type;
}

/* Copies, so that what lies behind a name's zero in memory does not reach the file. */
static enum status copy_names(const class_name *names, int32_t count, class_name **copy)
{
    enum status status = memory_allocate(copy, (size_t)count, sizeof **copy, "class names");
    for (int32_t i = 0; status == STATUS_OK && i < count; i++)
        snprintf((*copy)[i], sizeof(*copy)[i], "%s", names[i]);
    return status;
}

enum status hdf5_write_class_names(hid_t parent, const char *name, const class_name *names, int32_t count)
{
    hsize_t extent = (hsize_t)count;
    class_name *copy = NULL;
    char where[TEXT_BYTES];
    hid_t type = H5I_INVALID_HID;
    hdf5_where(parent, where, sizeof where);
    enum status status = class_names_check(names, count, where);
    if (status == STATUS_OK)
        status = copy_names(names, count, &copy);
    if (status == STATUS_OK && (type = class_name_type(H5T_STR_NULLTERM, H5T_CSET_UTF8)) < 0)
        status = hdf5_failed(STATUS_IO, parent, "cannot create array \"%s\"", name);
    if (status == STATUS_OK)
        status = hdf5_write_array(parent, name, type, 1, &extent, copy);
    if (type >= 0)
        H5Tclose(type);
    memory_free(&copy);
    return status;
}

/* HDF5 does not convert character sets, so names are read in the one they were written in; the check that
 * follows accepts UTF-8, of which ASCII is a part. */
static enum status character_set_of(hid_t parent, const char *name, H5T_cset_t *character_set)
{
    hid_t array = H5I_INVALID_HID;
    enum status status = open_unchecked(parent, name, &array);
    if (status != STATUS_OK)
        return status;
    hid_t type = H5Dget_type(array);
    *character_set = type >= 0 && H5Tget_class(type) == H5T_STRING ? H5Tget_cset(type) : H5T_CSET_UTF8;
    if (type >= 0)
        H5Tclose(type);
    H5Dclose(array);
    return STATUS_OK;
}

enum status hdf5_read_class_names(hid_t parent, const char *name, int32_t *count, class_name **names)
{
    H5T_cset_t character_set;
    hsize_t extent;
    char where[TEXT_BYTES];
    class_name *read = NULL;
    hid_t type = H5I_INVALID_HID;
    *names = NULL;
    *count = 0;
    enum status status = hdf5_array_extent(parent, name, 1, INT32_MAX, &extent);
    if (status == STATUS_OK)
        status = character_set_of(parent, name, &character_set);
    if (status == STATUS_OK && (type = class_name_type(H5T_STR_NULLPAD, character_set)) < 0)
        status = hdf5_failed(STATUS_IO, parent, "cannot read array \"%s\"", name);
    if (status == STATUS_OK)
        status = memory_allocate(&read, (size_t)extent, sizeof *read, "class names");
    if (status == STATUS_OK)
        status = hdf5_read_array(parent, name, type, 1, &extent, read);
    if (status == STATUS_OK) {
        hdf5_where(parent, where, sizeof where);
        status = class_names_check(read, (int32_t)extent, where);
    }
    if (status == STATUS_OK) {
        *names = read;
        *count = (int32_t)extent;
        read = NULL;
    }
    memory_free(&read);
    if (type >= 0)
        H5Tclose(type);
    return status;
}
