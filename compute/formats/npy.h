/* NumPy arrays in .npy files (NumPy enhancement proposal 1), versions 1 to 3, C and Fortran order, of float32
 * (little-endian) and uint8. */
#ifndef FACET_COMPUTE_FORMATS_NPY_H
#define FACET_COMPUTE_FORMATS_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

enum { NPY_RANK_MAX = 4 };
enum npy_type { NPY_UINT8, NPY_FLOAT32 };

struct npy_array {
    enum npy_type type;
    int rank; /* 0 … NPY_RANK_MAX */
    int64_t extent[NPY_RANK_MAX];
    size_t count; /* elements: the product of the extents */
    void *data;   /* in C order, whatever the file's; owned */
};

/* Reads a whole file. STATUS_FORMAT, telling what was seen, for other element types, more dimensions, a
 * header that is no such header, and a file whose size is not what the header says; no more is allocated than
 * the file is large (twice that in Fortran order). On failure the array is empty; clearing that is fine. */
enum status npy_read(const char *path, struct npy_array *array);

/* The same from bytes in memory; `name` stands in messages. */
enum status npy_decode(const uint8_t *bytes, size_t count, const char *name, struct npy_array *array);

void npy_clear(struct npy_array *array);

/* Writes an array of float32 in C order (version 1), beside `path` and renamed. */
enum status npy_write(const char *path, int rank, const int64_t *extent, const float *data);

#endif
