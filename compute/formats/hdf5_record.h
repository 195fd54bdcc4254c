/* Compound types of HDF5 from a table of members, so that a C structure and its layout in a file stand in one
 * place. */
#ifndef FACET_COMPUTE_FORMATS_HDF5_RECORD_H
#define FACET_COMPUTE_FORMATS_HDF5_RECORD_H

#include <hdf5.h>

#include "compute/base/error.h"

enum hdf5_member_kind {
    HDF5_MEMBER_INT32,
    HDF5_MEMBER_INT64,
    HDF5_MEMBER_UINT8,
    HDF5_MEMBER_FLOAT,
    HDF5_MEMBER_TEXT /* zero-terminated UTF-8 of `count` bytes */
};

struct hdf5_member {
    const char *name;
    size_t offset; /* offsetof in the structure */
    enum hdf5_member_kind kind;
    size_t count; /* of a number: 0, or the length of an array of them */
};

/* The memory type of a structure of `bytes` bytes. The caller closes *type with H5Tclose. */
enum status hdf5_record_type(const struct hdf5_member *members, size_t count, size_t bytes, hid_t *type);

#endif
