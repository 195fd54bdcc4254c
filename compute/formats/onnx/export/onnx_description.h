/* What an exported graph says of its images and classes: metadata, or the scaling as a node. */
#ifndef FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_DESCRIPTION_H
#define FACET_COMPUTE_FORMATS_ONNX_EXPORT_ONNX_DESCRIPTION_H

#include "compute/formats/onnx/export/onnx_writer.h"
#include "compute/network/network.h"

/* Value `output` is `image`, pixels from 0 to 255, as a network of that scaling wants it. */
void onnx_write_scaling(struct onnx_writer *writer, const struct scaling *scaling, int32_t channels,
                        const char *image, const char *output);

/* The metadata that onnx_metadata_read reads. scaling NULL: the graph takes pixels as they are. */
void onnx_write_description(struct onnx_writer *writer, const class_name *names, int32_t count,
                            const struct scaling *scaling, int32_t channels);

#endif
