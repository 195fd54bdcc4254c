/* Places buffers whose lifetimes are known in one arena, so that those that never live at once share memory.
 */
#ifndef FACET_COMPUTE_NETWORK_BUFFER_PLACEMENT_H
#define FACET_COMPUTE_NETWORK_BUFFER_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

struct buffer {
    size_t floats;
    int32_t first, last; /* the steps during which it holds something, both included */
    size_t offset;       /* result: floats from the start of the arena, a multiple of 16 (64 bytes) */
};

/* Greedy by size (Pisarchyk & Lee 2020, arXiv 2001.03288): the largest buffer first, each at the lowest
 * offset where it meets none that lives at the same time. Depends on nothing but its arguments. *arena_floats
 * is the memory they need together. STATUS_NO_MEMORY when that is more than can be addressed. */
enum status buffers_place(struct buffer *buffers, int32_t count, size_t *arena_floats);

#endif
