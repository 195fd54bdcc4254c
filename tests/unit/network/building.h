/* Building small networks in tests: every call must succeed. */
#ifndef FACET_TESTS_UNIT_NETWORK_BUILDING_H
#define FACET_TESTS_UNIT_NETWORK_BUILDING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/network/network.h"

static inline struct network *new_network(int32_t h, int32_t w, int32_t c)
{
    struct network *network;
    assert_int_equal(network_create("test", (struct shape){h, w, c}, &network), STATUS_OK);
    return network;
}

static inline int32_t add_layer(struct network *network, enum layer_kind kind, const char *name,
                                const struct layer_options *options, int32_t a, int32_t b)
{
    const int32_t inputs[2] = {a, b};
    int32_t index;
    enum status status = network_add_layer(network, kind, name, options, inputs, b < 0 ? 1 : 2, &index);
    if (status != STATUS_OK)
        fail_msg("%s", error_message());
    return index;
}

/* A layer of one input without options. */
static inline int32_t add_plain(struct network *network, enum layer_kind kind, const char *name,
                                int32_t input)
{
    return add_layer(network, kind, name, NULL, input, -1);
}

static inline struct layer_options convolution_options(int32_t out_c, int32_t kernel, int32_t stride,
                                                       int32_t padding)
{
    return (struct layer_options){.out_c = out_c,
                                  .kernel_h = kernel,
                                  .kernel_w = kernel,
                                  .stride_h = stride,
                                  .stride_w = stride,
                                  .pad_top = padding,
                                  .pad_left = padding,
                                  .pad_bottom = padding,
                                  .pad_right = padding,
                                  .dilation_h = 1,
                                  .dilation_w = 1,
                                  .groups = 1,
                                  .bias = true};
}

static inline struct layer_options pooling_options(int32_t kernel, int32_t stride, int32_t padding)
{
    return (struct layer_options){.kernel_h = kernel,
                                  .kernel_w = kernel,
                                  .stride_h = stride,
                                  .stride_w = stride,
                                  .pad_top = padding,
                                  .pad_left = padding,
                                  .pad_bottom = padding,
                                  .pad_right = padding};
}

static inline int32_t add_convolution(struct network *network, const char *name, int32_t input, int32_t out_c,
                                      int32_t kernel, int32_t stride, int32_t padding)
{
    const struct layer_options options = convolution_options(out_c, kernel, stride, padding);
    return add_layer(network, LAYER_CONVOLUTION, name, &options, input, -1);
}

static inline int32_t add_batchnorm(struct network *network, const char *name, int32_t input)
{
    const struct layer_options options = {.epsilon = 1e-3F, .momentum = 0.1F};
    return add_layer(network, LAYER_BATCHNORM, name, &options, input, -1);
}

static inline int32_t add_dense(struct network *network, const char *name, int32_t input, int32_t out_c)
{
    const struct layer_options options = {.out_c = out_c, .bias = true};
    return add_layer(network, LAYER_DENSE, name, &options, input, -1);
}

static inline void finish(struct network *network)
{
    if (network_finish(network) != STATUS_OK)
        fail_msg("%s", error_message());
}

/* Standard normal numbers; the caller frees them. */
static inline float *new_normal(size_t count, uint64_t seed)
{
    float *values;
    assert_int_equal(memory_allocate(&values, count, sizeof *values, "test"), STATUS_OK);
    for (size_t i = 0; i < count; i++)
        values[i] = random_normal(seed, 0, i);
    return values;
}

/* Finished network: random parameters everywhere (biases, gammas and running statistics too), so that no term
 * can be left out unnoticed. */
static inline void randomise(struct network *network, uint64_t seed)
{
    network_initialise(network, seed);
    for (size_t i = 0; i < network->parameter_count; i++)
        network->parameters[i] += 0.2F * random_normal(seed, 1, i);
    for (size_t i = 0; i < network->statistic_count; i++)
        network->statistics[i] += 0.3F * random_uniform(seed, 2, i);
}

static inline float *new_images(const struct network *network, int32_t n, uint64_t seed)
{
    return new_normal((size_t)n * shape_count(network_input_shape(network)), seed);
}

/* Labels 0, 1, … round and round. */
static inline int32_t *new_labels(const struct network *network, int32_t n)
{
    int32_t *labels;
    assert_int_equal(memory_allocate(&labels, (size_t)n, sizeof *labels, "test"), STATUS_OK);
    for (int32_t i = 0; i < n; i++)
        labels[i] = i % network->class_count;
    return labels;
}

#endif
