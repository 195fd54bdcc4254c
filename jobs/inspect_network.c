#include "jobs/inspect_network.h"

#include <stdio.h>

#include "compute/formats/network_graph.h"

/* --- as JSON --- */

json_t *inspect_shape_json(struct shape shape)
{
    return json_pack("[i, i, i]", (int)shape.h, (int)shape.w, (int)shape.c);
}

static json_t *names_json(const class_name *names, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *floats_json(const float *values, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)values[i]));
    return list;
}

static json_t *layers_json(const struct network *network)
{
    json_t *layers = json_array();
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        json_array_append_new(layers, json_pack("{s:s, s:s, s:o, s:I, s:I}", "name", layer->name, "kind",
                                                layer_kind_name(layer->kind), "shape",
                                                inspect_shape_json(layer->shape), "parameters",
                                                (json_int_t)layer->parameter_count, "multiply_adds",
                                                (json_int_t)layer_multiply_adds(network, i)));
    }
    return layers;
}

json_t *inspect_network_json(const struct network *network)
{
    struct shape input = network_input_shape(network);
    int32_t scaled = network_scaled_channels(network);
    json_t *scaling = json_pack("{s:f, s:o, s:o}", "scale", (double)network->scaling.scale, "mean",
                                floats_json(network->scaling.mean, scaled), "std",
                                floats_json(network->scaling.std, scaled));
    return json_pack("{s:s, s:o, s:I, s:I, s:o, s:o, s:o}", "architecture", network->architecture, "input",
                     inspect_shape_json(input), "parameters", (json_int_t)network->parameter_count,
                     "multiply_adds", (json_int_t)network_multiply_adds(network), "scaling", scaling,
                     "classes", names_json((const class_name *)network->class_names, network->class_count),
                     "layers", layers_json(network));
}

/* --- as text --- */

void inspect_network_print(const struct network *network)
{
    struct shape input = network_input_shape(network);
    printf("%s: images of %d × %d × %d, %zu parameters, %.2f million multiply-adds an image\n",
           network->architecture, (int)input.h, (int)input.w, (int)input.c, network->parameter_count,
           1e-6 * (double)network_multiply_adds(network));
    printf("  scaling: pixels × %g", (double)network->scaling.scale);
    for (int32_t c = 0; c < network_scaled_channels(network); c++)
        printf(", channel %d: mean %g, deviation %g", (int)c, (double)network->scaling.mean[c],
               (double)network->scaling.std[c]);
    printf("\n  classes:");
    for (int32_t c = 0; c < network->class_count; c++)
        printf("%s %s", c > 0 ? "," : "", network->class_names[c]);
    putchar('\n');
}

void inspect_layers_print(const struct network *network)
{
    printf("  %-24s %-15s %14s %12s %14s\n", "layer", "kind", "output", "parameters", "multiply-adds");
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        char shape[48];
        snprintf(shape, sizeof shape, "%dx%dx%d", (int)layer->shape.h, (int)layer->shape.w,
                 (int)layer->shape.c);
        printf("  %-24s %-15s %14s %12zu %14llu\n", layer->name, layer_kind_name(layer->kind), shape,
               layer->parameter_count, (unsigned long long)layer_multiply_adds(network, i));
    }
}
