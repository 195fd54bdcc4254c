/* The counting half of decomposing with method `activation`: every class of the network is counted once, by a
 * group of ranks (mpi/classes/class_run.h), and kept as a part in RUN/parts, so that a run that was stopped
 * or killed goes on. Private to mpi/decompose. */
#ifndef FACET_MPI_DECOMPOSE_DECOMPOSE_COUNT_H
#define FACET_MPI_DECOMPOSE_DECOMPOSE_COUNT_H

#include "mpi/decompose/decompose.h"

/* What one rank holds when all is counted: the counts of its share of the network's classes. */
struct counted_classes {
    int32_t count;
    struct class_counts **classes; /* (count), ascending */
    uint32_t *negatives_sum;       /* (units): over all classes of the network, the same on all ranks */
    int64_t negative_images_sum;   /* likewise */
    int64_t images;                /* passed through the network for all of them, by whatever run */
};

/* The number of the class's module in the file and in progress; −1 when none is asked for. */
int32_t decomposition_row(const struct decomposition *job, int32_t class_index);

/* Collective. *counted is overwritten; release it with counted_classes_clear, also after a failure. */
enum status decompose_count(const struct decomposition *job, const struct unit_layout *layout,
                            struct counted_classes *counted);
void counted_classes_clear(struct counted_classes *counted);

/* Collective. The modules are made and stored: the counts go, unless they are to be kept. */
enum status decompose_count_drop(const struct decomposition *job);

#endif
