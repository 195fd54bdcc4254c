/* Method distill on a tiny network: the same bytes for any number of ranks, within the budget, resumed. */
#include "tests/mpi/noise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "modules/file/modules_file.h"
#include "mpi/ranks.h"

enum { PATH_BYTES = 128 };

static char directory[PATH_BYTES];
static struct network *network;
static struct dataset *dataset;
static volatile sig_atomic_t stop;
static bool keep_parts;
static const char *stem_said; /* by parts, of their stem, when not NULL */

static void in_directory(const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%.64s/%s", directory, name);
}

/* On `comm`, of all classes or the first alone, into the file `output`. */
static enum status run(MPI_Comm comm, const struct distill_options *options, int32_t class_count, bool resume,
                       const char *output, struct distill_result *result)
{
    const int32_t classes[CLASSES] = {0, 1, 2};
    char path[PATH_BYTES];
    struct option_records records = {0};
    in_directory(output, path);
    struct distill_options said = *options;
    said.stem = stem_said != NULL ? stem_said : options->stem;
    distill_options_record(&said, &records);
    const struct distillation distillation = {
        .network = network,
        .dataset = dataset,
        .dataset_path = "the data",
        .options = options,
        .work = {.comm = comm,
                 .run_directory = directory,
                 .output_path = path,
                 .records = &records,
                 .classes = classes,
                 .class_count = class_count,
                 .class_names = (const class_name *)network->class_names,
                 .resume = resume,
                 .keep_parts = keep_parts,
                 .checkpoint_seconds = 60,
                 .stop = &stop}};
    return distill_run(&distillation, result);
}

/* The same by rank 0 alone. */
static void run_alone(const struct distill_options *options, int32_t class_count, const char *output)
{
    struct distill_result result;
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(run(MPI_COMM_SELF, options, class_count, false, output, &result) == STATUS_OK);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void assert_same_file(const char *a, const char *b)
{
    char command[2 * PATH_BYTES + 16], left[PATH_BYTES], right[PATH_BYTES];
    in_directory(a, left);
    in_directory(b, right);
    snprintf(command, sizeof command, "cmp %s %s", left, right);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(system(command) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void test_each_by_itself_is_the_same_on_any_ranks(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct distill_result result;
    run_alone(&options, CLASSES, "alone.h5");
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "together.h5", &result) == STATUS_OK);
    assert_on_ranks(result.held_top1 == -1);
    assert_same_file("alone.h5", "together.h5");
}

static void test_together_is_the_same_on_any_ranks(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct distill_result result;
    options.joint_steps = 4;
    options.stem = "2";
    options.budget = 0.05;
    run_alone(&options, CLASSES, "joint-alone.h5");
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "joint.h5", &result) == STATUS_OK);
    assert_on_ranks(result.held_top1 >= 0 && result.held_top1 <= 1);
    assert_same_file("joint-alone.h5", "joint.h5");
}

static void test_a_stem_is_chosen_alike_on_any_ranks(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct distill_result result;
    char path[PATH_BYTES];
    options.stem = "auto";
    options.joint_steps = 8;
    run_alone(&options, CLASSES, "auto-alone.h5");
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "auto.h5", &result) == STATUS_OK);
    assert_on_ranks(strcmp(result.stem, "1") == 0 || strcmp(result.stem, "2") == 0);
    assert_on_ranks(result.stem[0] == '1' ? result.budget == options.budget : result.budget < options.budget);
    in_directory("stem-1", path);
    assert_on_ranks(access(path, F_OK) != 0); /* trials leave nothing */
    assert_same_file("auto-alone.h5", "auto.h5");
    options.budget = 1; /* behind no stage is there more */
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "auto.h5", &result) == STATUS_USAGE);
}

static void test_modules_keep_the_budget(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct module_set *set = NULL;
    struct distill_result result;
    char path[PATH_BYTES];
    options.stem = "none";
    options.budget = 0.25;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "budget.h5", &result) == STATUS_OK);
    in_directory("budget.h5", path);
    assert_on_ranks(modules_file_load(path, "modules", &set) == STATUS_OK);
    assert_on_ranks(set->module_count == CLASSES && set->parent_count == 0);
    for (int32_t i = 0; i < CLASSES; i++) {
        const struct module *module = &set->modules[i];
        uint64_t left = network_multiply_adds(module->network);
        assert_on_ranks(left <= network_multiply_adds(network) / 4 &&
                        left > network_multiply_adds(network) / 8);
        assert_on_ranks(module->kept.multiply_adds == left && module->channels != NULL);
        uint64_t channels = 0;
        for (size_t c = 0; c < module->whole.channels; c++)
            channels += unit_map_get(module->channels, c);
        assert_on_ranks(channels >= module->kept.channels && channels < module->whole.channels);
    }
    module_set_destroy(&set);
}

static void test_a_class_is_the_same_whatever_others_are_made(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct module_set *all = NULL, *one = NULL;
    struct distill_result result;
    char path[PATH_BYTES];
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "all.h5", &result) == STATUS_OK);
    assert_on_ranks(run(MPI_COMM_WORLD, &options, 1, false, "one.h5", &result) == STATUS_OK);
    in_directory("all.h5", path);
    assert_on_ranks(modules_file_load(path, "modules", &all) == STATUS_OK);
    in_directory("one.h5", path);
    assert_on_ranks(modules_file_load(path, "modules", &one) == STATUS_OK);
    uint8_t left[DIGEST_BYTES], right[DIGEST_BYTES];
    network_digest(all->modules[0].network, left);
    network_digest(one->modules[0].network, right);
    assert_on_ranks(memcmp(left, right, sizeof left) == 0);
    module_set_destroy(&all);
    module_set_destroy(&one);
}

/* The same as never stopped. */
static void test_a_stopped_run_resumes(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct distill_result result;
    options.joint_steps = 3;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "undisturbed.h5", &result) == STATUS_OK);
    stop = 1;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "resumed.h5", &result) == STATUS_STOPPED);
    stop = 0;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, true, "resumed.h5", &result) == STATUS_OK);
    assert_same_file("undisturbed.h5", "resumed.h5");
}

/* Parts that are whole, but whose networks take images where this run's take what the stem gives. */
static void test_parts_that_stand_on_no_stem_are_refused(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct distill_result result;
    const char *stem = options.stem;
    stem_said = stem;
    keep_parts = true;
    options.stem = "none";
    options.joint_steps = 0;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "stemless.h5", &result) == STATUS_OK);
    options.stem = stem;
    for (options.joint_steps = 0; options.joint_steps < 2; options.joint_steps++) {
        assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, true, "mixed.h5", &result) == STATUS_MISMATCH);
        assert_on_ranks(strstr(error_message(), "stands on none, this run's on one") != NULL);
    }
    stem_said = NULL;
    keep_parts = false;
}

/* Stopped in phase two, it goes on there. */
static void test_a_run_stopped_in_phase_two_resumes(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct distill_result result;
    char path[PATH_BYTES];
    keep_parts = true;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "phase-one.h5", &result) == STATUS_OK);
    keep_parts = false;
    options.joint_steps = 12; /* a look at every step: the best state is not the last */
    options.joint_rate = 0.5F;
    for (int i = 0; i < 3; i++) { /* a step each */
        stop = 1;
        assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, true, "resumed.h5", &result) ==
                        STATUS_STOPPED);
        stop = 0;
        snprintf(path, sizeof path, "%.64s/parts/class-00001.joint-%d.h5", directory, i % 2);
        assert_on_ranks(access(path, F_OK) == 0);
    }
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, true, "resumed.h5", &result) == STATUS_OK);
    double held_top1 = result.held_top1;
    assert_on_ranks(access(path, F_OK) != 0);
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "undisturbed.h5", &result) == STATUS_OK);
    assert_on_ranks(result.held_top1 == held_top1);
    assert_same_file("undisturbed.h5", "resumed.h5");
}

/* Method gradient keeps the parent's weights: all numbers of a module's convolutions are the parent's. */
static void test_gradient_changes_no_weights(void **state)
{
    (void)state;
    struct distill_options options = small_options();
    struct module_set *set = NULL;
    struct distill_result result;
    char path[PATH_BYTES];
    options.frozen = true;
    options.stem = "none";
    options.budget = 0.3;
    run_alone(&options, CLASSES, "gradient-alone.h5");
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "gradient.h5", &result) == STATUS_OK);
    assert_same_file("gradient-alone.h5", "gradient.h5");
    in_directory("gradient.h5", path);
    assert_on_ranks(modules_file_load(path, "modules", &set) == STATUS_OK);
    for (int32_t i = 0; i < CLASSES; i++) {
        const struct network *module = set->modules[i].network;
        assert_on_ranks(network_multiply_adds(module) * 10 <= network_multiply_adds(network) * 3);
        const struct layer *layer = &module->layers[1], *whole = &network->layers[1];
        size_t found = 0;
        for (size_t w = 0; w < layer->weight_count; w++)
            for (size_t p = 0; p < whole->weight_count; p++)
                if (module->parameters[layer->parameter_offset + w] ==
                    network->parameters[whole->parameter_offset + p]) {
                    found++;
                    break;
                }
        assert_on_ranks(layer->kind == LAYER_CONVOLUTION && found == layer->weight_count);
    }
    module_set_destroy(&set);
    options.joint_steps = 1;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "no.h5", &result) == STATUS_USAGE);
}

static void test_options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct distill_result result;
    struct distill_options options = small_options();
    options.budget = 0;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "no.h5", &result) == STATUS_USAGE);
    options = small_options();
    options.budget = 0.001; /* less than an eighth of each layer */
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "no.h5", &result) == STATUS_USAGE);
    options = small_options();
    options.stem = "nowhere";
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "no.h5", &result) == STATUS_NOT_FOUND);
    options = small_options();
    options.rate = 99;
    options.steps = 64;
    assert_on_ranks(run(MPI_COMM_WORLD, &options, CLASSES, false, "no.h5", &result) == STATUS_MISMATCH);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_each_by_itself_is_the_same_on_any_ranks),
    cmocka_unit_test(test_together_is_the_same_on_any_ranks),
    cmocka_unit_test(test_a_stem_is_chosen_alike_on_any_ranks),
    cmocka_unit_test(test_modules_keep_the_budget),
    cmocka_unit_test(test_a_class_is_the_same_whatever_others_are_made),
    cmocka_unit_test(test_a_stopped_run_resumes),
    cmocka_unit_test(test_parts_that_stand_on_no_stem_are_refused),
    cmocka_unit_test(test_a_run_stopped_in_phase_two_resumes),
    cmocka_unit_test(test_gradient_changes_no_weights),
    cmocka_unit_test(test_options_that_make_no_sense_are_refused),
};

int main(int argc, char **argv)
{
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        snprintf(directory, sizeof directory, "/tmp/facet-distill-XXXXXX");
        assert_on_ranks(mkdtemp(directory) != NULL);
    }
    MPI_Bcast(directory, sizeof directory, MPI_CHAR, 0, MPI_COMM_WORLD);
    make_data(&network, &dataset);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    network_destroy(&network);
    dataset_destroy(&dataset);
    char command[PATH_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    if (ranks_rank(MPI_COMM_WORLD) == 0 && system(command) != 0)
        failures++;
    MPI_Finalize();
    return failures;
}
