/* Calibrating the modules of a composition together (modules/composition/calibration.h) on held-back images,
 * whose margins the ranks compute. */
#ifndef FACET_MPI_ADAPT_CALIBRATE_H
#define FACET_MPI_ADAPT_CALIBRATE_H

#include <mpi.h>
#include <signal.h>

#include "modules/classifier/joined_run.h"
#include "modules/composition/calibration.h"
#include "mpi/run_progress.h"

struct calibrating {
    MPI_Comm comm;
    struct dataset_join *join; /* training images; those held back are used (compute/data/held_back.h) */
    const char *where;         /* what is calibrated, for messages */
    bool by_network; /* modules that are maps over one network have one scale and offset in common */
    const volatile sig_atomic_t *stop;
    struct run_progress *progress;
    /* Called on every rank before images pass: which datasets' images are resized; may be NULL. */
    void (*on_run)(void *context, const struct joined_run *run);
    void *context;
};

/* What came of it, on the held-back images: as the modules were before, and as they are now. */
struct calibration_result {
    int64_t images;
    struct calibration_fit before, after;
};

/* Collective. Fits scale and offset of every module (by_network: of every network, whose own weights have
 * made its maps' scores comparable: their order stays) of *set; a label's class is found as dataset_join_find
 * does. The same bytes for any number of ranks. STATUS_NOT_FOUND when the data have not the class, or no
 * images of it. After a failure *set is destroyed and NULL. */
enum status calibrate_modules(const struct calibrating *calibrating, struct module_set **set,
                              struct calibration_result *result);

#endif
