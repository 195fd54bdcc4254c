/* Graphs of a node or two against the definitions of their operators: what element (c, h, w) must be. */
#ifndef FACET_TESTS_UNIT_ONNX_ONNX_PROBE_H
#define FACET_TESTS_UNIT_ONNX_ONNX_PROBE_H

#include "onnx_test.h"

enum { H = 3, W = 4, C = 6, SIZE = C * H * W };

/* What the output must be: element (c, h, w) of image n; x gives input elements. */
struct probe {
    const float *images;
    int32_t n;
};
typedef double formula(const struct probe *x, int32_t c, int32_t h, int32_t w);

static inline double pixel(const struct probe *x, int32_t c, int32_t h, int32_t w)
{
    const struct shape image = {H, W, C};
    return x->images[at_nhwc(image, x->n, c, h, w)];
}

/* Imports and runs the graph, whose output must have that shape and those elements, from `layers` layers
 * (without the input; 0: any number). */
static inline void check(const char *what, struct graph *graph, struct shape out, int32_t layers,
                         formula *expected)
{
    struct network *network = graph_import(graph);
    struct shape got = network->layers[network->layer_count - 1].shape;
    if (got.h != out.h || got.w != out.w || got.c != out.c ||
        (layers > 0 && network->layer_count != layers + 1))
        fail_msg("%s: output %dx%dx%d of %d layers", what, got.h, got.w, got.c, network->layer_count - 1);
    float *images = random_images(graph->image, 7), *y = network_outputs(network, images);
    double *wanted = malloc(IMAGES * shape_count(out) * sizeof *wanted);
    assert_non_null(wanted);
    struct probe probe = {.images = images};
    for (probe.n = 0; probe.n < IMAGES; probe.n++)
        for (int32_t h = 0; h < out.h; h++)
            for (int32_t w = 0; w < out.w; w++)
                for (int32_t c = 0; c < out.c; c++)
                    wanted[at_nhwc(out, probe.n, c, h, w)] = expected(&probe, c, h, w);
    assert_close(what, IMAGES * shape_count(out), y, wanted);
    free(images);
    free(y);
    free(wanted);
    network_destroy(&network);
}

static const struct shape same = {H, W, C}, flat = {1, 1, SIZE};

#endif
