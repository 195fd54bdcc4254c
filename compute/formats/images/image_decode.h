/* PNG and JPEG files into bytes: one face for both. What comes in is hostile until decoded. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_IMAGE_DECODE_H
#define FACET_COMPUTE_FORMATS_IMAGES_IMAGE_DECODE_H

#include <stdbool.h>

#include "compute/base/error.h"
#include "compute/base/shape.h"

enum {
    IMAGE_SIDE_MAX = 16384,            /* pixels */
    IMAGE_DECODED_BYTES_MAX = 1 << 28, /* of one image, as (H, W, C) */
    IMAGE_FILE_BYTES_MAX = 1 << 26     /* of one image, encoded */
};

enum image_kind { IMAGE_NONE, IMAGE_PNG, IMAGE_JPEG };

/* What a file is by its first bytes; three are enough, fewer are IMAGE_NONE. */
enum image_kind image_kind_of(const uint8_t *data, size_t bytes);

/* Shape of the image as image_decode gives it (c: 1 for grey, 3 for colour), from the beginning of the file
 * alone. `complete` tells whether data is the whole file; when it is not and more of it is needed, *more is
 * set and STATUS_OK returned. STATUS_FORMAT for what is neither PNG nor JPEG, is damaged, or is larger than
 * the limits above. Messages do not name the file: the caller puts it in front. */
enum status image_probe(const uint8_t *data, size_t bytes, bool complete, struct shape *shape, bool *more);

/* pixels (shape.h, shape.w, shape.c) of a whole file, `shape` being what image_probe said of it. Palettes are
 * looked up, samples of fewer or more than 8 bits brought to 8; what is transparent is laid over black;
 * gamma and colour profiles are left alone. STATUS_FORMAT when the file is truncated or damaged. Threads may
 * decode different images at once. */
enum status image_decode(const uint8_t *data, size_t bytes, struct shape shape, uint8_t *pixels);

/* A whole file of at most IMAGE_FILE_BYTES_MAX bytes; *pixels is released with memory_free. Messages name the
 * file. */
enum status image_file_read(const char *path, struct shape *shape, uint8_t **pixels);

#endif
