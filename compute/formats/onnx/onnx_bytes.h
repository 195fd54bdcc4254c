/* Bytes of files: a model, and the data that its tensors keep in files beside it. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_BYTES_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

/* A whole regular file of at most 2^31 − 1 bytes, for memory_free. */
enum status onnx_bytes_read_all(const char *path, uint8_t **data, size_t *bytes);

/* `bytes` bytes from byte `offset` on of the file `location` in the folder of the model at `model_path`, for
 * memory_free; nothing is allocated before the file is known to have them. STATUS_FORMAT unless the location
 * is a plain relative path (not absolute, no "..", no backslash) that leads, without symbolic links out of
 * it, to a regular file inside that folder which has that many bytes. Messages do not name the model. */
enum status onnx_bytes_read_external(const char *model_path, const char *location, int64_t offset,
                                     size_t bytes, uint8_t **data);

#endif
