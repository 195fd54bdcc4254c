/* The arrays of a modules file, where creating, writing and loading agree on them (docs/file-formats.md).
 * Private to this folder. */
#ifndef FACET_MODULES_MODULES_ROWS_H
#define FACET_MODULES_MODULES_ROWS_H

#include <hdf5.h>

#include "modules/module_set.h"

/* Names in the file. */
#define MODULES_PARENTS "parents"           /* group of networks "0", "1", …, attribute "count" */
#define MODULES_INDEX "modules"             /* (M) struct module_row */
#define MODULES_MAP_OFFSETS "map_offsets"   /* (M + 1) int64: bytes of module i begin at entry i */
#define MODULES_MAPS "maps"                 /* (last offset) uint8 */
#define MODULES_HEAD_OFFSETS "head_offsets" /* (M + 1) int64, in floats */
#define MODULES_HEADS "heads"               /* (last offset) float32: (features, 2) of each module */

enum { MODULES_PARENTS_MAX = 1 << 16, MODULES_MAX = 1 << 24, PARENT_NAME_BYTES = 16 };

/* Whether a file of that kind can have so many. STATUS_SHAPE when not. */
enum status modules_counts_check(const char *kind, int32_t parent_count, int32_t module_count);

/* The name of parent `index` within its group. */
void modules_parent_name(int32_t index, char name[PARENT_NAME_BYTES]);

/* One row of the index. Its members leave no gaps, so that rows in memory are rows in the file. */
struct module_row {
    class_name class_name, label;
    int32_t parent, class_index;
    float bias_class, bias_rest, scale, offset;
    int32_t positive_images, negative_images;
    int64_t units_kept, channels_kept;
};

/* The memory type of a row; the caller closes it with H5Tclose. */
enum status module_row_type(hid_t *type);

struct module_row module_row_of(const struct module *module);
/* All but map and head weights, which stay as they are. Names must be terminated. */
void module_row_apply(const struct module_row *row, struct module *module);

#endif
