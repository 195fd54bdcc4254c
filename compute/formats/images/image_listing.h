/* The first pass over class folders: which classes there are, how many images each has, and what shape they
 * will get. Nothing is decoded, and memory grows with the classes, not with the images. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_IMAGE_LISTING_H
#define FACET_COMPUTE_FORMATS_IMAGES_IMAGE_LISTING_H

#include "compute/base/names.h"
#include "compute/base/shape.h"
#include "compute/formats/images/class_path.h"

enum { IMAGE_CLASSES_MAX = 100000 };

struct image_options {
    const char *split;          /* "train", "test" or "val"; a source that is not split is taken whole */
    int64_t limit;              /* the first so many images of each class; 0: all */
    int32_t resize_h, resize_w; /* 0: images must be of one size */
    int32_t channels;           /* 1 or 3; 0: 3 when any image is colour, else 1 */
};

struct image_listing {
    struct class_layout layout;
    struct shape shape; /* what every image becomes */
    int64_t limit;      /* as asked */
    bool resized;       /* images may be of other sizes */
    int64_t image_count;
    int32_t class_count;
    int64_t left_out_count;  /* files in class folders that are not images by name */
    char left_out[256];      /* the first of them */
    class_name *class_names; /* folder names in the order of their bytes; owned */
    int64_t *class_start;    /* class_count + 1; owned */
};

/* STATUS_FORMAT, naming the source and the path, when there are no images in class folders, none of that
 * split, an image outside the layout of the first, an empty class folder, a folder's name that is no class
 * name, or what image_probe refuses; STATUS_SHAPE, naming the first two that differ, for unequal sizes
 * without a resize; STATUS_USAGE for a resize to more than IMAGE_DECODED_BYTES_MAX bytes. */
enum status image_listing_create(const char *source, const struct image_options *options,
                                 struct image_listing **listing);
/* NULL is fine; sets the caller's pointer to NULL. */
void image_listing_destroy(struct image_listing **listing);

/* Place of that class; −1 when there is none. */
int32_t image_listing_class(const struct image_listing *listing, struct path_piece class_folder);

#endif
