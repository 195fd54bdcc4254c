/* ONNX models, built node by node. A writer that has failed only remembers it and does nothing more, so that
 * a graph reads as a list of its nodes; onnx_writer_save says what went wrong. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_WRITER_H
#define FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_WRITER_H

#include "compute/base/shape.h"
#include "compute/formats/onnx/onnx_model.h"

enum { ONNX_NAME_BYTES = 256 }; /* of a value, a node or a tensor, with the terminating zero */

/* Operator sets that graphs are written in. */
enum onnx_set {
    ONNX_SET_ATTRIBUTES = 10, /* the last that has bounds and paddings as attributes */
    ONNX_SET_INPUTS = 13      /* has them as inputs, and softmax along one axis */
};

struct onnx_writer {
    enum status status; /* of the first call that failed */
    enum onnx_set set;
    Onnx__ModelProto *model;
    size_t data_bytes; /* of all tensors */
};

/* A model of operator set ONNX_SET_INPUTS with one input "image" (N, C, H, W) and one output (N, …) of `rank`
 * dimensions `dims`, both float32, N free. onnx_writer_clear releases it, also after a failure. */
void onnx_writer_begin(struct onnx_writer *writer, const char *graph_name, struct shape image,
                       const char *output, int32_t rank, const int64_t *dims);
void onnx_writer_clear(struct onnx_writer *writer);

/* Another operator set, before the first node. */
void onnx_writer_choose_set(struct onnx_writer *writer, enum onnx_set set);

/* A constant; the data are copied. */
void onnx_write_floats(struct onnx_writer *writer, const char *name, int32_t rank, const int64_t *dims,
                       const float *data);
void onnx_write_integers(struct onnx_writer *writer, const char *name, size_t count, const int64_t *data);

/* A node of one output, which also is its name; NULL after a failure. `inputs` ends with NULL. */
Onnx__NodeProto *onnx_write_node(struct onnx_writer *writer, const char *operator_name,
                                 const char *const *inputs, const char *output);
/* Attributes; a NULL node is fine. */
void onnx_write_int(struct onnx_writer *writer, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_write_float(struct onnx_writer *writer, Onnx__NodeProto *node, const char *name, float value);
void onnx_write_ints(struct onnx_writer *writer, Onnx__NodeProto *node, const char *name, size_t count,
                     const int64_t *values);

void onnx_write_metadata(struct onnx_writer *writer, const char *key, const char *value);

/* Writes the file, beside and renamed. STATUS_SHAPE when it would be larger than the 2 GiB a file can be. */
enum status onnx_writer_save(struct onnx_writer *writer, const char *path);

#endif
