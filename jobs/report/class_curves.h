/* Learning curves of modules that are trained class by class, gathered from a run's events. */
#ifndef FACET_JOBS_REPORT_CLASS_CURVES_H
#define FACET_JOBS_REPORT_CLASS_CURVES_H

#include "mpi/run_progress.h"

struct class_curve {
    bool any;                      /* false: the class was not trained in this run */
    double loss[RUN_CURVE_POINTS]; /* mean of each stretch of the training; NaN: not heard */
};

/* Empty when zeroed. */
struct class_curves {
    int32_t count, capacity;    /* count: highest class heard + 1 */
    struct class_curve *curves; /* (count) of room for (capacity); owned */
};

/* The run's next event; all but those of a class's training say nothing. */
enum status class_curves_add(struct class_curves *curves, const struct event *event);

/* How many classes have a curve. */
int32_t class_curves_trained(const struct class_curves *curves);

struct loss_spread {
    double least, median, most; /* NaN: no class has a loss there */
};

/* Of all classes' finite losses in a stretch; of two in the middle the median is the larger. */
enum status class_curves_spread(const struct class_curves *curves, int stretch, struct loss_spread *spread);

void class_curves_clear(struct class_curves *curves);

#endif
