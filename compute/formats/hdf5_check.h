/* What hdf5_array.h looks at before it reads an array of a file that nobody vouches for. Private to this
 * room. */
#ifndef FACET_COMPUTE_FORMATS_HDF5_CHECK_H
#define FACET_COMPUTE_FORMATS_HDF5_CHECK_H

#include <hdf5.h>

#include "compute/base/error.h"

/* The array has exactly `rank` dimensions; extent (rank) receives them. */
enum status hdf5_check_rank(hid_t array, int rank, hsize_t *extent);

/* Its data lie in the file itself, and the file is large enough for them. */
enum status hdf5_check_bytes(hid_t array, int rank, const hsize_t *extent);

/* Reading its elements as `wanted` loses and invents nothing: same class, size and sign; text of fixed length
 * that fits; a compound with at least the members wanted. */
enum status hdf5_check_type(hid_t array, hid_t wanted);

#endif
