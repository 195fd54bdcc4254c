/* What Facet keeps in an ONNX file's metadata_props: class names (facet.class_names, one a line) and the
 * scaling from pixels (facet.scale, facet.mean, facet.std; numbers with commas between). */
#ifndef FACET_COMPUTE_FORMATS_ONNX_ONNX_METADATA_H
#define FACET_COMPUTE_FORMATS_ONNX_ONNX_METADATA_H

#include "compute/formats/onnx/onnx_model.h"
#include "compute/network/network.h"

#define ONNX_KEY_CLASS_NAMES "facet.class_names"
#define ONNX_KEY_SCALE "facet.scale"
#define ONNX_KEY_MEAN "facet.mean"
#define ONNX_KEY_STD "facet.std"

/* Sets what the file has, and leaves the rest. STATUS_FORMAT, naming the file and the key, for what does not
 * fit the network. */
enum status onnx_metadata_read(const char *path, const Onnx__ModelProto *model, struct network *network);

/* Text for the keys above, for memory_free. */
enum status onnx_metadata_class_names(const class_name *names, int32_t count, char **text);
enum status onnx_metadata_numbers(const float *numbers, int32_t count, char **text);

#endif
