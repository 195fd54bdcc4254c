#include "compute/formats/hdf5_record.h"

#include <stdbool.h>

#include "compute/formats/hdf5_error.h"

static hid_t scalar_type(const struct hdf5_member *member)
{
    switch (member->kind) {
    case HDF5_MEMBER_INT32:
        return H5Tcopy(H5T_NATIVE_INT32);
    case HDF5_MEMBER_INT64:
        return H5Tcopy(H5T_NATIVE_INT64);
    case HDF5_MEMBER_UINT8:
        return H5Tcopy(H5T_NATIVE_UINT8);
    case HDF5_MEMBER_FLOAT:
        return H5Tcopy(H5T_NATIVE_FLOAT);
    case HDF5_MEMBER_TEXT:
        break;
    }
    hid_t text = H5Tcopy(H5T_C_S1);
    if (text >= 0 && (H5Tset_size(text, member->count) < 0 || H5Tset_cset(text, H5T_CSET_UTF8) < 0)) {
        H5Tclose(text);
        return H5I_INVALID_HID;
    }
    return text;
}

static hid_t member_type(const struct hdf5_member *member)
{
    hsize_t extent = member->count;
    hid_t scalar = scalar_type(member);
    if (scalar < 0 || member->kind == HDF5_MEMBER_TEXT || member->count == 0)
        return scalar;
    hid_t array = H5Tarray_create2(scalar, 1, &extent);
    H5Tclose(scalar);
    return array;
}

static bool insert_member(hid_t record, const struct hdf5_member *member)
{
    hid_t type = member_type(member);
    if (type < 0)
        return false;
    bool inserted = H5Tinsert(record, member->name, member->offset, type) >= 0;
    H5Tclose(type);
    return inserted;
}

enum status hdf5_record_type(const struct hdf5_member *members, size_t count, size_t bytes, hid_t *type)
{
    bool made = (*type = H5Tcreate(H5T_COMPOUND, bytes)) >= 0;
    for (size_t m = 0; made && m < count; m++)
        made = insert_member(*type, &members[m]);
    if (made)
        return STATUS_OK;
    char reason[256];
    hdf5_reason(reason, sizeof reason);
    if (*type >= 0)
        H5Tclose(*type);
    *type = H5I_INVALID_HID;
    return error_set(STATUS_INTERNAL, "cannot describe a record to HDF5%s", reason);
}
