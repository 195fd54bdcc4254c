#include "compute/formats/hdf5_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/formats/hdf5_error.h"

enum { TEXT_BYTES = 64 };

/* deflate's best is 1,032 to 1; what claims more is not compressed data but a lie */
static const hsize_t compression_most = 1032;

/* --- checking types --- */

/* "4-byte signed integers" */
static void type_describe(hid_t type, char text[TEXT_BYTES])
{
    size_t size = H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        snprintf(text, TEXT_BYTES, "%zu-byte %s integers", size,
                 H5Tget_sign(type) == H5T_SGN_NONE ? "unsigned" : "signed");
        break;
    case H5T_FLOAT:
        snprintf(text, TEXT_BYTES, "%zu-byte floats", size);
        break;
    case H5T_STRING:
        if (H5Tis_variable_str(type) != 0)
            snprintf(text, TEXT_BYTES, "variable-length text");
        else
            snprintf(text, TEXT_BYTES, "text of %zu bytes", size);
        break;
    case H5T_COMPOUND:
        snprintf(text, TEXT_BYTES, "compound records");
        break;
    default:
        snprintf(text, TEXT_BYTES, "elements of another kind");
        break;
    }
}

/* Whether nothing is lost or invented when elements of the simple type `stored` are read as `wanted`. */
static bool simple_types_agree(hid_t stored, hid_t wanted)
{
    H5T_class_t class = H5Tget_class(wanted);
    if (H5Tget_class(stored) != class)
        return false;
    if (class == H5T_STRING)
        return H5Tis_variable_str(stored) == 0 && H5Tget_size(stored) <= H5Tget_size(wanted);
    if (H5Tget_size(stored) != H5Tget_size(wanted))
        return false;
    return class != H5T_INTEGER || H5Tget_sign(stored) == H5Tget_sign(wanted);
}

/* An array member of a compound agrees when its base type and its extents do. */
static bool array_types_agree(hid_t stored, hid_t wanted)
{
    hsize_t stored_extent[H5S_MAX_RANK], wanted_extent[H5S_MAX_RANK];
    int rank = H5Tget_array_ndims(wanted);
    if (H5Tget_class(stored) != H5T_ARRAY || H5Tget_array_ndims(stored) != rank)
        return false;
    H5Tget_array_dims2(stored, stored_extent);
    H5Tget_array_dims2(wanted, wanted_extent);
    for (int d = 0; d < rank; d++)
        if (stored_extent[d] != wanted_extent[d])
            return false;
    hid_t stored_base = H5Tget_super(stored), wanted_base = H5Tget_super(wanted);
    bool agree = stored_base >= 0 && wanted_base >= 0 && simple_types_agree(stored_base, wanted_base);
    if (stored_base >= 0)
        H5Tclose(stored_base);
    if (wanted_base >= 0)
        H5Tclose(wanted_base);
    return agree;
}

static bool member_agrees(hid_t stored, hid_t wanted, unsigned member, const char *name)
{
    int place = H5Tget_member_index(stored, name);
    if (place < 0)
        return false;
    hid_t stored_type = H5Tget_member_type(stored, (unsigned)place);
    hid_t wanted_type = H5Tget_member_type(wanted, member);
    bool agree = stored_type >= 0 && wanted_type >= 0;
    if (agree)
        agree = H5Tget_class(wanted_type) == H5T_ARRAY ? array_types_agree(stored_type, wanted_type)
                                                       : simple_types_agree(stored_type, wanted_type);
    if (stored_type >= 0)
        H5Tclose(stored_type);
    if (wanted_type >= 0)
        H5Tclose(wanted_type);
    return agree;
}

/* HDF5 reads a compound that lacks a member without a word, leaving that member as it was: so look first. */
static enum status check_members(hid_t array, hid_t stored, hid_t wanted)
{
    int count = H5Tget_nmembers(wanted);
    for (int m = 0; m < count; m++) {
        char *name = H5Tget_member_name(wanted, (unsigned)m);
        if (name == NULL)
            return hdf5_failed(STATUS_NO_MEMORY, array, "cannot name member %d", m);
        enum status status = STATUS_OK;
        if (!member_agrees(stored, wanted, (unsigned)m, name))
            status =
                hdf5_refuse(STATUS_FORMAT, array,
                            "records have no member \"%s\" of the expected type; damaged, or not written by "
                            "this version of Facet",
                            name);
        H5free_memory(name);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status hdf5_check_type(hid_t array, hid_t wanted)
{
    enum status status = STATUS_OK;
    hid_t stored = H5Dget_type(array);
    if (stored < 0)
        return hdf5_failed(STATUS_FORMAT, array, "cannot read the element type");
    if (H5Tget_class(wanted) == H5T_COMPOUND && H5Tget_class(stored) == H5T_COMPOUND) {
        status = check_members(array, stored, wanted);
    } else if (!simple_types_agree(stored, wanted)) {
        char found[TEXT_BYTES], expected[TEXT_BYTES];
        type_describe(stored, found);
        type_describe(wanted, expected);
        status = hdf5_refuse(STATUS_FORMAT, array, "holds %s; expected %s", found, expected);
    }
    H5Tclose(stored);
    return status;
}

/* --- checking sizes --- */

enum status hdf5_check_rank(hid_t array, int rank, hsize_t *extent)
{
    hid_t space = H5Dget_space(array);
    if (space < 0)
        return hdf5_failed(STATUS_FORMAT, array, "cannot read the extent");
    int found = H5Sget_simple_extent_type(space) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;
    if (found == rank)
        H5Sget_simple_extent_dims(space, extent, NULL);
    H5Sclose(space);
    if (found != rank)
        return hdf5_refuse(STATUS_FORMAT, array, "has %d dimensions; expected %d", found, rank);
    return STATUS_OK;
}

/* Asks the file system: HDF5 does not know the size of a file that is being written through MPI-IO. */
static enum status file_bytes_of(hid_t object, hsize_t *bytes)
{
    char path[4096];
    struct stat found;
    ssize_t length = H5Fget_name(object, path, sizeof path);
    if (length < 0 || (size_t)length >= sizeof path)
        return hdf5_failed(STATUS_IO, object, "cannot tell which file it is in");
    if (stat(path, &found) != 0)
        return hdf5_refuse(STATUS_IO, object, "cannot tell the size of the file: %s", strerror(errno));
    *bytes = (hsize_t)found.st_size;
    return STATUS_OK;
}

/* The data lie in this file; *compressed tells whether they may take less room there than in memory. */
static enum status check_storage(hid_t array, bool *compressed)
{
    hid_t list = H5Dget_create_plist(array);
    if (list < 0)
        return hdf5_failed(STATUS_FORMAT, array, "cannot read how it is stored");
    bool elsewhere = H5Pget_layout(list) == H5D_VIRTUAL || H5Pget_external_count(list) != 0;
    *compressed = H5Pget_nfilters(list) > 0;
    H5Pclose(list);
    if (elsewhere)
        return hdf5_refuse(STATUS_FORMAT, array,
                           "keeps its data in another file; copy them into this one "
                           "(h5repack)");
    return STATUS_OK;
}

enum status hdf5_check_bytes(hid_t array, int rank, const hsize_t *extent)
{
    hsize_t file_bytes = 0, bytes;
    bool compressed = false;
    enum status status = check_storage(array, &compressed);
    if (status == STATUS_OK)
        status = file_bytes_of(array, &file_bytes);
    if (status != STATUS_OK)
        return status;
    hid_t type = H5Dget_type(array);
    bytes = type < 0 ? 0 : H5Tget_size(type);
    if (type >= 0)
        H5Tclose(type);
    if (bytes == 0)
        return hdf5_failed(STATUS_FORMAT, array, "cannot read the element type");
    bool fits = true;
    for (int d = 0; d < rank; d++)
        if (__builtin_mul_overflow(bytes, extent[d], &bytes))
            fits = false;
    hsize_t most = file_bytes;
    if (compressed && __builtin_mul_overflow(most, compression_most, &most))
        most = UINT64_MAX;
    if (!fits || bytes > most)
        return hdf5_refuse(STATUS_FORMAT, array,
                           "claims more elements than the file's %llu bytes can hold; damaged",
                           (unsigned long long)file_bytes);
    return STATUS_OK;
}
