/* Constant tensors of a graph: its weights, and what shape arithmetic works on. Floats are float32, all kinds
 * of whole numbers (and truth values) int64. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_TENSOR_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_TENSOR_H

#include <stdbool.h>

#include "compute/formats/onnx/onnx_model.h"

enum { ONNX_RANK_MAX = 8 };

struct onnx_shape {
    int32_t rank; /* 0: a scalar */
    int64_t dims[ONNX_RANK_MAX];
};

/* Elements of a shape; false when a dimension is negative or they are 2^31 or more. */
bool onnx_shape_count(const struct onnx_shape *shape, size_t *count);

/* "3x4x5" into text. */
enum { ONNX_SHAPE_TEXT = 24 * ONNX_RANK_MAX };
void onnx_shape_print(const struct onnx_shape *shape, char text[ONNX_SHAPE_TEXT]);

/* `axis` counted from the end when negative; −1 when it is not in −rank … rank−1. */
int32_t onnx_axis(int64_t axis, int32_t rank);

struct onnx_tensor {
    struct onnx_shape shape;
    bool integer;
    size_t count;
    float *floats;     /* (count) unless integer */
    int64_t *integers; /* (count) if integer */
};

/* All tensors of a graph live in one pool until it is cleared. Messages do not name the model. Tensors that
 * are made, not read from the file, share a budget, since a few bytes can ask for any number of elements. */
struct onnx_pool {
    const char *where; /* the model's path: external data are beside it */
    struct onnx_tensor **tensors;
    size_t count, capacity;
    size_t made_elements;
};
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* clang's: small limits are as good, and reached sooner */
enum { ONNX_MADE_ELEMENTS_MAX = 1 << 16 };
#else
enum { ONNX_MADE_ELEMENTS_MAX = 1 << 28 };
#endif

void onnx_pool_clear(struct onnx_pool *pool);

/* A new tensor of zeros, owned by the pool. STATUS_SHAPE for a shape that is too large. */
enum status onnx_tensor_make(struct onnx_pool *pool, const struct onnx_shape *shape, bool integer,
                             struct onnx_tensor **tensor);

/* The tensor of a message: from raw bytes, typed fields, or external data in the model's folder. Its data
 * must be exactly what its shape asks for: STATUS_FORMAT otherwise, and for types other than numbers. */
enum status onnx_tensor_read(struct onnx_pool *pool, const Onnx__TensorProto *message,
                             struct onnx_tensor **tensor);

#endif
