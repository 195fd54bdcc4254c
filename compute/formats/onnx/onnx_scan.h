/* A walk through a protobuf message before it is unpacked: the unpacker recurses as deep as messages are
 * nested and allocates as much as fields ask for, so hostile ones are found here. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_SCAN_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_SCAN_H

#include <protobuf-c/protobuf-c.h>

#include "compute/base/error.h"

enum {
    ONNX_DEPTH_MAX = 32,       /* a tensor in a node's attribute lies four deep */
    ONNX_FIELDS_MAX = 1 << 20, /* of all messages; a network of 4,096 layers has a tenth of that */
};

/* STATUS_FORMAT, naming `where` and the byte, when the bytes are no message of that kind or go beyond these
 * limits. */
enum status onnx_scan(const char *where, const ProtobufCMessageDescriptor *kind, const uint8_t *data,
                      size_t bytes);

#endif
