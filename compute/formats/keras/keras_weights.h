/* The arrays of a Keras file: model_weights/LAYER/…, named in the group's attribute weight_names. Private to
 * this room. */
#ifndef FACET_COMPUTE_FORMATS_KERAS_KERAS_WEIGHTS_H
#define FACET_COMPUTE_FORMATS_KERAS_KERAS_WEIGHTS_H

#include <hdf5.h>

#include "compute/formats/keras/keras_layers.h"

/* The text of the root attribute model_config (for memory_free), of at most 64 MiB. STATUS_FORMAT, telling
 * what the file is instead, when there is none. */
enum status keras_config_read(hid_t file, const char *path, char **text, size_t *bytes);

/* Whether the tensor is in the file, with the shape that the configuration says: to be asked before memory
 * for it is allocated. */
enum status keras_tensor_check(hid_t file, const struct keras_model *model,
                               const struct keras_tensor *tensor);

/* Reads it to where it belongs in a finished network. */
enum status keras_tensor_read(hid_t file, const struct keras_model *model, const struct keras_tensor *tensor,
                              struct network *network);

#endif
