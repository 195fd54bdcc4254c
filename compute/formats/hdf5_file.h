/* What all of Facet's HDF5 files have in common: two root attributes, facet.kind and facet.version; no object
 * times; errors as one line. Files are the same bytes whenever their content is, whatever the version of HDF5
 * (1.10 or later) and the number of ranks. (docs/file-formats.md) */
#ifndef FACET_COMPUTE_FORMATS_HDF5_FILE_H
#define FACET_COMPUTE_FORMATS_HDF5_FILE_H

#include <hdf5.h>
#include <stdbool.h>

#include "compute/base/digest.h"
#include "compute/base/error.h"
#include "compute/base/names.h"
#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_attribute.h"
#include "compute/formats/hdf5_error.h"

enum { FACET_FILE_VERSION = 1, FACET_KIND_BYTES = 16 };

/* Creates (truncating) a file of that kind ("dataset", "network", "modules", "composition", "checkpoint") and
 * writes its root attributes. `access` is an HDF5 file-access property list, H5P_DEFAULT for one process;
 * with an MPI-IO one the call is collective, and so is everything below that writes. It stays the caller's.
 * On failure *file is H5I_INVALID_HID; what was created is left for output_file_discard. */
enum status hdf5_create(const char *path, const char *kind, hid_t access, hid_t *file);

/* Opens for reading and checks kind and version: STATUS_FORMAT says what the file is instead, or that a newer
 * Facet wrote it. `kind` may be NULL for any Facet file; *found_kind (16 bytes) then tells which, and may be
 * NULL. */
enum status hdf5_open(const char *path, const char *kind, hid_t access, hid_t *file,
                      char found_kind[FACET_KIND_BYTES]);

/* The kind of a Facet file, without keeping it open. */
enum status hdf5_kind(const char *path, char kind[FACET_KIND_BYTES]);

/* Brings everything to disk; collective with an MPI-IO access list. */
enum status hdf5_flush(hid_t file, const char *path);

/* Closes; reports a failed flush (disk full) and, as STATUS_INTERNAL, objects of the file still open. The
 * handle is set to H5I_INVALID_HID; closing that is fine. */
enum status hdf5_close(hid_t *file, const char *path);

/* Writes the content of a file open for it: the last step of hdf5_save. */
typedef enum status hdf5_content_write(hid_t file, const void *content);

/* One process: creates `path` itself, truncating, and writes. For a file that its caller renames into place;
 * on failure what was created is left for output_file_discard. */
enum status hdf5_write_new(const char *path, const char *kind, hdf5_content_write *write,
                           const void *content);

/* One process: creates beside `path`, writes, and renames into place when all is on disk; on failure `path`
 * is as it was before and nothing is left beside it. */
enum status hdf5_save(const char *path, const char *kind, hdf5_content_write *write, const void *content);

/* Groups without object times. `name` is relative to `parent`. The caller closes *group with H5Gclose. */
enum status hdf5_create_group(hid_t parent, const char *name, hid_t *group);
enum status hdf5_open_group(hid_t parent, const char *name, hid_t *group);

#endif
