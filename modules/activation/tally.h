/* How many of many images each unit was active on: sums of bytes that are 0 or 1. */
#ifndef FACET_MODULES_ACTIVATION_TALLY_H
#define FACET_MODULES_ACTIVATION_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

/* Sums stay bytes for as long as they can: a vector of bytes has four times as many as one of words. */
struct tally {
    size_t units;
    uint8_t *recent; /* (units): of the last recent_images images */
    int32_t recent_images;
    uint32_t *total; /* (units): of those before */
};

/* All zero. The caller clears it, also after a failure. */
enum status tally_create(size_t units, struct tally *tally);
/* Also of a zeroed one. */
void tally_clear(struct tally *tally);

/* One image more: active (units), 0 or 1. */
void tally_add(struct tally *tally, const uint8_t *active);

/* sums[u] += the tally of unit u. The tally is all zero afterwards. */
void tally_give(struct tally *tally, uint32_t *sums);

#endif
