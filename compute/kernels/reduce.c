#include "compute/kernels/reduce.h"

size_t fold_rows(size_t columns)
{
    return columns > 0 && columns < FOLD_LANES ? FOLD_LANES / columns : 1;
}

struct strip strip_at(size_t rows, size_t columns, size_t from)
{
    struct strip strip;
    strip.width = columns - from < FOLD_LANES ? columns - from : FOLD_LANES;
    strip.columns = columns;
    strip.fold = fold_rows(columns);
    strip.rows = rows / strip.fold;
    strip.stride = strip.fold * columns;
    strip.lanes = strip.fold > 1 ? strip.stride : strip.width;
    strip.rest = strip.rows * strip.stride;
    strip.rest_lanes = rows * columns - strip.rest; /* 0 unless folded */
    return strip;
}

double strip_column(const struct strip *strip, const double lane_sums[FOLD_LANES], size_t j)
{
    double sum = 0;
    for (size_t f = 0; f < strip->fold; f++)
        sum += lane_sums[f * strip->columns + j];
    return sum;
}

static void lanes_add(size_t rows, size_t stride, size_t lanes, const float *x, double *sums)
{
    for (size_t i = 0; i < rows; i++, x += stride)
#pragma omp simd
        for (size_t j = 0; j < lanes; j++)
            sums[j] += (double)x[j];
}

void column_sums(size_t rows, size_t columns, const float *x, double factor, float *sums)
{
    for (size_t from = 0; from < columns; from += FOLD_LANES) {
        struct strip strip = strip_at(rows, columns, from);
        double lane_sums[FOLD_LANES] = {0};
        lanes_add(strip.rows, strip.stride, strip.lanes, x + from, lane_sums);
        lanes_add(1, 0, strip.rest_lanes, x + strip.rest, lane_sums);
        for (size_t j = 0; j < strip.width; j++)
            sums[from + j] = (float)(factor * strip_column(&strip, lane_sums, j));
    }
}
