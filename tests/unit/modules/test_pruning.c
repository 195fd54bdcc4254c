/* Channels that go together, and networks cut to a budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/network/pass.h"
#include "compute/network/zoo.h"
#include "modules/distill/gates.h"
#include "modules/distill/pruning.h"

static struct network *made_network(const char *name)
{
    struct network *network = NULL;
    assert_int_equal(zoo_build(name, (struct shape){8, 8, 3}, 4, SHORTCUT_DEFAULT, &network), STATUS_OK);
    network_initialise(network, 1);
    return network;
}

static int32_t group_of(const struct channel_groups *groups, int32_t layer, int32_t channel)
{
    return groups->group[groups->first[layer] + (size_t)channel];
}

static void test_a_chain_has_a_group_for_each_channel(void **state)
{
    (void)state;
    struct network *network = made_network("lenet");
    struct channel_groups groups;
    assert_int_equal(channel_groups_find(network, &groups), STATUS_OK);
    /* 32 and 64 channels, and 128 nodes; the flattened image belongs to the 64. */
    assert_int_equal(groups.count, 32 + 64 + 128);
    int32_t last = network->layer_count - 1;
    assert_int_equal(group_of(&groups, 0, 0), NO_GROUP);
    assert_int_equal(group_of(&groups, last, 0), NO_GROUP);
    channel_groups_clear(&groups);
    network_destroy(&network);
}

static void test_a_residual_stream_hangs_together(void **state)
{
    (void)state;
    struct network *network = made_network("resnet20");
    struct channel_groups groups;
    assert_int_equal(channel_groups_find(network, &groups), STATUS_OK);
    /* Nine blocks with channels of their own; the streams of the three stages are one by shortcut A, which
     * pads 16 channels to 32 and 32 to 64. */
    assert_int_equal(groups.count, 3 * (16 + 32 + 64) + 64);
    int32_t adds[2], found = 0;
    for (int32_t i = 0; i < network->layer_count && found < 2; i++)
        if (network->layers[i].kind == LAYER_ADD)
            adds[found++] = i;
    assert_int_equal(group_of(&groups, adds[0], 5), group_of(&groups, adds[1], 5));
    assert_int_not_equal(group_of(&groups, adds[0], 5), group_of(&groups, adds[0], 6));
    channel_groups_clear(&groups);
    network_destroy(&network);
}

/* Any gradient: importance in a random order. */
static void observe(struct pruning *pruning)
{
    const struct network *network = pruning_network(pruning);
    float *gradient = NULL;
    assert_int_equal(memory_allocate(&gradient, network->parameter_count, sizeof(float), "gradient"),
                     STATUS_OK);
    for (size_t i = 0; i < network->parameter_count; i++)
        gradient[i] = random_normal(3, 1, i);
    pruning_observe(pruning, gradient);
    memory_free(&gradient);
}

static void test_budgets_are_kept_in_steps(void **state)
{
    (void)state;
    struct network *network = made_network("resnet20");
    struct pruning *pruning = NULL;
    uint64_t whole = network_multiply_adds(network);
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    for (uint64_t part = 8; part >= 1; part /= 2) {
        observe(pruning);
        assert_int_equal(pruning_cut(pruning, whole * part / 10), STATUS_OK);
        uint64_t left = network_multiply_adds(pruning_network(pruning));
        assert_true(left <= whole * part / 10);
        assert_true(left > whole * part / 20); /* no more than needed */
    }
    pruning_destroy(&pruning);
    network_destroy(&network);
}

static void test_a_budget_that_is_kept_changes_nothing(void **state)
{
    (void)state;
    struct network *network = made_network("lenet");
    struct pruning *pruning = NULL;
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    assert_int_equal(pruning_cut(pruning, network_multiply_adds(network)), STATUS_OK);
    assert_int_equal(pruning_network(pruning)->parameter_count, network->parameter_count);
    pruning_destroy(&pruning);
    network_destroy(&network);
}

static void test_a_budget_below_the_floor_is_refused(void **state)
{
    (void)state;
    struct network *network = made_network("resnet20");
    struct pruning *pruning = NULL;
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    assert_int_equal(pruning_cut(pruning, 100), STATUS_USAGE);
    assert_non_null(strstr(error_message(), "cut to 100 multiply-adds"));
    assert_int_equal(pruning_network(pruning)->parameter_count, network->parameter_count);
    pruning_destroy(&pruning);
    network_destroy(&network);
}

/* A pruning that goes on from a state cuts as the one it was taken of, and tells the same channels. */
static void test_a_resumed_pruning_cuts_the_same(void **state)
{
    (void)state;
    struct network *network = made_network("resnet20");
    struct pruning *pruning = NULL, *resumed = NULL;
    uint64_t whole = network_multiply_adds(network);
    uint8_t left[DIGEST_BYTES], right[DIGEST_BYTES];
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    observe(pruning);
    assert_int_equal(pruning_cut(pruning, whole / 2), STATUS_OK);
    observe(pruning);
    struct pruning_state taken = pruning_state_of(pruning);
    assert_int_equal(pruning_resume(network, &taken, &resumed), STATUS_OK);
    assert_int_equal(pruning_cut(pruning, whole / 4), STATUS_OK);
    assert_int_equal(pruning_cut(resumed, whole / 4), STATUS_OK);
    network_digest(pruning_network(pruning), left);
    network_digest(pruning_network(resumed), right);
    assert_memory_equal(left, right, sizeof left);
    for (int32_t i = 0; i < network->layer_count; i++) {
        bool kept[64], kept_too[64];
        assert_in_range(network->layers[i].shape.c, 1, 64);
        pruning_kept(pruning, i, kept);
        pruning_kept(resumed, i, kept_too);
        assert_memory_equal(kept, kept_too, (size_t)network->layers[i].shape.c * sizeof *kept);
    }
    pruning_destroy(&resumed);

    taken = pruning_state_of(pruning);
    taken.group_count--;
    assert_int_equal(pruning_resume(network, &taken, &resumed), STATUS_FORMAT);
    assert_null(resumed);
    taken = pruning_state_of(pruning);
    taken.channel_count++;
    assert_int_equal(pruning_resume(network, &taken, &resumed), STATUS_FORMAT);
    pruning_destroy(&pruning);
    network_destroy(&network);
}

/* Of another input or another number of outputs, with origins that are all in range: what feeds and reads it
 * would go past its ends. */
static void test_a_state_with_other_ends_is_refused(void **state)
{
    (void)state;
    const struct {
        struct shape input;
        int32_t classes;
    } others[] = {{{8, 8, 1}, 4}, {{8, 8, 3}, 2}, {{8, 8, 3}, 5}, {{8, 8, 4}, 4}};
    struct network *network = made_network("lenet");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct network *other = NULL;
        struct pruning *pruning = NULL, *resumed = NULL;
        int32_t origins[1024] = {0};
        assert_int_equal(zoo_build("lenet", others[i].input, others[i].classes, SHORTCUT_DEFAULT, &other),
                         STATUS_OK);
        assert_int_equal(pruning_create(other, &pruning), STATUS_OK);
        struct pruning_state taken = pruning_state_of(pruning);
        assert_true(taken.channel_count <= sizeof origins / sizeof *origins);
        taken.channel_of = origins;
        assert_int_equal(pruning_resume(network, &taken, &resumed), STATUS_FORMAT);
        assert_null(resumed);
        pruning_destroy(&pruning);
        network_destroy(&other);
    }
    network_destroy(&network);
}

/* A channel whose parameters have no gradient matters least, and goes first; kept tells so. */
/* The ends are the same, but a layer between them has more channels than it was cut from. */
static void test_a_state_that_has_grown_is_refused(void **state)
{
    (void)state;
    struct network *network = made_network("lenet"), *left;
    struct pruning *pruning = NULL, *resumed = NULL;
    int32_t origins[1024] = {0};
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    observe(pruning);
    assert_int_equal(pruning_cut(pruning, network_multiply_adds(network) / 2), STATUS_OK);
    left = pruning_take(pruning);
    pruning_destroy(&pruning);
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    struct pruning_state taken = pruning_state_of(pruning);
    assert_true(taken.channel_count <= sizeof origins / sizeof *origins);
    taken.channel_of = origins;
    assert_int_equal(pruning_resume(left, &taken, &resumed), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "was none of it"));
    assert_null(resumed);
    pruning_destroy(&pruning);
    network_destroy(&left);
    network_destroy(&network);
}

static void test_what_does_not_matter_goes_first(void **state)
{
    (void)state;
    struct network *network = made_network("lenet");
    struct pruning *pruning = NULL;
    int32_t first = -1, relu = -1;
    for (int32_t i = 0; i < network->layer_count && relu < 0; i++) {
        if (network->layers[i].kind == LAYER_CONVOLUTION && first < 0)
            first = i;
        if (network->layers[i].kind == LAYER_RELU)
            relu = i;
    }
    float *gradient = NULL;
    assert_int_equal(memory_allocate(&gradient, network->parameter_count, sizeof(float), "gradient"),
                     STATUS_OK);
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    for (size_t i = 0; i < network->parameter_count; i++)
        gradient[i] = network->parameters[i];
    const struct layer *layer = &network->layers[first];
    for (size_t i = 7; i < layer->parameter_count; i += (size_t)layer->shape.c)
        gradient[layer->parameter_offset + i] = 0;
    pruning_observe(pruning, gradient);
    assert_int_equal(pruning_cut(pruning, network_multiply_adds(network) - 1), STATUS_OK);
    bool kept[32];
    assert_int_equal(network->layers[relu].shape.c, 32);
    pruning_kept(pruning, relu, kept);
    for (int c = 0; c < 32; c++)
        assert_int_equal(kept[c], c != 7);
    memory_free(&gradient);
    pruning_destroy(&pruning);
    network_destroy(&network);
}

static float output_of(const struct network *network, const float *image)
{
    struct pass *pass = NULL;
    assert_int_equal(pass_create(network, 1, PASS_INFER, &pass), STATUS_OK);
    float output = pass_forward(pass, 1, image)[0];
    pass_destroy(&pass);
    return output;
}

/* Shutting gates gives what cutting the same channels away gives; all open, the network itself. */
static void test_shut_gates_are_cut_channels(void **state)
{
    (void)state;
    static float image[8 * 8 * 3];
    struct network *network = made_network("resnet20");
    struct pruning *pruning = NULL;
    struct gates gates;
    bool *open = NULL;
    uint64_t budget = network_multiply_adds(network) / 2;
    for (size_t i = 0; i < sizeof image / sizeof *image; i++)
        image[i] = random_normal(5, 1, i);
    assert_int_equal(pruning_create(network, &pruning), STATUS_OK);
    assert_int_equal(gates_create(network, &gates), STATUS_OK);
    assert_int_equal(gates.groups.count, pruning_group_count(pruning));
    assert_true(output_of(gates.network, image) == output_of(network, image));
    assert_int_equal(memory_allocate(&open, (size_t)gates.groups.count, sizeof *open, "gates"), STATUS_OK);
    observe(pruning);
    assert_int_equal(pruning_choose(pruning, budget, open), STATUS_OK);
    assert_int_equal(network_multiply_adds(pruning_network(pruning)), network_multiply_adds(network));
    gates_set(&gates, open);
    assert_int_equal(pruning_cut(pruning, budget), STATUS_OK);
    float cut = output_of(pruning_network(pruning), image), shut = output_of(gates.network, image);
    assert_true(shut - cut < 1e-3F && cut - shut < 1e-3F);
    assert_true(shut != output_of(network, image));
    memory_free(&open);
    gates_clear(&gates);
    pruning_destroy(&pruning);
    network_destroy(&network);
}

/* A gate's effect is the difference quotient of the output by its factor. */
static void test_effects_are_difference_quotients(void **state)
{
    (void)state;
    static float image[8 * 8 * 3];
    const float ones[4] = {1, 0, 0, 0}, step = 0.015625F;
    struct network *network = made_network("lenet");
    struct gates gates;
    struct pass *pass = NULL;
    float *gradient = NULL;
    double *effect = NULL;
    for (size_t i = 0; i < sizeof image / sizeof *image; i++)
        image[i] = random_normal(6, 1, i);
    assert_int_equal(gates_create(network, &gates), STATUS_OK);
    assert_int_equal(memory_allocate(&gradient, gates.network->parameter_count, sizeof(float), "gradient"),
                     STATUS_OK);
    assert_int_equal(memory_allocate(&effect, (size_t)gates.groups.count, sizeof(double), "effects"),
                     STATUS_OK);
    assert_int_equal(pass_create(gates.network, 1, PASS_TRAIN, &pass), STATUS_OK);
    pass_forward(pass, 1, image);
    pass_backward(pass, 1, image, ones, gradient, NULL);
    gates_effect(&gates, gradient, effect);
    for (int32_t i = 0; i < gates.layer_count; i++) {
        if (gates.gate_of[i] == 0 || network->layers[i].shape.h != 1)
            continue; /* nodes of the dense layer, whose groups have one gate each */
        size_t factor = gates.network->layers[gates.gate_of[i]].parameter_offset + 3;
        gates.network->parameters[factor] = 1 + step;
        double up = (double)output_of(gates.network, image);
        gates.network->parameters[factor] = 1 - step;
        double down = (double)output_of(gates.network, image);
        gates.network->parameters[factor] = 1;
        double found = effect[gates.groups.group[gates.groups.first[i] + 3]];
        double wanted = (up - down) / (2 * (double)step);
        assert_true(found - wanted < 1e-3 && wanted - found < 1e-3);
    }
    pass_destroy(&pass);
    memory_free(&effect);
    memory_free(&gradient);
    gates_clear(&gates);
    network_destroy(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chain_has_a_group_for_each_channel),
        cmocka_unit_test(test_a_residual_stream_hangs_together),
        cmocka_unit_test(test_budgets_are_kept_in_steps),
        cmocka_unit_test(test_a_budget_that_is_kept_changes_nothing),
        cmocka_unit_test(test_a_budget_below_the_floor_is_refused),
        cmocka_unit_test(test_shut_gates_are_cut_channels),
        cmocka_unit_test(test_effects_are_difference_quotients),
        cmocka_unit_test(test_a_resumed_pruning_cuts_the_same),
        cmocka_unit_test(test_a_state_with_other_ends_is_refused),
        cmocka_unit_test(test_a_state_that_has_grown_is_refused),
        cmocka_unit_test(test_what_does_not_matter_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
