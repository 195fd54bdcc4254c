/* PNG through libpng. image_decode.h is the door; messages do not name the file. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_PNG_H
#define FACET_COMPUTE_FORMATS_IMAGES_PNG_H

#include "compute/base/error.h"
#include "compute/base/shape.h"

enum { PNG_HEADER_BYTES = 33 }; /* signature and IHDR, where the shape is */

/* Shape from the first PNG_HEADER_BYTES bytes: 1 channel for grey with or without alpha, 3 for colour and
 * palettes. Not bounded yet. */
enum status png_probe(const uint8_t *data, struct shape *shape);

/* pixels (H, W, C) as image_decode has them. */
enum status png_decode(const uint8_t *data, size_t bytes, struct shape shape, uint8_t *pixels);

#endif
