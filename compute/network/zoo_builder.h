/* The bricks zoo networks are made of. A builder appends layers; after the first failure it only remembers it
 * and does nothing more, so that an architecture reads as a list of its layers. Functions return the index of
 * the layer they added last, for whoever reads it. */
#ifndef FACET_COMPUTE_NETWORK_ZOO_BUILDER_H
#define FACET_COMPUTE_NETWORK_ZOO_BUILDER_H

#include "compute/network/network.h"

struct zoo_builder {
    struct network *network;
    enum status status;
};

/* Names are printf-made: NAME, then what the function adds, e.g. "stem" gives stem.conv, stem.bn, stem.relu.
 */

struct shape zoo_shape(const struct zoo_builder *builder, int32_t layer);

/* A square convolution padded by kernel/2 (so stride 1 keeps the image's size), with bias. */
int32_t zoo_convolution(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                        int32_t stride, int32_t out_c, bool bias);

/* convolution with bias, relu */
int32_t zoo_convolution_relu(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                             int32_t out_c);

/* convolution without bias (beta does its work), batchnorm, and relu when asked */
int32_t zoo_convolution_norm(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                             int32_t stride, int32_t out_c, bool relu);

int32_t zoo_relu(struct zoo_builder *builder, const char *name, int32_t input);
int32_t zoo_maxpool(struct zoo_builder *builder, const char *name, int32_t input, int32_t kernel,
                    int32_t stride, int32_t padding);
int32_t zoo_global_avgpool(struct zoo_builder *builder, const char *name, int32_t input);
int32_t zoo_flatten(struct zoo_builder *builder, const char *name, int32_t input);
int32_t zoo_add(struct zoo_builder *builder, const char *name, int32_t a, int32_t b);
int32_t zoo_window(struct zoo_builder *builder, const char *name, int32_t input,
                   const struct layer_options *options);

/* dense with bias; and with relu after it */
int32_t zoo_dense(struct zoo_builder *builder, const char *name, int32_t input, int32_t out_c);
int32_t zoo_dense_relu(struct zoo_builder *builder, const char *name, int32_t input, int32_t out_c);

#endif
