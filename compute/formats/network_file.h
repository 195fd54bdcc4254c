/* Network files (facet.kind "network"), and the same group inside modules, composition and checkpoint files.
 */
#ifndef FACET_COMPUTE_FORMATS_NETWORK_FILE_H
#define FACET_COMPUTE_FORMATS_NETWORK_FILE_H

#include <hdf5.h>

#include "compute/network/network.h"

/* Writes a finished network, beside and renamed. */
enum status network_file_write(const struct network *network, const char *path);
enum status network_file_read(const char *path, struct network **network);

/* The group "NAME" under `parent` in an open file. Everything read is checked: kinds, indices, shapes
 * (re-inferred and compared), counts, finite parameters. */
enum status network_group_write(hid_t parent, const char *name, const struct network *network);
enum status network_group_read(hid_t parent, const char *name, struct network **network);

#endif
