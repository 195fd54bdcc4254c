/* Residual networks: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", CVPR 2016. */
#ifndef FACET_COMPUTE_NETWORK_ZOO_RESNET_H
#define FACET_COMPUTE_NETWORK_ZOO_RESNET_H

#include "compute/network/zoo.h"
#include "compute/network/zoo_builder.h"

/* Both add all layers after the input, the output layer included. */

/* Section 4.2, for CIFAR-10: 6·blocks + 2 layers, three stages of 16, 32 and 64 channels. */
void zoo_resnet_cifar(struct zoo_builder *builder, int32_t class_count, int32_t blocks,
                      enum shortcut shortcut);

/* Table 1: four stages of 64, 128, 256 and 512 channels with so many blocks each; bottleneck blocks have four
 * times as many at their ends, and their stride on the 3×3 (not on the first 1×1 as in the paper), which is
 * what frameworks have settled on. Images above 64 pixels go through the 7×7 stride-2 stem and its pooling,
 * others through a 3×3 of stride 1. */
void zoo_resnet_imagenet(struct zoo_builder *builder, int32_t class_count, const int32_t blocks[4],
                         bool bottleneck, enum shortcut shortcut);

#endif
