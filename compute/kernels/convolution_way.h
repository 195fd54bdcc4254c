/* Which way each convolution is computed. The choice depends on the layer's shape and the step alone, never
 * on the number of images or on timing, so results are the same bytes for any grouping of images. */
#ifndef FACET_COMPUTE_KERNELS_CONVOLUTION_WAY_H
#define FACET_COMPUTE_KERNELS_CONVOLUTION_WAY_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/base/error.h"
#include "compute/kernels/convolution.h"

enum convolution_way {
    CONVOLUTION_AUTO,      /* the fixed table */
    CONVOLUTION_IM2COL,    /* convolution_im2col.h; every shape */
    CONVOLUTION_DIRECT,    /* convolution_direct.h */
    CONVOLUTION_WINOGRAD2, /* winograd.h, F(2×2, 3×3) */
    CONVOLUTION_WINOGRAD4, /* winograd.h, F(4×4, 3×3) */
    CONVOLUTION_WAY_COUNT
};

enum convolution_step {
    CONVOLUTION_FORWARD,
    CONVOLUTION_WEIGHTS, /* gradient with respect to w */
    CONVOLUTION_DATA,    /* gradient with respect to x */
    CONVOLUTION_STEP_COUNT
};

/* "auto", "im2col", …; NULL for another number. And back: CONVOLUTION_WAY_COUNT for a name that is none. */
const char *convolution_way_name(enum convolution_way way);
enum convolution_way convolution_way_named(const char *name);

/* Whether this way can compute this convolution, all of its steps. */
bool convolution_way_applies(enum convolution_way way, const struct convolution *conv);

/* The way taken: the one forced, else the one of a given plan, else the fixed table's; where it does not
 * apply, the fixed table's, but im2col where direct was forced, so that forcing direct is the plain
 * convolution without Winograd's error. Never CONVOLUTION_AUTO. Not for depthwise convolutions, which have
 * one way. */
enum convolution_way convolution_choose(const struct convolution *conv, enum convolution_step step);

/* The same without the fixed table: CONVOLUTION_AUTO where neither force nor plan says which. */
enum convolution_way convolution_asked(const struct convolution *conv, enum convolution_step step);

/* One way for every convolution of the process, wherever it applies; CONVOLUTION_AUTO ends that. To be called
 * before passes are planned, since scratch is measured for the ways chosen, and while no other thread
 * computes. */
void convolution_force(enum convolution_way way);

/* The ways of one shape, for a plan. */
struct convolution_plan_entry {
    struct convolution conv;
    enum convolution_way ways[CONVOLUTION_STEP_COUNT]; /* CONVOLUTION_AUTO: the fixed table's */
};

/* A plan in place of the fixed table, for the shapes that are in it. The entries are borrowed until another
 * plan is given; none ends it. When to call: as convolution_force. */
void convolution_use_plan(const struct convolution_plan_entry *entries, size_t count);

/* Measures every way on n ≥ 1 images, on the calling thread alone, and fills *entry with the fastest for each
 * step. It forces ways meanwhile: call it when no other thread computes. STATUS_NO_MEMORY when its tensors do
 * not fit. */
enum status convolution_tune(const struct convolution *conv, int32_t n, struct convolution_plan_entry *entry);

#endif
