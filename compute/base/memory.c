#include "compute/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks of several huge pages begin on one and ask for them: the processor then looks up a five-hundredth of
 * the addresses, which layers that stream through memory gain up to a third from. */
enum { ALIGNMENT_BYTES = 64, HUGE_PAGE_BYTES = 2 << 20, HUGE_BLOCK_BYTES = 2 * HUGE_PAGE_BYTES };

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
    if (!size_multiply(count, element_bytes, &bytes) || bytes > SIZE_MAX - HUGE_PAGE_BYTES)
        return error_set(STATUS_NO_MEMORY, "%s: %zu elements of %zu bytes are more than memory can address",
                         what, count, element_bytes);
    size_t alignment = bytes >= HUGE_BLOCK_BYTES ? HUGE_PAGE_BYTES : ALIGNMENT_BYTES;
    size_t whole = bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
    block = aligned_alloc(alignment, whole); /* wants a multiple of the alignment */
    if (block == NULL)
        return error_set(STATUS_NO_MEMORY,
                         "%s: no memory for %zu bytes; use fewer ranks a node or a smaller batch", what,
                         bytes);
    if (alignment == HUGE_PAGE_BYTES)
        madvise(block, whole, MADV_HUGEPAGE); /* without them, it is only slower */
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
