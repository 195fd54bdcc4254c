/* The arrays of a modules file, where creating, writing and loading agree on them (docs/file-formats.md).
 * Private to this folder. */
#ifndef FACET_MODULES_FILE_MODULES_ROWS_H
#define FACET_MODULES_FILE_MODULES_ROWS_H

#include <hdf5.h>

#include "modules/module_set.h"

/* Names in the file. */
#define MODULES_PARENTS "parents" /* group of networks "0", "1", …, attribute "count" */
#define MODULES_INDEX "modules"   /* (M) struct module_row */

enum { MODULES_PARENTS_MAX = 1 << 16, MODULES_MAX = 1 << 24, PARENT_NAME_BYTES = 16, MODULE_KIND_BYTES = 12 };

/* Whether a file of that kind can have so many. STATUS_SHAPE when not. */
enum status modules_counts_check(const char *kind, int32_t parent_count, int32_t module_count);

/* The name of parent `index` within its group. */
void modules_parent_name(int32_t index, char name[PARENT_NAME_BYTES]);

/* --- the index --- */

/* One row of the index. Its members leave no gaps, so that rows in memory are rows in the file. */
struct module_row {
    class_name class_name, label;
    int32_t parent, class_index;
    float bias_class, bias_rest, scale, offset;
    int32_t positive_images, negative_images;
    int64_t kept_units, kept_channels, kept_weights, kept_multiply_adds;
    int64_t whole_units, whole_channels, whole_weights, whole_multiply_adds;
    char kind[MODULE_KIND_BYTES]; /* "map", "network" */
    char origin_architecture[LAYER_NAME_BYTES];
    uint8_t origin_digest[DIGEST_BYTES];
    char architecture[LAYER_NAME_BYTES]; /* of its own network, as are the following; zeros in a map */
    float scaling_scale, scaling_mean[SCALING_CHANNELS_MAX], scaling_std[SCALING_CHANNELS_MAX];
};

/* The memory type of a row; the caller closes it with H5Tclose. */
enum status module_row_type(hid_t *type);

struct module_row module_row_of(const struct module *module);

/* "map" or "network"; false for another kind. */
bool module_row_kind(const struct module_row *row, enum module_kind *kind);
/* All but what stands in the packed arrays, which stays as it is. Texts must be terminated, the kind be one.
 */
void module_row_apply(const struct module_row *row, struct module *module);
/* The scaling of its own network, whose mean and deviation of the first `channels` it sets. */
void module_row_scaling(const struct module_row *row, int32_t channels, struct scaling *scaling);

/* --- the packed arrays --- */

/* Elements offsets[i] … offsets[i+1]−1 of `data` are module i's. */
struct packed_array {
    const char *offsets; /* (M + 1) int64 */
    const char *data;    /* (last offset); left out when that is 0 */
    const char *what;    /* for messages */
    size_t element_bytes;
};
extern const struct packed_array packed_arrays[MODULE_ARRAY_COUNT];

/* The memory type of their elements; the caller closes it. */
enum status packed_array_type(enum module_array array, hid_t *type);

#endif
