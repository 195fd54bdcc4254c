/* Parts: what a run has finished, one file a class in RUN/parts, so that a run that was killed goes on where
 * it was.
 *
 * A part is an ordinary file of Facet (a modules file of one module, a counts file) with a seal behind its
 * last byte, which HDF5 does not look at: the options, network and data that it is a function of, its class,
 * and a digest over everything. The seal is written last, and the part is then renamed into place. Nothing
 * else is believed: a file without a seal, cut short or changed is damaged. (docs/file-formats.md) */
#ifndef FACET_MPI_CLASSES_PARTS_H
#define FACET_MPI_CLASSES_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "mpi/option_records.h"

/* What a part is a function of. */
struct part_identity {
    int32_t class_index; /* −1: of no class alone */
    const struct option_records *records;
};

/* "FOLDER/class-00007SUFFIX"; the caller releases it with memory_free. */
enum status part_path(const char *folder, int32_t class_index, const char *suffix, char **path);

/* Where to write what part_seal makes a part of: "PATH.open". The caller releases it with memory_free. */
enum status part_path_open(const char *path, char **open_path);

/* Appends the seal to the whole file `open_path` and renames it to `path`; on failure `open_path` is removed.
 * `flush`: brings it to disk first, which costs milliseconds to tenths of a second and saves it from a power
 * cut (a killed process loses nothing either way). */
enum status part_seal(const char *open_path, const char *path, const struct part_identity *identity,
                      bool flush);

/* STATUS_OK: a whole part of that identity. STATUS_NOT_FOUND: there is no such file. STATUS_FORMAT: it is
 * damaged, or of another class. STATUS_MISMATCH: it is whole but of other options, named with both values.
 * STATUS_IO: it cannot be read. */
enum status part_check(const char *path, const struct part_identity *identity);

/* STATUS_MISMATCH: a whole part of other options, as above. STATUS_OK for all else, also for what is damaged
 * or not there: of a part that has these options nothing else is read. */
enum status part_check_options(const char *path, const struct part_identity *identity);

/* Makes the folder; it may be there already. */
enum status parts_folder_make(const char *folder);

/* Removes every file that belongs to parts from the folder. A folder that is not there is empty. *removed is
 * how many; may be NULL. */
enum status parts_folder_clear(const char *folder, int32_t *removed);

#endif
