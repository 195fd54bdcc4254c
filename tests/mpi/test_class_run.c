/* Class by class over ranks: the same file for any number of ranks and groups, resumed or not; only whole
 * parts of the same options are believed. */
#include "tests/mpi/on_ranks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "compute/network/zoo.h"
#include "modules/activation/activation.h"
#include "modules/file/modules_file.h"
#include "mpi/classes/class_run.h"
#include "mpi/classes/parts.h"
#include "mpi/ranks.h"

enum { CLASSES = 7, PATH_BYTES = 128 };

/* What `make` needs, and what it saw. */
struct maker {
    struct network *network;
    struct unit_layout *layout;
    int32_t made[CLASSES]; /* by this rank as a leader */
    int32_t fails_at;      /* class, or −1 */
    int32_t stops_after;   /* classes made by a rank before it sees the stop, or −1 */
    volatile sig_atomic_t stop;
    int32_t group_ranks;
    bool waits; /* makes nothing, until it is told to stop */
};

static char directory[PATH_BYTES];
static struct option_records records;

static enum status make(void *context, const struct class_task *task, struct module *module)
{
    struct maker *maker = context;
    struct class_counts *counts = NULL;
    struct activation_options options = activation_options_default();
    uint32_t *negatives = NULL;
    size_t units = maker->layout->unit_count;
    maker->group_ranks = ranks_count(task->group);
    if (task->class_index == maker->fails_at)
        return ranks_agree(task->group,
                           error_set(STATUS_SHAPE, "class %d cannot be made", (int)task->class_index));
    if (maker->waits) {
        for (double end = seconds_now() + 30; *task->stop == 0 && seconds_now() < end;)
            usleep(1000);
        return ranks_agree(task->group, error_set(STATUS_STOPPED, "told to stop"));
    }
    if (maker->stops_after == 0)
        maker->stop = 1;
    maker->stops_after -= maker->stops_after >= 0;
    enum status status = class_counts_create(maker->layout, &counts);
    if (status == STATUS_OK)
        status = memory_allocate(&negatives, units, sizeof *negatives, "negatives");
    if (status == STATUS_OK) {
        counts->class_index = task->class_index;
        counts->positive_images = counts->negative_images = 10;
        for (size_t u = 0; u < units; u++)
            counts->positive[u] = (uint32_t)((u + (size_t)task->class_index) % 3);
        status =
            activation_make_module(maker->network, maker->layout, &options, counts, negatives, 70, module);
    }
    class_counts_destroy(&counts);
    memory_free(&negatives);
    maker->made[task->class_index] += ranks_rank(task->group) == 0;
    return ranks_agree(task->group, status);
}

static void in_directory(const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%.64s/%s", directory, name);
}

static enum status run(struct maker *maker, const char *output, bool resume, int32_t ranks_per_class,
                       struct class_run_result *result)
{
    char path[PATH_BYTES];
    const int32_t classes[CLASSES] = {0, 1, 2, 3, 4, 5, 6};
    const double costs[CLASSES] = {1, 5, 2, 5, 1, 1, 3};
    const struct network *parents[1] = {maker->network};
    in_directory(output, path);
    const struct class_work work = {.comm = MPI_COMM_WORLD,
                                    .run_directory = directory,
                                    .output_path = path,
                                    .records = &records,
                                    .parents = parents,
                                    .parent_count = 1,
                                    .classes = classes,
                                    .class_count = CLASSES,
                                    .class_names = (const class_name *)maker->network->class_names,
                                    .costs = costs,
                                    .ranks_per_class = ranks_per_class,
                                    .resume = resume,
                                    .checkpoint_seconds = 60,
                                    .stop = &maker->stop,
                                    .make = make,
                                    .context = maker};
    return class_run(&work, result);
}

/* How often each class was made, by all ranks. */
static void count_made(const struct maker *maker, int32_t made[CLASSES])
{
    MPI_Allreduce(maker->made, made, CLASSES, MPI_INT32_T, MPI_SUM, MPI_COMM_WORLD);
}

static struct maker fresh_maker(const struct maker *maker)
{
    return (struct maker){
        .network = maker->network, .layout = maker->layout, .fails_at = -1, .stops_after = -1};
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

/* The reference: written by one process, without parts. */
static void save_undisturbed(struct maker *maker)
{
    struct module_set *set = NULL;
    volatile sig_atomic_t never = 0;
    char path[PATH_BYTES];
    in_directory("undisturbed.h5", path);
    if (ranks_rank(MPI_COMM_WORLD) != 0)
        return;
    assert_on_ranks(module_set_create(1, CLASSES, &set) == STATUS_OK);
    assert_on_ranks(network_copy(maker->network, &set->parents[0]) == STATUS_OK);
    for (int32_t c = 0; c < CLASSES; c++) {
        struct class_task task = {.group = MPI_COMM_SELF, .class_index = c, .row = c, .stop = &never};
        assert_on_ranks(make(maker, &task, &set->modules[c]) == STATUS_OK);
    }
    assert_on_ranks(modules_file_save(set, "modules", path) == STATUS_OK);
    module_set_destroy(&set);
}

static int setup(void **state)
{
    static struct maker maker = {.fails_at = -1, .stops_after = -1};
    const struct shape shape = {4, 4, 1};
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        snprintf(directory, sizeof directory, "/tmp/facet-class-run-XXXXXX");
        assert_on_ranks(mkdtemp(directory) != NULL);
    }
    MPI_Bcast(directory, sizeof directory, MPI_CHAR, 0, MPI_COMM_WORLD);
    assert_on_ranks(zoo_build("mlp-2", shape, CLASSES, SHORTCUT_DEFAULT, &maker.network) == STATUS_OK);
    network_initialise(maker.network, 1);
    assert_on_ranks(unit_layout_create(maker.network, &maker.layout) == STATUS_OK);
    option_records_add(&records, "--steps", "%d", 10);
    struct maker first = fresh_maker(&maker);
    save_undisturbed(&first);
    *state = &maker;
    return 0;
}

static int teardown(void **state)
{
    struct maker *maker = *state;
    char command[PATH_BYTES + 16];
    snprintf(command, sizeof command, "rm -r %s", directory);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(system(command) == 0);
    unit_layout_destroy(&maker->layout);
    network_destroy(&maker->network);
    return 0;
}

static void test_every_class_is_made_once(void **state)
{
    struct maker maker = fresh_maker(*state);
    struct class_run_result result;
    int32_t made[CLASSES];
    assert_on_ranks(run(&maker, "modules.h5", false, 1, &result) == STATUS_OK);
    assert_on_ranks(result.made == CLASSES && result.resumed == 0);
    count_made(&maker, made);
    for (int32_t c = 0; c < CLASSES; c++)
        assert_on_ranks(made[c] == 1);
    assert_same_file("modules.h5", "undisturbed.h5");
}

static void test_groups_give_the_same_file(void **state)
{
    int ranks = ranks_count(MPI_COMM_WORLD);
    for (int32_t per_class = 1; per_class <= 5; per_class++) {
        struct maker maker = fresh_maker(*state);
        struct class_run_result result;
        assert_on_ranks(run(&maker, "modules.h5", false, per_class, &result) == STATUS_OK);
        assert_on_ranks(result.groups == (ranks / per_class > 0 ? ranks / per_class : 1));
        assert_on_ranks(maker.group_ranks == 0 ||
                        maker.group_ranks >= (per_class < ranks ? per_class : ranks));
        assert_same_file("modules.h5", "undisturbed.h5");
    }
}

/* Leaves `kept` parts of a run that fails. */
static void fail_at(struct maker *maker, int32_t class_index)
{
    struct class_run_result result;
    maker->fails_at = class_index;
    assert_on_ranks(run(maker, "failed.h5", false, 0, &result) == STATUS_SHAPE);
    assert_on_ranks(strstr(error_message(), "cannot be made") != NULL);
    char path[PATH_BYTES];
    in_directory("failed.h5", path);
    assert_on_ranks(access(path, F_OK) != 0);
}

static void test_a_failed_run_is_resumed(void **state)
{
    struct maker maker = fresh_maker(*state), second = fresh_maker(*state);
    struct class_run_result result;
    int32_t before[CLASSES], after[CLASSES];
    fail_at(&maker, 4);
    count_made(&maker, before);
    assert_on_ranks(before[1] == 1 && before[4] == 0);
    assert_on_ranks(run(&second, "modules.h5", true, 1, &result) == STATUS_OK);
    count_made(&second, after);
    for (int32_t c = 0; c < CLASSES; c++)
        assert_on_ranks(before[c] + after[c] == 1);
    assert_on_ranks(result.resumed >= 1 && result.resumed + result.made == CLASSES);
    assert_same_file("modules.h5", "undisturbed.h5");
}

static void test_a_stopped_run_is_resumed(void **state)
{
    struct maker maker = fresh_maker(*state), second = fresh_maker(*state);
    struct class_run_result result;
    maker.stops_after = 0;
    assert_on_ranks(run(&maker, "modules.h5", false, 0, &result) == STATUS_STOPPED);
    assert_on_ranks(run(&second, "modules.h5", true, 0, &result) == STATUS_OK);
    assert_on_ranks(result.resumed >= 1);
    assert_same_file("modules.h5", "undisturbed.h5");
}

/* The others compute for long; they learn of it, and the reason given is the failure. */
static void test_a_failure_stops_the_others(void **state)
{
    struct maker maker = fresh_maker(*state);
    struct class_run_result result;
    int rank = ranks_rank(MPI_COMM_WORLD);
    maker.waits = rank != ranks_count(MPI_COMM_WORLD) - 1;
    maker.fails_at = 4;
    double started = seconds_now();
    assert_on_ranks(run(&maker, "failed.h5", false, 1, &result) == STATUS_SHAPE);
    assert_on_ranks(seconds_now() < started + 20);
    assert_on_ranks(strstr(error_message(), "cannot be made") != NULL);
}

static void test_without_resume_nothing_is_believed(void **state)
{
    struct maker maker = fresh_maker(*state), second = fresh_maker(*state);
    struct class_run_result result;
    fail_at(&maker, 4);
    assert_on_ranks(run(&second, "modules.h5", false, 0, &result) == STATUS_OK);
    assert_on_ranks(result.resumed == 0 && result.made == CLASSES);
}

static void test_other_options_are_refused(void **state)
{
    struct maker maker = fresh_maker(*state), second = fresh_maker(*state);
    struct class_run_result result;
    const struct option_records before = records;
    fail_at(&maker, 4);
    memset(&records, 0, sizeof records);
    option_records_add(&records, "--steps", "%d", 20);
    assert_on_ranks(run(&second, "modules.h5", true, 0, &result) == STATUS_MISMATCH);
    assert_on_ranks(strstr(error_message(), "--steps was 10, now it is 20") != NULL);
    records = before;
    assert_on_ranks(run(&second, "modules.h5", true, 0, &result) == STATUS_OK); /* nothing was removed */
    assert_on_ranks(result.resumed >= 1);
}

/* Changes the part of class 1, which was made. */
static void damage(bool cut)
{
    char folder[PATH_BYTES], *path = NULL;
    struct stat found;
    in_directory("parts", folder);
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        assert_on_ranks(part_path(folder, 1, ".h5", &path) == STATUS_OK);
        assert_on_ranks(stat(path, &found) == 0);
        if (cut) {
            assert_on_ranks(truncate(path, found.st_size / 2) == 0);
        } else {
            FILE *file = fopen(path, "r+b");
            assert_on_ranks(file != NULL && fseek(file, found.st_size / 3, SEEK_SET) == 0);
            int byte = fgetc(file);
            assert_on_ranks(fseek(file, -1, SEEK_CUR) == 0 && fputc(byte ^ 0x10, file) != EOF);
            assert_on_ranks(fclose(file) == 0);
        }
    }
    memory_free(&path);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void test_damaged_parts_are_made_again(void **state)
{
    for (int cut = 0; cut < 2; cut++) {
        struct maker maker = fresh_maker(*state), second = fresh_maker(*state);
        struct class_run_result result;
        int32_t made[CLASSES];
        fail_at(&maker, 4);
        damage(cut);
        assert_on_ranks(run(&second, "modules.h5", true, 0, &result) == STATUS_OK);
        count_made(&second, made);
        assert_on_ranks(made[1] == 1);
        assert_same_file("modules.h5", "undisturbed.h5");
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_class_is_made_once),
    cmocka_unit_test(test_groups_give_the_same_file),
    cmocka_unit_test(test_a_failed_run_is_resumed),
    cmocka_unit_test(test_a_stopped_run_is_resumed),
    cmocka_unit_test(test_a_failure_stops_the_others),
    cmocka_unit_test(test_without_resume_nothing_is_believed),
    cmocka_unit_test(test_other_options_are_refused),
    cmocka_unit_test(test_damaged_parts_are_made_again),
};

int main(int argc, char **argv)
{
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    int failures = cmocka_run_group_tests(tests, setup, teardown);
    MPI_Finalize();
    return failures;
}
