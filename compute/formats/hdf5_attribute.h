/* Attributes of files and groups: one number, one text, or a few floats. Written once, never changed. Reading
 * checks: STATUS_FORMAT says what is missing, of the wrong type or out of range. */
#ifndef FACET_COMPUTE_FORMATS_HDF5_ATTRIBUTE_H
#define FACET_COMPUTE_FORMATS_HDF5_ATTRIBUTE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"

enum status hdf5_write_int_attribute(hid_t object, const char *name, int64_t value);
enum status hdf5_read_int_attribute(hid_t object, const char *name, int64_t least, int64_t most,
                                    int64_t *value);
enum status hdf5_write_text_attribute(hid_t object, const char *name, const char *text);
/* Fixed-length, printable text of at most bytes−1 characters; terminated. */
enum status hdf5_read_text_attribute(hid_t object, const char *name, char *text, size_t bytes);
/* Floats are finite: others are refused both ways (writing: STATUS_USAGE). */
enum status hdf5_write_float_attribute(hid_t object, const char *name, float value);
enum status hdf5_read_float_attribute(hid_t object, const char *name, float *value);
/* An array of exactly `count` floats. */
enum status hdf5_write_floats_attribute(hid_t object, const char *name, const float *values, int32_t count);
enum status hdf5_read_floats_attribute(hid_t object, const char *name, float *values, int32_t count);

/* Whether there is an attribute of that name. */
bool hdf5_has_attribute(hid_t object, const char *name);

#endif
