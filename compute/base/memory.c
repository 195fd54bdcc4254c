#include "compute/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT_BYTES = 64 };

bool size_multiply(size_t a, size_t b, size_t *product)
{
    size_t result;
    if (__builtin_mul_overflow(a, b, &result))
        return false;
    *product = result;
    return true;
}

enum status memory_allocate(void *out, size_t count, size_t element_bytes, const char *what)
{
    void *block = NULL;
    size_t bytes;
    memcpy(out, &block, sizeof block);
    if (!size_multiply(count, element_bytes, &bytes) || bytes > SIZE_MAX - ALIGNMENT_BYTES)
        return error_set(STATUS_NO_MEMORY, "%s: %zu elements of %zu bytes are more than memory can address",
                         what, count, element_bytes);
    /* aligned_alloc wants a multiple of the alignment */
    bytes = (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    if (bytes == 0)
        bytes = ALIGNMENT_BYTES;
    block = aligned_alloc(ALIGNMENT_BYTES, bytes);
    if (block == NULL)
        return error_set(STATUS_NO_MEMORY,
                         "%s: no memory for %zu bytes; use fewer ranks a node or a smaller batch", what,
                         bytes);
    memset(block, 0, bytes);
    memcpy(out, &block, sizeof block);
    return STATUS_OK;
}

void memory_free(void *pointer_address)
{
    void *block;
    memcpy(&block, pointer_address, sizeof block);
    free(block);
    block = NULL;
    memcpy(pointer_address, &block, sizeof block);
}
