/* Graphs built in tests, imported and run. */
#ifndef FACET_TESTS_UNIT_ONNX_ONNX_TEST_H
#define FACET_TESTS_UNIT_ONNX_ONNX_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/formats/onnx/export/onnx_writer.h"
#include "compute/formats/onnx/onnx_import.h"
#include "compute/network/pass.h"

#define LIST(...)                                                                                            \
    (const char *[])                                                                                         \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
#define INTS(...)                                                                                            \
    (const int64_t[])                                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

enum { IMAGES = 3 };

/* A graph being built: input "image", output "y". */
struct graph {
    struct onnx_writer writer;
    struct shape image;
};

static inline struct graph graph_begin(int32_t h, int32_t w, int32_t c)
{
    struct graph graph = {.image = {h, w, c}};
    onnx_writer_begin(&graph.writer, "test", graph.image, "y", 2, INTS(0, 1));
    return graph;
}

static inline void graph_opset(struct graph *graph, int64_t opset)
{
    graph->writer.model->opset_import[0]->version = opset;
}

static inline Onnx__NodeProto *node(struct graph *graph, const char *name, const char *const *inputs,
                                    const char *output)
{
    Onnx__NodeProto *made = onnx_write_node(&graph->writer, name, inputs, output);
    assert_non_null(made);
    return made;
}

static inline void set_ints(struct graph *graph, Onnx__NodeProto *to, const char *name, size_t count,
                            const int64_t *values)
{
    onnx_write_ints(&graph->writer, to, name, count, values);
}

static inline void set_int(struct graph *graph, Onnx__NodeProto *to, const char *name, int64_t value)
{
    onnx_write_int(&graph->writer, to, name, value);
}

static inline void set_float(struct graph *graph, Onnx__NodeProto *to, const char *name, float value)
{
    onnx_write_float(&graph->writer, to, name, value);
}

static inline void set_text(struct graph *graph, Onnx__NodeProto *to, const char *name, const char *text)
{
    onnx_write_int(&graph->writer, to, name, 0);
    Onnx__AttributeProto *attribute = to->attribute[to->n_attribute - 1];
    attribute->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    attribute->has_i = 0;
    attribute->has_s = 1;
    attribute->s = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)strdup(text)};
}

/* A constant of random numbers; the caller keeps them to compute with, and frees them. */
static inline float *constant(struct graph *graph, const char *name, int32_t rank, const int64_t *dims,
                              uint64_t seed)
{
    size_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    float *values = malloc((count > 0 ? count : 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = random_normal(seed, 3, i);
    onnx_write_floats(&graph->writer, name, rank, dims, values);
    return values;
}

static inline void integers(struct graph *graph, const char *name, size_t count, const int64_t *values)
{
    onnx_write_integers(&graph->writer, name, count, values);
}

/* The message as bytes; the caller frees them. The graph is gone. */
static inline uint8_t *graph_pack(struct graph *graph, size_t *bytes)
{
    assert_int_equal(graph->writer.status, STATUS_OK);
    *bytes = onnx__model_proto__get_packed_size(graph->writer.model);
    uint8_t *data = malloc(*bytes);
    assert_non_null(data);
    assert_int_equal(onnx__model_proto__pack(graph->writer.model, data), *bytes);
    onnx_writer_clear(&graph->writer);
    return data;
}

/* Packs and imports; fails the test when that does not succeed. */
static inline struct network *graph_import(struct graph *graph)
{
    struct network *network;
    size_t bytes;
    uint8_t *data = graph_pack(graph, &bytes);
    enum status status = onnx_import_bytes("test.onnx", data, bytes, &network, NULL);
    if (status != STATUS_OK)
        fail_msg("%s", error_message());
    free(data);
    return network;
}

/* The import must fail with that status and a message that has `text` in it. */
static inline void graph_refused(struct graph *graph, enum status expected, const char *text)
{
    struct network *network;
    size_t bytes;
    uint8_t *data = graph_pack(graph, &bytes);
    enum status status = onnx_import_bytes("test.onnx", data, bytes, &network, NULL);
    free(data);
    assert_null(network);
    if (status != expected || strstr(error_message(), text) == NULL)
        fail_msg("status %d, \"%s\"; expected %d and \"%s\"", (int)status, error_message(), (int)expected,
                 text);
}

static inline float *random_images(struct shape shape, uint64_t seed)
{
    size_t count = IMAGES * shape_count(shape);
    float *images = malloc(count * sizeof *images);
    assert_non_null(images);
    for (size_t i = 0; i < count; i++)
        images[i] = random_normal(seed, 4, i);
    return images;
}

/* The outputs of IMAGES images; the caller frees them. */
static inline float *network_outputs(const struct network *network, const float *images)
{
    struct pass *pass;
    assert_int_equal(pass_create(network, IMAGES, PASS_INFER, &pass), STATUS_OK);
    const float *y = pass_forward(pass, IMAGES, images);
    size_t count = IMAGES * shape_count(network->layers[network->layer_count - 1].shape);
    float *copy = malloc(count * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, y, count * sizeof *copy);
    pass_destroy(&pass);
    return copy;
}

static inline void assert_close(const char *what, size_t count, const float *got, const double *expected)
{
    double largest = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(expected[i]));
        difference = fmax(difference, fabs((double)got[i] - expected[i]));
        if (!isfinite(got[i]))
            difference = INFINITY;
    }
    if (!(difference <= 1e-5 * largest))
        fail_msg("%s: differs by %g from up to %g", what, difference, largest);
}

/* An element of image n of a tensor (N, C, H, W), or of a layer (N, H, W, C). */
static inline size_t at_nhwc(struct shape s, int32_t n, int32_t c, int32_t h, int32_t w)
{
    return (size_t)(((n * s.h + h) * s.w + w) * s.c + c);
}

#endif
