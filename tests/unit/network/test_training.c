/* What a training pass gives besides gradients: statistics, counts, and that it learns. */
#include "random_network.h"
#include "reference_network.h"

#include <math.h>
#include <string.h>

#include "compute/network/optimiser.h"
#include "compute/network/pass.h"
#include "compute/network/zoo.h"

enum { IMAGES = 4, CLASSES = 3 };

struct trainer {
    struct network *network;
    struct pass *pass;
    float *images;
    int32_t *labels;
    struct slice_result result;
};

/* Takes the network over. */
static struct trainer trainer_create(struct network *network, int32_t n)
{
    struct trainer made = {.network = network,
                           .images = new_images(network, n, 17),
                           .labels = new_labels(network, n),
                           .result = {.gradient = new_normal(network->parameter_count, 1),
                                      .statistics = new_normal(network->statistic_count, 1)}};
    assert_int_equal(pass_create(network, n, PASS_TRAIN, &made.pass), STATUS_OK);
    return made;
}

static void trainer_clear(struct trainer *trainer)
{
    pass_destroy(&trainer->pass);
    memory_free(&trainer->images);
    memory_free(&trainer->labels);
    memory_free(&trainer->result.gradient);
    memory_free(&trainer->result.statistics);
    network_destroy(&trainer->network);
}

static struct network *normalised_network(void)
{
    struct network *network = new_network(3, 3, 2);
    int32_t at = add_batchnorm(network, "bn1", add_convolution(network, "conv", 0, 3, 3, 1, 1));
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "pool", add_plain(network, LAYER_RELU, "relu", at));
    add_dense(network, "output", add_batchnorm(network, "bn2", at), CLASSES);
    finish(network);
    randomise(network, 9);
    return network;
}

static void test_statistics_are_the_mean_and_unbiased_variance(void **state)
{
    (void)state;
    struct trainer t = trainer_create(normalised_network(), IMAGES);
    struct reference_network reference = reference_create(t.network, IMAGES, true);
    pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
    reference_run(&reference, t.images);
    for (int32_t i = 0; i < t.network->layer_count; i++) {
        const struct layer *layer = &t.network->layers[i];
        double values = (double)IMAGES * layer->shape.h * layer->shape.w;
        for (size_t j = 0; j < layer->statistic_count; j++) {
            bool variance = j >= layer->statistic_count / 2;
            double expected =
                reference.statistics[layer->statistic_offset + j] * (variance ? values / (values - 1) : 1);
            double found = t.result.statistics[layer->statistic_offset + j];
            assert_true(fabs(found - expected) < 1e-5 * (1 + fabs(expected)));
        }
    }
    reference_clear(&reference);
    trainer_clear(&t);
}

static void test_one_value_a_channel_has_no_variance(void **state)
{
    (void)state;
    struct trainer t = trainer_create(normalised_network(), IMAGES);
    pass_train(t.pass, 1, t.images, t.labels, 1, &t.result);
    const struct layer *bn = &t.network->layers[5];
    assert_string_equal(bn->name, "bn2");
    for (size_t c = 0; c < 3; c++)
        assert_true(t.result.statistics[bn->statistic_offset + 3 + c] == 0);
    trainer_clear(&t);
}

static void test_training_changes_neither_parameters_nor_statistics(void **state)
{
    (void)state;
    struct trainer t = trainer_create(normalised_network(), IMAGES);
    uint8_t before[DIGEST_BYTES], after[DIGEST_BYTES];
    network_digest(t.network, before);
    pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
    network_digest(t.network, after);
    assert_memory_equal(before, after, sizeof before);
    trainer_clear(&t);
}

/* NaN images fill whatever they can reach, NaN results stand in the caller's arrays before. */
static void test_training_forgets_what_was_before(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct trainer t = trainer_create(random_network(seed, 14, CLASSES), IMAGES);
        size_t parameters = t.network->parameter_count, statistics = t.network->statistic_count;
        pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
        struct slice_result first = t.result;
        t.result.gradient = new_normal(parameters, 2);
        t.result.statistics = new_normal(statistics, 2);
        float *poison = new_images(t.network, IMAGES, 1);
        for (size_t i = 0; i < IMAGES * shape_count(network_input_shape(t.network)); i++)
            poison[i] = NAN;
        pass_train(t.pass, IMAGES, poison, t.labels, IMAGES, &t.result);
        for (size_t i = 0; i < parameters; i++)
            t.result.gradient[i] = NAN;
        pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
        assert_memory_equal(t.result.gradient, first.gradient, parameters * sizeof(float));
        assert_memory_equal(t.result.statistics, first.statistics, statistics * sizeof(float));
        assert_true(t.result.loss == first.loss);
        assert_int_equal(t.result.correct, first.correct);
        memory_free(&poison);
        memory_free(&first.gradient);
        memory_free(&first.statistics);
        trainer_clear(&t);
    }
}

/* pass_backward with the gradient of the cross-entropy is pass_train. */
static void test_backward_is_the_second_half_of_train(void **state)
{
    (void)state;
    struct trainer t = trainer_create(normalised_network(), IMAGES);
    size_t parameters = t.network->parameter_count, statistics = t.network->statistic_count;
    float *gradient = new_normal(parameters, 3), *slice_statistics = new_normal(statistics, 3);
    float output_gradient[IMAGES * CLASSES], kept[IMAGES * CLASSES];
    pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
    const float *logits = pass_forward(t.pass, IMAGES, t.images);
    for (int32_t i = 0; i < IMAGES; i++) {
        double sum = 0;
        for (int32_t k = 0; k < CLASSES; k++)
            sum += exp(logits[i * CLASSES + k]);
        for (int32_t k = 0; k < CLASSES; k++)
            output_gradient[i * CLASSES + k] =
                (float)((exp(logits[i * CLASSES + k]) / sum - (k == t.labels[i])) / IMAGES);
    }
    memcpy(kept, output_gradient, sizeof kept);
    pass_backward(t.pass, IMAGES, t.images, output_gradient, gradient, slice_statistics);
    assert_memory_equal(output_gradient, kept, sizeof kept);
    for (size_t i = 0; i < parameters; i++)
        assert_true(fabs((double)gradient[i] - (double)t.result.gradient[i]) < 1e-5);
    assert_memory_equal(slice_statistics, t.result.statistics, statistics * sizeof(float));
    memory_free(&gradient);
    memory_free(&slice_statistics);
    trainer_clear(&t);
}

static void test_correct_counts_the_largest_logits(void **state)
{
    (void)state;
    struct trainer t = trainer_create(normalised_network(), IMAGES);
    const float *logits = pass_forward(t.pass, IMAGES, t.images);
    int64_t expected = 0;
    for (int32_t i = 0; i < IMAGES; i++) {
        int32_t best = 0;
        for (int32_t k = 1; k < CLASSES; k++)
            if (logits[i * CLASSES + k] > logits[i * CLASSES + best])
                best = k;
        t.labels[i] = i == 0 ? (best + 1) % CLASSES : best; /* one wrong, the others right */
        expected += t.labels[i] == best;
    }
    pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
    assert_int_equal(expected, IMAGES - 1);
    assert_int_equal(t.result.correct, expected);
    trainer_clear(&t);
}

/* A ReLU's output, and the network's, can be read after a training pass; they are those of the reference. */
static void test_values_kept_when_training(void **state)
{
    (void)state;
    struct trainer t = trainer_create(normalised_network(), IMAGES);
    struct reference_network reference = reference_create(t.network, IMAGES, true);
    reference_run(&reference, t.images);
    pass_forward(t.pass, IMAGES, t.images);
    for (int32_t i = 0; i < t.network->layer_count; i++) {
        if (t.network->layers[i].kind != LAYER_RELU && i != t.network->layer_count - 1)
            continue;
        const float *value = pass_value(t.pass, i);
        for (size_t j = 0; j < IMAGES * shape_count(t.network->layers[i].shape); j++)
            assert_true(fabs(value[j] - reference.values[i][j]) < 1e-4);
    }
    pass_train(t.pass, IMAGES, t.images, t.labels, IMAGES, &t.result);
    const float *logits =
        pass_value(t.pass, t.network->layer_count - 1); /* still there, gradients beside them */
    for (size_t j = 0; j < (size_t)IMAGES * CLASSES; j++)
        assert_true(fabs(logits[j] - reference.values[t.network->layer_count - 1][j]) < 1e-4);
    reference_clear(&reference);
    trainer_clear(&t);
}

/* Plain SGD on a handful of images of noise must learn them by heart. */
static void check_overfits(const char *name, struct shape shape, int32_t steps, float rate)
{
    enum { HANDFUL = 8, TYPES = 4 };
    struct network *network;
    float *velocity;
    const struct sgd_options options = {.momentum = 0.9F};
    assert_int_equal(zoo_build(name, shape, TYPES, SHORTCUT_DEFAULT, &network), STATUS_OK);
    network_initialise(network, 4);
    struct trainer t = trainer_create(network, HANDFUL);
    assert_int_equal(memory_allocate(&velocity, network->parameter_count, sizeof *velocity, "test"),
                     STATUS_OK);
    double first = 0;
    for (int32_t step = 0; step < steps; step++) {
        pass_train(t.pass, HANDFUL, t.images, t.labels, HANDFUL, &t.result);
        if (step == 0)
            first = t.result.loss / HANDFUL;
        sgd_step(network, &options, rate, t.result.gradient, velocity);
        statistics_step(network, t.result.statistics);
    }
    if (!(first > 0.5 && t.result.loss / HANDFUL < 0.02))
        fail_msg("%s: loss went from %g to %g in %d steps", name, first, t.result.loss / HANDFUL, steps);
    assert_int_equal(t.result.correct, HANDFUL);

    struct pass *infer;
    int32_t right = 0;
    assert_int_equal(pass_create(network, HANDFUL, PASS_INFER, &infer), STATUS_OK);
    const float *logits = pass_forward(infer, HANDFUL, t.images);
    for (int32_t i = 0; i < HANDFUL; i++) {
        int32_t best = 0;
        for (int32_t k = 1; k < TYPES; k++)
            if (logits[i * TYPES + k] > logits[i * TYPES + best])
                best = k;
        right += best == t.labels[i];
    }
    assert_int_equal(right, HANDFUL); /* with the running statistics, too */
    pass_destroy(&infer);
    memory_free(&velocity);
    trainer_clear(&t);
}

static void test_mlp_overfits(void **state)
{
    (void)state;
    check_overfits("mlp-2", (struct shape){5, 5, 1}, 100, 0.05F);
}

static void test_lenet_overfits(void **state)
{
    (void)state;
    check_overfits("lenet", (struct shape){8, 8, 1}, 60, 0.02F);
}

static void test_resnet_overfits(void **state)
{
    (void)state;
    check_overfits("resnet20", (struct shape){8, 8, 3}, 60, 0.05F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_are_the_mean_and_unbiased_variance),
        cmocka_unit_test(test_one_value_a_channel_has_no_variance),
        cmocka_unit_test(test_training_changes_neither_parameters_nor_statistics),
        cmocka_unit_test(test_training_forgets_what_was_before),
        cmocka_unit_test(test_backward_is_the_second_half_of_train),
        cmocka_unit_test(test_correct_counts_the_largest_logits),
        cmocka_unit_test(test_values_kept_when_training),
        cmocka_unit_test(test_mlp_overfits),
        cmocka_unit_test(test_lenet_overfits),
        cmocka_unit_test(test_resnet_overfits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
