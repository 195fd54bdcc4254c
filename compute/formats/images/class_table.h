/* Counting by name: classes in the order they turn up, found by bisection. Private to this room. */
#ifndef FACET_COMPUTE_FORMATS_IMAGES_CLASS_TABLE_H
#define FACET_COMPUTE_FORMATS_IMAGES_CLASS_TABLE_H

#include <stdint.h>

#include "compute/base/names.h"
#include "compute/formats/images/class_path.h"

struct class_table {
    int32_t count, capacity, recent; /* recent: the row found last */
    class_name *names;               /* (count), as they turned up */
    int64_t *images;                 /* (count) */
    int32_t *order;                  /* (count): rows in the order of the names */
};

void class_table_clear(struct class_table *table);

/* *row of the class of that name, which is added when it is new. STATUS_FORMAT for a name of no or too many
 * bytes and for more than IMAGE_CLASSES_MAX classes. */
enum status class_table_row(struct class_table *table, struct path_piece name, int32_t *row);

#endif
