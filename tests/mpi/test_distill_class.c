/* One class distilled and stopped at every step: what is kept on disk goes on to the same network, on any
 * number of ranks, and nothing else is believed. */
#include "tests/mpi/noise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "modules/distill/teacher.h"
#include "mpi/classes/parts.h"
#include "mpi/distill/distill_class.h"
#include "mpi/distill/distiller_file.h"
#include "mpi/ranks.h"

enum { CLASS = 1 };

static char path[64]; /* of the checkpoint */
static struct network *network;
static struct dataset *dataset;
static struct teacher teacher;
static struct feature_set pool, held;
static struct option_records records;

static void make_features(struct feature_maker *maker, const uint32_t *images, int64_t count,
                          struct feature_set *set)
{
    struct shown_image shown[CLASSES * EACH];
    for (int64_t i = 0; i < count; i++)
        shown[i] = (struct shown_image){images[i], -1};
    assert_on_ranks(feature_set_create(MPI_COMM_WORLD, maker, shown, count, NULL, set) == STATUS_OK);
}

static int make_all(void **state)
{
    (void)state;
    const struct augmentation none = {0};
    struct distill_images images;
    struct feature_maker *maker = NULL;
    make_data(&network, &dataset);
    assert_on_ranks(teacher_create(network, "1", &teacher) == STATUS_OK);
    assert_on_ranks(distill_images_create(network, dataset, "the data", &images) == STATUS_OK);
    assert_on_ranks(feature_maker_create(&teacher, &images, &none, 1, &maker) == STATUS_OK);
    make_features(maker, images.train, images.train_count, &pool);
    make_features(maker, images.held, images.held_count, &held);
    feature_maker_destroy(&maker);
    distill_images_clear(&images);
    option_records_add(&records, "--steps", "16");
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        snprintf(path, sizeof path, "/tmp/facet-distill-class-%d.h5", (int)getpid());
    MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    feature_set_clear(&pool);
    feature_set_clear(&held);
    teacher_clear(&teacher);
    network_destroy(&network);
    dataset_destroy(&dataset);
    return 0;
}

/* Runs class CLASS on `comm` from whatever is on disk; stopped after one step if `stop`. */
static enum status make(MPI_Comm comm, const struct distill_options *options, sig_atomic_t stop,
                        double seconds, uint8_t digest[DIGEST_BYTES])
{
    struct distill_classes classes = {.options = options,
                                      .teacher = &teacher,
                                      .pool = &pool,
                                      .held = &held,
                                      .multiply_adds = network_multiply_adds(network) / 8,
                                      .records = &records};
    const struct class_task task = {.group = comm,
                                    .class_index = CLASS,
                                    .checkpoint_path = path,
                                    .checkpoint_seconds = seconds,
                                    .stop = &stop};
    struct module module;
    memset(&module, 0, sizeof module);
    enum status status = distill_class_make(&classes, &task, &module);
    if (status == STATUS_OK) {
        /* all that the module is: its network and which channels of the parent it has */
        struct digest_state state;
        uint8_t of_network[DIGEST_BYTES];
        network_digest(module.network, of_network);
        digest_begin(&state);
        digest_add(&state, of_network, sizeof of_network);
        digest_add(&state, module.channels, (module.whole.channels + 7) / 8);
        digest_end(&state, digest);
    }
    module_clear(&module);
    return status;
}

static void forget(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        remove(path);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* A step a run, of all ranks and of the first alone by turns. */
static void expect_same_in_steps(const struct distill_options *options)
{
    uint8_t whole[DIGEST_BYTES], pieces[DIGEST_BYTES];
    forget();
    assert_on_ranks(make(MPI_COMM_WORLD, options, 0, 1e9, whole) == STATUS_OK);
    assert_on_ranks(access(path, F_OK) != 0);
    int runs = 0;
    for (enum status status = STATUS_STOPPED; status == STATUS_STOPPED; runs++) {
        bool all = runs % 3 != 1;
        assert_on_ranks(runs < 100);
        if (all || ranks_rank(MPI_COMM_WORLD) == 0)
            status = make(all ? MPI_COMM_WORLD : MPI_COMM_SELF, options, 1, 1e9, pieces);
        MPI_Bcast(&status, 1, MPI_INT, 0, MPI_COMM_WORLD);
        assert_on_ranks(status == STATUS_OK || status == STATUS_STOPPED);
        assert_on_ranks(status == STATUS_OK || access(path, F_OK) == 0);
    }
    assert_on_ranks(runs > 2 * options->steps - 2); /* steps, those that settle, and the end */
    MPI_Bcast(pieces, sizeof pieces, MPI_BYTE, 0, MPI_COMM_WORLD);
    assert_on_ranks(memcmp(whole, pieces, sizeof whole) == 0);
}

static void test_a_class_stopped_at_every_step_is_the_same(void **state)
{
    (void)state;
    const struct distill_options options = small_options();
    expect_same_in_steps(&options);
}

static void test_gates_stopped_at_every_step_are_the_same(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    options.frozen = true;
    expect_same_in_steps(&options);
}

/* Saved after every step, so that only the last save is gone on from when the run is killed. */
static void test_it_saves_as_time_goes_by(void **state)
{
    (void)state;
    const struct distill_options options = small_options();
    uint8_t whole[DIGEST_BYTES], rest[DIGEST_BYTES];
    forget();
    assert_on_ranks(make(MPI_COMM_WORLD, &options, 0, 0, whole) == STATUS_OK);
    assert_on_ranks(access(path, F_OK) == 0);
    assert_on_ranks(make(MPI_COMM_WORLD, &options, 0, 1e9, rest) == STATUS_OK);
    assert_on_ranks(memcmp(whole, rest, sizeof whole) == 0);
}

static void test_other_options_are_refused_and_damage_is_made_anew(void **state)
{
    (void)state;
    const struct distill_options options = small_options();
    uint8_t whole[DIGEST_BYTES], anew[DIGEST_BYTES];
    forget();
    assert_on_ranks(make(MPI_COMM_WORLD, &options, 0, 1e9, whole) == STATUS_OK);
    assert_on_ranks(make(MPI_COMM_WORLD, &options, 1, 1e9, anew) == STATUS_STOPPED);
    records.records[0].value[0] = '9';
    assert_on_ranks(make(MPI_COMM_WORLD, &options, 0, 1e9, anew) == STATUS_MISMATCH);
    assert_on_ranks(ranks_rank(MPI_COMM_WORLD) != 0 ||
                    strstr(error_message(), "--steps was 16, now it is 96"));
    records.records[0].value[0] = '1';
    MPI_Barrier(MPI_COMM_WORLD);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(truncate(path, 3000) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_on_ranks(make(MPI_COMM_WORLD, &options, 0, 1e9, anew) == STATUS_OK);
    assert_on_ranks(memcmp(whole, anew, sizeof whole) == 0);
}

/* Changes what is on disk and seals it again, as only somebody who means harm could. */
static void reseal(void (*change)(struct distiller_state *state))
{
    const struct part_identity identity = {CLASS, &records};
    MPI_Barrier(MPI_COMM_WORLD);
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        struct distiller_state state;
        char *open_path = NULL;
        assert_on_ranks(distiller_file_read(path, &state) == STATUS_OK);
        change(&state);
        assert_on_ranks(part_path_open(path, &open_path) == STATUS_OK);
        assert_on_ranks(distiller_file_write(open_path, &state) == STATUS_OK);
        assert_on_ranks(part_seal(open_path, path, &identity, false) == STATUS_OK);
        memory_free(&open_path);
        distiller_state_clear(&state);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static void wrong_phase(struct distiller_state *state)
{
    state->place.phase = DISTILLER_GATES;
}
static void wrong_step(struct distiller_state *state)
{
    state->place.step = INT64_C(1) << 50;
}
static void wrong_round(struct distiller_state *state)
{
    state->place.round = 1000;
}
static void wrong_loss(struct distiller_state *state)
{
    state->place.best_loss = -1;
}
static void fewer_velocities(struct distiller_state *state)
{
    state->velocity_count--;
}
static void no_importance(struct distiller_state *state)
{
    state->importance_count = 0;
}
static void fewer_channels(struct distiller_state *state)
{
    state->channel_count--;
}
static void fewer_layers(struct distiller_state *state)
{
    state->layer_count--;
}
static void other_layers(struct distiller_state *state)
{
    ((int32_t *)state->layer_of)[2] = 1 << 30;
}
static void other_channels(struct distiller_state *state)
{
    ((int32_t *)state->channel_of)[0] = -1;
}
static void no_score(struct distiller_state *state)
{
    assert_on_ranks(state->score_count > 2);
    ((double *)state->scores)[2] = NAN;
}
static void negative_score(struct distiller_state *state)
{
    assert_on_ranks(state->score_count > 2); /* after the first step they are sums of squares */
    ((double *)state->scores)[2] = -1e-3;
}

/* What one step left, changed, does not go on. */
static void expect_refusals(const struct distill_options *options,
                            void (*const *changes)(struct distiller_state *), size_t count)
{
    uint8_t digest[DIGEST_BYTES];
    for (size_t i = 0; i < count; i++) {
        forget();
        assert_on_ranks(make(MPI_COMM_WORLD, options, 1, 1e9, digest) == STATUS_STOPPED);
        reseal(changes[i]);
        assert_on_ranks(make(MPI_COMM_WORLD, options, 0, 1e9, digest) == STATUS_FORMAT);
    }
    forget();
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    const struct distill_options options = small_options();
    static void (*const changes[])(struct distiller_state *) = {
        wrong_phase,   wrong_step,     wrong_round,  wrong_loss,   fewer_velocities,
        no_importance, fewer_channels, fewer_layers, other_layers, other_channels};
    expect_refusals(&options, changes, sizeof changes / sizeof *changes);
}

static void test_scores_that_are_none_are_refused(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    static void (*const changes[])(struct distiller_state *) = {no_score, negative_score};
    options.frozen = true;
    expect_refusals(&options, changes, sizeof changes / sizeof *changes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_class_stopped_at_every_step_is_the_same),
    cmocka_unit_test(test_gates_stopped_at_every_step_are_the_same),
    cmocka_unit_test(test_it_saves_as_time_goes_by),
    cmocka_unit_test(test_other_options_are_refused_and_damage_is_made_anew),
    cmocka_unit_test(test_what_does_not_fit_is_refused),
    cmocka_unit_test(test_scores_that_are_none_are_refused),
};

int main(int argc, char **argv)
{
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    int failures = cmocka_run_group_tests(tests, make_all, remove_all);
    MPI_Finalize();
    return failures;
}
