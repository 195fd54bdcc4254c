/* Modules written as ONNX and read again score the same. Maps over images are constants that importing has no
 * layer for, so these networks are dense, or lose nothing. */
#include "network_module_test.h"

#include <math.h>

#include "compute/formats/onnx/onnx_import.h"
#include "compute/network/pass.h"
#include "modules/module_export.h"

enum { IMAGES = 5 };

static struct classifier *classifier_of(struct module_set *set)
{
    struct classifier *classifier;
    assert_ok(classifier_from_modules(set, "composition", &classifier));
    return classifier;
}

/* Exports, imports and compares the scores of random pixels; takes the set over. */
static void check(void **state, struct module_set *set, bool with_scaling)
{
    struct classifier *classifier = classifier_of(set);
    struct shape shape = classifier_input_shape(classifier);
    size_t labels = (size_t)classifier->label_count;
    char *path = path_in(state, "modules.onnx");
    struct network *network;
    assert_ok(classifier_export(classifier, with_scaling, path));
    assert_ok(onnx_import(path, &network, NULL));
    assert_int_equal(network->class_count, classifier->label_count);
    for (size_t i = 0; i < labels; i++)
        assert_string_equal(network->class_names[i], classifier->labels[i]);

    uint8_t *pixels = random_pixels(shape, IMAGES, 3);
    float *images, *expected;
    struct classifier_run *run;
    struct pass *pass;
    assert_ok(memory_allocate(&images, IMAGES * shape_count(shape), sizeof *images, "test"));
    assert_ok(memory_allocate(&expected, IMAGES * labels, sizeof *expected, "test"));
    scaling_apply(&network->scaling, IMAGES * (size_t)shape.h * (size_t)shape.w, shape.c, pixels, images);
    assert_ok(classifier_run_create(classifier, shape, &run, NULL));
    assert_ok(classifier_scores(run, IMAGES, pixels, expected));
    assert_ok(pass_create(network, IMAGES, PASS_INFER, &pass));
    const float *got = pass_forward(pass, IMAGES, images);
    float largest = 0;
    for (size_t i = 0; i < IMAGES * labels; i++)
        largest = fmaxf(largest, fabsf(expected[i]));
    for (size_t i = 0; i < IMAGES * labels; i++)
        assert_true(fabsf(got[i] - expected[i]) <= 1e-4F * largest);

    pass_destroy(&pass);
    classifier_run_destroy(&run);
    memory_free(&pixels);
    memory_free(&images);
    memory_free(&expected);
    free(path);
    network_destroy(&network);
    classifier_destroy(&classifier);
}

static void calibrate(struct module_set *set)
{
    for (int32_t m = 0; m < set->module_count; m++) {
        set->modules[m].scale = 0.5F + 0.25F * (float)m;
        set->modules[m].offset = 1 - (float)m;
    }
}

static void test_masked_modules(void **state)
{
    struct module_set *set = random_set(dense_network(1, 4), 0.6, 7);
    calibrate(set);
    check(state, set, false);
}

static void test_uncut_modules_of_every_network(void **state)
{
    for (int32_t i = 0; i < NETWORK_MAKERS; i++) {
        struct module_set *set = full_set(network_makers[i](1, 3));
        calibrate(set);
        check(state, set, false);
    }
}

static void test_scaling_in_the_graph(void **state)
{
    struct module_set *set = random_set(dense_network(1, 3), 0.6, 7);
    set->parents[0]->scaling.mean[0] = 0.25F;
    set->parents[0]->scaling.std[0] = 0.5F;
    check(state, set, true);
}

static void test_networks_that_cannot_share_a_graph(void **state)
{
    char *path = path_in(state, "modules.onnx");
    for (int32_t scaled = 0; scaled < 2; scaled++) {
        struct module_set *set;
        assert_ok(module_set_create(2, 2, &set));
        for (int32_t p = 0; p < 2; p++) {
            struct network *parent =
                scaled || p == 0 ? dense_network((uint64_t)p + 1, 3) : plain_network(2, 3);
            struct module_set *full = full_set(parent);
            set->parents[p] = full->parents[0];
            full->parents[0] = NULL;
            assert_ok(module_copy(&full->modules[p], set->parents[p], &set->modules[p]));
            set->modules[p].parent = p;
            module_set_destroy(&full);
        }
        set->parents[1]->scaling.scale = scaled ? 0.5F : set->parents[1]->scaling.scale;
        struct classifier *classifier = classifier_of(set);
        assert_fails(classifier_export(classifier, false, path), STATUS_SHAPE,
                     scaled ? "scale pixels differently" : "images of one shape");
        if (scaled)
            assert_ok(classifier_export(classifier, true, path));
        classifier_destroy(&classifier);
    }
    free(path);
}

/* Maps that lose nothing, networks on two stems (one of which gives a vector), and on images. */
static void test_networks_of_their_own(void **state)
{
    for (int with_scaling = 0; with_scaling < 2; with_scaling++) {
        struct module_set *set = every_kind(5), *full = full_set(plain_network(5, 3));
        const struct shape image = {8, 8, 3};
        network_destroy(&set->modules[3].network);
        network_module(set, -1, margin_network(image, 2, 4), "cat", &set->modules[3]);
        for (int32_t m = 0; m < 2; m++)
            memcpy(set->modules[4 * m].map, full->modules[m].map, 44); /* of 348 units */
        memory_free(&set->modules[2].map);
        module_set_destroy(&full);
        calibrate(set);
        if (with_scaling)
            set->modules[3].network->scaling.scale = 0.02F;
        check(state, set, with_scaling != 0);
    }
}

static void test_a_network_of_another_shape_cannot_join(void **state)
{
    char *path = path_in(state, "modules.onnx");
    struct module_set *set = every_kind(5);
    struct classifier *classifier = classifier_of(set);
    assert_fails(classifier_export(classifier, true, path), STATUS_SHAPE, "images of one shape");
    classifier_destroy(&classifier);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_masked_modules, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(test_uncut_modules_of_every_network, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(test_scaling_in_the_graph, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(test_networks_that_cannot_share_a_graph, folder_setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(test_networks_of_their_own, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(test_a_network_of_another_shape_cannot_join, folder_setup,
                                        folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
