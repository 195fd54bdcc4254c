/* A folder tree as an image source: image_source.h. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_CLASS_TREE_H
#define FACET_COMPUTE_FORMATS_IMAGES_CLASS_TREE_H

#include "compute/formats/images/image_source.h"

extern const struct image_source_calls class_tree_calls;

/* Folders are entries before what is in them; within a folder names are in the order of their bytes. Links
 * are followed; one that leads back up is STATUS_FORMAT. */
enum status class_tree_open(const char *folder, void **state);

#endif
