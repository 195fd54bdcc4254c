#include "modules/composition/lbfgs.h"

#include <math.h>
#include <string.h>

#include "compute/base/memory.h"

enum { MEMORY = 10, STEPS_MAX = 500, HALVINGS_MAX = 40 };
static const double gradient_enough = 1e-7, sufficient_decrease = 1e-4, curvature_least = 1e-12;

struct lbfgs {
    size_t count;
    lbfgs_function *function;
    void *context;
    double *x, *gradient;           /* where it stands */
    double *trial, *trial_gradient; /* where it might go */
    double *direction;
    int pairs, newest;       /* of the following in use, and the last one written */
    double *steps, *changes; /* (MEMORY, count): x and gradient differences */
    double products[MEMORY]; /* their dot products, > 0 */
    double value;
};

static double dot(size_t count, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add_scaled(size_t count, double *to, double factor, const double *what)
{
    for (size_t i = 0; i < count; i++)
        to[i] += factor * what[i];
}

/* direction = −H·gradient, H being what the pairs know of the inverse Hessian. */
static void find_direction(struct lbfgs *l)
{
    double factors[MEMORY];
    for (size_t i = 0; i < l->count; i++)
        l->direction[i] = -l->gradient[i];
    for (int k = 0; k < l->pairs; k++) { /* newest first */
        int at = (l->newest - k + MEMORY) % MEMORY;
        const double *step = l->steps + (size_t)at * l->count, *change = l->changes + (size_t)at * l->count;
        factors[at] = dot(l->count, step, l->direction) / l->products[at];
        add_scaled(l->count, l->direction, -factors[at], change);
    }
    if (l->pairs > 0) {
        const double *change = l->changes + (size_t)l->newest * l->count;
        double initial = l->products[l->newest] / dot(l->count, change, change);
        for (size_t i = 0; i < l->count; i++)
            l->direction[i] *= initial;
    }
    for (int k = l->pairs - 1; k >= 0; k--) { /* oldest first */
        int at = (l->newest - k + MEMORY) % MEMORY;
        const double *step = l->steps + (size_t)at * l->count, *change = l->changes + (size_t)at * l->count;
        double factor = dot(l->count, change, l->direction) / l->products[at];
        add_scaled(l->count, l->direction, factors[at] - factor, step);
    }
}

/* Remembers the step from x to the trial, unless its curvature is of no use. */
static void remember(struct lbfgs *l)
{
    int at = l->pairs == 0 ? 0 : (l->newest + 1) % MEMORY;
    double *step = l->steps + (size_t)at * l->count, *change = l->changes + (size_t)at * l->count;
    for (size_t i = 0; i < l->count; i++) {
        step[i] = l->trial[i] - l->x[i];
        change[i] = l->trial_gradient[i] - l->gradient[i];
    }
    double product = dot(l->count, step, change);
    double lengths = sqrt(dot(l->count, step, step) * dot(l->count, change, change));
    if (!(product > curvature_least * lengths)) {
        l->pairs = 0; /* what was overwritten is gone, and the rest fits no longer */
        return;
    }
    l->products[at] = product;
    l->newest = at;
    l->pairs += l->pairs < MEMORY;
}

/* One step along the direction; 0 when none lowers the value. */
static int take_step(struct lbfgs *l)
{
    double slope = dot(l->count, l->gradient, l->direction);
    double length = l->pairs > 0 ? 1.0 : 1.0 / sqrt(dot(l->count, l->gradient, l->gradient));
    if (!(slope < 0))
        return 0;
    for (int halving = 0; halving < HALVINGS_MAX; halving++, length *= 0.5) {
        memcpy(l->trial, l->x, l->count * sizeof *l->trial);
        add_scaled(l->count, l->trial, length, l->direction);
        double value = l->function(l->context, l->trial, l->trial_gradient);
        if (!(value <= l->value + sufficient_decrease * length * slope))
            continue;
        remember(l);
        memcpy(l->x, l->trial, l->count * sizeof *l->x);
        memcpy(l->gradient, l->trial_gradient, l->count * sizeof *l->gradient);
        l->value = value;
        return 1;
    }
    return 0;
}

static double largest_component(size_t count, const double *vector)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fabs(vector[i]) > largest ? fabs(vector[i]) : largest;
    return largest;
}

enum status lbfgs_minimise(size_t count, double *x, lbfgs_function *function, void *context)
{
    struct lbfgs l = {.count = count, .function = function, .context = context, .x = x};
    double *memory = NULL;
    enum status status =
        memory_allocate(&memory, count * (4 + 2 * MEMORY), sizeof(double), "the memory of a minimisation");
    if (status != STATUS_OK)
        return status;
    l.gradient = memory;
    l.trial = memory + count;
    l.trial_gradient = memory + 2 * count;
    l.direction = memory + 3 * count;
    l.steps = memory + 4 * count;
    l.changes = l.steps + MEMORY * count;
    l.value = function(context, x, l.gradient);
    for (int step = 0; step < STEPS_MAX && largest_component(count, l.gradient) > gradient_enough; step++) {
        find_direction(&l);
        if (take_step(&l))
            continue;
        if (l.pairs == 0)
            break;
        l.pairs = 0; /* once more, straight down */
    }
    memory_free(&memory);
    return STATUS_OK;
}
