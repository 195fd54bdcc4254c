/* Images with labels, 8 bits a channel, sorted by class: the images of class c are one contiguous range, in
 * the order they had in the source. That is what lets a rank read the classes of its shard as one slab. */
#ifndef FACET_COMPUTE_DATA_DATASET_H
#define FACET_COMPUTE_DATA_DATASET_H

#include "compute/base/digest.h"
#include "compute/base/error.h"
#include "compute/base/names.h"
#include "compute/base/shape.h"
#include "compute/data/scaling.h"

struct dataset {
    struct shape shape; /* of one image */
    int32_t class_count;
    class_name *class_names;
    int64_t image_count;  /* in the file */
    int64_t *class_start; /* class_count + 1: class c is images class_start[c] … class_start[c+1]−1 */

    int64_t first, loaded; /* the range of images in `pixels` */
    uint8_t *pixels;       /* (loaded, H, W, C) */
};

/* Builds a dataset in memory from images in source order with labels 0…class_count−1: sorts by class, stable.
 * pixels (count, H, W, C) are copied. class_names NULL: "0", "1", …. STATUS_FORMAT when a label is outside.
 */
enum status dataset_create(struct shape shape, int32_t class_count, const class_name *class_names,
                           const uint8_t *pixels, const int32_t *labels, int64_t count,
                           struct dataset **dataset);

void dataset_destroy(struct dataset **dataset);

/* Class of image i (0 ≤ i < image_count). */
int32_t dataset_label(const struct dataset *dataset, int64_t image);
/* Pixels of image i, which must be among the loaded. */
const uint8_t *dataset_image(const struct dataset *dataset, int64_t image);

/* Mean and standard deviation a channel of pixels·scale over all loaded images, exact in integers, for a
 * scaling. */
void dataset_measure_scaling(const struct dataset *dataset, struct scaling *scaling);

/* Digest of shape, class names, labels and all pixels; all images must be loaded. */
void dataset_digest(const struct dataset *dataset, uint8_t digest[DIGEST_BYTES]);

#endif
