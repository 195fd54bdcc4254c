/* Datasets of HDF5 ("arrays" here: a dataset is Facet's word for labelled images), up to 4 dimensions, stored
 * contiguously. Reading checks everything against what is expected before a byte is allocated or read: the
 * element type is the same (class, size, sign; a compound has at least the members asked for), the data lie
 * in the file itself (no links, no external or virtual storage), and there are no more elements than the file
 * has bytes for. */
#ifndef FACET_COMPUTE_FORMATS_HDF5_ARRAY_H
#define FACET_COMPUTE_FORMATS_HDF5_ARRAY_H

#include <hdf5.h>

#include "compute/base/error.h"
#include "compute/base/names.h"

enum { HDF5_RANK_MAX = 4 };

/* --- whole arrays --- */

/* Creates and writes a whole array of 1 to HDF5_RANK_MAX dimensions. `type` is the memory type; the file's is
 * the same, without the padding of a compound. */
enum status hdf5_write_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                             const void *data);

/* Reads a whole array; `extent` is what must be there: STATUS_SHAPE tells both otherwise. `type` is the
 * memory type. */
enum status hdf5_read_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                            void *data);

/* Extent of an array of exactly `rank` dimensions, each at most `limit` (hostile files: bound before
 * allocating) and no more elements than the file has bytes for. */
enum status hdf5_array_extent(hid_t parent, const char *name, int rank, hsize_t limit, hsize_t *extent);

/* Class names as an array of fixed-length strings; read allocates *names (count, memory_free) and checks
 * them. */
enum status hdf5_write_class_names(hid_t parent, const char *name, const class_name *names, int32_t count);
enum status hdf5_read_class_names(hid_t parent, const char *name, int32_t *count, class_name **names);

/* --- by rows: ranges of the first dimension, the others whole --- */

/* Creates an array without writing it. The caller closes *array with H5Dclose. Collective in a file with an
 * MPI-IO access list. */
enum status hdf5_create_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *extent,
                              hid_t *array);

/* Opens an array after the checks above, `type` being the memory type it is to be read as; extent (rank)
 * receives its size. The caller closes *array with H5Dclose. */
enum status hdf5_open_array(hid_t parent, const char *name, hid_t type, int rank, hsize_t *extent,
                            hid_t *array);

/* Writes or reads rows first … first+count−1. `transfer` is an HDF5 transfer property list, H5P_DEFAULT for
 * one process; with a collective one everybody calls, whoever has nothing with count 0. STATUS_SHAPE when the
 * array has fewer rows. */
enum status hdf5_write_rows(hid_t array, hid_t transfer, hid_t type, hsize_t first, hsize_t count,
                            const void *data);
enum status hdf5_read_rows(hid_t array, hid_t transfer, hid_t type, hsize_t first, hsize_t count, void *data);

#endif
