/* Which channels of its parent a distilled module keeps. */
#ifndef FACET_MODULES_DISTILL_MODULE_CHANNELS_H
#define FACET_MODULES_DISTILL_MODULE_CHANNELS_H

#include "modules/distill/pruning.h"
#include "modules/distill/teacher.h"

/* module.channels of a module with the teacher's stem, whole, and the pruned tail (a pruning of
 * teacher_class_network); the caller releases it with memory_free. NULL when the parent has no layout of
 * units. */
enum status module_channels_of(const struct teacher *teacher, const struct pruning *pruning,
                               uint8_t **channels);

#endif
