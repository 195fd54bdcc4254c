/* ONNX files as messages: read, checked and unpacked. The names of the Open Neural Network Exchange format
 * are those of its onnx.proto, from which protoc-c makes onnx.pb-c.h at build time. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_MODEL_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "onnx.pb-c.h"

/* The model in a file of at most 2 GiB (protobuf's own limit). Before protobuf-c unpacks it, all of it is
 * walked through: messages nested too deeply, lengths that reach past their message, and more fields than a
 * network needs are STATUS_FORMAT. The caller releases it with onnx_model_free; NULL on failure. */
enum status onnx_model_read(const char *path, Onnx__ModelProto **model);

/* The same of bytes in memory; messages name `where`. */
enum status onnx_model_parse(const char *where, const uint8_t *data, size_t bytes, Onnx__ModelProto **model);

/* NULL is fine; sets the caller's pointer to NULL. */
void onnx_model_free(Onnx__ModelProto **model);

/* Texts of messages may be missing: "" then. */
static inline const char *onnx_text(const char *text)
{
    return text != NULL ? text : "";
}

#endif
