/* A .tar, .tar.gz or .zip as an image source (image_source.h), through libarchive. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_IMAGE_ARCHIVE_H
#define FACET_COMPUTE_FORMATS_IMAGES_IMAGE_ARCHIVE_H

#include "compute/formats/images/image_source.h"

extern const struct image_source_calls image_archive_calls;

/* Entries in the archive's order. STATUS_FORMAT, naming the entry, for absolute paths and those with "..",
 * for links and devices, and for an archive that unpacks to more than ARCHIVE_RATIO_MAX times its size
 * (images do not compress; the first ARCHIVE_BYTES_FREE bytes are not counted). */
enum { ARCHIVE_RATIO_MAX = 100, ARCHIVE_BYTES_FREE = 64 << 20 };
enum status image_archive_open(const char *path, uint64_t file_bytes, void **state);

/* The same over bytes in memory, which must outlive it. */
enum status image_archive_open_memory(const void *data, size_t bytes, const char *name, void **state);

#endif
