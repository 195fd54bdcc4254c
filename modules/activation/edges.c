#include "modules/activation/edges.h"

#include <math.h>

#include "modules/module_set.h"

/* weights (inputs, nodes) of one dense layer. */
static void thin_node(float *weights, size_t inputs, size_t nodes, size_t node, float fraction)
{
    float largest = 0;
    for (size_t i = 0; i < inputs; i++)
        largest = fmaxf(largest, fabsf(weights[i * nodes + node]));
    for (size_t i = 0; i < inputs; i++)
        if (fabsf(weights[i * nodes + node]) <= fraction * largest)
            weights[i * nodes + node] = 0;
}

enum status edges_remove(const struct network *network, float fraction, struct network **without)
{
    int32_t output = 0;
    *without = NULL;
    enum status status = module_output_layer(network, &output);
    if (status == STATUS_OK)
        status = network_copy(network, without);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 1; i < output; i++) {
        const struct layer *layer = &(*without)->layers[i];
        if (layer->kind != LAYER_DENSE)
            continue;
        size_t nodes = (size_t)layer->shape.c, inputs = layer->weight_count / nodes;
        for (size_t node = 0; node < nodes; node++)
            thin_node((*without)->parameters + layer->parameter_offset, inputs, nodes, node, fraction);
    }
    return STATUS_OK;
}
