#include "modules/activation/tally.h"

#include <string.h>

#include "compute/base/memory.h"

enum status tally_create(size_t units, struct tally *tally)
{
    *tally = (struct tally){.units = units};
    enum status status = memory_allocate(&tally->recent, units, sizeof *tally->recent, "counts of units");
    if (status == STATUS_OK)
        status = memory_allocate(&tally->total, units, sizeof *tally->total, "counts of units");
    return status;
}

void tally_clear(struct tally *tally)
{
    memory_free(&tally->recent);
    memory_free(&tally->total);
}

/* Bytes become part of the totals. */
static void flush(struct tally *tally)
{
    for (size_t u = 0; u < tally->units; u++)
        tally->total[u] += tally->recent[u];
    memset(tally->recent, 0, tally->units);
    tally->recent_images = 0;
}

void tally_add(struct tally *tally, const uint8_t *active)
{
    /* Bytes may alias anything: without these the compiler adds one by one. */
    uint8_t *restrict recent = tally->recent;
    const uint8_t *restrict added = active;
    const size_t units = tally->units;
    for (size_t u = 0; u < units; u++)
        recent[u] = (uint8_t)(recent[u] + added[u]);
    if (++tally->recent_images == UINT8_MAX)
        flush(tally);
}

void tally_give(struct tally *tally, uint32_t *sums)
{
    flush(tally);
    for (size_t u = 0; u < tally->units; u++)
        sums[u] += tally->total[u];
    memset(tally->total, 0, tally->units * sizeof *tally->total);
}
