#include "compute/network/zoo_resnet.h"

#include <stdio.h>

enum { BOTTLENECK_EXPANSION = 4, SMALL_IMAGE_PIXELS = 64 };

/* One residual block. */
struct block {
    char name[32];
    int32_t c, stride;
    bool bottleneck;
    enum shortcut shortcut;
};

struct part {
    char text[64];
};

static struct part part_of(const struct block *block, const char *part)
{
    struct part made;
    snprintf(made.text, sizeof made.text, "%s.%s", block->name, part);
    return made;
}

/* Brings the block's input to the shape of its branch: as it is when that is the same already. */
static int32_t add_shortcut(struct zoo_builder *builder, const struct block *block, int32_t input,
                            int32_t branch)
{
    struct shape from = zoo_shape(builder, input), to = zoo_shape(builder, branch);
    struct part name = part_of(block, "shortcut");
    if (shape_equals(from, to))
        return input;
    if (block->shortcut == SHORTCUT_B)
        return zoo_convolution_norm(builder, name.text, input, 1, block->stride, to.c, false);
    const struct layer_options options = {.out_h = to.h,
                                          .out_w = to.w,
                                          .out_c = to.c,
                                          .from_c = -(to.c - from.c) / 2,
                                          .step_h = block->stride,
                                          .step_w = block->stride};
    return zoo_window(builder, name.text, input, &options);
}

static int32_t add_block(struct zoo_builder *builder, const struct block *block, int32_t input)
{
    int32_t branch;
    if (block->bottleneck) {
        branch = zoo_convolution_norm(builder, part_of(block, "1").text, input, 1, 1, block->c, true);
        branch =
            zoo_convolution_norm(builder, part_of(block, "2").text, branch, 3, block->stride, block->c, true);
        branch = zoo_convolution_norm(builder, part_of(block, "3").text, branch, 1, 1,
                                      BOTTLENECK_EXPANSION * block->c, false);
    } else {
        branch =
            zoo_convolution_norm(builder, part_of(block, "1").text, input, 3, block->stride, block->c, true);
        branch = zoo_convolution_norm(builder, part_of(block, "2").text, branch, 3, 1, block->c, false);
    }
    int32_t shortcut = add_shortcut(builder, block, input, branch);
    int32_t sum = zoo_add(builder, part_of(block, "add").text, branch, shortcut);
    return zoo_relu(builder, part_of(block, "relu").text, sum);
}

/* All stages, then average pooling and the output layer. Channels double from stage to stage while the image
 * halves. */
static void add_stages(struct zoo_builder *builder, int32_t input, int32_t first_c, const int32_t *blocks,
                       int32_t stages, bool bottleneck, enum shortcut shortcut, int32_t class_count)
{
    int32_t at = input;
    for (int32_t stage = 0; stage < stages; stage++)
        for (int32_t i = 0; i < blocks[stage]; i++) {
            struct block block = {.c = first_c << stage,
                                  .stride = stage > 0 && i == 0 ? 2 : 1,
                                  .bottleneck = bottleneck,
                                  .shortcut = shortcut};
            snprintf(block.name, sizeof block.name, "stage%d.block%d", stage + 1, i + 1);
            at = add_block(builder, &block, at);
        }
    at = zoo_global_avgpool(builder, "pool", at);
    zoo_dense(builder, "output", at, class_count);
}

void zoo_resnet_cifar(struct zoo_builder *builder, int32_t class_count, int32_t blocks,
                      enum shortcut shortcut)
{
    const int32_t stage_blocks[3] = {blocks, blocks, blocks};
    int32_t stem = zoo_convolution_norm(builder, "stem", 0, 3, 1, 16, true);
    add_stages(builder, stem, 16, stage_blocks, 3, false,
               shortcut == SHORTCUT_DEFAULT ? SHORTCUT_A : shortcut, class_count);
}

void zoo_resnet_imagenet(struct zoo_builder *builder, int32_t class_count, const int32_t blocks[4],
                         bool bottleneck, enum shortcut shortcut)
{
    struct shape input = zoo_shape(builder, 0);
    int32_t at;
    if (input.h > SMALL_IMAGE_PIXELS || input.w > SMALL_IMAGE_PIXELS) {
        at = zoo_convolution_norm(builder, "stem", 0, 7, 2, 64, true);
        at = zoo_maxpool(builder, "stem.pool", at, 3, 2, 1);
    } else {
        at = zoo_convolution_norm(builder, "stem", 0, 3, 1, 64, true);
    }
    add_stages(builder, at, 64, blocks, 4, bottleneck, shortcut == SHORTCUT_DEFAULT ? SHORTCUT_B : shortcut,
               class_count);
}
