/* Networks from ONNX files (https://onnx.ai): image classifiers exported by PyTorch, Keras and others. What
 * is read, and what is not: docs/onnx.md. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_IMPORT_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_IMPORT_H

#include "compute/network/network.h"

/* The network in the file, finished, with the scaling and class names of the file's metadata where a Facet
 * wrote them there, else the defaults. The caller owns it; NULL on failure.
 *
 * When nodes are not supported, STATUS_FORMAT, and *problems (may be NULL) receives a line for each of them,
 * for memory_free; else *problems is NULL. A file that is no ONNX model, is damaged, has a circle in its
 * graph, or refers to files outside its folder is STATUS_FORMAT too; sizes that do not fit are STATUS_FORMAT
 * or STATUS_SHAPE. */
enum status onnx_import(const char *path, struct network **network, char **problems);

/* The same of bytes in memory, named `path` in messages and where external data is looked for. */
enum status onnx_import_bytes(const char *path, const uint8_t *data, size_t bytes, struct network **network,
                              char **problems);

#endif
