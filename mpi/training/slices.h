/* How a training batch is cut into slices, and the fixed order in which what they contribute is summed: pure
 * functions, the same on every rank.
 *
 * The number of slices follows from the batch size alone. The sum runs over a binary tree: node [a, b) is the
 * sum of [a, m) and [m, b) with m = a + ⌈(b−a)/2⌉. A rank adds up the largest nodes inside its own range of
 * slices; the rest of the tree is finished by whoever receives them. Floating-point sums then come out the
 * same however the slices were spread. */
#ifndef FACET_MPI_TRAINING_SLICES_H
#define FACET_MPI_TRAINING_SLICES_H

#include <stdint.h>

enum {
    SLICE_IMAGES_MIN = 16,       /* fewer make batch normalisation's statistics too rough */
    SLICES_MAX = 64,             /* so many workers can share a batch */
    SLICE_NODES_MAX = 2 * 6 + 1, /* largest nodes in a range of SLICES_MAX = 2^6 leaves, at most */
};

/* max(1, min(SLICES_MAX, batch / SLICE_IMAGES_MIN)). */
int32_t slice_count(int32_t batch_images);

/* A node of the tree over `slices` leaves. */
struct slice_node {
    int32_t first, end;
};

/* Where node [first, end) is split. */
int32_t slice_node_middle(struct slice_node node);

/* The largest nodes of the tree over 0 … slices−1 that lie inside [first, end), left to right; returns how
 * many. */
int32_t slice_nodes_inside(int32_t slices, int32_t first, int32_t end,
                           struct slice_node nodes[SLICE_NODES_MAX]);

/* Sums the tree below `root`, element by element over [element, element_end) of each vector: vectors[s] is
 * given for every slice s at which one of the `nodes` (in order, covering root) starts, and holds that node's
 * sum. The result is in vectors[root.first]; the other vectors are used up. */
void slice_tree_sum(struct slice_node root, const struct slice_node *nodes, int32_t node_count,
                    float *const *vectors, int64_t element, int64_t element_end);

#endif
