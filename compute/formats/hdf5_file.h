/* What all of Facet's HDF5 files have in common: two root attributes, facet.kind and facet.version; no object
 * times; errors as one line. Files are the same bytes whenever their content is. (docs/file-formats.md) */
#ifndef FACET_COMPUTE_FORMATS_HDF5_FILE_H
#define FACET_COMPUTE_FORMATS_HDF5_FILE_H

#include <hdf5.h>
#include <stdbool.h>

#include "compute/base/digest.h"
#include "compute/base/error.h"
#include "compute/base/names.h"

enum { FACET_FILE_VERSION = 1 };

/* Creates (truncating) a file of that kind ("dataset", "network", "modules", "composition", "checkpoint") and
 * writes its root attributes. `access` is an HDF5 file-access property list, H5P_DEFAULT for one process;
 * with an MPI-IO one the call is collective, and so is everything below that writes. */
enum status hdf5_create(const char *path, const char *kind, hid_t access, hid_t *file);

/* Opens for reading and checks kind and version: STATUS_FORMAT says what the file is instead, or that a newer
 * Facet wrote it. `kind` may be NULL for any Facet file; *found_kind (16 bytes) then tells which, and may be
 * NULL. */
enum status hdf5_open(const char *path, const char *kind, hid_t access, hid_t *file, char found_kind[16]);

/* The kind of a Facet file, without keeping it open. */
enum status hdf5_kind(const char *path, char kind[16]);

/* Closes; reports a failed flush (disk full). The handle is set to H5I_INVALID_HID; closing that is fine. */
enum status hdf5_close(hid_t *file, const char *path);

/* Groups and datasets without object times. `name` is relative to `parent`. */
enum status hdf5_create_group(hid_t parent, const char *name, hid_t *group);
enum status hdf5_open_group(hid_t parent, const char *name, hid_t *group);

/* Writes a whole array of up to 4 dimensions at once. */
enum status hdf5_write_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                             const void *data);

/* Reads a whole array; `extent` is what must be there: STATUS_SHAPE tells both otherwise. `type` is the
 * memory type. */
enum status hdf5_read_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                            void *data);

/* Extent of an array of exactly `rank` dimensions, each at most `limit` (hostile files: bound before
 * allocating) and no more elements than the file has bytes for. */
enum status hdf5_array_extent(hid_t parent, const char *name, int rank, hsize_t limit, hsize_t *extent);

/* Scalar attributes of a group or file. */
enum status hdf5_write_int_attribute(hid_t object, const char *name, int64_t value);
enum status hdf5_read_int_attribute(hid_t object, const char *name, int64_t least, int64_t most,
                                    int64_t *value);
enum status hdf5_write_text_attribute(hid_t object, const char *name, const char *text);
/* Fixed-length text of at most bytes−1 characters; terminated. */
enum status hdf5_read_text_attribute(hid_t object, const char *name, char *text, size_t bytes);
enum status hdf5_write_float_attribute(hid_t object, const char *name, float value);
enum status hdf5_read_float_attribute(hid_t object, const char *name, float *value);

/* Class names as an array of fixed-length strings; read allocates *names (count, memory_free) and checks
 * them. */
enum status hdf5_write_class_names(hid_t parent, const char *name, const class_name *names, int32_t count);
enum status hdf5_read_class_names(hid_t parent, const char *name, int32_t *count, class_name **names);

/* "FILE:/group" of an open object, for messages; at most bytes−1 characters. */
void hdf5_where(hid_t object, char *where, size_t bytes);

#endif
