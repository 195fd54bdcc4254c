/* JPEG through libjpeg-turbo. image_decode.h is the door; messages do not name the file. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_JPEG_H
#define FACET_COMPUTE_FORMATS_IMAGES_JPEG_H

#include <stdbool.h>

#include "compute/base/error.h"
#include "compute/base/shape.h"

/* Shape from the frame header (ITU-T T.81, B.2.2), which stands behind the other markers: 1 channel for grey,
 * 3 for colour. Sets *more when data ends before it. Not bounded yet. */
enum status jpeg_probe(const uint8_t *data, size_t bytes, struct shape *shape, bool *more);

/* pixels (H, W, C) as image_decode has them. Inks (CMYK, as Adobe writes them, inverted) become RGB. */
enum status jpeg_decode(const uint8_t *data, size_t bytes, struct shape shape, uint8_t *pixels);

#endif
