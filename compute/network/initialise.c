#include <math.h>

#include "compute/base/random.h"
#include "compute/network/network.h"

/* Separates these random numbers from everybody else's with the same seed; the layer's index is added. */
static const uint64_t stream_base = UINT64_C(0x696e697400000000); /* "init" */

static void fill_normal(float *values, size_t count, float deviation, uint64_t seed, uint64_t stream)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        values[i] = deviation * random_normal(seed, stream, i);
}

static void fill_constant(float *values, size_t count, float constant)
{
    for (size_t i = 0; i < count; i++)
        values[i] = constant;
}

void network_initialise(struct network *network, uint64_t seed)
{
    for (int32_t i = 1; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        float *parameters = network->parameters + layer->parameter_offset;
        if (layer->weight_count ==
            0) { /* batchnorm, scale, unit_scale: as many of one kind as of the other */
            float *statistics = network->statistics + layer->statistic_offset;
            size_t pairs = layer->parameter_count / 2, channels = layer->statistic_count / 2;
            fill_constant(parameters, pairs, 1);               /* gamma, factor */
            fill_constant(parameters + pairs, pairs, 0);       /* beta, summand */
            fill_constant(statistics, channels, 0);            /* mean */
            fill_constant(statistics + channels, channels, 1); /* variance */
        } else {
            /* He's 2 makes up for the half that a ReLU cuts off; none follows the last layer. */
            double gain = i == network->layer_count - 1 ? 1 : 2;
            double fan_in = (double)layer->weight_count / layer->shape.c;
            fill_normal(parameters, layer->weight_count, (float)sqrt(gain / fan_in), seed,
                        stream_base + (uint64_t)i);
            fill_constant(parameters + layer->weight_count, layer->parameter_count - layer->weight_count, 0);
        }
    }
}
