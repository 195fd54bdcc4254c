/* An image of a dataset as a PNG file in memory. */
#ifndef FACET_JOBS_REPORT_PNG_DATA_H
#define FACET_JOBS_REPORT_PNG_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "compute/base/shape.h"

/* pixels (H, W, C): three channels or more are red, green, blue and what is not shown; fewer are grey and
 * what is not shown. The caller releases *png with memory_free. */
enum status png_data_make(const uint8_t *pixels, struct shape shape, uint8_t **png, size_t *bytes);

#endif
