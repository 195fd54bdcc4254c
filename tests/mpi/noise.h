/* Images of noise and a tiny network for them, to distil from. */
#ifndef FACET_TESTS_MPI_NOISE_H
#define FACET_TESTS_MPI_NOISE_H

#include "tests/mpi/on_ranks.h"

#include "compute/base/random.h"
#include "compute/data/dataset.h"
#include "compute/network/zoo.h"
#include "mpi/distill/distill.h"

enum { CLASSES = 3, EACH = 22 };

/* The caller owns both. */
static void make_data(struct network **network, struct dataset **dataset)
{
    const struct shape shape = {8, 8, 3};
    static uint8_t pixels[CLASSES * EACH * 8 * 8 * 3];
    int32_t labels[CLASSES * EACH];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)random_below(1, 1, i, 256);
    for (int32_t i = 0; i < CLASSES * EACH; i++)
        labels[i] = i / EACH;
    assert_on_ranks(dataset_create(shape, CLASSES, NULL, pixels, labels, CLASSES * EACH, dataset) ==
                    STATUS_OK);
    assert_on_ranks(zoo_build("resnet20", shape, CLASSES, SHORTCUT_A, network) == STATUS_OK);
    network_initialise(*network, 1);
}

static struct distill_options small_options(void)
{
    struct distill_options options = distill_options_default();
    options.steps = 16;
    options.joint_steps = 0;
    options.batch_images = 18;
    options.joint_batch_images = 33; /* slices of two sizes */
    options.pool_images = 60;
    return options;
}

#endif
