/* Training one class against others, and adapting the modules of two networks to one another: the same bytes
 * on any number of ranks, and better than before. */
#include "tests/mpi/shades.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/network/zoo.h"
#include "modules/judgement.h"
#include "modules/module_set.h"
#include "mpi/adapt/adapt.h"
#include "mpi/adapt/calibrate.h"
#include "mpi/evaluate.h"
#include "mpi/ranks.h"

enum { PER_CLASS = 60 };

static struct train_options quick_options(void)
{
    return (struct train_options){.batch_images = 32,
                                  .schedule = SCHEDULE_COSINE,
                                  .rate = 0.05F,
                                  .sgd = {.momentum = 0.9F, .nesterov = true},
                                  .seed = 3};
}

static struct network *make_net(const char *name, int32_t classes, uint64_t seed)
{
    struct network *network = NULL;
    const struct shape shape = {SHADE_SIDE, SHADE_SIDE, 1};
    assert_on_ranks(zoo_build(name, shape, classes, SHORTCUT_DEFAULT, &network) == STATUS_OK);
    network->scaling = scaling_default();
    network_initialise(network, seed);
    return network;
}

/* The network tells `class` of the dataset from its other classes after so many steps. */
static enum status train_from(MPI_Comm comm, struct dataset *dataset, int32_t class, int64_t steps,
                              const struct step_checkpoint *checkpoint, const volatile sig_atomic_t *stop,
                              struct network *network)
{
    struct joined_dataset set;
    const struct dataset_join join = dataset_join_of(dataset, "shades", &set);
    const struct train_options options = quick_options();
    const struct joined_class all[SHADES] = {{0, 0}, {0, 1}, {0, 2}};
    const struct one_vs_rest work = {.comm = comm,
                                     .join = &join,
                                     .positive = {0, class},
                                     .negative_count = dataset->class_count,
                                     .negatives = all,
                                     .network = network,
                                     .options = &options,
                                     .steps = steps,
                                     .where = "shades.h5",
                                     .activity = "training",
                                     .progress_number = -1,
                                     .stop = stop,
                                     .checkpoint = checkpoint};
    return one_vs_rest_train(&work);
}

static enum status train_one(MPI_Comm comm, struct dataset *dataset, int32_t class, int64_t steps,
                             struct network *network)
{
    return train_from(comm, dataset, class, steps, NULL, NULL, network);
}

static void test_training_is_the_same_on_any_number_of_ranks(void **state)
{
    (void)state;
    struct dataset *dataset = make_shades(0, SHADES, PER_CLASS);
    struct network *networks[2] = {make_net("resnet20", 1, 1), make_net("resnet20", 1, 1)};
    assert_on_ranks(train_one(MPI_COMM_WORLD, dataset, 1, 3, networks[0]) == STATUS_OK);
    assert_on_ranks(train_one(MPI_COMM_SELF, dataset, 1, 3, networks[1]) == STATUS_OK);
    uint8_t digests[2][DIGEST_BYTES], start[DIGEST_BYTES];
    for (int i = 0; i < 2; i++)
        network_digest(networks[i], digests[i]);
    assert_on_ranks(memcmp(digests[0], digests[1], DIGEST_BYTES) == 0);
    network_destroy(&networks[0]);
    networks[0] = make_net("resnet20", 1, 1);
    network_digest(networks[0], start);
    assert_on_ranks(memcmp(start, digests[1], DIGEST_BYTES) != 0);
    for (int i = 0; i < 2; i++)
        network_destroy(&networks[i]);
    dataset_destroy(&dataset);
}

enum { STEPS = 5, STOPPED = 1 };

/* Trains class 1, from weights of that seed, until it is done or, when `stop` says so, for one step. */
static enum status train_on(const struct step_checkpoint *checkpoint, uint64_t seed, sig_atomic_t stop,
                            uint8_t digest[DIGEST_BYTES])
{
    const volatile sig_atomic_t asked = stop;
    struct dataset *dataset = make_shades(0, SHADES, PER_CLASS);
    struct network *network = make_net("resnet20", 1, seed);
    enum status status = train_from(MPI_COMM_WORLD, dataset, 1, STEPS, checkpoint, &asked, network);
    network_digest(network, digest);
    network_destroy(&network);
    dataset_destroy(&dataset);
    return status;
}

/* One bit, in the middle of the file. */
static void damage(const char *path)
{
    FILE *file = fopen(path, "r+b");
    assert_on_ranks(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long middle = ftell(file) / 2;
    assert_on_ranks(fseek(file, middle, SEEK_SET) == 0);
    int byte = fgetc(file);
    assert_on_ranks(fseek(file, middle, SEEK_SET) == 0 && fputc(byte ^ 1, file) == (byte ^ 1));
    assert_on_ranks(fclose(file) == 0);
}

/* Weights of seed 2 would become another network: what was gone on from is the checkpoint. */
static void test_training_goes_on_from_a_checkpoint_that_is_whole(void **state)
{
    (void)state;
    char path[64] = "/tmp/facet-steps-XXXXXX";
    uint8_t whole[DIGEST_BYTES], found[DIGEST_BYTES];
    struct option_records records = {0}, others = {0};
    option_records_add(&records, "--rate", "%s", "0.05");
    option_records_add(&others, "--rate", "%s", "0.1");
    bool first = ranks_rank(MPI_COMM_WORLD) == 0;
    if (first)
        assert_on_ranks(mkdtemp(path) != NULL);
    MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
    char file[80];
    snprintf(file, sizeof file, "%s/steps.h5", path);
    struct step_checkpoint checkpoint = {
        .comm = MPI_COMM_WORLD, .path = file, .seconds = 1000, .identity = {1, &records}};
    assert_on_ranks(train_on(NULL, 1, 0, whole) == STATUS_OK);
    assert_on_ranks(train_on(&checkpoint, 1, STOPPED, found) == STATUS_STOPPED);
    checkpoint.identity.records = &others;
    assert_on_ranks(train_on(&checkpoint, 1, 0, found) == STATUS_MISMATCH);
    checkpoint.identity.records = &records;
    checkpoint.seconds = 0; /* saves after every step */
    assert_on_ranks(train_on(&checkpoint, 2, STOPPED, found) == STATUS_STOPPED);
    assert_on_ranks(train_on(&checkpoint, 2, 0, found) == STATUS_OK);
    assert_on_ranks(memcmp(whole, found, DIGEST_BYTES) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
    if (first)
        damage(file);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_on_ranks(train_on(&checkpoint, 1, 0, found) == STATUS_OK);
    assert_on_ranks(memcmp(whole, found, DIGEST_BYTES) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
    if (first)
        assert_on_ranks(unlink(file) == 0 && rmdir(path) == 0);
}

static void test_what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    struct dataset *alone = make_shades(0, 1, PER_CLASS), *single = make_shades(0, 2, 1);
    struct network *network = make_net("mlp-1", 1, 1);
    assert_on_ranks(train_one(MPI_COMM_WORLD, alone, 0, 3, network) == STATUS_NOT_FOUND);
    assert_on_ranks(strstr(error_message(), "no images of any other class") != NULL);
    assert_on_ranks(train_one(MPI_COMM_WORLD, single, 0, 3, network) == STATUS_NOT_FOUND);
    assert_on_ranks(strstr(error_message(), "\"dark\" has 1 images") != NULL);
    network_destroy(&network);
    dataset_destroy(&alone);
    dataset_destroy(&single);
}

/* Modules dark and grey, each trained against the other alone, and light, trained against grey: dark never
 * learned to say no to light. */
static struct module_set *make_strangers(void)
{
    struct dataset *low = make_shades(0, 2, PER_CLASS), *high = make_shades(1, 2, PER_CLASS);
    struct module_set *set = NULL;
    assert_on_ranks(module_set_create(0, SHADES, &set) == STATUS_OK);
    for (int32_t i = 0; i < SHADES; i++) {
        struct network *network = make_net("mlp-1", 1, (uint64_t)i);
        const struct module_parts parts = {.class_name = shade_names[i], .class_index = i};
        assert_on_ranks(train_one(MPI_COMM_SELF, i < 2 ? low : high, i < 2 ? i : 1, 60, network) ==
                        STATUS_OK);
        assert_on_ranks(module_from_network(network, &parts, &set->modules[i]) == STATUS_OK);
    }
    dataset_destroy(&low);
    dataset_destroy(&high);
    return set;
}

struct two_sets {
    struct dataset *datasets[2];
    struct joined_dataset sets[2];
    struct dataset_join join;
};

static void open_two(struct two_sets *two)
{
    two->datasets[0] = make_shades(0, 2, PER_CLASS);
    two->datasets[1] = make_shades(2, 1, PER_CLASS);
    dataset_join_of(two->datasets[0], "low", &two->sets[0]);
    dataset_join_of(two->datasets[1], "high", &two->sets[1]);
    two->join = (struct dataset_join){2, two->sets};
}

static void close_two(struct two_sets *two)
{
    dataset_destroy(&two->datasets[0]);
    dataset_destroy(&two->datasets[1]);
}

static enum status adapt_on(MPI_Comm comm, const struct dataset_join *join, const int32_t *chosen,
                            int32_t chosen_count, struct module_set **set)
{
    const struct train_options options = quick_options();
    const struct adapting adapting = {.comm = comm,
                                      .join = join,
                                      .where = "strangers.h5",
                                      .part = TUNE_ALL,
                                      .options = &options,
                                      .steps = 60,
                                      .chosen_count = chosen_count,
                                      .chosen = chosen};
    return adapt_modules(&adapting, set);
}

static double top1_of(struct dataset_join *join, struct module_set **set)
{
    struct classifier *classifier = NULL;
    struct judgement *judgement = NULL;
    struct joined_run *run = NULL;
    assert_on_ranks(classifier_from_modules(*set, "composition", &classifier) == STATUS_OK);
    assert_on_ranks(judgement_create(classifier, "C", join, NULL, &judgement) == STATUS_OK);
    assert_on_ranks(joined_run_create(classifier, join, &run) == STATUS_OK);
    assert_on_ranks(evaluate_classifier(MPI_COMM_WORLD, classifier, run, join, judgement, NULL, NULL) ==
                    STATUS_OK);
    double top1 = judgement_top1(judgement);
    joined_run_destroy(&run);
    judgement_destroy(&judgement);
    classifier->modules = NULL; /* the caller's */
    classifier_destroy(&classifier);
    return top1;
}

static void test_adapting_helps_and_is_the_same_on_any_number_of_ranks(void **state)
{
    (void)state;
    const int32_t all[SHADES] = {0, 1, 2};
    struct two_sets two;
    open_two(&two);
    struct module_set *sets[2] = {make_strangers(), make_strangers()};
    double before = top1_of(&two.join, &sets[0]);
    assert_on_ranks(adapt_on(MPI_COMM_WORLD, &two.join, all, SHADES, &sets[0]) == STATUS_OK);
    assert_on_ranks(adapt_on(MPI_COMM_SELF, &two.join, all, SHADES, &sets[1]) == STATUS_OK);
    for (int32_t i = 0; i < SHADES; i++) {
        uint8_t digests[2][DIGEST_BYTES];
        for (int k = 0; k < 2; k++)
            network_digest(sets[k]->modules[i].network, digests[k]);
        assert_on_ranks(memcmp(digests[0], digests[1], DIGEST_BYTES) == 0);
        assert_on_ranks(strcmp(sets[0]->modules[i].label, shade_names[i]) == 0);
    }
    double after = top1_of(&two.join, &sets[0]);
    if (after <= before)
        print_error("top-1 %g before, %g after\n", before, after);
    assert_on_ranks(after > before && after > 0.95);
    for (int k = 0; k < 2; k++)
        module_set_destroy(&sets[k]);
    close_two(&two);
}

static void test_modules_that_are_not_chosen_stay(void **state)
{
    (void)state;
    const int32_t chosen[1] = {2};
    struct two_sets two;
    open_two(&two);
    struct module_set *set = make_strangers();
    uint8_t before[SHADES][DIGEST_BYTES], after[DIGEST_BYTES];
    for (int32_t i = 0; i < SHADES; i++)
        network_digest(set->modules[i].network, before[i]);
    assert_on_ranks(adapt_on(MPI_COMM_WORLD, &two.join, chosen, 1, &set) == STATUS_OK);
    for (int32_t i = 0; i < SHADES; i++) {
        network_digest(set->modules[i].network, after);
        assert_on_ranks((memcmp(before[i], after, DIGEST_BYTES) == 0) == (i < 2));
    }
    module_set_destroy(&set);
    close_two(&two);
}

static void test_data_without_the_class_are_refused(void **state)
{
    (void)state;
    const int32_t chosen[2] = {0, 2};
    struct dataset *dataset = make_shades(0, 2, PER_CLASS);
    struct joined_dataset joined;
    const struct dataset_join join = dataset_join_of(dataset, "low", &joined);
    struct module_set *set = make_strangers();
    assert_on_ranks(adapt_on(MPI_COMM_WORLD, &join, chosen, 2, &set) == STATUS_NOT_FOUND);
    assert_on_ranks(strstr(error_message(), "no class \"light\" in low") != NULL);
    module_set_destroy(&set);
    dataset_destroy(&dataset);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_training_is_the_same_on_any_number_of_ranks),
    cmocka_unit_test(test_training_goes_on_from_a_checkpoint_that_is_whole),
    cmocka_unit_test(test_what_cannot_be_trained_is_refused),
    cmocka_unit_test(test_adapting_helps_and_is_the_same_on_any_number_of_ranks),
    cmocka_unit_test(test_modules_that_are_not_chosen_stay),
    cmocka_unit_test(test_data_without_the_class_are_refused),
};
ON_RANKS_MAIN(tests)
