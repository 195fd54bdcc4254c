/* The gradients of whole networks against central differences of the loss in float64. */
#include "random_network.h"
#include "reference_network.h"

#include <math.h>

#include "compute/network/pass.h"

enum { IMAGES = 3, CLASSES = 3, BATCH = 7 };

static double mean_loss(const struct reference_network *reference, const float *images, const int32_t *labels)
{
    const double *logits = reference_run(reference, images);
    return reference_cross_entropy(IMAGES, CLASSES, logits, labels) / BATCH;
}

static double largest(const double *values, size_t count)
{
    double found = 0;
    for (size_t i = 0; i < count; i++)
        if (fabs(values[i]) > found)
            found = fabs(values[i]);
    return found;
}

/* Central differences: the derivative of the loss with respect to every parameter. A step across a kink of a
 * ReLU or a maximum gives nonsense, so each is taken with two step lengths, and the entry left out (NaN) when
 * they differ. */
static double *new_differences(struct reference_network *reference, const float *images,
                               const int32_t *labels)
{
    size_t count = reference->network->parameter_count;
    double *differences = new_doubles(count);
    for (size_t i = 0; i < count; i++) {
        const double steps[2] = {1e-5, 3e-6}, kept = reference->parameters[i];
        double slopes[2];
        for (int s = 0; s < 2; s++) {
            reference->parameters[i] = kept + steps[s];
            double above = mean_loss(reference, images, labels);
            reference->parameters[i] = kept - steps[s];
            slopes[s] = (above - mean_loss(reference, images, labels)) / (2 * steps[s]);
        }
        reference->parameters[i] = kept;
        differences[i] = fabs(slopes[0] - slopes[1]) < 1e-6 ? slopes[0] : NAN;
    }
    return differences;
}

/* Takes the network over. */
static void check_gradient(struct network *network)
{
    struct pass *pass;
    struct reference_network reference = reference_create(network, IMAGES, true);
    float *images = new_images(network, IMAGES, 11);
    int32_t *labels = new_labels(network, IMAGES);
    struct slice_result result = {.gradient = new_normal(network->parameter_count, 1),
                                  .statistics = new_normal(network->statistic_count, 1)};
    assert_int_equal(pass_create(network, IMAGES + 1, PASS_TRAIN, &pass), STATUS_OK);
    pass_train(pass, IMAGES, images, labels, BATCH, &result);

    double *differences = new_differences(&reference, images, labels);
    double scale = largest(differences, network->parameter_count);
    size_t compared = 0;
    for (int32_t i = 0; i < network->layer_count; i++) {
        const struct layer *layer = &network->layers[i];
        for (size_t j = layer->parameter_offset; j < layer->parameter_offset + layer->parameter_count; j++) {
            if (isnan(differences[j]))
                continue;
            compared++;
            if (!(fabs(result.gradient[j] - differences[j]) <= 1e-3 * scale))
                fail_msg("%s, layer %s, parameter %zu: gradient %g, central difference %g, largest %g",
                         network->architecture, layer->name, j - layer->parameter_offset,
                         (double)result.gradient[j], differences[j], scale);
        }
    }
    assert_true(scale > 0);
    assert_true(compared * 10 >= network->parameter_count * 9);
    assert_true(fabs(result.loss / BATCH - mean_loss(&reference, images, labels)) < 1e-4 * (1 + result.loss));

    pass_destroy(&pass);
    reference_clear(&reference);
    memory_free(&differences);
    memory_free(&images);
    memory_free(&labels);
    memory_free(&result.gradient);
    memory_free(&result.statistics);
    network_destroy(&network);
}

static void finish_and_check(struct network *network, int32_t features)
{
    add_dense(network, "output", features, CLASSES);
    finish(network);
    randomise(network, 5);
    check_gradient(network);
}

static void test_plain_network(void **state)
{
    (void)state;
    struct network *network = new_network(7, 6, 4);
    struct layer_options strange = convolution_options(6, 3, 1, 1);
    strange.stride_h = 2;
    strange.pad_right = 2;
    strange.dilation_h = 2;
    strange.groups = 2;
    const struct layer_options pooling = pooling_options(2, 2, 0);
    int32_t at = add_layer(network, LAYER_CONVOLUTION, "conv", &strange, 0, -1);
    at = add_plain(network, LAYER_RELU, "relu", at);
    at = add_layer(network, LAYER_MAXPOOL, "pool", &pooling, at, -1);
    at = add_plain(network, LAYER_FLATTEN, "flatten", at);
    finish_and_check(network, at);
}

/* Two residual blocks: an identity, and a change of shape by a window; every sum has two readers. */
static void test_residual_fan_out(void **state)
{
    (void)state;
    struct network *network = new_network(6, 6, 2);
    int32_t stem = add_plain(network, LAYER_RELU, "stem", add_convolution(network, "conv0", 0, 4, 3, 1, 1));
    int32_t at = add_convolution(network, "conv1", stem, 4, 3, 1, 1);
    at = add_plain(network, LAYER_RELU, "relu1", add_batchnorm(network, "bn1", at));
    at = add_batchnorm(network, "bn2", add_convolution(network, "conv2", at, 4, 3, 1, 1));
    at = add_layer(network, LAYER_ADD, "add1", NULL, at, stem);
    int32_t block = add_plain(network, LAYER_RELU, "relu2", at);
    const struct layer_options window = {
        .out_h = 3, .out_w = 3, .out_c = 6, .from_c = -1, .step_h = 2, .step_w = 2};
    int32_t shortcut = add_layer(network, LAYER_WINDOW, "shortcut", &window, block, -1);
    at = add_batchnorm(network, "bn3", add_convolution(network, "conv3", block, 6, 3, 2, 1));
    at = add_layer(network, LAYER_ADD, "add2", NULL, shortcut, at);
    at = add_plain(network, LAYER_RELU, "relu3", at);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    finish_and_check(network, at);
}

static void test_concatenated_branches(void **state)
{
    (void)state;
    struct network *network = new_network(6, 5, 3);
    struct layer_options average = pooling_options(3, 1, 1);
    int32_t stem = add_plain(network, LAYER_RELU, "relu", add_convolution(network, "conv", 0, 4, 3, 1, 1));
    int32_t branches[4], joined;
    branches[0] = add_layer(network, LAYER_AVGPOOL, "average", &average, stem, -1);
    average.count_padding = true;
    branches[1] = add_layer(network, LAYER_AVGPOOL, "average_padded", &average, stem, -1);
    branches[2] = add_convolution(network, "branch", stem, 5, 1, 1, 0);
    branches[3] = stem;
    assert_int_equal(network_add_layer(network, LAYER_CONCAT, "concat", NULL, branches, 4, &joined),
                     STATUS_OK);
    finish_and_check(network, add_plain(network, LAYER_FLATTEN, "flatten", joined));
}

/* Batch normalisation of the images themselves: a layer whose input's gradient nobody wants. */
static void test_batchnorm_of_the_input(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 3);
    int32_t at = add_batchnorm(network, "bn", 0);
    finish_and_check(network, add_plain(network, LAYER_FLATTEN, "flatten", at));
}

static void test_sum_of_a_layer_with_itself(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 3);
    int32_t conv = add_convolution(network, "conv", 0, 3, 3, 1, 1);
    int32_t at = add_layer(network, LAYER_ADD, "twice", NULL, conv, conv);
    at = add_layer(network, LAYER_ADD, "more", NULL, conv, at);
    finish_and_check(network, add_plain(network, LAYER_FLATTEN, "flatten", at));
}

/* A flatten beside another reader: its gradient is added to the other's instead of taking its place. */
static void test_flatten_beside_another_reader(void **state)
{
    (void)state;
    struct network *network = new_network(4, 4, 2);
    int32_t conv = add_convolution(network, "conv", 0, 2, 3, 1, 1), joined;
    int32_t flat = add_plain(network, LAYER_FLATTEN, "flatten", conv);
    int32_t relu = add_plain(network, LAYER_RELU, "relu", flat);
    int32_t average = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", conv);
    const int32_t inputs[3] = {flat, average, relu};
    assert_int_equal(network_add_layer(network, LAYER_CONCAT, "concat", NULL, inputs, 3, &joined), STATUS_OK);
    finish_and_check(network, joined);
}

static void test_random_networks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        check_gradient(random_network(seed, 9, CLASSES));
}

static void test_random_chains(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        check_gradient(random_chains(seed, 10, CLASSES));
}

/* y = relu(batchnorm(x) + x): both gradients of x come from one chain. */
static void test_batchnorm_beside_its_own_input(void **state)
{
    (void)state;
    struct network *network = new_network(5, 5, 2);
    int32_t conv = add_convolution(network, "conv", 0, 3, 3, 1, 1);
    int32_t at = add_layer(network, LAYER_ADD, "add", NULL, add_batchnorm(network, "bn", conv), conv);
    at = add_plain(network, LAYER_RELU, "relu", at);
    finish_and_check(network, add_plain(network, LAYER_FLATTEN, "flatten", at));
}

/* A batch norm of the images, to which something trained is added: the sum's gradient must outlive the
 * batch norm's, which nobody wants. */
static void test_sum_with_a_batchnorm_of_the_images(void **state)
{
    (void)state;
    struct network *network = new_network(5, 5, 2);
    int32_t bn = add_batchnorm(network, "bn", 0);
    int32_t conv = add_convolution(network, "conv", 0, 2, 3, 1, 1);
    int32_t at = add_layer(network, LAYER_ADD, "add", NULL, bn, conv);
    at = add_plain(network, LAYER_RELU, "relu", at);
    finish_and_check(network, add_plain(network, LAYER_FLATTEN, "flatten", at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_network),
        cmocka_unit_test(test_residual_fan_out),
        cmocka_unit_test(test_concatenated_branches),
        cmocka_unit_test(test_batchnorm_of_the_input),
        cmocka_unit_test(test_sum_of_a_layer_with_itself),
        cmocka_unit_test(test_flatten_beside_another_reader),
        cmocka_unit_test(test_random_networks),
        cmocka_unit_test(test_random_chains),
        cmocka_unit_test(test_batchnorm_beside_its_own_input),
        cmocka_unit_test(test_sum_with_a_batchnorm_of_the_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
