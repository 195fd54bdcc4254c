/* The second pass over class folders: decodes a share of the images, a bounded batch at a time, threads
 * decoding the images of a batch. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_IMAGE_SHARE_H
#define FACET_COMPUTE_FORMATS_IMAGES_IMAGE_SHARE_H

#include <signal.h>

#include "compute/formats/images/image_listing.h"

/* Takes images first … first+count−1 of the sorted dataset: pixels (count, H, W, C). */
typedef enum status image_share_put(void *context, int64_t first, int64_t count, const uint8_t *pixels);

/* Images first … first+count−1 in the order of the *source*, each put at its place in the order of the
 * classes; a share's places need not be next to one another. `put` is called by one thread, with as many
 * neighbours at once as there are in a batch. STATUS_FORMAT for an image that cannot be decoded, naming it;
 * STATUS_MISMATCH when the source is no longer what was listed; STATUS_STOPPED when *stop (may be NULL) gets
 * set. Memory: a batch, IMAGE_BATCH_BYTES of pixels (at least one image) and as much of files, and what each
 * thread decodes. */
enum { IMAGE_BATCH_BYTES = 32 << 20, IMAGE_BATCH_MAX = 1024 };
enum status image_share_decode(const char *source, const struct image_listing *listing, int64_t first,
                               int64_t count, const volatile sig_atomic_t *stop, image_share_put *put,
                               void *context);

#endif
