/* Networks from Keras HDF5 files, as model.save("NAME.h5") of Keras 2 writes them: Sequential and functional
 * models of images, channels last. */
#ifndef FACET_COMPUTE_FORMATS_KERAS_KERAS_IMPORT_H
#define FACET_COMPUTE_FORMATS_KERAS_KERAS_IMPORT_H

#include <hdf5.h>

#include "compute/network/network.h"

/* The network in the file, finished, with the default scaling and class names "0", "1", …. The caller owns
 * it; NULL on failure.
 *
 * Layers read: InputLayer, Dense, Conv2D, DepthwiseConv2D, BatchNormalization, Activation, ReLU, LeakyReLU,
 * Softmax, MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, Flatten, Reshape (to a
 * vector or to the same shape), ZeroPadding2D, Add, Concatenate (of channels), and those that do nothing when
 * a network is used: Dropout, SpatialDropout2D, GaussianNoise, GaussianDropout, ActivityRegularization.
 *
 * A softmax at the very end is left out: the network then gives its logits, which rank the classes alike and
 * are what modules are made of.
 *
 * STATUS_FORMAT, with file and layer, for a file that is none of Keras's or holds weights alone, for a layer
 * or option that is not read, and for a graph with a circle, or with other than one input and one output;
 * STATUS_SHAPE when the weights' shapes are not what the configuration says. */
enum status keras_import(const char *path, struct network **network);

/* The same of an open HDF5 file of `bytes` bytes, named `path` in messages. */
enum status keras_import_file(hid_t file, const char *path, uint64_t bytes, struct network **network);

#endif
