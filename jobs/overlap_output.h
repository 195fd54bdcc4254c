/* What modules have in common, as text and as JSON. */
#ifndef FACET_JOBS_OVERLAP_OUTPUT_H
#define FACET_JOBS_OVERLAP_OUTPUT_H

#include <jansson.h>

#include "modules/overlap.h"

/* One line, when there is something to say: overlap may be NULL. */
void overlap_print(const struct overlap *overlap);

/* {"measure": "weights" or "channels", "with_origin": [one a module], "mean_with_origin": …, "mean_between":
 * …, "between": [a row a module]}; "between" is null above 100 modules, means of nothing are null, and all is
 * when overlap is NULL. */
json_t *overlap_json(const struct overlap *overlap);

#endif
