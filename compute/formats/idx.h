/* IDX, the format of MNIST and Fashion-MNIST (LeCun et al.), plain or gzip-compressed. */
#ifndef FACET_COMPUTE_FORMATS_IDX_H
#define FACET_COMPUTE_FORMATS_IDX_H

#include <stdbool.h>

#include "compute/data/dataset.h"

/* Reads the split's images and labels from a folder holding SPLIT-images-idx3-ubyte[.gz] and
 * SPLIT-labels-idx1-ubyte[.gz], where SPLIT is "train" or "t10k" ("test" is t10k). class_names may be NULL;
 * class_name_count is then ignored and the classes are 0 … largest label. Otherwise labels must be below
 * class_name_count. */
enum status idx_read_split(const char *folder, const char *split, const class_name *class_names,
                           int32_t class_name_count, struct dataset **dataset);

/* The two files given by name. */
enum status idx_read_files(const char *images_path, const char *labels_path, const class_name *class_names,
                           int32_t class_name_count, struct dataset **dataset);

/* Whether `folder` holds an IDX split of that name. */
bool idx_is_split(const char *folder, const char *split);

#endif
