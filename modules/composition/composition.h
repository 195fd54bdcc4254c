/* Composing modules of one or several files, and replacing one. */
#ifndef FACET_MODULES_COMPOSITION_COMPOSITION_H
#define FACET_MODULES_COMPOSITION_COMPOSITION_H

#include "modules/module_selection.h"
#include "modules/module_set.h"

/* The selected modules of the sets (sets[i] is the file of selections[i]), in the order selected, as one set;
 * identical parents (equal digests) are kept once, in order of first use. Labels are the selection's, or
 * those the modules have.
 *
 * The networks of the parents move into the composition (their entries in the sets become NULL): afterwards
 * the sets are good for module_set_destroy alone. After a failure the sets are as they were.
 * STATUS_NOT_FOUND when a set has no such module, STATUS_MISMATCH when a label would stand twice. */
enum status composition_create(struct module_set **sets, const struct module_selection *selections,
                               int32_t count, struct module_set **composition);

/* The module labelled `label` gives its place to module `with` of `from`, and its label unless `new_label` is
 * another than ""; parents no longer used leave. Parents move and failures are as above. */
enum status composition_replace(struct module_set *composition, const char *label, struct module_set *from,
                                const char *with, const char *new_label, struct module_set **replaced);

#endif
