/* Training steps give the same bytes for any number of ranks and threads. */
#include "tests/mpi/on_ranks.h"

#include <omp.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/kernels/losses.h"
#include "compute/network/zoo.h"
#include "mpi/training/trainer.h"

enum { CLASSES = 3, BATCH = 72, REST = 37, PIXELS = 8 * 8 * 3, STEPS = 3 };

static float images[BATCH * PIXELS], targets[BATCH * CLASSES];

static void make_batch(void)
{
    for (int i = 0; i < BATCH * PIXELS; i++)
        images[i] = random_normal(1, 1, (uint64_t)i);
    for (int i = 0; i < BATCH * CLASSES; i++)
        targets[i] = random_normal(1, 2, (uint64_t)i);
    softmax_at_temperature(BATCH, CLASSES, targets, 1, targets);
}

static void load(void *context, int worker, struct share slice, float *inputs)
{
    (void)context;
    (void)worker;
    memcpy(inputs, images + slice.first * PIXELS, (size_t)slice.count * PIXELS * sizeof(float));
}

static void loss(void *context, int worker, struct share slice, const float *output, float *output_gradient,
                 double sums[TRAINER_SUMS])
{
    const int32_t *batch_images = context;
    (void)worker;
    sums[0] = softmax_distillation((int32_t)slice.count, CLASSES, output, targets + slice.first * CLASSES, 2,
                                   1.0F / (float)*batch_images, output_gradient);
    sums[1] = (double)slice.count;
}

/* A network after a few steps, batches of two sizes. */
static struct network *trained(MPI_Comm comm, bool copied)
{
    struct network *network = NULL;
    struct trainer *trainer = NULL;
    const struct trainer_options options = {
        .batch_images = BATCH, .rest_images = REST, .sgd = {.momentum = 0.9F, .weight_decay = 1e-4F}};
    assert_on_ranks(zoo_build("resnet20", (struct shape){8, 8, 3}, CLASSES, SHORTCUT_A, &network) ==
                    STATUS_OK);
    network_initialise(network, 1);
    assert_on_ranks(trainer_create(comm, network, &options, &trainer) == STATUS_OK);
    for (int step = 0; step < STEPS; step++) {
        int32_t count = step == 1 ? REST : BATCH;
        const struct trainer_batch batch = {
            .images = count, .inputs = copied ? NULL : images, .load = load, .loss = loss, .context = &count};
        struct trainer_result result;
        assert_on_ranks(trainer_step(trainer, &batch, 0.1F, &result) == STATUS_OK);
        assert_on_ranks(result.sums[1] == (float)count && !result.stop);
    }
    trainer_destroy(&trainer);
    assert_on_ranks(trainer == NULL);
    return network;
}

static void assert_same(const struct network *a, const struct network *b)
{
    assert_on_ranks(memcmp(a->parameters, b->parameters, a->parameter_count * sizeof(float)) == 0);
    assert_on_ranks(memcmp(a->statistics, b->statistics, a->statistic_count * sizeof(float)) == 0);
}

static void test_same_bytes_as_alone(void **state)
{
    (void)state;
    struct network *alone = trained(MPI_COMM_SELF, false), *together = trained(MPI_COMM_WORLD, true);
    assert_same(alone, together);
    omp_set_num_threads(3);
    struct network *threads = trained(MPI_COMM_WORLD, false);
    assert_same(alone, threads);
    network_destroy(&alone);
    network_destroy(&together);
    network_destroy(&threads);
}

/* Forward and backward by halves, as when the loss needs other networks' outputs, is the same step. */
static void test_a_step_in_two_halves(void **state)
{
    (void)state;
    struct network *network = NULL, *whole = NULL;
    struct trainer *trainer = NULL;
    float outputs[BATCH * CLASSES], gradient[BATCH * CLASSES];
    int32_t count = BATCH;
    const struct trainer_batch batch = {.images = BATCH, .inputs = images, .loss = loss, .context = &count};
    struct trainer_result result;
    assert_on_ranks(zoo_build("resnet20", (struct shape){8, 8, 3}, CLASSES, SHORTCUT_A, &network) ==
                    STATUS_OK);
    network_initialise(network, 1);
    assert_on_ranks(network_copy(network, &whole) == STATUS_OK);
    for (int halves = 0; halves < 2; halves++) {
        const struct trainer_options options = {.batch_images = BATCH, .hold = halves == 1};
        assert_on_ranks(trainer_create(MPI_COMM_SELF, halves ? network : whole, &options, &trainer) ==
                        STATUS_OK);
        if (halves) {
            trainer_forward(trainer, &batch, outputs);
            softmax_distillation(BATCH, CLASSES, outputs, targets, 2, 1.0F / BATCH, gradient);
            trainer_backward(trainer, &batch, gradient);
            trainer_apply(trainer, 0.1F);
        } else {
            assert_on_ranks(trainer_step(trainer, &batch, 0.1F, &result) == STATUS_OK);
        }
        trainer_destroy(&trainer);
    }
    assert_same(whole, network);
    network_destroy(&whole);
    network_destroy(&network);
}

static void test_divergence_takes_no_step(void **state)
{
    (void)state;
    struct network *network = NULL;
    struct trainer *trainer = NULL;
    struct trainer_result result;
    int32_t count = BATCH;
    const struct trainer_options options = {.batch_images = BATCH};
    const struct trainer_batch batch = {.images = BATCH, .inputs = images, .loss = loss, .context = &count};
    assert_on_ranks(zoo_build("mlp-1", (struct shape){8, 8, 3}, CLASSES, SHORTCUT_DEFAULT, &network) ==
                    STATUS_OK);
    network_initialise(network, 1);
    network->parameters[network->parameter_count - 1] = 3e38F * 1e10F;
    float first = network->parameters[0];
    assert_on_ranks(trainer_create(MPI_COMM_WORLD, network, &options, &trainer) == STATUS_OK);
    assert_on_ranks(trainer_step(trainer, &batch, 0.1F, &result) == STATUS_MISMATCH);
    assert_on_ranks(network->parameters[0] == first);
    trainer_destroy(&trainer);
    network_destroy(&network);
}

/* Rank 0's signal reaches all, also ranks that have no slice of the batch. */
static void test_a_stop_reaches_every_rank(void **state)
{
    (void)state;
    struct network *network = NULL;
    struct trainer *trainer = NULL;
    struct trainer_result result;
    int32_t count = 16;
    volatile sig_atomic_t stop = ranks_rank(MPI_COMM_WORLD) == ranks_count(MPI_COMM_WORLD) - 1;
    const struct trainer_options options = {.batch_images = 16, .stop = &stop};
    const struct trainer_batch batch = {.images = 16, .inputs = images, .loss = loss, .context = &count};
    assert_on_ranks(zoo_build("mlp-1", (struct shape){8, 8, 3}, CLASSES, SHORTCUT_DEFAULT, &network) ==
                    STATUS_OK);
    network_initialise(network, 1);
    assert_on_ranks(trainer_create(MPI_COMM_WORLD, network, &options, &trainer) == STATUS_OK);
    assert_on_ranks(trainer_step(trainer, &batch, 0.1F, &result) == STATUS_OK);
    assert_on_ranks(result.stop);
    trainer_destroy(&trainer);
    network_destroy(&network);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_same_bytes_as_alone),
    cmocka_unit_test(test_a_step_in_two_halves),
    cmocka_unit_test(test_divergence_takes_no_step),
    cmocka_unit_test(test_a_stop_reaches_every_rank),
};

int main(int argc, char **argv)
{
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    make_batch();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failures;
}
