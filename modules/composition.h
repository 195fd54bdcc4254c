/* Composing modules of one or several files, and replacing one. */
#ifndef FACET_MODULES_COMPOSITION_H
#define FACET_MODULES_COMPOSITION_H

#include "modules/module_set.h"

/* One argument of `facet compose`: FILE[:class[=label][,class[=label]…]]; "\" escapes ":", "," and "=".
 * Without classes, all modules of the file. */
struct module_selection {
    char *path;
    int32_t count; /* 0: all */
    class_name *classes;
    class_name *labels; /* the class's own name unless given */
};
enum status module_selection_parse(const char *argument, struct module_selection *selection);
void module_selection_clear(struct module_selection *selection);

/* Moves the selected modules out of the sets (which must be sets[i] for selections[i]) into one composition;
 * identical parents (by digest) are kept once. STATUS_MISMATCH when a label would stand twice. */
enum status composition_create(struct module_set **sets, const struct module_selection *selections,
                               int32_t count, struct module_set **composition);

/* The module labelled `label` gives its place and label to module `with` of `from`; parents no longer used
 * leave. */
enum status composition_replace(struct module_set *composition, const char *label, struct module_set *from,
                                const char *with, struct module_set **replaced);

#endif
