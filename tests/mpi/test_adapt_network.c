/* A network of some of its parent's classes learns to say of them what the parent says: the same bytes on any
 * number of ranks, and nearer to the parent than before. */
#include "tests/mpi/shades.h"

#include <string.h>

#include "compute/network/zoo.h"
#include "mpi/adapt/adapt_network.h"
#include "mpi/ranks.h"

enum { PER_CLASS = 60, STEPS = 24 };

/* An untrained network, which as a parent is as good as another: what it says is learned, not what is. */
static struct network *make_net(const char *name, const char *const *classes, int32_t count, uint64_t seed)
{
    struct network *network = NULL;
    const struct shape shape = {SHADE_SIDE, SHADE_SIDE, 1};
    assert_on_ranks(zoo_build(name, shape, count, SHORTCUT_DEFAULT, &network) == STATUS_OK);
    network->scaling = scaling_default();
    network_initialise(network, seed);
    for (int32_t c = 0; c < count; c++)
        snprintf(network->class_names[c], sizeof(class_name), "%s", classes[c]);
    return network;
}

static struct network *make_parent(void)
{
    return make_net("mlp-1", shade_names, SHADES, 1);
}

/* Of the parent's classes the last and the first. */
static struct network *make_pupil(uint64_t seed)
{
    const char *const classes[] = {shade_names[2], shade_names[0]};
    return make_net("resnet20", classes, 2, seed);
}

/* With that decay of weights; below 0: asked to stop. */
static enum status adapt(MPI_Comm comm, const struct network *parent, const struct dataset *dataset,
                         float decay, uint64_t multiply_adds, struct network **network,
                         struct network_adapted *result)
{
    const volatile sig_atomic_t asked = decay < 0;
    const struct train_options options = {.batch_images = 16,
                                          .schedule = SCHEDULE_COSINE,
                                          .rate = 0.02F,
                                          .sgd = {.momentum = 0.9F, .nesterov = true, .weight_decay = decay},
                                          .seed = 3};
    const struct network_adapting adapting = {.comm = comm,
                                              .parent = parent,
                                              .dataset = dataset,
                                              .dataset_path = "shades.h5",
                                              .where = "union.h5",
                                              .options = &options,
                                              .steps = STEPS,
                                              .temperature = 4,
                                              .multiply_adds = multiply_adds,
                                              .pool_images = 150,
                                              .stop = &asked};
    return adapt_network(&adapting, network, result);
}

static bool same_results(const struct network_adapted *a, const struct network_adapted *b)
{
    return a->held_images == b->held_images && a->parent_top1 == b->parent_top1 &&
           a->before_top1 == b->before_top1 && a->before_loss == b->before_loss &&
           a->after_top1 == b->after_top1 && a->after_loss == b->after_loss;
}

static void test_it_comes_nearer_to_the_parent_on_any_number_of_ranks(void **state)
{
    (void)state;
    struct dataset *dataset = make_shades(0, SHADES, PER_CLASS);
    struct network *parent = make_parent(), *networks[2] = {make_pupil(2), make_pupil(2)};
    struct network_adapted results[2];
    uint8_t digests[2][DIGEST_BYTES];
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, dataset, 0, UINT64_MAX, &networks[0], &results[0]) ==
                    STATUS_OK);
    assert_on_ranks(adapt(MPI_COMM_SELF, parent, dataset, 0, UINT64_MAX, &networks[1], &results[1]) ==
                    STATUS_OK);
    for (int i = 0; i < 2; i++)
        network_digest(networks[i], digests[i]);
    assert_on_ranks(memcmp(digests[0], digests[1], DIGEST_BYTES) == 0);
    assert_on_ranks(same_results(&results[0], &results[1]));
    assert_on_ranks(results[0].held_images == 2 * PER_CLASS / 10);
    assert_on_ranks(results[0].after_loss < results[0].before_loss);
    for (int i = 0; i < 2; i++)
        network_destroy(&networks[i]);
    network_destroy(&parent);
    dataset_destroy(&dataset);
}

static void test_it_is_cut_to_a_budget_on_any_number_of_ranks(void **state)
{
    (void)state;
    struct dataset *dataset = make_shades(0, SHADES, PER_CLASS);
    struct network *parent = make_parent(), *networks[2] = {make_pupil(2), make_pupil(2)};
    struct network_adapted results[2];
    uint8_t digests[2][DIGEST_BYTES];
    uint64_t half = network_multiply_adds(networks[0]) / 2;
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, dataset, 0, half, &networks[0], &results[0]) == STATUS_OK);
    assert_on_ranks(adapt(MPI_COMM_SELF, parent, dataset, 0, half, &networks[1], &results[1]) == STATUS_OK);
    for (int i = 0; i < 2; i++)
        network_digest(networks[i], digests[i]);
    assert_on_ranks(memcmp(digests[0], digests[1], DIGEST_BYTES) == 0);
    assert_on_ranks(network_multiply_adds(networks[0]) <= half);
    assert_on_ranks(network_multiply_adds(networks[0]) > half / 2);
    assert_on_ranks(results[0].after_loss < results[0].before_loss);
    for (int i = 0; i < 2; i++)
        network_destroy(&networks[i]);
    network_destroy(&parent);
    dataset_destroy(&dataset);
}

/* One that says what the parent says already cannot come nearer, however its weights decay. */
static void test_the_best_state_stays(void **state)
{
    (void)state;
    struct dataset *dataset = make_shades(0, SHADES, PER_CLASS);
    struct network *parent = make_parent(), *network = make_parent();
    struct network_adapted result;
    uint8_t before[DIGEST_BYTES], after[DIGEST_BYTES];
    network_digest(network, before);
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, dataset, 0.5F, UINT64_MAX, &network, &result) == STATUS_OK);
    network_digest(network, after);
    assert_on_ranks(memcmp(before, after, DIGEST_BYTES) == 0);
    assert_on_ranks(result.after_loss == result.before_loss && result.after_top1 == result.parent_top1);
    network_destroy(&network);
    network_destroy(&parent);
    dataset_destroy(&dataset);
}

static void test_what_cannot_be_adapted_is_refused(void **state)
{
    (void)state;
    struct dataset *all = make_shades(0, SHADES, PER_CLASS), *some = make_shades(0, 2, PER_CLASS);
    struct network *parent = make_parent(), *network = make_pupil(2);
    struct network_adapted result;
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, some, 0, UINT64_MAX, &network, &result) ==
                    STATUS_NOT_FOUND);
    assert_on_ranks(strstr(error_message(), "light") != NULL);
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, all, -1, UINT64_MAX, &network, &result) == STATUS_STOPPED);
    parent->scaling.mean[0] = 0.5F;
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, all, 0, UINT64_MAX, &network, &result) == STATUS_MISMATCH);
    parent->scaling = network->scaling;
    snprintf(network->class_names[0], sizeof(class_name), "bright");
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, all, 0, UINT64_MAX, &network, &result) == STATUS_NOT_FOUND);
    assert_on_ranks(strstr(error_message(), "bright") != NULL);
    network_destroy(&network);
    network = make_pupil(2); /* its outputs overflow */
    for (size_t i = 0; i < network->parameter_count; i++)
        network->parameters[i] = 3e38F;
    assert_on_ranks(adapt(MPI_COMM_WORLD, parent, all, 0, UINT64_MAX, &network, &result) == STATUS_MISMATCH);
    assert_on_ranks(strstr(error_message(), "not finite") != NULL);
    network_destroy(&network);
    network_destroy(&parent);
    dataset_destroy(&all);
    dataset_destroy(&some);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_it_comes_nearer_to_the_parent_on_any_number_of_ranks),
    cmocka_unit_test(test_it_is_cut_to_a_budget_on_any_number_of_ranks),
    cmocka_unit_test(test_the_best_state_stays),
    cmocka_unit_test(test_what_cannot_be_adapted_is_refused),
};
ON_RANKS_MAIN(tests)
