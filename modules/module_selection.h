/* Naming modules of a file on the command line. */
#ifndef FACET_MODULES_MODULE_SELECTION_H
#define FACET_MODULES_MODULE_SELECTION_H

#include <stdint.h>

#include "compute/base/names.h"

/* One argument of `facet compose`: FILE[:class[=label][,class[=label]…]]; a backslash takes the character
 * after it literally, which is needed for ":" in FILE, ":", "," and "=" in names, and the backslash itself.
 * Without classes, all modules of the file. */
struct module_selection {
    char *path;          /* owned */
    int32_t count;       /* 0: all */
    class_name *classes; /* (count), names or "#index"; owned */
    class_name *labels;  /* (count), "" unless given: the module keeps the label it has; owned */
};

/* STATUS_USAGE, quoting the argument, for an empty file name, class or label, a name that is too long, a
 * second ":" or "=", or a backslash at the end. *selection is overwritten; the caller clears it. */
enum status module_selection_parse(const char *argument, struct module_selection *selection);

/* Frees what it owns and zeroes it. */
void module_selection_clear(struct module_selection *selection);

#endif
