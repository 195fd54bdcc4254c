/* The architectures Facet knows by name. */
#ifndef FACET_COMPUTE_NETWORK_ZOO_H
#define FACET_COMPUTE_NETWORK_ZOO_H

#include "compute/network/network.h"

/* ResNet's two ways past a change of shape (He et al., CVPR 2016, 3.3). */
enum shortcut {
    SHORTCUT_DEFAULT, /* A for the CIFAR family resnet20…110, B for resnet18/34/50 */
    SHORTCUT_A,       /* subsampled identity, channels padded with zeros */
    SHORTCUT_B        /* 1×1 convolution with batch normalisation */
};

/* Builds `name` for images of that shape and so many classes, parameters allocated but not initialised.
 *   mlp-1 … mlp-4          N hidden layers of 49 units, ReLU
 *   lenet                  5×5×32, pool, 5×5×64, pool, dense 128
 *   simcnn                 the 13-convolution VGG of CNNSplitter (ASE 2022), dense 512, 512; with batch
 *                          normalisation, without dropout
 *   resnet20/32/44/56/110  He et al., CVPR 2016, 4.2
 *   resnet18/34/50, vgg16  ImageNet networks; up to 64 pixels with a 3×3 stride-1 stem and no stem pooling
 *                          (vgg16: dense layers of 512 instead of 4,096)
 * simcnn and vgg16 leave out poolings once the image is one pixel high or wide.
 * STATUS_NOT_FOUND lists the names; STATUS_USAGE when a way of shortcuts is asked of a network that has none;
 * STATUS_SHAPE when the images are too small for the network. */
enum status zoo_build(const char *name, struct shape input, int32_t class_count, enum shortcut shortcut,
                      struct network **network);

/* The names, NULL at the end. */
const char *const *zoo_names(void);

#endif
