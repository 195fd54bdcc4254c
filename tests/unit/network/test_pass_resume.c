/* A pass that goes on in the middle gives the bytes of a whole one. */
#include "building.h"

#include <string.h>

#include "compute/network/pass.h"
#include "random_network.h"

enum { IMAGES = 3, LAYERS = 24, CLASSES = 4, NETWORKS = 120 };

static struct network *network_of(uint64_t seed)
{
    return seed % 2 == 0 ? random_chains(seed, LAYERS, CLASSES) : random_network(seed, LAYERS, CLASSES);
}

/* 0 or 1 for each unit. */
static float *new_mask(const struct network *network, int32_t layer, uint64_t seed)
{
    size_t units = shape_count(network->layers[layer].shape);
    float *keep;
    assert_int_equal(memory_allocate(&keep, units, sizeof *keep, "test"), STATUS_OK);
    for (size_t u = 0; u < units; u++)
        keep[u] = random_uniform(seed, (uint64_t)layer, u) < 0.7F ? 1 : 0;
    return keep;
}

/* That `found` is what a pass from the beginning gives for `count` images from number `at` on. */
static void assert_same(const struct network *network, float *const *masks, const float *images, int32_t at,
                        int32_t count, const float *found)
{
    struct pass *whole;
    size_t outputs = shape_count(network->layers[network->layer_count - 1].shape);
    const float *first = images + (size_t)at * shape_count(network_input_shape(network));
    assert_int_equal(pass_create(network, IMAGES, PASS_INFER, &whole), STATUS_OK);
    for (int32_t i = 0; i < network->layer_count; i++)
        if (masks[i] != NULL)
            pass_set_mask(whole, i, masks[i]);
    assert_memory_equal(found, pass_forward(whole, count, first), (size_t)count * outputs * sizeof(float));
    pass_destroy(&whole);
}

/* Changes the mask of one layer after another, in any order, and resumes there, for some images and for all.
 */
static int check_network(struct network *network, uint64_t seed)
{
    struct pass *pass;
    bool resumes[4096] = {false};
    float *masks[4096] = {NULL};
    float *images = new_images(network, IMAGES, seed);
    int checked = 0;
    for (int32_t i = 0; i < network->layer_count; i++)
        resumes[i] = layer_has_units(&network->layers[i]) && random_uniform(seed, 5, (uint64_t)i) < 0.6F;
    assert_int_equal(pass_create_resuming(network, IMAGES, resumes, &pass), STATUS_OK);
    pass_forward(pass, IMAGES, images);
    for (uint64_t turn = 0; turn < 60; turn++) {
        int32_t layer = (int32_t)random_below(seed, 6, turn, (uint64_t)network->layer_count);
        if (!resumes[layer])
            continue;
        float *mask = new_mask(network, layer, seed + turn);
        pass_set_mask(pass, layer, mask);
        float *old = masks[layer];
        masks[layer] = mask;
        int32_t at = (int32_t)random_below(seed, 7, turn, IMAGES);
        int32_t count = 1 + (int32_t)random_below(seed, 8, turn, (uint64_t)(IMAGES - at));
        assert_same(network, masks, images, at, count, pass_forward_from(pass, layer, at, count, images));
        assert_same(network, masks, images, 0, IMAGES, pass_forward_from(pass, layer, 0, IMAGES, images));
        memory_free(&old);
        checked++;
    }
    for (int32_t i = 0; i < network->layer_count; i++)
        memory_free(&masks[i]);
    pass_destroy(&pass);
    memory_free(&images);
    return checked;
}

static void test_resumed_passes_give_the_same_bytes(void **state)
{
    (void)state;
    int checked = 0;
    for (uint64_t seed = 0; seed < NETWORKS; seed++) {
        struct network *network = network_of(seed);
        checked += check_network(network, seed);
        network_destroy(&network);
    }
    assert_true(checked > NETWORKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resumed_passes_give_the_same_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
