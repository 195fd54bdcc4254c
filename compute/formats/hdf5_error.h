/* What failed inside HDF5, as one line. */
#ifndef FACET_COMPUTE_FORMATS_HDF5_ERROR_H
#define FACET_COMPUTE_FORMATS_HDF5_ERROR_H

#include <hdf5.h>

#include "compute/base/error.h"

/* Stops HDF5 from printing its errors itself (in this thread, where HDF5 was built for threads) and, when it
 * is the process's first call of HDF5, from closing forgotten files at exit. hdf5_create and hdf5_open call
 * it. */
void hdf5_quiet(void);

/* "FILE:/group" of an open object, for messages; at most bytes−1 characters. */
void hdf5_where(hid_t object, char *where, size_t bytes);

/* Sets the message "FILE:/group: " + the formatted text and returns `status`. To be called for what HDF5
 * itself has no opinion on: a wrong shape, a missing name. */
enum status hdf5_refuse(enum status status, hid_t object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same right after a call of HDF5 failed: its innermost reason is appended. */
enum status hdf5_failed(enum status status, hid_t object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The reason alone, ": " in front, "" when there is none; at most bytes−1 characters. */
void hdf5_reason(char *reason, size_t bytes);

#endif
