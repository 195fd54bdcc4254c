/* Keras layers as layers of a network. Private to this room. */
#ifndef FACET_COMPUTE_FORMATS_KERAS_KERAS_LAYERS_H
#define FACET_COMPUTE_FORMATS_KERAS_KERAS_LAYERS_H

#include "compute/formats/keras/keras_config.h"
#include "compute/network/network.h"

/* A tensor of the file that goes into the network. */
struct keras_tensor {
    const struct keras_layer *layer;
    const char *role; /* "kernel", "bias", "gamma", … */
    int32_t target;   /* the network's layer */
    bool statistic;   /* into its statistics, else into its parameters */
    size_t offset;    /* there */
    int rank;
    uint64_t extent[4];
};

struct keras_builder {
    const struct keras_model *model;
    struct network *network;
    int32_t *values; /* (model's layers): the network's layer with that output; −1: not built yet */
    int32_t tensor_count;
    struct keras_tensor *tensors; /* room for KERAS_TENSORS_MAX a layer of the model */
};
enum { KERAS_TENSORS_MAX = 4 };

/* Adds what the model's layer `index` is to the network, and its tensors to the list. */
enum status keras_layer_build(struct keras_builder *builder, int32_t index);

#endif
