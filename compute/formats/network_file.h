/* Network files (facet.kind "network"), and the same group inside modules, composition and checkpoint files.
 * Layout in docs/file-formats.md. */
#ifndef FACET_COMPUTE_FORMATS_NETWORK_FILE_H
#define FACET_COMPUTE_FORMATS_NETWORK_FILE_H

#include <hdf5.h>

#include "compute/network/network.h"

/* Writes a finished network, beside and renamed. Whatever network_file_read would refuse is refused here
 * already: a parameter that is not finite is STATUS_FORMAT. */
enum status network_file_write(const struct network *network, const char *path);
/* The caller owns *network; NULL on failure. */
enum status network_file_read(const char *path, struct network **network);

/* The group "NAME" under `parent` in an open file. Everything read is checked: kinds, indices, shapes
 * (re-inferred and compared), counts, finite parameters; what does not hold is STATUS_FORMAT. Writing is
 * collective in a file with an MPI-IO access list: every rank then gives the same network. */
enum status network_group_write(hid_t parent, const char *name, const struct network *network);
enum status network_group_read(hid_t parent, const char *name, struct network **network);

#endif
