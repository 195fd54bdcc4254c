/* Matching classes of different files by name. */
#ifndef FACET_MODULES_LABEL_INDEX_H
#define FACET_MODULES_LABEL_INDEX_H

#include <string.h>

#include "compute/base/names.h"

/* Place of exactly that name; −1 when it is not there. Unlike class_names_find this knows no "#index": a
 * class that happens to be called "#1" matches its namesake alone. */
static inline int32_t label_index(const class_name *names, int32_t count, const char *name)
{
    for (int32_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

#endif
