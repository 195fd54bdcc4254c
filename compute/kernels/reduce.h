/* Sums over the rows of a matrix, in float64 and in one fixed order. Serial; allocates nothing.
 *
 * The matrix is taken in strips of at most FOLD_LANES neighbouring columns, whose sums stay in the
 * first-level cache. Narrow rows are folded: several of them, side by side, count as one row of lanes, so
 * that three channels fill vector registers as well as sixty-four; a column's sum is then the sum over its
 * lanes. */
#ifndef FACET_COMPUTE_KERNELS_REDUCE_H
#define FACET_COMPUTE_KERNELS_REDUCE_H

#include <stddef.h>

enum { FOLD_LANES = 64 };

/* Rows of `columns` floats that make one folded row: as many as fit into FOLD_LANES, at least one. */
size_t fold_rows(size_t columns);

/* The strip that begins at column `from`. `rows` folded rows of `lanes` floats, `stride` apart, begin at
 * x + from; the rows that fill no folded row are `rest_lanes` floats at x + rest. */
struct strip {
    size_t width; /* columns, from `from` on */
    size_t rows, stride, lanes;
    size_t rest, rest_lanes;
    size_t fold, columns; /* lane j holds column from + j mod columns, `fold` times */
};
struct strip strip_at(size_t rows, size_t columns, size_t from);

/* Sum of the strip's column j (0 ≤ j < width) from the sums of its lanes. */
double strip_column(const struct strip *strip, const double lane_sums[FOLD_LANES], size_t j);

/* sums[j] = factor · Σ_i x[i·columns + j]. */
void column_sums(size_t rows, size_t columns, const float *x, double factor, float *sums);

#endif
