/* Images that are brighter the higher their class, for tests of training and calibrating. */
#ifndef FACET_TESTS_MPI_SHADES_H
#define FACET_TESTS_MPI_SHADES_H

#include "tests/mpi/on_ranks.h"

#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/data/dataset.h"

enum { SHADES = 3, SHADE_SIDE = 6, SHADE_BYTES = SHADE_SIDE * SHADE_SIDE };

static const char *const shade_names[SHADES] = {"dark", "grey", "light"};

/* Classes first … first + count − 1 of them, `per_class` images each, with noise. */
static inline struct dataset *make_shades(int32_t first, int32_t count, int32_t per_class)
{
    struct dataset *dataset = NULL;
    uint8_t *pixels = NULL;
    int32_t *labels = NULL;
    class_name names[SHADES] = {{0}};
    size_t images = (size_t)per_class * (size_t)count;
    assert_on_ranks(memory_allocate(&pixels, images * SHADE_BYTES, 1, "test") == STATUS_OK);
    assert_on_ranks(memory_allocate(&labels, images, sizeof *labels, "test") == STATUS_OK);
    for (int32_t c = 0; c < count; c++)
        snprintf(names[c], sizeof names[c], "%s", shade_names[first + c]);
    for (size_t i = 0; i < images; i++) {
        labels[i] = (int32_t)(i % (size_t)count);
        for (size_t p = 0; p < SHADE_BYTES; p++)
            pixels[i * SHADE_BYTES + p] =
                (uint8_t)(60 * (first + labels[i]) + (int32_t)random_below(1, i, p, 90));
    }
    assert_on_ranks(dataset_create((struct shape){SHADE_SIDE, SHADE_SIDE, 1}, count,
                                   (const class_name *)names, pixels, labels, (int64_t)images,
                                   &dataset) == STATUS_OK);
    memory_free(&pixels);
    memory_free(&labels);
    return dataset;
}

#endif
