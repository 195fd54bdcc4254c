/* Random small graphs of every kind of layer, with fan-out, repeated inputs and branches that hold no
 * parameters. A pure function of the seed. */
#ifndef FACET_TESTS_UNIT_NETWORK_RANDOM_NETWORK_H
#define FACET_TESTS_UNIT_NETWORK_RANDOM_NETWORK_H

#include <stdio.h>

#include "building.h"

struct random_choices {
    uint64_t seed, drawn;
};

static inline int32_t choose(struct random_choices *choices, int32_t bound)
{
    return (int32_t)random_below(choices->seed, 7, choices->drawn++, (uint64_t)bound);
}

/* An earlier layer, more often a late one. */
static inline int32_t choose_input(struct random_choices *choices, const struct network *network)
{
    int32_t count = network->layer_count;
    return choose(choices, 3) == 0 ? choose(choices, count)
                                   : count - 1 - choose(choices, count < 3 ? count : 3);
}

static inline int32_t find_same_shape(struct random_choices *choices, const struct network *network,
                                      int32_t layer)
{
    const struct shape shape = network->layers[layer].shape;
    for (int32_t tries = 0; tries < 4; tries++) {
        int32_t other = choose(choices, network->layer_count);
        const struct shape found = network->layers[other].shape;
        if (found.h == shape.h && found.w == shape.w && found.c == shape.c)
            return other;
    }
    return layer;
}

/* Options of a random layer of that kind over an input of that shape; they need not fit. */
static inline struct layer_options random_options(struct random_choices *choices, enum layer_kind kind,
                                                  struct shape in)
{
    struct layer_options options = {0};
    switch (kind) {
    case LAYER_CONVOLUTION:
        options = convolution_options(2 * (1 + choose(choices, 2)), 1 + choose(choices, 3),
                                      1 + choose(choices, 2), choose(choices, 2));
        options.pad_bottom = choose(choices, 2);
        options.dilation_w = 1 + choose(choices, 2);
        options.groups = in.c % 2 == 0 ? 1 + choose(choices, 2) : 1;
        options.bias = choose(choices, 2) == 0;
        break;
    case LAYER_MAXPOOL:
    case LAYER_AVGPOOL:
        options = pooling_options(2, 1 + choose(choices, 2), choose(choices, 2));
        options.ceil_mode = choose(choices, 2) == 0;
        options.count_padding = choose(choices, 2) == 0;
        break;
    case LAYER_BATCHNORM:
        options = (struct layer_options){.epsilon = 1e-3F, .momentum = 0.1F};
        break;
    case LAYER_DENSE:
        options = (struct layer_options){.out_c = 2 + choose(choices, 3), .bias = choose(choices, 2) == 0};
        break;
    case LAYER_WINDOW:
        options = (struct layer_options){.out_h = 1 + choose(choices, in.h),
                                         .out_w = 1 + choose(choices, in.w),
                                         .out_c = 1 + choose(choices, in.c + 2),
                                         .from_h = choose(choices, 3) - 1,
                                         .from_w = choose(choices, 3) - 1,
                                         .from_c = choose(choices, 3) - 1,
                                         .step_h = 1 + choose(choices, 2),
                                         .step_w = 1 + choose(choices, 2)};
        break;
    case LAYER_CLIP:
        options = (struct layer_options){.low = choose(choices, 2) == 0 ? 0 : -0.7F, .high = 1.2F};
        break;
    case LAYER_LEAKY_RELU:
        options = (struct layer_options){.slope = 0.2F};
        break;
    case LAYER_HARD_SIGMOID:
        options = (struct layer_options){.slope = 0.3F, .offset = 0.4F};
        break;
    case LAYER_LRN:
        options = (struct layer_options){
            .size = 1 + choose(choices, 4), .alpha = 0.3F, .beta = 0.75F, .constant = 1.2F};
        break;
    case LAYER_SHUFFLE:
        options = (struct layer_options){.groups = 1 + choose(choices, 3)};
        break;
    default:
        break;
    }
    return options;
}

/* All layers that nobody reads yet, averaged over pixels and joined. */
static inline int32_t join_leaves(struct network *network)
{
    int32_t leaves[64], count = 0, joined;
    int32_t before = network->layer_count;
    char name[LAYER_NAME_BYTES];
    for (int32_t i = 0; i < before; i++) {
        bool read = false;
        for (int32_t j = i + 1; j < network->layer_count; j++)
            for (int32_t k = 0; k < network->layers[j].input_count; k++)
                read = read || network->layers[j].inputs[k] == i;
        if (read)
            continue;
        snprintf(name, sizeof name, "leaf%d", i);
        leaves[count++] = add_plain(network, LAYER_GLOBAL_AVGPOOL, name, i);
    }
    if (count == 1)
        return leaves[0];
    assert_int_equal(network_add_layer(network, LAYER_CONCAT, "join", NULL, leaves, count, &joined),
                     STATUS_OK);
    return joined;
}

/* Many convolutions, batch norms, sums and ReLUs of one shape: chains (compute/network/pass_chain.h) and what
 * breaks them: values with two readers, sums of two chains, sums of an earlier input. */
static inline struct network *random_chains(uint64_t seed, int32_t layers, int32_t classes)
{
    static const enum layer_kind kinds[] = {LAYER_CONVOLUTION, LAYER_CONVOLUTION, LAYER_BATCHNORM,
                                            LAYER_BATCHNORM,   LAYER_ADD,         LAYER_RELU};
    struct random_choices choices = {.seed = seed};
    struct network *network = new_network(5, 4, 2);
    snprintf(network->architecture, sizeof network->architecture, "random chains of seed %d", (int)seed);
    while (network->layer_count <= layers) {
        enum layer_kind kind = kinds[choose(&choices, 6)];
        int32_t last = network->layer_count - 1;
        /* Mostly the layer before, so that chains grow. */
        int32_t input = choose(&choices, 4) > 0 ? last : choose(&choices, last + 1), index;
        const int32_t inputs[2] = {input, choose(&choices, last + 1)};
        struct layer_options options = {0};
        char name[LAYER_NAME_BYTES];
        snprintf(name, sizeof name, "%s%d", layer_kind_name(kind), network->layer_count);
        if (kind == LAYER_CONVOLUTION) {
            options = convolution_options(2, 3, 1, 1);
            options.bias = choose(&choices, 2) == 0;
            options.groups = 1 + choose(&choices, 2);
        } else if (kind == LAYER_BATCHNORM) {
            options = (struct layer_options){.epsilon = 1e-3F, .momentum = 0.1F};
        }
        int32_t count = kind == LAYER_ADD ? 2 : 1;
        bool turned = count == 2 && choose(&choices, 2) == 0;
        const int32_t turned_inputs[2] = {inputs[1], inputs[0]};
        assert_int_equal(
            network_add_layer(network, kind, name, &options, turned ? turned_inputs : inputs, count, &index),
            STATUS_OK);
    }
    add_dense(network, "output", join_leaves(network), classes);
    finish(network);
    randomise(network, seed);
    return network;
}

static inline struct network *random_network(uint64_t seed, int32_t layers, int32_t classes)
{
    struct random_choices choices = {.seed = seed};
    struct network *network = new_network(5 + choose(&choices, 3), 5 + choose(&choices, 3), 2);
    snprintf(network->architecture, sizeof network->architecture, "random network of seed %d", (int)seed);
    while (network->layer_count <= layers) {
        enum layer_kind kind = (enum layer_kind)(1 + choose(&choices, LAYER_KIND_COUNT - 1));
        char name[LAYER_NAME_BYTES];
        snprintf(name, sizeof name, "%s%d", layer_kind_name(kind), network->layer_count);
        int32_t inputs[2] = {choose_input(&choices, network), 0}, index;
        inputs[1] = find_same_shape(&choices, network, inputs[0]);
        const struct layer_options options = random_options(&choices, kind, network->layers[inputs[0]].shape);
        int32_t count = kind == LAYER_ADD || kind == LAYER_CONCAT || kind == LAYER_MULTIPLY ? 2 : 1;
        if (kind == LAYER_MULTIPLY && choose(&choices, 2) == 0) { /* by a factor a channel */
            char factors[LAYER_NAME_BYTES];
            snprintf(factors, sizeof factors, "factors%d", network->layer_count);
            inputs[1] = add_plain(network, LAYER_GLOBAL_AVGPOOL, factors, inputs[1]);
        }
        /* What does not fit is refused and another layer tried. */
        network_add_layer(network, kind, name, &options, inputs, count, &index);
    }
    add_dense(network, "output", join_leaves(network), classes);
    finish(network);
    randomise(network, seed);
    return network;
}

#endif
