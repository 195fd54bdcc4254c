/* Minimising a smooth function of many variables: limited-memory BFGS (Nocedal, Math. Comp. 35, 1980; the
 * two-loop recursion) with backtracking line search (Armijo's condition). Serial and deterministic. */
#ifndef FACET_MODULES_COMPOSITION_LBFGS_H
#define FACET_MODULES_COMPOSITION_LBFGS_H

#include <stddef.h>

#include "compute/base/error.h"

/* The function's value at x (count); fills gradient (count). */
typedef double lbfgs_function(void *context, const double *x, double *gradient);

/* x (count): where to begin, and the minimum found. Ends when no component of the gradient exceeds 1e-7, when
 * no step lowers the value any more, or after 500 steps. */
enum status lbfgs_minimise(size_t count, double *x, lbfgs_function *function, void *context);

#endif
