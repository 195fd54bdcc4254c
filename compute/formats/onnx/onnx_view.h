/* How a value of an ONNX graph lies in the memory of the layer that computes it.
 *
 * ONNX numbers the elements of a tensor row by row over its dimensions (N, C, H, W); a layer holds (N, H, W,
 * C). Reshape and Transpose change the numbering, not the memory. So a value is a layer and a view: a list of
 * parts, slowest first, whose combined index is the ONNX number of an element of one image, each part with
 * the distance in memory from one of its steps to the next. An image (C, H, W) in a layer is the parts (C,
 * 1), (H, W·C), (W, C). Dimensions only group the parts, which is why a reshape leaves them alone. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_VIEW_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_VIEW_H

#include "compute/base/shape.h"
#include "compute/formats/onnx/onnx_tensor.h"

enum { ONNX_PARTS_MAX = 16 };

struct onnx_part {
    int64_t size, stride; /* size ≥ 2 in a tidy view */
};

struct onnx_view {
    struct onnx_shape shape; /* dimension 0 begins with the batch */
    int32_t part_count;      /* of one image; the batch is none of them */
    struct onnx_part parts[ONNX_PARTS_MAX];
};

/* The batch's size while a graph with a free one is read: a prime, so that it can be told from the other
 * factors of a dimension even after arithmetic on shapes. */
enum { ONNX_BATCH_PRIME = 1048583 };

/* A view of `shape` (N, …) that numbers an image channel by channel (C, H, W). */
struct onnx_view onnx_view_of_image(const struct onnx_shape *shape, struct shape layer);

/* Whether the view numbers an image of the layer like onnx_view_of_image. */
bool onnx_view_is_image(const struct onnx_view *view, struct shape layer);

/* Whether it numbers the floats of an image as they lie in memory. */
bool onnx_view_is_memory(const struct onnx_view *view);

/* The number of channel groups whose transposition (LAYER_SHUFFLE) brings a layer to this view of images
 * (C, H, W); 0: none does. */
int32_t onnx_view_shuffle_of_image(const struct onnx_view *view, struct shape layer);
/* The same for a view of the whole layer as one vector. */
int32_t onnx_view_shuffle_of_vector(const struct onnx_view *view);

/* memory[i] = where element i of an image lies, for `count` elements. */
void onnx_view_addresses(const struct onnx_view *view, size_t count, int32_t *memory);

/* New dimensions for the same elements. */
void onnx_view_reshape(struct onnx_view *view, const struct onnx_shape *shape);

/* Dimensions in another order; false when the batch does not stay first, or parts would have to be cut where
 * they cannot. */
bool onnx_view_transpose(struct onnx_view *view, int64_t batch, const int32_t *order);

#endif
