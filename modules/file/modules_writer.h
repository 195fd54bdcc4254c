/* Fills a file that modules_file_create has made room in, a few modules at a time. */
#ifndef FACET_MODULES_FILE_MODULES_WRITER_H
#define FACET_MODULES_FILE_MODULES_WRITER_H

#include <hdf5.h>

#include "modules/module_set.h"

struct modules_writer;

/* Opens the arrays of a file of modules. `transfer` is an HDF5 transfer property list, H5P_DEFAULT for one
 * process; file and list are borrowed, and stay open for longer than the writer. Not collective. *writer is
 * NULL after a failure. */
enum status modules_writer_open(hid_t file, hid_t transfer, struct modules_writer **writer);
void modules_writer_close(struct modules_writer **writer);

/* Writes `count` modules as rows rows[0] < rows[1] < … of the file (count may be 0: with a collective
 * `transfer` everybody calls, whoever has nothing selects nothing). A call that fails before it has anything
 * to write still takes part with nothing, so that the others do not wait for ever. Packs them into a buffer
 * that it keeps: as large as the largest batch so far. */
enum status modules_writer_put(struct modules_writer *writer, const struct module *const *modules,
                               const int32_t *rows, int32_t count);

#endif
