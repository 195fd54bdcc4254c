/* A network run in float64 by the reference layers, to compare passes with. */
#ifndef FACET_TESTS_UNIT_NETWORK_REFERENCE_NETWORK_H
#define FACET_TESTS_UNIT_NETWORK_REFERENCE_NETWORK_H

#include "building.h"

#include "compute/network/pass_plan.h"
#include "compute/reference/reference.h"
#include "compute/reference/reference_channels.h"

struct reference_network {
    const struct network *network;
    int32_t n;
    bool training;      /* batchnorm: statistics of the images, or the running ones */
    double *parameters; /* a copy to experiment with */
    double *statistics; /* running ones; after a run in training mode, those of the images, variance biased */
    double **values;    /* by layer: (n, units) */
    const float **masks;   /* by layer; NULL: none */
    struct pass_plan plan; /* for the kernels' descriptions of layers alone */
};

static inline double *new_doubles(size_t count)
{
    double *values;
    assert_int_equal(memory_allocate(&values, count, sizeof *values, "test"), STATUS_OK);
    return values;
}

static inline struct reference_network reference_create(const struct network *network, int32_t n,
                                                        bool training)
{
    size_t layers = (size_t)network->layer_count;
    struct reference_network made = {.network = network, .n = n, .training = training};
    assert_int_equal(pass_plan_make(network, n, PASS_OBSERVE, NULL, &made.plan), STATUS_OK);
    assert_int_equal(memory_allocate(&made.values, layers, sizeof *made.values, "test"), STATUS_OK);
    assert_int_equal(memory_allocate(&made.masks, layers, sizeof *made.masks, "test"), STATUS_OK);
    for (size_t i = 0; i < layers; i++)
        made.values[i] = new_doubles((size_t)n * made.plan.layers[i].units);
    made.parameters = new_doubles(network->parameter_count);
    for (size_t i = 0; i < network->parameter_count; i++)
        made.parameters[i] = network->parameters[i];
    made.statistics = new_doubles(network->statistic_count);
    for (size_t i = 0; i < network->statistic_count; i++)
        made.statistics[i] = network->statistics[i];
    return made;
}

static inline void reference_clear(struct reference_network *reference)
{
    for (int32_t i = 0; i < reference->network->layer_count; i++)
        memory_free(&reference->values[i]);
    memory_free(&reference->values);
    memory_free(&reference->masks);
    memory_free(&reference->parameters);
    memory_free(&reference->statistics);
    pass_plan_clear(&reference->plan);
}

static inline void reference_batchnorm(const struct reference_network *reference, const struct layer *layer,
                                       const double *x, double *y)
{
    size_t c = (size_t)layer->shape.c;
    size_t pixels = (size_t)reference->n * (size_t)layer->shape.h * (size_t)layer->shape.w;
    const double *gamma = reference->parameters + layer->parameter_offset, *beta = gamma + c;
    double *mean = reference->statistics + layer->statistic_offset, *variance = mean + c;
    double epsilon = layer->options.epsilon;
    if (reference->training)
        reference_batchnorm_training(pixels, layer->shape.c, x, gamma, beta, epsilon, mean, variance, y);
    else
        reference_batchnorm_inference(pixels, layer->shape.c, x, gamma, beta, epsilon, mean, variance, y);
}

static inline void reference_concat(const struct reference_network *reference, const struct layer *layer,
                                    double *y)
{
    size_t pixels = (size_t)reference->n * (size_t)layer->shape.h * (size_t)layer->shape.w;
    for (size_t p = 0; p < pixels; p++)
        for (int32_t k = 0; k < layer->input_count; k++) {
            size_t c = (size_t)reference->network->layers[layer->inputs[k]].shape.c;
            for (size_t j = 0; j < c; j++)
                *y++ = reference->values[layer->inputs[k]][p * c + j];
        }
}

static inline void reference_run_layer(const struct reference_network *reference, int32_t index)
{
    const struct layer *layer = &reference->network->layers[index];
    const struct plan_layer *planned = &reference->plan.layers[index];
    const struct shape in = reference->network->layers[layer->inputs[0]].shape;
    const double *w = reference->parameters + layer->parameter_offset;
    const double *bias = layer->options.bias ? w + layer->weight_count : NULL;
    const double *x = reference->values[layer->inputs[0]];
    double *y = reference->values[index];
    int32_t n = reference->n;
    size_t count = (size_t)n * planned->units;
    switch (layer->kind) {
    case LAYER_CONVOLUTION:
        reference_convolution_forward(&planned->convolution, n, x, w, bias, y);
        break;
    case LAYER_BATCHNORM:
        reference_batchnorm(reference, layer, x, y);
        break;
    case LAYER_RELU:
        reference_relu_forward(count, x, y);
        for (size_t i = 0; reference->masks[index] != NULL && i < count; i++)
            y[i] *= reference->masks[index][i % planned->units];
        break;
    case LAYER_MAXPOOL:
        reference_maxpool_forward(&planned->pooling, n, x, y);
        break;
    case LAYER_AVGPOOL:
        reference_avgpool_forward(&planned->pooling, n, x, y);
        break;
    case LAYER_GLOBAL_AVGPOOL:
        reference_global_avgpool_forward(n, in.h, in.w, in.c, x, y);
        break;
    case LAYER_DENSE:
        reference_dense_forward(n, in.c, layer->shape.c, x, w, bias, y);
        break;
    case LAYER_ADD:
        for (size_t i = 0; i < count; i++)
            y[i] = x[i] + reference->values[layer->inputs[1]][i];
        break;
    case LAYER_MULTIPLY: {
        const double *factors = reference->values[layer->inputs[1]];
        size_t factor_units = reference->plan.layers[layer->inputs[1]].units, c = (size_t)in.c;
        for (size_t i = 0; i < count; i++) {
            size_t unit = i % planned->units;
            y[i] = x[i] * factors[i / planned->units * factor_units +
                                  (factor_units == planned->units ? unit : unit % c)];
        }
        break;
    }
    case LAYER_CONCAT:
        reference_concat(reference, layer, y);
        break;
    case LAYER_FLATTEN:
        for (size_t i = 0; i < count; i++)
            y[i] = x[i];
        break;
    case LAYER_WINDOW:
        reference_window_forward(&planned->window, n, x, y);
        break;
    case LAYER_CLIP:
    case LAYER_LEAKY_RELU:
    case LAYER_SIGMOID:
    case LAYER_TANH:
    case LAYER_HARD_SIGMOID:
    case LAYER_HARD_SWISH:
        reference_activation(&planned->activation, count, x, y);
        for (size_t i = 0; reference->masks[index] != NULL && i < count; i++)
            y[i] *= reference->masks[index][i % planned->units];
        break;
    case LAYER_SOFTMAX:
    case LAYER_LOG_SOFTMAX:
        reference_softmax_layer(count / (size_t)in.c, (size_t)in.c, layer->kind == LAYER_LOG_SOFTMAX, x, y);
        break;
    case LAYER_SCALE:
        reference_scale(count / (size_t)in.c, (size_t)in.c, x, w, w + in.c, y);
        break;
    case LAYER_UNIT_SCALE:
        reference_scale((size_t)n, planned->units, x, w, w + planned->units, y);
        break;
    case LAYER_LRN:
        reference_lrn(&planned->lrn, count / (size_t)in.c, in.c, x, y);
        break;
    case LAYER_SHUFFLE:
        reference_shuffle(count / (size_t)in.c, (size_t)in.c, (size_t)layer->options.groups, x, y);
        break;
    case LAYER_INPUT:
    case LAYER_KIND_COUNT:
        fail_msg("layer \"%s\" cannot be run", layer->name);
    }
}

/* Returns the output of the last layer. */
static inline const double *reference_run(const struct reference_network *reference, const float *images)
{
    size_t count = (size_t)reference->n * reference->plan.layers[0].units;
    for (size_t i = 0; i < count; i++)
        reference->values[0][i] = images[i];
    for (int32_t i = 1; i < reference->network->layer_count; i++)
        reference_run_layer(reference, i);
    return reference->values[reference->network->layer_count - 1];
}

#endif
