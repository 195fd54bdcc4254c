/* A square of numbers, each a shade. */
#ifndef FACET_JOBS_REPORT_HEAT_MAP_H
#define FACET_JOBS_REPORT_HEAT_MAP_H

#include <stdint.h>

#include "jobs/report/page.h"

enum { HEAT_MAP_COUNT_MAX = 200 }; /* rows that can still be seen */

struct heat_map {
    struct page_picture picture;
    int32_t count;             /* rows, and columns */
    const char *const *labels; /* (count) */
    const double *values;      /* (count, count), 0 to 1: from white to dark */
    const int64_t *numbers;    /* (count, count) to be written into the cells; NULL: the values, two digits */
    const char *rows, *columns; /* what they are */
};

enum status heat_map_draw(struct page *page, const struct heat_map *map);

#endif
