/* What a pass is made of, for the files that run it: pass.c, pass_forward.c, pass_backward.c and
 * pass_chain.c. */
#ifndef FACET_COMPUTE_NETWORK_PASS_INTERNAL_H
#define FACET_COMPUTE_NETWORK_PASS_INTERNAL_H

#include "compute/base/clock.h"
#include "compute/network/pass_plan.h"

struct pass {
    const struct network *network;
    int32_t max_images;
    enum pass_mode mode;
    struct pass_plan plan;

    float *arena;            /* plan.arena_floats */
    float *scratch;          /* plan.scratch_floats, for the layer that runs */
    float *fold;             /* plan.fold_floats, for the same */
    float *slice_statistics; /* PASS_TRAIN: mean and biased variance of the slice, like network.statistics */
    const float **masks;     /* by layer; NULL: none. Borrowed */
    bool *needed;            /* by layer: last_layer's output depends on it */
    int32_t last_layer;

    pass_observer *observer; /* NULL: none */
    void *observer_context;

    double *forward_seconds, *backward_seconds; /* by layer, the caller's; NULL: not timed */

    const float *images; /* of the last pass_forward; borrowed */
    int32_t first_image; /* of them, which the layers run on begin with */
};

/* Output of a layer: (n, units). */
static inline float *pass_output_of(const struct pass *pass, int32_t layer)
{
    const struct plan_layer *planned = &pass->plan.layers[layer];
    return pass->arena + planned->value_offset + (size_t)pass->first_image * planned->units;
}

/* The same where it is only read: it may be the caller's images. */
static inline const float *pass_input_of(const struct pass *pass, int32_t layer)
{
    const struct plan_layer *planned = &pass->plan.layers[layer];
    return planned->value_borrowed ? pass->images + (size_t)pass->first_image * planned->units
                                   : pass_output_of(pass, layer);
}

/* Gradient with respect to a layer's output: (n, units). PASS_TRAIN, trained layers. */
static inline float *pass_gradient_of(const struct pass *pass, int32_t layer)
{
    return pass->arena + pass->plan.layers[layer].gradient_offset;
}

/* Which pixel won in a maxpool: (n, units). The arena is allocated memory and may hold either type. */
static inline uint16_t *pass_winners_of(const struct pass *pass, int32_t layer)
{
    return (uint16_t *)(void *)(pass->arena + pass->plan.layers[layer].winner_offset);
}

/* Runs the needed layers from `first` on on n images. */
void pass_run_forward(struct pass *pass, int32_t first, int32_t n);

/* Runs all trained layers backward, after the gradient of the last layer's output was put in its place;
 * writes every entry of `gradient` (parameter_count). */
void pass_run_backward(struct pass *pass, int32_t n, float *gradient);

#endif
