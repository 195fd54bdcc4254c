/* Modules and composition files: one schema for both kinds of modules (docs/file-formats.md).
 *
 * Creating one can be collective: give an MPI-IO access property list to modules_file_create and a collective
 * transfer property list to modules_writer_open; every rank calls them with the same parents and lengths, and
 * each writes the rows of its own modules. This folder knows no ranks: it only passes the lists on. The file
 * is the same bytes however many wrote it. */
#ifndef FACET_MODULES_FILE_MODULES_FILE_H
#define FACET_MODULES_FILE_MODULES_FILE_H

#include <hdf5.h>

#include "modules/module_set.h"

/* Creates the file of kind "modules" (of at most one parent or stem) or "composition", writes the parents,
 * and makes room for module_count ≥ 1 modules of these lengths (module_lengths_of); each is then written once
 * with a modules_writer. Collective with an MPI-IO `access`: every rank writes the (same) bytes of the
 * parents, and all flush the file (hdf5_flush) before modules_writer_open, which reads offsets back: through
 * MPI-IO a new file has no size before that.
 *
 * The caller closes *file with hdf5_close, also after a failure: closing is collective, so a rank that failed
 * must not do it by itself. *file is H5I_INVALID_HID when there is nothing to close. */
enum status modules_file_create(const char *path, const char *kind, hid_t access,
                                const struct network *const *parents, int32_t parent_count,
                                const struct module_lengths *lengths, int32_t module_count, hid_t *file);

/* How many of the modules from `first` on to write with one call, so that the copy it makes of them stays
 * within some 4 MB; at least 1. lengths[i] is that of module i < count. */
int32_t modules_file_batch(const struct module_lengths *lengths, int32_t first, int32_t count);

/* How long the arrays of a file's only module are, without reading the module; what else is wrong with the
 * file, modules_file_load will say. STATUS_SHAPE when there are more modules or none. */
enum status modules_file_lengths(const char *path, struct module_lengths *lengths);

/* One process, a whole set, beside and renamed. */
enum status modules_file_save(const struct module_set *set, const char *kind, const char *path);

/* Reads either kind ("modules" or "composition"; NULL for both). Everything is checked: STATUS_FORMAT or
 * STATUS_SHAPE for what a file of ours cannot contain. */
enum status modules_file_load(const char *path, const char *kind, struct module_set **set);

#endif
