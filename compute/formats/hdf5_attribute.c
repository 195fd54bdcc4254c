#include "compute/formats/hdf5_attribute.h"

#include <math.h>
#include <string.h>

#include "compute/base/names.h"
#include "compute/formats/hdf5_error.h"

/* --- writing --- */

/* `space` and `type` stay the caller's. */
static enum status write_attribute(hid_t object, const char *name, hid_t type, hid_t space, const void *data)
{
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0)
        return hdf5_failed(STATUS_IO, object, "cannot create attribute \"%s\"", name);
    enum status status = STATUS_OK;
    if (H5Awrite(attribute, type, data) < 0)
        status = hdf5_failed(STATUS_IO, object,
                             "cannot write attribute \"%s\"; make room or name another folder", name);
    H5Aclose(attribute);
    return status;
}

static enum status write_scalar(hid_t object, const char *name, hid_t type, const void *data)
{
    hid_t space = H5Screate(H5S_SCALAR);
    if (space < 0)
        return hdf5_failed(STATUS_IO, object, "cannot create attribute \"%s\"", name);
    enum status status = write_attribute(object, name, type, space, data);
    H5Sclose(space);
    return status;
}

enum status hdf5_write_int_attribute(hid_t object, const char *name, int64_t value)
{
    return write_scalar(object, name, H5T_NATIVE_INT64, &value);
}

enum status hdf5_write_text_attribute(hid_t object, const char *name, const char *text)
{
    if (!text_is_printable(text))
        return hdf5_refuse(STATUS_USAGE, object,
                           "attribute \"%s\" would have control characters or not be UTF-8", name);
    hid_t type = H5Tcopy(H5T_C_S1);
    enum status status;
    if (type < 0 || H5Tset_size(type, strlen(text) + 1) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        status = hdf5_failed(STATUS_IO, object, "cannot create attribute \"%s\"", name);
    else
        status = write_scalar(object, name, type, text);
    if (type >= 0)
        H5Tclose(type);
    return status;
}

static bool all_finite(const float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

enum status hdf5_write_float_attribute(hid_t object, const char *name, float value)
{
    if (!isfinite(value))
        return hdf5_refuse(STATUS_USAGE, object, "attribute \"%s\" would be %g; expected a finite number",
                           name, (double)value);
    return write_scalar(object, name, H5T_NATIVE_FLOAT, &value);
}

enum status hdf5_write_floats_attribute(hid_t object, const char *name, const float *values, int32_t count)
{
    hsize_t extent = (hsize_t)count;
    if (!all_finite(values, count))
        return hdf5_refuse(STATUS_USAGE, object, "attribute \"%s\" would not be finite", name);
    hid_t space = H5Screate_simple(1, &extent, NULL);
    if (space < 0)
        return hdf5_failed(STATUS_IO, object, "cannot create attribute \"%s\"", name);
    enum status status = write_attribute(object, name, H5T_NATIVE_FLOAT, space, values);
    H5Sclose(space);
    return status;
}

/* --- reading --- */

bool hdf5_has_attribute(hid_t object, const char *name)
{
    return H5Aexists(object, name) > 0;
}

/* An open attribute with its type, and how many elements its space has (-1 for something that is neither a
 * scalar nor one-dimensional). */
struct attribute {
    hid_t id, type;
    hssize_t count;
};

static void attribute_close(struct attribute *attribute)
{
    if (attribute->type >= 0)
        H5Tclose(attribute->type);
    if (attribute->id >= 0)
        H5Aclose(attribute->id);
}

static hssize_t element_count(hid_t id)
{
    hssize_t count = -1;
    hid_t space = H5Aget_space(id);
    if (space < 0)
        return count;
    if (H5Sget_simple_extent_type(space) != H5S_NULL && H5Sget_simple_extent_ndims(space) <= 1)
        count = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    return count;
}

/* Opens and checks that there are `count` elements of that class of type. On failure there is nothing to
 * close. */
static enum status attribute_open(hid_t object, const char *name, H5T_class_t expected,
                                  const char *expected_name, hssize_t count, struct attribute *attribute)
{
    if (!hdf5_has_attribute(object, name))
        return hdf5_refuse(STATUS_FORMAT, object,
                           "no attribute \"%s\"; damaged, or not written by Facet: write it anew", name);
    attribute->id = H5Aopen(object, name, H5P_DEFAULT);
    attribute->type = attribute->id < 0 ? H5I_INVALID_HID : H5Aget_type(attribute->id);
    if (attribute->type < 0) {
        enum status status = hdf5_failed(STATUS_FORMAT, object, "cannot open attribute \"%s\"", name);
        attribute_close(attribute);
        return status;
    }
    attribute->count = element_count(attribute->id);
    if (H5Tget_class(attribute->type) != expected || attribute->count != count) {
        attribute_close(attribute);
        return hdf5_refuse(STATUS_FORMAT, object,
                           "attribute \"%s\" is not %s; damaged, or not written by Facet", name,
                           expected_name);
    }
    return STATUS_OK;
}

static enum status attribute_read(hid_t object, const char *name, struct attribute *attribute,
                                  hid_t memory_type, void *data)
{
    enum status status = STATUS_OK;
    if (H5Aread(attribute->id, memory_type, data) < 0)
        status = hdf5_failed(STATUS_FORMAT, object, "cannot read attribute \"%s\"", name);
    attribute_close(attribute);
    return status;
}

enum status hdf5_read_int_attribute(hid_t object, const char *name, int64_t least, int64_t most,
                                    int64_t *value)
{
    struct attribute attribute = {H5I_INVALID_HID, H5I_INVALID_HID, -1};
    int64_t found = 0;
    enum status status = attribute_open(object, name, H5T_INTEGER, "one integer", 1, &attribute);
    if (status == STATUS_OK)
        status = attribute_read(object, name, &attribute, H5T_NATIVE_INT64, &found);
    if (status != STATUS_OK)
        return status;
    if (found < least || found > most)
        return hdf5_refuse(STATUS_FORMAT, object, "attribute \"%s\" is %lld; expected %lld to %lld", name,
                           (long long)found, (long long)least, (long long)most);
    *value = found;
    return STATUS_OK;
}

/* Characters a text attribute may have, 0 when its length varies. */
static size_t text_capacity(hid_t type)
{
    if (H5Tis_variable_str(type) != 0)
        return 0;
    size_t size = H5Tget_size(type);
    return H5Tget_strpad(type) == H5T_STR_NULLTERM ? size - 1 : size;
}

/* The type to read it as: as many characters as fit, zeros behind, in the file's own character set (HDF5 does
 * not convert those). */
static enum status read_text(hid_t object, const char *name, struct attribute *attribute, char *text,
                             size_t bytes)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    enum status status;
    if (type < 0 || H5Tset_size(type, bytes - 1) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
        H5Tset_cset(type, H5Tget_cset(attribute->type)) < 0) {
        status = hdf5_failed(STATUS_IO, object, "cannot read attribute \"%s\"", name);
        attribute_close(attribute);
    } else {
        status = attribute_read(object, name, attribute, type, text);
    }
    if (type >= 0)
        H5Tclose(type);
    text[bytes - 1] = '\0';
    return status;
}

enum status hdf5_read_text_attribute(hid_t object, const char *name, char *text, size_t bytes)
{
    struct attribute attribute = {H5I_INVALID_HID, H5I_INVALID_HID, -1};
    text[0] = '\0';
    enum status status = attribute_open(object, name, H5T_STRING, "one text", 1, &attribute);
    if (status != STATUS_OK)
        return status;
    size_t capacity = text_capacity(attribute.type);
    if (H5Tis_variable_str(attribute.type) != 0 || capacity >= bytes) {
        attribute_close(&attribute);
        return hdf5_refuse(STATUS_FORMAT, object,
                           "attribute \"%s\" is not a fixed-length text of up to %zu bytes", name, bytes - 1);
    }
    status = read_text(object, name, &attribute, text, bytes);
    if (status == STATUS_OK && !text_is_printable(text))
        status = hdf5_refuse(STATUS_FORMAT, object, "attribute \"%s\" has control characters or is not UTF-8",
                             name);
    if (status != STATUS_OK)
        text[0] = '\0';
    return status;
}

enum status hdf5_read_floats_attribute(hid_t object, const char *name, float *values, int32_t count)
{
    struct attribute attribute = {H5I_INVALID_HID, H5I_INVALID_HID, -1};
    enum status status = attribute_open(
        object, name, H5T_FLOAT, count == 1 ? "one float" : "as many floats as expected", count, &attribute);
    if (status == STATUS_OK)
        status = attribute_read(object, name, &attribute, H5T_NATIVE_FLOAT, values);
    if (status == STATUS_OK && !all_finite(values, count))
        status = hdf5_refuse(STATUS_FORMAT, object, "attribute \"%s\" is not finite; damaged: write it anew",
                             name);
    return status;
}

enum status hdf5_read_float_attribute(hid_t object, const char *name, float *value)
{
    return hdf5_read_floats_attribute(object, name, value, 1);
}
