/* Allocation with checked sizes, aligned for vector units. */
#ifndef FACET_COMPUTE_BASE_MEMORY_H
#define FACET_COMPUTE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/base/error.h"

/* A zero-filled array of `count` elements of `element_bytes` bytes, aligned to 64 bytes, in *out (a pointer
 * to the caller's pointer). The caller owns it and releases it with memory_free. count 0 gives a valid small
 * block. STATUS_NO_MEMORY, naming `what` and the size, when the size overflows or the system has no more;
 * *out is then NULL. */
enum status memory_allocate(void *out, size_t count, size_t element_bytes, const char *what);

/* Releases what memory_allocate gave and sets the caller's pointer to NULL; a NULL pointer is fine.
 * Takes the address of the pointer: memory_free(&x->pixels). */
void memory_free(void *pointer_address);

/* *product = a·b; false (and *product untouched) when that overflows. */
bool size_multiply(size_t a, size_t b, size_t *product);

#endif
