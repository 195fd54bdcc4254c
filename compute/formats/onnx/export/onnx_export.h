/* A network on its way into a graph: the layer being written, the names of its values and weights, and its
 * inputs as images or vectors. Private to this room: what each kind of layer is written with. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_EXPORT_H
#define FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_EXPORT_H

#include "compute/formats/onnx/export/onnx_network.h"

struct onnx_export {
    struct onnx_writer *writer;
    const struct onnx_part_of_network *part;
    bool *vector; /* by layer: its value is (N, C) */
    bool *needed; /* by layer */

    int32_t index; /* of the layer being written */
    const struct layer *layer;
    char output[ONNX_NAME_BYTES]; /* the value it is */
};

/* The writer has failed so, unless it had before. */
void onnx_export_fail(struct onnx_export *e, enum status status);

/* The name of the value that a layer is, and of something that belongs to the layer being written. */
void onnx_export_value(const struct onnx_export *e, int32_t layer, char name[ONNX_NAME_BYTES]);
void onnx_export_own_name(const struct onnx_export *e, const char *what, char name[ONNX_NAME_BYTES]);

/* Of the layer's first input. */
struct shape onnx_export_input_shape(const struct onnx_export *e);

const float *onnx_export_parameters(const struct onnx_export *e);

/* Constants of the layer, whose names are given back: weights, unless the file has them already, and whole
 * numbers. */
void onnx_export_weights(struct onnx_export *e, const char *what, int32_t rank, const int64_t *dims,
                         const float *data, char name[ONNX_NAME_BYTES]);
void onnx_export_list(struct onnx_export *e, const char *what, size_t count, const int64_t *numbers,
                      char name[ONNX_NAME_BYTES]);

/* Nodes of one input that is computed. */
Onnx__NodeProto *onnx_export_unary(struct onnx_export *e, const char *operator_name, const char *input,
                                   const char *output);
void onnx_export_reshape(struct onnx_export *e, const char *what, const char *input, size_t rank,
                         const int64_t *dims, const char *output);

/* Input k of the layer as (N, C, H, W), or as (N, C) when `vector`. */
void onnx_export_input(struct onnx_export *e, int32_t k, bool vector, char name[ONNX_NAME_BYTES]);

/* (H, W, C) to (C, H, W); the caller frees it. */
enum status onnx_order_image(struct shape shape, const float *from, float **ordered);

/* --- what layers become: nodes that compute e->output, and whether it is a vector --- */

void onnx_export_convolution(struct onnx_export *e);
void onnx_export_pooling(struct onnx_export *e); /* maximum and average */
void onnx_export_global_avgpool(struct onnx_export *e);
void onnx_export_window(struct onnx_export *e);

void onnx_export_batchnorm(struct onnx_export *e);
void onnx_export_scale(struct onnx_export *e);
void onnx_export_unit_scale(struct onnx_export *e);
void onnx_export_activation(struct onnx_export *e);
void onnx_export_lrn(struct onnx_export *e);
/* The layer's units, which are `input`, times constants (H, W, C). */
void onnx_export_kept(struct onnx_export *e, const float *keep, const char *input);

void onnx_export_dense(struct onnx_export *e);
void onnx_export_joined(struct onnx_export *e); /* sum, product, concatenation */
void onnx_export_flattened(struct onnx_export *e);
void onnx_export_shuffle(struct onnx_export *e);

#endif
