/* Small networks, datasets and module sets for the tests of this folder: every call must succeed. */
#ifndef FACET_TESTS_UNIT_MODULES_MODULE_TEST_H
#define FACET_TESTS_UNIT_MODULES_MODULE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/data/dataset.h"
#include "modules/activation/activation.h"
#include "modules/module_set.h"
#include "tests/unit/network/building.h"

static inline void assert_ok(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("status %d: %s", (int)status, error_message());
}

/* Asserts the status and that the message says `word`. */
static inline void assert_fails(enum status status, enum status expected, const char *word)
{
    assert_int_equal(status, expected);
    if (strstr(error_message(), word) == NULL)
        fail_msg("message \"%s\" does not say \"%s\"", error_message(), word);
}

/* --- networks; the caller destroys them --- */

static inline struct network *finished(struct network *network, int32_t features, int32_t classes,
                                       uint64_t seed)
{
    add_dense(network, "output", features, classes);
    finish(network);
    randomise(network, seed);
    return network;
}

static inline struct network *plain_network(uint64_t seed, int32_t classes)
{
    struct network *network = new_network(8, 8, 3);
    const struct layer_options pool = pooling_options(2, 2, 0);
    int32_t at = add_convolution(network, "conv1", 0, 5, 3, 1, 1);
    at = add_plain(network, LAYER_RELU, "relu1", at);
    at = add_layer(network, LAYER_MAXPOOL, "pool", &pool, at, -1);
    at = add_convolution(network, "conv2", at, 7, 3, 1, 0);
    at = add_plain(network, LAYER_RELU, "relu2", at);
    at = add_plain(network, LAYER_FLATTEN, "flatten", at);
    return finished(network, at, classes, seed);
}

static inline struct network *residual_network(uint64_t seed, int32_t classes)
{
    struct network *network = new_network(6, 6, 3);
    int32_t at = add_convolution(network, "conv1", 0, 6, 3, 1, 1);
    at = add_batchnorm(network, "norm1", at);
    int32_t skip = add_plain(network, LAYER_RELU, "relu1", at);
    at = add_convolution(network, "conv2", skip, 6, 3, 1, 1);
    at = add_layer(network, LAYER_ADD, "add", NULL, at, skip);
    at = add_plain(network, LAYER_RELU, "relu2", at);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    return finished(network, at, classes, seed);
}

static inline struct network *dense_network(uint64_t seed, int32_t classes)
{
    struct network *network = new_network(4, 5, 1);
    int32_t at = add_plain(network, LAYER_FLATTEN, "flatten", 0);
    at = add_dense(network, "dense1", at, 11);
    at = add_plain(network, LAYER_RELU, "relu1", at);
    at = add_dense(network, "dense2", at, 9);
    at = add_plain(network, LAYER_RELU, "relu2", at);
    return finished(network, at, classes, seed);
}

typedef struct network *network_maker(uint64_t seed, int32_t classes);
static network_maker *const network_makers[] = {plain_network, residual_network, dense_network};
enum { NETWORK_MAKERS = 3 };

/* --- data --- */

/* count × shape random bytes; the caller frees them. */
static inline uint8_t *random_pixels(struct shape shape, int64_t count, uint64_t seed)
{
    uint8_t *pixels;
    size_t bytes = (size_t)count * shape_count(shape);
    assert_ok(memory_allocate(&pixels, bytes, 1, "test"));
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)random_below(seed, 11, i, 256);
    return pixels;
}

/* `per_class` random images of each of the network's classes. */
static inline struct dataset *random_dataset(const struct network *network, int32_t per_class, uint64_t seed)
{
    struct dataset *dataset;
    int64_t count = (int64_t)per_class * network->class_count;
    uint8_t *pixels = random_pixels(network_input_shape(network), count, seed);
    int32_t *labels = new_labels(network, (int32_t)count);
    assert_ok(dataset_create(network_input_shape(network), network->class_count,
                             (const class_name *)network->class_names, pixels, labels, count, &dataset));
    memory_free(&labels);
    memory_free(&pixels);
    return dataset;
}

/* --- modules --- */

/* A module of every class, in a set that owns the network. Each unit stays with probability `kept`. */
static inline struct module_set *random_set(struct network *network, double kept, uint64_t seed)
{
    struct module_set *set;
    struct unit_layout *layout;
    struct class_counts *counts;
    uint32_t *sum;
    struct activation_options options = activation_options_default();
    assert_ok(unit_layout_create(network, &layout));
    assert_ok(class_counts_create(layout, &counts));
    assert_ok(memory_allocate(&sum, layout->unit_count, sizeof *sum, "test"));
    assert_ok(module_set_create(1, network->class_count, &set));
    set->parents[0] = network;
    for (int32_t c = 0; c < network->class_count; c++) {
        counts->class_index = c;
        counts->positive_images = 10;
        for (size_t u = 0; u < layout->unit_count; u++)
            counts->positive[u] = (double)random_uniform(seed, (uint64_t)c, u) < kept ? 1 : 0;
        assert_ok(activation_make_module(network, layout, &options, counts, sum, 90, &set->modules[c]));
    }
    memory_free(&sum);
    class_counts_destroy(&counts);
    unit_layout_destroy(&layout);
    return set;
}

static inline struct module_set *full_set(struct network *network)
{
    return random_set(network, 2.0, 0);
}

/* --- a folder of the test's own, as a cmocka fixture: *state is its name --- */

static inline int folder_setup(void **state)
{
    char name[] = "/tmp/facet-modules-XXXXXX";
    if (mkdtemp(name) == NULL)
        return -1;
    *state = strdup(name);
    return *state == NULL ? -1 : 0;
}

static inline int folder_teardown(void **state)
{
    char path[512];
    DIR *folder = opendir(*state);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", (const char *)*state, entry->d_name);
        unlink(path);
    }
    if (folder != NULL)
        closedir(folder);
    int result = rmdir(*state);
    free(*state);
    return result;
}

/* "FOLDER/name"; the caller frees it. */
static inline char *path_in(void **state, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", (const char *)*state, name) < 0)
        fail_msg("no memory");
    return path;
}

#endif
