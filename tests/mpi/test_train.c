/* Training goes on from its own checkpoints alone: one that holds another network, or a place that this
 * training never comes to, is refused on every rank. */
#include "tests/mpi/shades.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/network/zoo.h"
#include "mpi/ranks.h"
#include "mpi/training/checkpoint.h"
#include "mpi/training/train.h"

enum { PER_CLASS = 40, BATCH = 32, EPOCHS = 2 };

static struct network *make_network(int32_t classes)
{
    struct network *network = NULL;
    assert_on_ranks(zoo_build("mlp-1", (struct shape){SHADE_SIDE, SHADE_SIDE, 1}, classes, SHORTCUT_DEFAULT,
                              &network) == STATUS_OK);
    network_initialise(network, 1);
    return network;
}

/* Rank 0 writes a checkpoint of the network at that place; every rank resumes from it. */
static enum status resume_from(const struct network *saved, const struct training_position *position)
{
    char folder[] = "/tmp/facet-train.XXXXXX", path[64];
    float *velocity = NULL;
    const struct option_records records = {0};
    struct run_progress progress = {0};
    volatile sig_atomic_t stop = 0;
    const struct train_options options = {.epochs = EPOCHS, .batch_images = BATCH, .rate = 0.01F, .seed = 1};
    struct dataset *dataset = make_shades(0, SHADES, PER_CLASS);
    struct network *network = make_network(SHADES);
    assert_on_ranks(memory_allocate(&velocity, saved->parameter_count, sizeof(float), "test") == STATUS_OK);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(mkdtemp(folder) != NULL);
    MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    snprintf(path, sizeof path, "%s/checkpoint.h5", folder);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(checkpoint_write(path, saved, velocity, position, &records) == STATUS_OK);
    MPI_Barrier(MPI_COMM_WORLD);
    const struct training training = {.comm = MPI_COMM_WORLD,
                                      .train = dataset,
                                      .options = &options,
                                      .records = &records,
                                      .checkpoint_path = path,
                                      .resume = true,
                                      .stop = &stop,
                                      .progress = &progress};
    enum status status = train_network(&training, network);
    MPI_Barrier(MPI_COMM_WORLD);
    unlink(path);
    rmdir(folder);
    memory_free(&velocity);
    network_destroy(&network);
    dataset_destroy(&dataset);
    return status;
}

static void test_own_checkpoint_is_gone_on_from(void **state)
{
    (void)state;
    struct network *saved = make_network(SHADES);
    const struct training_position position = {.epoch = 1, .batch = 2, .image_sum = 2 * BATCH};
    assert_on_ranks(resume_from(saved, &position) == STATUS_OK);
    network_destroy(&saved);
}

static void test_another_network_is_refused(void **state)
{
    (void)state;
    struct network *fewer = make_network(SHADES - 1), *renamed = make_network(SHADES);
    const struct training_position position = {.epoch = 1};
    assert_on_ranks(resume_from(fewer, &position) == STATUS_FORMAT);
    assert_on_ranks(strstr(error_message(), "checkpoint.h5") != NULL);
    strcpy(renamed->class_names[0], "another");
    assert_on_ranks(resume_from(renamed, &position) == STATUS_FORMAT);
    network_destroy(&fewer);
    network_destroy(&renamed);
}

static void test_a_place_out_of_the_training_is_refused(void **state)
{
    (void)state;
    struct network *saved = make_network(SHADES);
    const struct training_position wrong[] = {
        {.epoch = EPOCHS + 1},
        {.epoch = 0, .batch = 5, .image_sum = SHADES * PER_CLASS},
        {.epoch = 0, .batch = 2, .image_sum = BATCH},
        {.epoch = 0, .batch = 1, .correct_sum = 33, .image_sum = BATCH}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_on_ranks(resume_from(saved, &wrong[i]) == STATUS_FORMAT);
    network_destroy(&saved);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_own_checkpoint_is_gone_on_from),
    cmocka_unit_test(test_another_network_is_refused),
    cmocka_unit_test(test_a_place_out_of_the_training_is_refused),
};
ON_RANKS_MAIN(tests)
