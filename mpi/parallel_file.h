/* How all ranks write one HDF5 file together: property lists for MPI-IO, with its hints.
 *
 * Hints never change what is written. Facet's own: no data sieving on writes (romio_ds_write, which would
 * read and lock what lies between two ranks' pieces). FACET_IO_HINTS in the environment adds to them or
 * overrules them, as KEY=VALUE pairs between semicolons: "striping_factor=8;striping_unit=4194304". The first
 * rank's environment counts. What MPI-IO does not know it ignores. */
#ifndef FACET_MPI_PARALLEL_FILE_H
#define FACET_MPI_PARALLEL_FILE_H

#include <hdf5.h>
#include <mpi.h>

#include "compute/base/error.h"

/* Collective. The caller closes *access with H5Pclose; it is H5I_INVALID_HID after a failure. STATUS_USAGE
 * when FACET_IO_HINTS is not what it should be. */
enum status parallel_file_access(MPI_Comm comm, hid_t *access);

/* For writing collectively. The caller closes *transfer with H5Pclose; it is H5I_INVALID_HID after a
 * failure. */
enum status parallel_file_transfer(hid_t *transfer);

#endif
