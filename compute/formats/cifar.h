/* The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009): records of one label (CIFAR-10) or two
 * (CIFAR-100: coarse, fine) and 3 × 32 × 32 bytes, one colour after the other. */
#ifndef FACET_COMPUTE_FORMATS_CIFAR_H
#define FACET_COMPUTE_FORMATS_CIFAR_H

#include <stdbool.h>

#include "compute/data/dataset.h"

/* Whether `folder` holds a split of one of the two: data_batch_1.bin or test_batch.bin (CIFAR-10), train.bin
 * or test.bin (CIFAR-100). */
bool cifar_is_folder(const char *folder);

/* Reads a split, "train" or "test". CIFAR-10's training set is data_batch_1.bin … data_batch_5.bin, all of
 * which must be there; CIFAR-100 gets its fine labels. class_names NULL: those of batches.meta.txt or
 * fine_label_names.txt, where that is there, else "0", "1", …. STATUS_FORMAT for a file that is no whole
 * number of records or has a label outside 0…9 or 0…99; STATUS_MISMATCH when there are not 10 or 100 names.
 */
enum status cifar_read_split(const char *folder, const char *split, const class_name *class_names,
                             int32_t class_name_count, struct dataset **dataset);

#endif
