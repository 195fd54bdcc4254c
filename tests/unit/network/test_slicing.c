/* Slicing: the sliced network, with what masks are left, gives what the masked original gives. */
#include "random_network.h"

#include <math.h>

#include "compute/network/pass.h"
#include "compute/network/slicing.h"
#include "compute/network/zoo.h"

enum { IMAGES = 3 };

/* Which channels and which single units of each layer with units are alive. */
struct masking {
    bool **alive;  /* by layer: (channels), or NULL */
    float **units; /* by layer: (units), 0 for all units of dead channels */
};

static struct masking new_masking(const struct network *network, uint64_t seed, float dead, float dead_units)
{
    struct masking made;
    size_t layers = (size_t)network->layer_count;
    assert_int_equal(memory_allocate(&made.alive, layers, sizeof *made.alive, "test"), STATUS_OK);
    assert_int_equal(memory_allocate(&made.units, layers, sizeof *made.units, "test"), STATUS_OK);
    for (size_t i = 0; i < layers; i++) {
        const struct layer *layer = &network->layers[i];
        if (!layer_has_units(layer))
            continue;
        size_t c = (size_t)layer->shape.c, units = shape_count(layer->shape);
        assert_int_equal(memory_allocate(&made.alive[i], c, sizeof(bool), "test"), STATUS_OK);
        assert_int_equal(memory_allocate(&made.units[i], units, sizeof(float), "test"), STATUS_OK);
        for (size_t k = 0; k < c; k++)
            made.alive[i][k] = random_uniform(seed, 100 + i, k) >= dead;
        for (size_t u = 0; u < units; u++)
            made.units[i][u] =
                made.alive[i][u % c] && random_uniform(seed, 10000 + i, u) >= dead_units ? 1.0F : 0.0F;
    }
    return made;
}

static void masking_clear(const struct network *network, struct masking *masking)
{
    for (int32_t i = 0; i < network->layer_count; i++) {
        memory_free(&masking->alive[i]);
        memory_free(&masking->units[i]);
    }
    memory_free(&masking->alive);
    memory_free(&masking->units);
}

/* The outputs of `network` with units masked; the caller frees them. */
static float *new_outputs(const struct network *network, float *const *units, const float *images)
{
    struct pass *pass;
    size_t count = IMAGES * shape_count(network->layers[network->layer_count - 1].shape);
    float *outputs;
    assert_int_equal(pass_create(network, IMAGES, PASS_INFER, &pass), STATUS_OK);
    for (int32_t i = 0; i < network->layer_count; i++)
        if (units[i] != NULL)
            pass_set_mask(pass, i, units[i]);
    assert_int_equal(memory_allocate(&outputs, count, sizeof *outputs, "test"), STATUS_OK);
    const float *computed = pass_forward(pass, IMAGES, images);
    for (size_t i = 0; i < count; i++)
        outputs[i] = computed[i];
    pass_destroy(&pass);
    return outputs;
}

/* The masks of the original, carried over by the channel mapping; the caller frees them. */
static float **new_carried_masks(const struct network *network, const struct slicing *slicing,
                                 float *const *units)
{
    float **carried;
    size_t layers = (size_t)slicing->network->layer_count;
    assert_int_equal(memory_allocate(&carried, layers, sizeof *carried, "test"), STATUS_OK);
    for (size_t i = 0; i < layers; i++) {
        int32_t origin = slicing->origin[i];
        const struct shape shape = slicing->network->layers[i].shape;
        const int32_t *channels = slicing->channels + slicing->first_channel[i];
        size_t c = (size_t)shape.c, all = (size_t)network->layers[origin].shape.c;
        assert_int_equal(c, slicing->first_channel[i + 1] - slicing->first_channel[i]);
        assert_int_equal(slicing->network->layers[i].kind, network->layers[origin].kind);
        if (units[origin] == NULL)
            continue;
        assert_int_equal(memory_allocate(&carried[i], shape_count(shape), sizeof(float), "test"), STATUS_OK);
        for (size_t u = 0; u < shape_count(shape); u++)
            carried[i][u] = units[origin][u / c * all + (size_t)channels[u % c]];
    }
    return carried;
}

static void assert_outputs_equal(const struct network *network, const float *sliced, const float *masked)
{
    size_t count = IMAGES * (size_t)network->class_count;
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)masked[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)sliced[i] - (double)masked[i]) <= 1e-5 * fmax(largest, 1)))
            fail_msg("%s: output %zu is %.9g sliced, %.9g masked", network->architecture, i,
                     (double)sliced[i], (double)masked[i]);
}

/* Slices the network, compares, and returns the sliced network's parameters. */
static size_t assert_slicing_is_exact(const struct network *network, uint64_t seed, float dead,
                                      float dead_units)
{
    struct slicing slicing;
    struct masking masking = new_masking(network, seed, dead, dead_units);
    float *images = new_images(network, IMAGES, seed);
    const bool *const *alive = (const bool *const *)masking.alive;
    if (network_slice(network, alive, &slicing) != STATUS_OK)
        fail_msg("%s: %s", network->architecture, error_message());
    float **carried = new_carried_masks(network, &slicing, masking.units);
    float *masked = new_outputs(network, masking.units, images);
    float *sliced = new_outputs(slicing.network, carried, images);
    assert_outputs_equal(network, sliced, masked);
    if (!slicing_keeps_dead(&slicing, alive) && dead_units == 0) { /* no mask is needed then */
        for (int32_t i = 0; i < slicing.network->layer_count; i++)
            memory_free(&carried[i]);
        memory_free(&sliced);
        sliced = new_outputs(slicing.network, carried, images);
        assert_outputs_equal(network, sliced, masked);
    }
    size_t parameters = slicing.network->parameter_count;
    for (int32_t i = 0; i < slicing.network->layer_count; i++)
        memory_free(&carried[i]);
    memory_free(&carried);
    memory_free(&masked);
    memory_free(&sliced);
    memory_free(&images);
    slicing_clear(&slicing);
    masking_clear(network, &masking);
    return parameters;
}

static void sliced_random_networks_give_what_masked_ones_give(void **state)
{
    (void)state;
    bool seen[LAYER_KIND_COUNT] = {false};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct network *network = random_network(seed, 6 + (int32_t)(seed % 20), 3);
        for (int32_t i = 0; i < network->layer_count; i++)
            seen[network->layers[i].kind] = true;
        assert_slicing_is_exact(network, seed, seed % 2 == 0 ? 0.4F : 0.8F, seed % 3 == 0 ? 0.3F : 0);
        network_destroy(&network);
    }
    for (int kind = 0; kind < LAYER_KIND_COUNT; kind++)
        assert_true(seen[kind]);
}

static void sliced_random_chains_give_what_masked_ones_give(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 80; seed++) {
        struct network *network = random_chains(seed, 14, 3);
        assert_slicing_is_exact(network, seed, 0.5F, seed % 2 == 0 ? 0.2F : 0);
        network_destroy(&network);
    }
}

static void assert_zoo_is_exact(const char *name, struct shape input, enum shortcut shortcut)
{
    struct network *network;
    assert_int_equal(zoo_build(name, input, 5, shortcut, &network), STATUS_OK);
    randomise(network, 3);
    size_t whole = network->parameter_count;
    size_t half = assert_slicing_is_exact(network, 4, 0.5F, 0);
    assert_true(half < whole);
    assert_true(assert_slicing_is_exact(network, 5, 0.9F, 0.3F) < half);
    network_destroy(&network);
}

static void sliced_zoo_networks_shrink_and_give_what_masked_ones_give(void **state)
{
    (void)state;
    assert_zoo_is_exact("mlp-3", (struct shape){8, 8, 1}, SHORTCUT_DEFAULT);
    assert_zoo_is_exact("lenet", (struct shape){28, 28, 1}, SHORTCUT_DEFAULT);
    assert_zoo_is_exact("resnet20", (struct shape){8, 8, 3}, SHORTCUT_A);
    assert_zoo_is_exact("resnet20", (struct shape){8, 8, 3}, SHORTCUT_B);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sliced_random_networks_give_what_masked_ones_give),
        cmocka_unit_test(sliced_random_chains_give_what_masked_ones_give),
        cmocka_unit_test(sliced_zoo_networks_shrink_and_give_what_masked_ones_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
