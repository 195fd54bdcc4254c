/* Convolution plans on disk: JSON, so that a person can read and edit which way each shape goes. */
#ifndef FACET_COMPUTE_FORMATS_CONVOLUTION_PLAN_FILE_H
#define FACET_COMPUTE_FORMATS_CONVOLUTION_PLAN_FILE_H

#include "compute/base/digest.h"
#include "compute/kernels/convolution_way.h"

struct convolution_plan_file {
    struct convolution_plan_entry *entries; /* owned */
    size_t count;
    uint8_t digest[DIGEST_BYTES]; /* of the entries: equal plans, equal digests */
};

/* Writes beside and renames. `processor` says where it was measured: for people. */
enum status convolution_plan_file_write(const char *path, const char *processor,
                                        const struct convolution_plan_entry *entries, size_t count);

/* The caller clears *plan, also after a failure. STATUS_FORMAT names the entry and the member that is wrong:
 * sizes outside 1 … 65,535 (paddings: 0 …), an output that does not follow from the input, a way that is none
 * or cannot compute that shape. */
enum status convolution_plan_file_read(const char *path, struct convolution_plan_file *plan);
void convolution_plan_file_clear(struct convolution_plan_file *plan);

#endif
