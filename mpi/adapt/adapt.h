/* Continuous learning: modules are tuned further on classes they have not seen, as negatives, and on images
 * of their own class. Groups of ranks take modules in turn; a group trains together. */
#ifndef FACET_MPI_ADAPT_ADAPT_H
#define FACET_MPI_ADAPT_ADAPT_H

#include "modules/tuning.h"
#include "mpi/training/one_vs_rest.h"

enum adapt_negatives {
    ADAPT_NEGATIVES_AUTO,   /* as the next when any other label is a class of the data, else as the last */
    ADAPT_NEGATIVES_LABELS, /* the classes of the composition's other labels */
    ADAPT_NEGATIVES_ALL     /* all other classes of the data */
};

struct adapting {
    MPI_Comm comm;
    const struct dataset_join *join; /* all images loaded */
    const char *where;               /* names the composition in messages */
    enum tune_part part;
    enum adapt_negatives negatives;
    const struct train_options *options; /* but epochs, instead of which: */
    int64_t steps;
    int32_t chosen_count;
    const int32_t *chosen; /* the modules to tune, ascending */
    const volatile sig_atomic_t *stop;
    struct run_progress *progress;
};

/* Collective; *set is the same on every rank. Replaces it by a set in which the chosen modules are tuned (not
 * calibrated: scale 1, offset 0) and the others as they were; the same bytes for any number of ranks.
 * STATUS_NOT_FOUND when the data have no images of a module's class, or of no other. After a failure *set is
 * as good for module_set_destroy alone. */
enum status adapt_modules(const struct adapting *adapting, struct module_set **set);

#endif
