/* Counting and making modules of networks whose answers are known, for the tests of both. */
#ifndef FACET_TESTS_UNIT_MODULES_ACTIVATION_TEST_H
#define FACET_TESTS_UNIT_MODULES_ACTIVATION_TEST_H

#include "module_test.h"

#include "compute/kernels/softmax.h"
#include "compute/network/pass.h"

/* --- a network whose activity is known: two pixels, a hidden unit for each, one that never fires --- */

/* hidden 0 = pixel 0, hidden 1 = pixel 1, hidden 2 = relu(−1) = 0; logits 8·hidden 0 and 8·hidden 1, pixels
 * scaled to 0 … 1. So p(class 0) = 1/(1 + exp(−8·(a − b))). */
static inline struct network *known_network(void)
{
    struct network *network = new_network(1, 1, 2);
    int32_t at = add_dense(network, "hidden", 0, 3);
    at = add_plain(network, LAYER_RELU, "relu", at);
    add_dense(network, "output", at, 2);
    finish(network);
    float *hidden = network->parameters + network->layers[1].parameter_offset;
    float *output = network->parameters + network->layers[3].parameter_offset;
    hidden[0 * 3 + 0] = 1.0F;
    hidden[1 * 3 + 1] = 1.0F;
    hidden[2 * 3 + 2] = -1.0F; /* bias */
    output[0 * 2 + 0] = 8.0F;
    output[1 * 2 + 1] = 8.0F;
    return network;
}

static inline struct dataset *known_dataset(const uint8_t (*pixels)[2], const int32_t *labels, int64_t count)
{
    struct dataset *dataset;
    assert_ok(dataset_create((struct shape){1, 1, 2}, 2, NULL, pixels[0], labels, count, &dataset));
    return dataset;
}

/* A network with its layout and counts for every class. */
struct bench {
    struct network *network;
    struct unit_layout *layout;
    struct dataset *dataset;
    struct activation_options options;
    struct class_counts **counts; /* (classes) */
    uint32_t *sum;                /* (units) */
    int64_t sum_images;
};

static inline void bench_open(struct bench *bench, struct network *network, struct dataset *dataset)
{
    memset(bench, 0, sizeof *bench);
    bench->network = network;
    bench->dataset = dataset;
    bench->options = activation_options_default();
    size_t classes = (size_t)network->class_count;
    assert_ok(unit_layout_create(network, &bench->layout));
    assert_ok(memory_allocate(&bench->counts, classes, sizeof *bench->counts, "test"));
    assert_ok(memory_allocate(&bench->sum, bench->layout->unit_count, sizeof *bench->sum, "test"));
    for (size_t c = 0; c < classes; c++)
        assert_ok(class_counts_create(bench->layout, &bench->counts[c]));
}

static inline void bench_count(struct bench *bench)
{
    memset(bench->sum, 0, bench->layout->unit_count * sizeof *bench->sum);
    bench->sum_images = 0;
    for (int32_t c = 0; c < bench->network->class_count; c++) {
        struct class_counts *counts = bench->counts[c];
        assert_ok(activation_count_class(bench->network, bench->layout, bench->dataset, c, &bench->options,
                                         NULL, NULL, NULL, counts));
        for (size_t u = 0; u < bench->layout->unit_count; u++)
            bench->sum[u] += counts->negative[u];
        bench->sum_images += counts->negative_images;
    }
}

static inline enum status bench_make(const struct bench *bench, int32_t class_index, struct module *module)
{
    return activation_make_module(bench->network, bench->layout, &bench->options, bench->counts[class_index],
                                  bench->sum, bench->sum_images, module);
}

static inline void bench_close(struct bench *bench)
{
    for (int32_t c = 0; c < bench->network->class_count; c++)
        class_counts_destroy(&bench->counts[c]);
    memory_free(&bench->counts);
    memory_free(&bench->sum);
    unit_layout_destroy(&bench->layout);
    dataset_destroy(&bench->dataset);
    network_destroy(&bench->network);
}

/* The definition, one image at a time. */
static inline void naive_counts(const struct bench *bench, int32_t class_index, int64_t q, uint32_t *positive,
                                int64_t *positive_images, uint32_t *negative)
{
    const struct network *network = bench->network;
    const struct dataset *dataset = bench->dataset;
    struct pass *pass;
    size_t classes = (size_t)network->class_count;
    float image[8 * 8 * 3], probability[16];
    assert_ok(pass_create(network, 1, PASS_OBSERVE, &pass));
    *positive_images = 0;
    for (int64_t i = dataset->class_start[class_index]; i < dataset->class_start[class_index + 1]; i++) {
        scaling_apply(&network->scaling, shape_count(dataset->shape) / (size_t)dataset->shape.c,
                      dataset->shape.c, dataset_image(dataset, i), image);
        softmax_forward(1, network->class_count, pass_forward(pass, 1, image), probability);
        bool best = true;
        for (size_t c = 0; c < classes; c++)
            best = best && probability[class_index] >= probability[c];
        bool is_positive = best && probability[class_index] >= bench->options.confidence &&
                           *positive_images < bench->options.positives;
        bool is_negative = i - dataset->class_start[class_index] < q;
        *positive_images += is_positive;
        for (int32_t l = 0; l < bench->layout->layer_count; l++) {
            size_t first = bench->layout->unit_offset[l];
            const float *values = pass_value(pass, bench->layout->layers[l]);
            for (size_t u = first; u < bench->layout->unit_offset[l + 1]; u++) {
                positive[u] += is_positive && values[u - first] > 0;
                negative[u] += is_negative && values[u - first] > 0;
            }
        }
    }
    pass_destroy(&pass);
}

#endif
