#include "compute/network/buffer_placement.h"

#include <stdbool.h>
#include <stdlib.h>

#include "compute/base/memory.h"

enum { ALIGNMENT_FLOATS = 16 };

static int compare_sizes(const void *a, const void *b)
{
    const struct buffer *x = *(const struct buffer *const *)a, *y = *(const struct buffer *const *)b;
    if (x->floats != y->floats)
        return x->floats > y->floats ? -1 : 1;
    return x < y ? -1 : x > y; /* all are in one array: its order decides */
}

static bool live_together(const struct buffer *a, const struct buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest gap for `buffer` among `count` placed ones, which are in order of offset. */
static size_t lowest_gap(struct buffer *const *placed, int32_t count, const struct buffer *buffer)
{
    size_t offset = 0;
    for (int32_t i = 0; i < count; i++) {
        const struct buffer *other = placed[i];
        if (!live_together(buffer, other))
            continue;
        if (other->offset >= offset && other->offset - offset >= buffer->floats)
            break;
        if (other->offset + other->floats > offset)
            offset = other->offset + other->floats;
    }
    return offset;
}

/* Rounds sizes up to the alignment; refuses more than could be addressed even if nothing were shared, so that
 * no sum below overflows. */
static enum status round_sizes(struct buffer *buffers, int32_t count)
{
    const size_t limit = SIZE_MAX / sizeof(float) / 2;
    size_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        size_t floats = buffers[i].floats;
        if (floats > limit - sum)
            return error_set(STATUS_NO_MEMORY,
                             "%d buffers need more memory than can be addressed; use a smaller batch", count);
        floats = (floats + ALIGNMENT_FLOATS - 1) / ALIGNMENT_FLOATS * ALIGNMENT_FLOATS;
        buffers[i].floats = floats;
        sum = floats > limit - sum ? limit : sum + floats;
    }
    return STATUS_OK;
}

enum status buffers_place(struct buffer *buffers, int32_t count, size_t *arena_floats)
{
    struct buffer **by_size = NULL, **placed = NULL;
    *arena_floats = 0;
    enum status status = round_sizes(buffers, count);
    if (status == STATUS_OK)
        status = memory_allocate(&by_size, (size_t)count, sizeof(struct buffer *), "the plan of a pass");
    if (status == STATUS_OK)
        status = memory_allocate(&placed, (size_t)count, sizeof(struct buffer *), "the plan of a pass");
    if (status != STATUS_OK)
        goto done;
    for (int32_t i = 0; i < count; i++)
        by_size[i] = &buffers[i];
    qsort(by_size, (size_t)count, sizeof(struct buffer *), compare_sizes);
    for (int32_t i = 0; i < count; i++) {
        struct buffer *buffer = by_size[i];
        buffer->offset = lowest_gap(placed, i, buffer);
        int32_t at = i;
        for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = buffer;
        if (buffer->offset + buffer->floats > *arena_floats)
            *arena_floats = buffer->offset + buffer->floats;
    }
done:
    memory_free(&by_size);
    memory_free(&placed);
    return status;
}
