/* The plan of a pass: where every value and gradient lives, what may be computed in place, and which writer
 * of a gradient is the first. Made once, from the graph alone.
 *
 * Time: layer i runs forward at step i and backward at step 2·layer_count − 1 − i, a chain (pass_chain.h) at
 * the steps of its last layer. A buffer is kept from the step that writes it to the last one that reads it.
 */
#ifndef FACET_COMPUTE_NETWORK_PASS_PLAN_H
#define FACET_COMPUTE_NETWORK_PASS_PLAN_H

#include "compute/network/layer_kernels.h"
#include "compute/network/pass.h"

enum { NO_LAYER = -1 };

/* What layer i does for the gradient of one of its inputs. */
struct gradient_edge {
    bool wanted;     /* false: nothing with parameters lies that way, the gradient is not computed */
    bool accumulate; /* a later layer has written that gradient already */
    bool in_place;   /* the input's gradient takes over the memory of this layer's */
};

struct plan_layer {
    union { /* the layer as its kernel wants it */
        struct convolution convolution;
        struct pooling pooling;
        struct window window;
        struct activation activation;
        struct response_normalisation lrn;
    };
    size_t units;        /* floats of its output for one image */
    int32_t chain_head;  /* the first layer of the chain it is in; itself when it is in none */
    int32_t chain_next;  /* the next layer of its chain; NO_LAYER at the end */
    bool value_borrowed; /* the output is the caller's images (the input layer, and what flattens it) */
    size_t value_offset; /* else: in the arena. The layers of a chain share one buffer, unless observed */

    /* PASS_TRAIN alone: */
    bool trained;                /* it, or a layer before it, has parameters: it runs backward */
    size_t gradient_offset;      /* of the gradient with respect to its output, when trained */
    size_t winner_offset;        /* maxpool, when trained: uint16_t[images · units] */
    struct gradient_edge *edges; /* one an input; points into pass_plan.edges */
};

struct pass_plan {
    struct plan_layer *layers; /* layer_count of the network */
    struct gradient_edge *edges;
    size_t arena_floats, scratch_floats;
    size_t fold_floats; /* scale and shift of a batch norm folded into a convolution */
};

/* Fills *plan; the caller clears it, also after a failure. resumes (by layer; NULL: nowhere): where a pass
 * may be resumed at, PASS_INFER alone. */
enum status pass_plan_make(const struct network *network, int32_t max_images, enum pass_mode mode,
                           const bool *resumes, struct pass_plan *plan);
void pass_plan_clear(struct pass_plan *plan);

#endif
