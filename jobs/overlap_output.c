#include "jobs/overlap_output.h"

#include <math.h>
#include <stdio.h>

enum { PAIRS_SHOWN_MAX = 100 };

static const char *measure_name(const struct overlap *overlap)
{
    return overlap->measure == OVERLAP_OF_WEIGHTS ? "weights" : "channels";
}

void overlap_print(const struct overlap *overlap)
{
    if (overlap == NULL)
        return;
    printf("  Jaccard index of the %s kept: %.4f with the network", measure_name(overlap),
           overlap->mean_with_origin);
    if (!isnan(overlap->mean_between))
        printf(", %.4f between modules", overlap->mean_between);
    printf(" (mean)\n");
}

static json_t *row_json(const double *values, int32_t count)
{
    json_t *row = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(row, json_real(values[i]));
    return row;
}

static json_t *between_json(const struct overlap *overlap)
{
    if (overlap->between == NULL || overlap->count > PAIRS_SHOWN_MAX)
        return json_null();
    json_t *rows = json_array();
    for (int32_t i = 0; i < overlap->count; i++)
        json_array_append_new(
            rows, row_json(overlap->between + (size_t)i * (size_t)overlap->count, overlap->count));
    return rows;
}

json_t *overlap_json(const struct overlap *overlap)
{
    if (overlap == NULL)
        return json_null();
    return json_pack("{s:s, s:o, s:f, s:o, s:o}", "measure", measure_name(overlap), "with_origin",
                     row_json(overlap->with_origin, overlap->count), "mean_with_origin",
                     overlap->mean_with_origin, "mean_between",
                     isnan(overlap->mean_between) ? json_null() : json_real(overlap->mean_between), "between",
                     between_json(overlap));
}
