/* The zoo: sizes known from the literature, every network trains a step, and what is refused. */
#include "building.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compute/network/pass.h"
#include "compute/network/zoo.h"

static struct network *build(const char *name, struct shape input, int32_t classes, enum shortcut shortcut)
{
    struct network *network;
    if (zoo_build(name, input, classes, shortcut, &network) != STATUS_OK)
        fail_msg("%s", error_message());
    return network;
}

static const struct shape cifar = {32, 32, 3}, fashion = {28, 28, 1}, imagenet = {224, 224, 3};

/* Parameters without those of batch normalisation's running statistics, and multiply-adds of one image. */
static void check_size(const char *name, struct shape input, int32_t classes, enum shortcut shortcut,
                       size_t parameters, uint64_t multiply_adds)
{
    struct network *network = build(name, input, classes, shortcut);
    if (network->parameter_count != parameters || network_multiply_adds(network) != multiply_adds)
        fail_msg("%s has %zu parameters (expected %zu) and %llu multiply-adds (expected %llu)", name,
                 network->parameter_count, parameters, (unsigned long long)network_multiply_adds(network),
                 (unsigned long long)multiply_adds);
    assert_int_equal(network->class_count, classes);
    assert_string_equal(network->architecture, name);
    network_destroy(&network);
}

static void test_dense_networks(void **state)
{
    (void)state;
    check_size("mlp-1", fashion, 10, SHORTCUT_DEFAULT, 785 * 49 + 50 * 10, 784 * 49 + 490);
    check_size("mlp-4", fashion, 10, SHORTCUT_DEFAULT, 785 * 49 + 3 * 50 * 49 + 50 * 10,
               784 * 49 + 3 * 2401 + 490);
}

static void test_lenet(void **state)
{
    (void)state;
    check_size("lenet", fashion, 10, SHORTCUT_DEFAULT,
               (25 + 1) * 32 + (25 * 32 + 1) * 64 + (7 * 7 * 64 + 1) * 128 + 129 * 10,
               28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 128 + 1280);
}

/* He et al., CVPR 2016, table 6, give 0.27, 0.46, 0.66, 0.85 and 1.7 million. */
static void test_resnets_for_cifar(void **state)
{
    (void)state;
    check_size("resnet20", cifar, 10, SHORTCUT_DEFAULT, 269722, 40551040);
    check_size("resnet20", cifar, 10, SHORTCUT_A, 269722, 40551040);
    check_size("resnet32", cifar, 10, SHORTCUT_DEFAULT, 464154, 68862592);
    check_size("resnet44", cifar, 10, SHORTCUT_DEFAULT, 658586, 97174144);
    check_size("resnet56", cifar, 10, SHORTCUT_DEFAULT, 853018, 125485696);
    check_size("resnet110", cifar, 10, SHORTCUT_DEFAULT, 1727962, 252887680);
}

static void test_resnet20_with_projections(void **state)
{
    (void)state;
    size_t projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64;
    check_size("resnet20", cifar, 10, SHORTCUT_B, 269722 + projections,
               40551040 + 16 * 16 * 16 * 32 + 8 * 8 * 32 * 64);
}

/* The counts torchvision gives for the same networks. */
static void test_resnets_for_imagenet(void **state)
{
    (void)state;
    check_size("resnet18", imagenet, 1000, SHORTCUT_DEFAULT, 11689512, 1814073344);
    check_size("resnet34", imagenet, 1000, SHORTCUT_DEFAULT, 21797672, 3663761408);
    check_size("resnet50", imagenet, 1000, SHORTCUT_DEFAULT, 25557032, 4089184256);
}

static void test_resnet18_for_small_images(void **state)
{
    (void)state;
    check_size("resnet18", cifar, 10, SHORTCUT_DEFAULT, 11173962, 555422720);
}

static void test_vgg16_for_imagenet(void **state)
{
    (void)state;
    check_size("vgg16", imagenet, 1000, SHORTCUT_DEFAULT, 138357544, 15470264320);
}

static void test_vggs_for_small_images(void **state)
{
    (void)state;
    const size_t kernels = 14710464, biases = 4224; /* 3×3 weights and channels of the 13 convolutions */
    const size_t dense = 2 * 513 * 512 + 513 * 10;
    check_size("vgg16", cifar, 10, SHORTCUT_DEFAULT, kernels + biases + dense, 313725952);
    check_size("simcnn", cifar, 10, SHORTCUT_DEFAULT, kernels + 2 * biases + dense, 313725952);
}

/* A training step on two images gives a finite loss and a finite gradient that is not zero. */
static void check_trains(const char *name, struct shape input)
{
    enum { IMAGES = 2, CLASSES = 5 };
    struct network *network = build(name, input, CLASSES, SHORTCUT_DEFAULT);
    struct pass *pass;
    struct slice_result result = {0};
    network_initialise(network, 1);
    assert_int_equal(memory_allocate(&result.gradient, network->parameter_count, sizeof(float), "test"),
                     STATUS_OK);
    assert_int_equal(memory_allocate(&result.statistics, network->statistic_count, sizeof(float), "test"),
                     STATUS_OK);
    assert_int_equal(pass_create(network, IMAGES, PASS_TRAIN, &pass), STATUS_OK);
    float *images = new_images(network, IMAGES, 3);
    int32_t *labels = new_labels(network, IMAGES);
    pass_train(pass, IMAGES, images, labels, IMAGES, &result);
    double length = 0;
    for (size_t i = 0; i < network->parameter_count; i++)
        length += (double)result.gradient[i] * (double)result.gradient[i];
    if (!(isfinite(result.loss) && isfinite(length) && length > 0))
        fail_msg("%s: loss %g, squared length of the gradient %g", name, result.loss, length);
    pass_destroy(&pass);
    memory_free(&images);
    memory_free(&labels);
    memory_free(&result.gradient);
    memory_free(&result.statistics);
    network_destroy(&network);
}

static void test_every_network_trains(void **state)
{
    (void)state;
    for (const char *const *name = zoo_names(); *name != NULL; name++)
        check_trains(*name, (struct shape){12, 12, 3});
}

static void test_every_network_builds_for_usual_shapes(void **state)
{
    (void)state;
    const struct shape shapes[] = {{28, 28, 1}, {32, 32, 1}, {32, 32, 3}, {64, 64, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (const char *const *name = zoo_names(); *name != NULL; name++) {
            struct network *network = build(*name, shapes[i], 200, SHORTCUT_DEFAULT);
            assert_int_equal(network->layers[network->layer_count - 1].kind, LAYER_DENSE);
            assert_int_equal(network->class_count, 200);
            network_destroy(&network);
        }
}

/* Above 64 pixels the stem halves the image twice, up to there not at all. */
static void test_stem_follows_the_image_size(void **state)
{
    (void)state;
    for (int32_t pixels = 64; pixels <= 65; pixels++) {
        struct network *network = build("resnet18", (struct shape){pixels, 64, 3}, 10, SHORTCUT_DEFAULT);
        assert_int_equal(network->layers[1].options.kernel_h, pixels > 64 ? 7 : 3);
        assert_int_equal(network->layers[1].options.stride_h, pixels > 64 ? 2 : 1);
        assert_int_equal(network->layers[4].kind, pixels > 64 ? LAYER_MAXPOOL : LAYER_CONVOLUTION);
        network_destroy(&network);
    }
}

static void test_shortcuts(void **state)
{
    (void)state;
    for (int b = 0; b < 2; b++) {
        struct network *network = build("resnet20", cifar, 10, b ? SHORTCUT_B : SHORTCUT_A);
        int windows = 0, projections = 0;
        for (int32_t i = 0; i < network->layer_count; i++) {
            const struct layer *layer = &network->layers[i];
            projections += layer->kind == LAYER_CONVOLUTION && layer->options.kernel_h == 1;
            if (layer->kind != LAYER_WINDOW)
                continue;
            windows++;
            int32_t in_c = network->layers[layer->inputs[0]].shape.c;
            assert_int_equal(layer->options.from_c, -(layer->shape.c - in_c) / 2);
            assert_int_equal(layer->options.step_h, 2);
        }
        assert_int_equal(windows, b ? 0 : 2);
        assert_int_equal(projections, b ? 2 : 0);
        network_destroy(&network);
    }
}

static void test_unknown_name_lists_the_names(void **state)
{
    (void)state;
    struct network *network = (struct network *)state;
    assert_int_equal(zoo_build("resnet19", cifar, 10, SHORTCUT_DEFAULT, &network), STATUS_NOT_FOUND);
    assert_null(network);
    assert_non_null(strstr(error_message(), "resnet19"));
    for (const char *const *name = zoo_names(); *name != NULL; name++)
        assert_non_null(strstr(error_message(), *name));
}

static void test_images_too_small(void **state)
{
    (void)state;
    struct network *network;
    assert_int_equal(zoo_build("lenet", (struct shape){3, 3, 1}, 10, SHORTCUT_DEFAULT, &network),
                     STATUS_SHAPE);
    assert_null(network);
    assert_non_null(strstr(error_message(), "lenet"));
    assert_non_null(strstr(error_message(), "3x3x1"));
    assert_non_null(strstr(error_message(), "pool2"));
}

static void test_no_classes(void **state)
{
    (void)state;
    struct network *network;
    assert_int_equal(zoo_build("lenet", fashion, 0, SHORTCUT_DEFAULT, &network), STATUS_USAGE);
    assert_null(network);
}

static void test_shortcuts_of_a_network_without(void **state)
{
    (void)state;
    struct network *network;
    assert_int_equal(zoo_build("vgg16", fashion, 10, SHORTCUT_B, &network), STATUS_USAGE);
    assert_non_null(strstr(error_message(), "vgg16"));
    assert_null(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_networks),
        cmocka_unit_test(test_lenet),
        cmocka_unit_test(test_resnets_for_cifar),
        cmocka_unit_test(test_resnet20_with_projections),
        cmocka_unit_test(test_resnets_for_imagenet),
        cmocka_unit_test(test_resnet18_for_small_images),
        cmocka_unit_test(test_vgg16_for_imagenet),
        cmocka_unit_test(test_vggs_for_small_images),
        cmocka_unit_test(test_every_network_trains),
        cmocka_unit_test(test_every_network_builds_for_usual_shapes),
        cmocka_unit_test(test_stem_follows_the_image_size),
        cmocka_unit_test(test_shortcuts),
        cmocka_unit_test(test_unknown_name_lists_the_names),
        cmocka_unit_test(test_images_too_small),
        cmocka_unit_test(test_no_classes),
        cmocka_unit_test(test_shortcuts_of_a_network_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
