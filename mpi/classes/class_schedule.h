/* Which class is done when, and by how many ranks together: pure functions, without MPI.
 *
 * Classes are handed out longest first, each to the group of ranks that is free first (Graham's list
 * scheduling in longest-processing-time order, SIAM J. Appl. Math. 17, 1969). A group of g ranks does a class
 * 1/(1 + SHARING_LOSS·(g − 1)) as well per rank as one rank does. */
#ifndef FACET_MPI_CLASSES_CLASS_SCHEDULE_H
#define FACET_MPI_CLASSES_CLASS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "compute/base/error.h"

/* What each further rank costs a group: a cautious guess for choosing groups, which no result depends on. */
#define SHARING_LOSS 0.05

/* Sorts rows[0..count) by their cost, largest first; equal costs in ascending order of rows. costs (by row)
 * may be NULL: all are equal. */
enum status class_schedule_order(const double *costs, int32_t *rows, int32_t count);

/* The time in which `groups` groups made of `ranks` ranks (of sizes that differ by one at most, the larger
 * ones first) do the classes of rows[0..count), in that order, when one rank needs costs[row] (NULL: 1). */
enum status class_schedule_makespan(int32_t ranks, int32_t groups, const double *costs, const int32_t *rows,
                                    int32_t count, double *makespan);

/* How many groups to make: with ranks_per_class ≥ 1, ranks / ranks_per_class (at least one). With 0, one rank
 * a group while there are classes enough for all; else the number of at most `count` groups with the shortest
 * makespan, the larger of equal ones. */
enum status class_schedule_groups(int32_t ranks, int32_t ranks_per_class, const double *costs,
                                  const int32_t *rows, int32_t count, int32_t *groups);

#endif
