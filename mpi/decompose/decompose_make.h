/* The making half of decomposing with method `activation`: each rank makes the modules of its share of the
 * classes from the counts of all, backtracks, measures and slices them. Private to mpi/decompose. */
#ifndef FACET_MPI_DECOMPOSE_DECOMPOSE_MAKE_H
#define FACET_MPI_DECOMPOSE_DECOMPOSE_MAKE_H

#include "mpi/decompose/decompose_count.h"

/* One rank's modules. */
struct made_modules {
    int32_t count;
    struct module *modules; /* (count) */
    int32_t *rows;          /* (count): in the file, ascending */
    struct margin *margin;
    uint64_t *bits; /* (count, margin->bits.words): channels they keep (margin_measure) */
};

/* Not collective. `stored` is the network that modules share, without irrelevant edges: it must outlive
 * *made, which is overwritten; release it with made_modules_clear, also after a failure. */
enum status decompose_make(const struct decomposition *job, const struct network *stored,
                           const struct unit_layout *layout, const struct counted_classes *counted,
                           struct made_modules *made);
void made_modules_clear(struct made_modules *made);

/* Collective. Sizes and overlap over the modules of all ranks; tells of classes with few positives. */
enum status decompose_summarise(const struct decomposition *job, const struct made_modules *made,
                                struct decomposition_result *result);

#endif
