/* A network is a graph of layers over NHWC tensors, in topological order: layer i reads only layers before i.
 * Layer 0 is the input; the last layer's output is the network's (for a classifier: one logit a class).
 *
 * Parameters (what training changes) and statistics (running means and variances of batch normalisation) are
 * two flat arrays; a layer knows its offsets. That makes a gradient one vector, which can be summed over
 * ranks, stepped on by an optimiser and saved without looking at layers. */
#ifndef FACET_COMPUTE_NETWORK_NETWORK_H
#define FACET_COMPUTE_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/base/digest.h"
#include "compute/base/error.h"
#include "compute/base/names.h"
#include "compute/base/shape.h"
#include "compute/data/scaling.h"

enum {
    LAYER_NAME_BYTES = 96,
    NETWORK_LAYERS_MAX = 4096,
    NETWORK_PARAMETERS_MAX = 0x7fffffff /* of all layers together */
};

enum layer_kind {
    LAYER_INPUT,
    LAYER_CONVOLUTION,
    LAYER_BATCHNORM,
    LAYER_RELU,
    LAYER_MAXPOOL,
    LAYER_AVGPOOL,
    LAYER_GLOBAL_AVGPOOL,
    LAYER_DENSE,
    LAYER_ADD,
    LAYER_CONCAT,  /* over channels */
    LAYER_FLATTEN, /* (H, W, C) to 1 × 1 × H·W·C, in memory order */
    LAYER_WINDOW,  /* crop, pad and subsample: struct window of kernels/elementwise.h */
    LAYER_CLIP,    /* the formulas of this and the next five: kernels/activation.h */
    LAYER_LEAKY_RELU,
    LAYER_SIGMOID,
    LAYER_TANH,
    LAYER_HARD_SIGMOID,
    LAYER_HARD_SWISH,
    LAYER_SOFTMAX, /* over the channels of each pixel */
    LAYER_LOG_SOFTMAX,
    LAYER_SCALE, /* this and the next two: kernels/channels.h */
    LAYER_LRN,
    LAYER_SHUFFLE,    /* also brings a flattened image from HWC to CHW order: H·W groups */
    LAYER_MULTIPLY,   /* of two images of one shape; or the second is 1 × 1 × C, a factor a channel */
    LAYER_UNIT_SCALE, /* scale with a factor and a summand for each (h, w, c) */
    LAYER_KIND_COUNT
};

/* Names of the kinds as they stand in files and messages: "convolution", "batchnorm", … ; NULL when out of
 * range. */
const char *layer_kind_name(enum layer_kind kind);
/* The kind of that name; LAYER_KIND_COUNT when there is none. */
enum layer_kind layer_kind_from_name(const char *name);

/* Whether the kind applies one function to every number by itself. */
bool layer_kind_is_activation(enum layer_kind kind);

/* What a layer was asked to be. Fields that a kind does not use are 0 (network_add_layer clears them). */
struct layer_options {
    int32_t out_c;                                    /* convolution, dense: K */
    int32_t kernel_h, kernel_w, stride_h, stride_w;   /* convolution, pooling */
    int32_t pad_top, pad_left, pad_bottom, pad_right; /* convolution, pooling */
    int32_t dilation_h, dilation_w;                   /* convolution */
    int32_t groups;                                   /* convolution, shuffle */
    bool bias;                                        /* convolution, dense */
    bool ceil_mode, count_padding;                    /* pooling */
    float epsilon, momentum; /* batchnorm: running = (1−momentum)·running + momentum·batch */
    int32_t from_h, from_w, from_c, step_h, step_w; /* window */
    int32_t out_h, out_w;                           /* window: output size, with out_c */
    float low, high;                                /* clip */
    float slope, offset;                            /* leaky_relu (slope, 0 … 1), hard_sigmoid */
    int32_t size;                                   /* lrn: channels a sum goes over */
    float alpha, beta, constant;                    /* lrn */
};

struct layer {
    enum layer_kind kind;
    char name[LAYER_NAME_BYTES]; /* unique within the network */
    struct layer_options options;
    int32_t input_count;
    int32_t *inputs;    /* indices of earlier layers; owned by the network */
    struct shape shape; /* of the output, inferred */

    /* Into network.parameters: convolution w (R, S, C/G, K) then bias (K); dense w (C, K) then bias (K);
     * batchnorm gamma (C) then beta (C); scale's factors (C) then summands (C); unit_scale's factors (H, W,
     * C) then summands. Into network.statistics: batchnorm mean (C) then variance (C). */
    size_t parameter_offset, parameter_count;
    size_t weight_count; /* the first weight_count of them are weights proper: weight decay applies to those
                            alone (0 for batchnorm) */
    size_t statistic_offset, statistic_count;
};

/* Whether the layer is an activation whose outputs above 0 mean that it is active: relu, clip from 0,
 * leaky_relu, hard_swish. Its outputs are units (modules/unit_layout.h), and may be masked. */
bool layer_has_units(const struct layer *layer);

struct network {
    char architecture[LAYER_NAME_BYTES]; /* zoo name, or where it was imported from: information only */
    int32_t layer_count;
    struct layer *layers;

    size_t parameter_count;
    float *parameters;
    size_t statistic_count;
    float *statistics;

    struct scaling scaling; /* from pixels to what layer 0 is fed */
    int32_t class_count;    /* channels of the last layer */
    int32_t output_rank;    /* how arrays of its outputs look: 2 (N, C), 3 (N, C, H), 4 (N, C, H, W) */
    class_name *class_names;
};

/* --- building --- */

/* A network with only its input layer (index 0, name "input"). The caller owns it. `architecture` is cut off
 * at LAYER_NAME_BYTES − 1. */
enum status network_create(const char *architecture, struct shape input, struct network **network);

/* Adds a layer after the others and infers its output shape; *index receives its place. `options` may be NULL
 * for a kind that has none; name and inputs are copied. On a mismatch (shapes that do not add, a kernel
 * larger than its padded image, groups that do not divide, sizes beyond 2^31 …) STATUS_SHAPE with the layer's
 * name, the shapes seen and what would fit; STATUS_USAGE for a name that is empty, too long, taken or not
 * printable, an input that is no earlier layer, a wrong number of inputs, an option that makes no sense
 * (stride 0, negative padding) or a finished network. The network is then as it was before. */
enum status network_add_layer(struct network *network, enum layer_kind kind, const char *name,
                              const struct layer_options *options, const int32_t *inputs, int32_t input_count,
                              int32_t *index);

/* Call once after the last layer: allocates parameters and statistics (zeros; variances, gammas and factors
 * 1), sets class_count with names "0", "1", … and output_rank (2 when the last layer is 1 × 1 × C, else 4).
 * STATUS_USAGE when a layer other than the last is read by
 * nobody: a network has one output, and every layer leads to it. */
enum status network_finish(struct network *network);

/* Replaces the class names: `count` must be class_count; class_names_check holds. */
enum status network_set_class_names(struct network *network, const class_name *names, int32_t count);

/* 2 needs a last layer of 1 × 1 × C, 3 one of H × 1 × C; 4 is always possible. STATUS_SHAPE otherwise. */
enum status network_set_output_rank(struct network *network, int32_t rank);

/* He-normal weights for convolution and dense (He et al., ICCV 2015: variance 2/fan_in; 1/fan_in for the last
 * layer), zero biases, gamma 1, beta 0, mean 0, variance 1, factors 1, summands 0. A pure function of the
 * seed. */
void network_initialise(struct network *network, uint64_t seed);

/* A deep copy. */
enum status network_copy(const struct network *network, struct network **copy);

/* NULL is fine; sets the caller's pointer to NULL. */
void network_destroy(struct network **network);

/* --- asking --- */

struct shape network_input_shape(const struct network *network);
/* Multiply-adds of convolutions and dense layers for one image. */
uint64_t network_multiply_adds(const struct network *network);
uint64_t layer_multiply_adds(const struct network *network, int32_t layer);
/* A 32-byte BLAKE2b digest of a finished network's layers, options, parameters, statistics, scaling and class
 * names (not of `architecture` or output_rank): equal networks, equal digests. */
void network_digest(const struct network *network, uint8_t digest[DIGEST_BYTES]);

#endif
