/* Which part of a module is tuned further, and the module that comes of it (facet adapt).
 *
 * The part not tuned stays as it is: for a module that is a map it becomes the stem, which is the same for
 * all modules of that parent, so that a composition still computes it once. The map itself is dropped: which
 * units serve to say no to classes never seen is for tuning to find out. */
#ifndef FACET_MODULES_TUNING_H
#define FACET_MODULES_TUNING_H

#include "modules/module_set.h"

enum tune_part {
    TUNE_HEAD,       /* the output layer alone */
    TUNE_LAST_STAGE, /* the layers behind the last place of higher resolution, where the graph can be cut */
    TUNE_ALL         /* all of a module's own network: of one that stands on a stem, what is behind that */
};

/* "head", "last-stage", "all"; STATUS_NOT_FOUND lists them. */
enum status tune_part_from_name(const char *name, enum tune_part *part);
const char *tune_part_name(enum tune_part part);

struct tuning {
    /* What an image passes first, in this order: the module's stem if it has one, then the part of its
     * network that is not tuned. */
    int32_t frozen_count;
    const struct network *frozen[2];
    struct network *tail; /* what is tuned: one output, the margin; owned */

    const struct module *module; /* of the set it was made for, which must outlive it */
    const struct network *base;  /* its parent or stem; NULL: it takes images */
    struct network *front;       /* the part of the own network that is not tuned, or NULL; owned */
};

/* Makes the parts of module `index` ready. STATUS_SHAPE when its network cannot be cut so. *tuning is
 * overwritten; the caller clears it. */
enum status tuning_create(const struct module_set *set, int32_t index, enum tune_part part,
                          struct tuning *tuning);
/* Also of a zeroed one. */
void tuning_clear(struct tuning *tuning);

/* The module with its tail as it is now, calibration 1 and 0. A map module whose front is not NULL then
 * stands on that as its stem, with index `stem_index`; else `stem_index` is ignored. *tuned is overwritten;
 * the caller clears it. */
enum status tuning_module(const struct tuning *tuning, int32_t stem_index, struct module *tuned);

#endif
