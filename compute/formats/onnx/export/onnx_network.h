/* Networks as nodes of an ONNX graph: the other way round from onnx_import.h. Images are (N, C, H, W) there;
 * weights are transposed on the way, and a flattened image is transposed before, since Facet's has its
 * channels together. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_NETWORK_H
#define FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_NETWORK_H

#include "compute/formats/onnx/export/onnx_writer.h"
#include "compute/network/network.h"

/* What of a network is written. */
struct onnx_part_of_network {
    const struct network *network;
    const char *input;       /* the value that layer 0 is */
    const char *name_prefix; /* of nodes and values, so that a network can be written more than once */
    const char *weights_prefix;
    bool weights_written;     /* the weights are in the file already, under their prefix */
    int32_t last_layer;       /* and the layers it needs */
    const float *const *keep; /* by layer: factors of its units (H, W, C), or NULL; NULL: none at all */
};

/* Adds the nodes. `output` receives the name of the value that the last layer is, and *vector whether it is
 * (N, C) instead of (N, C, H, W). Failures are the writer's. */
void onnx_write_network(struct onnx_writer *writer, const struct onnx_part_of_network *part,
                        char output[ONNX_NAME_BYTES], bool *vector);

/* What operator set a graph of several networks is best written in: begin with {false, false}, add each.
 * OpenCV before 4.7 reads the bounds of a Clip only as attributes, but sets that have them so mean something
 * else by the softmax of an image: that comes first. */
struct onnx_set_needs {
    bool attributes, inputs;
};
void onnx_set_needs_add(struct onnx_set_needs *needs, const struct network *network);
enum onnx_set onnx_set_needed(const struct onnx_set_needs *needs);

/* Makes a value (N, C, 1, 1) a vector (N, C), as `output`. */
void onnx_write_flatten(struct onnx_writer *writer, const char *input, const char *output);

/* A whole network in a file of its own: output "logits", (N, K) or (N, K, H, W). with_scaling puts the
 * scaling from pixels into the graph; else it is in the metadata alone. */
enum status onnx_export_network(const struct network *network, bool with_scaling, const char *path);

#endif
