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
 * pixels (count, H, W, C) are copied. class_names NULL: "0", "1", …. STATUS_FORMAT when a label is outside or
 * a name is not fit (class_names_check), STATUS_SHAPE for a shape without pixels or with more than
 * SCALING_CHANNELS_MAX channels, and for no images or no classes. On failure *dataset is NULL. */
enum status dataset_create(struct shape shape, int32_t class_count, const class_name *class_names,
                           const uint8_t *pixels, const int32_t *labels, int64_t count,
                           struct dataset **dataset);

/* A dataset of which no image is loaded yet (first = loaded = 0, pixels NULL): class c is images
 * class_start[c] … class_start[c+1]−1. Both arrays are copied and checked as above, class_start to begin with
 * 0 and never to fall; messages name `where`. */
enum status dataset_create_unloaded(struct shape shape, int32_t class_count, const class_name *class_names,
                                    const int64_t *class_start, const char *where, struct dataset **dataset);

/* Bytes of `count` images; STATUS_SHAPE when that is beyond memory. */
enum status dataset_pixel_bytes(struct shape shape, int64_t count, size_t *bytes);

/* Keeps only the first `per_class` ≥ 1 images of each class; all images must be loaded. */
void dataset_limit(struct dataset *dataset, int64_t per_class);

/* Keeps only the classes classes[0] < classes[1] < … (count ≥ 1) and their images; all images must be loaded.
 */
void dataset_keep_classes(struct dataset *dataset, const int32_t *classes, int32_t count);

/* Brings the loaded images to another shape (image_adapt.h, whose errors it has); on failure the dataset is
 * as before. */
enum status dataset_adapt(struct dataset *dataset, struct shape shape);

/* NULL is fine; sets the caller's pointer to NULL. */
void dataset_destroy(struct dataset **dataset);

/* Class of image i (0 ≤ i < image_count), by bisection. */
int32_t dataset_label(const struct dataset *dataset, int64_t image);
/* Pixels of image i, which must be among the loaded. */
const uint8_t *dataset_image(const struct dataset *dataset, int64_t image);

/* The default scaling (pixels/255) with mean and standard deviation a channel over all loaded images; sums
 * are exact, in integers. A channel that never varies gets deviation 1, as do all when nothing is loaded. */
void dataset_measure_scaling(const struct dataset *dataset, struct scaling *scaling);

/* Digest of shape, class names, labels and all pixels; all images must be loaded (loaded = image_count). */
void dataset_digest(const struct dataset *dataset, uint8_t digest[DIGEST_BYTES]);

#endif
