/* Modules of any rank end up in one file, of the same bytes as one process writes, both kinds of modules and
 * whatever the distribution. */
#include "tests/mpi/on_ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "modules/file/modules_file.h"
#include "mpi/modules_store.h"
#include "mpi/ranks.h"
#include "tests/unit/network/building.h"

enum { PATH_BYTES = 128, MODULES = 9, LARGE = 3, LARGE_INPUTS = 5 << 20 };

static char directory[64];

static void in_directory(const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%.60s/%s", directory, name);
}

static int setup(void **state)
{
    (void)state;
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        snprintf(directory, sizeof directory, "/tmp/facet-store-XXXXXX");
        assert_on_ranks(mkdtemp(directory) != NULL);
    }
    MPI_Bcast(directory, sizeof directory, MPI_CHAR, 0, MPI_COMM_WORLD);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    const char *const names[] = {"one.h5", "all.h5"};
    MPI_Barrier(MPI_COMM_WORLD);
    for (size_t i = 0; ranks_rank(MPI_COMM_WORLD) == 0 && i < sizeof names / sizeof *names; i++) {
        char path[PATH_BYTES];
        in_directory(names[i], path);
        unlink(path);
    }
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(rmdir(directory) == 0);
    return 0;
}

static struct network *make_stem(void)
{
    struct network *stem = new_network(6, 6, 3);
    int32_t at = add_convolution(stem, "conv", 0, 4, 3, 1, 0);
    add_plain(stem, LAYER_RELU, "relu", at);
    finish(stem);
    randomise(stem, 1);
    return stem;
}

/* Module i, of another size than its neighbours; every third has a map and channels. */
static void make_module(const struct network *stem, int32_t i, struct module *module)
{
    class_name name;
    struct network *network = new_network(4, 4, 4);
    int32_t at = add_convolution(network, "conv", 0, 2 + i % 3, 3, 1, 1);
    at = add_plain(network, LAYER_RELU, "relu", at);
    at = add_plain(network, LAYER_GLOBAL_AVGPOOL, "average", at);
    add_dense(network, "output", at, 1);
    finish(network);
    randomise(network, (uint64_t)i);
    snprintf(name, sizeof name, "class %d", (int)i);
    const struct module_origin origin = {.architecture = "whole", .digest = {7}};
    const struct module_size whole = {.channels = 12};
    const struct module_parts parts = {
        .stem = stem, .origin = &origin, .whole = &whole, .class_name = name, .class_index = i};
    assert_on_ranks(module_from_network(network, &parts, module) == STATUS_OK);
    if (i % 3 != 0)
        return;
    size_t map_bytes = (size_t)(module->kept.units - 4 * 4 * 4 + 7) / 8;
    assert_on_ranks(memory_allocate(&module->map, map_bytes, 1, "test") == STATUS_OK);
    memset(module->map, 0x5a, map_bytes);
    assert_on_ranks(memory_allocate(&module->channels, 2, 1, "test") == STATUS_OK);
    module->channels[0] = (uint8_t)i;
    assert_on_ranks(module_network_measure(stem, network, module->map, &module->kept) == STATUS_OK);
}

/* The reference: written by one process. */
static void save_alone(void)
{
    struct module_set *set;
    char path[PATH_BYTES];
    in_directory("one.h5", path);
    assert_on_ranks(module_set_create(1, MODULES, &set) == STATUS_OK);
    set->parents[0] = make_stem();
    for (int32_t i = 0; i < MODULES; i++)
        make_module(set->parents[0], i, &set->modules[i]);
    assert_on_ranks(modules_file_save(set, "modules", path) == STATUS_OK);
    module_set_destroy(&set);
}

static void assert_same_files(void)
{
    char command[2 * PATH_BYTES + 16], one[PATH_BYTES], all[PATH_BYTES];
    in_directory("one.h5", one);
    in_directory("all.h5", all);
    snprintf(command, sizeof command, "cmp %s %s", one, all);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(system(command) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Rows dealt out in turn, the last rank without any when there is another. */
static int32_t deal_rows(int32_t rows[MODULES])
{
    int ranks = ranks_count(MPI_COMM_WORLD), dealers = ranks > 1 ? ranks - 1 : 1;
    int32_t count = 0;
    for (int32_t i = 0; i < MODULES; i++)
        if (i % dealers == ranks_rank(MPI_COMM_WORLD))
            rows[count++] = i;
    return count;
}

static void test_the_same_bytes_from_any_ranks(void **state)
{
    (void)state;
    struct module modules[MODULES];
    int32_t rows[MODULES], count = deal_rows(rows);
    struct network *stem = make_stem();
    char path[PATH_BYTES];
    in_directory("all.h5", path);
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        save_alone();
    for (int32_t i = 0; i < count; i++)
        make_module(stem, rows[i], &modules[i]);
    assert_on_ranks(modules_store(MPI_COMM_WORLD, path, stem, MODULES, modules, rows, count) == STATUS_OK);
    assert_same_files();
    for (int32_t i = 0; i < count; i++)
        module_clear(&modules[i]);
    network_destroy(&stem);
}

/* Reads modules that are each as large as a batch. */
struct reader {
    const int32_t *rows;
    int32_t reads[MODULES];
    int32_t fails_at; /* the row that cannot be read; −1: none */
    int32_t grows_at; /* the row that is longer than was said; −1: none */
};

static enum status make_large(int32_t row, struct module *module)
{
    class_name name;
    struct network *network = new_network(1, 1, LARGE_INPUTS);
    add_dense(network, "output", 0, 1);
    finish(network);
    network->parameters[0] = 1 + (float)row;
    snprintf(name, sizeof name, "class %d", (int)row);
    const struct module_parts parts = {.class_name = name, .class_index = row};
    return module_from_network(network, &parts, module);
}

static enum status measure_large(void *context, int32_t index, struct module_lengths *lengths)
{
    const struct reader *reader = context;
    struct module module;
    enum status status = make_large(reader->rows[index], &module);
    if (status != STATUS_OK)
        return status;
    status = module_lengths_of(&module, NULL, lengths);
    if (reader->rows[index] == reader->grows_at)
        lengths->of[MODULE_ARRAY_PARAMETERS]--;
    module_clear(&module);
    return status;
}

static enum status read_large(void *context, int32_t index, struct module *module)
{
    struct reader *reader = context;
    reader->reads[index]++;
    if (reader->rows[index] == reader->fails_at)
        return error_set(STATUS_IO, "class %d cannot be read", (int)reader->fails_at);
    return make_large(reader->rows[index], module);
}

static enum status store_large(struct reader *reader)
{
    int32_t rows[MODULES], count = 0;
    char path[PATH_BYTES];
    in_directory("all.h5", path);
    for (int32_t i = 0; i < LARGE; i++)
        if (i % ranks_count(MPI_COMM_WORLD) == ranks_rank(MPI_COMM_WORLD))
            rows[count++] = i;
    reader->rows = rows;
    const struct modules_to_store what = {.total = LARGE,
                                          .count = count,
                                          .rows = rows,
                                          .measure = measure_large,
                                          .read = read_large,
                                          .context = reader};
    enum status status = modules_store_all(MPI_COMM_WORLD, path, &what);
    for (int32_t i = 0; status == STATUS_OK && i < count; i++)
        assert_on_ranks(reader->reads[i] == 1);
    return status;
}

static void test_modules_are_read_when_they_are_written(void **state)
{
    (void)state;
    struct reader reader = {.fails_at = -1, .grows_at = -1};
    struct module_set *set;
    char path[PATH_BYTES];
    in_directory("all.h5", path);
    assert_on_ranks(store_large(&reader) == STATUS_OK);
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        assert_on_ranks(modules_file_load(path, "modules", &set) == STATUS_OK);
        for (int32_t i = 0; i < LARGE; i++)
            assert_on_ranks(set->modules[i].network->parameters[0] == 1 + (float)i);
        module_set_destroy(&set);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static void expect_nothing(struct reader *reader, enum status expected)
{
    char path[PATH_BYTES];
    in_directory("all.h5", path);
    unlink(path);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_on_ranks(store_large(reader) == expected);
    assert_on_ranks(access(path, F_OK) != 0);
}

static void test_a_module_that_cannot_be_read_leaves_nothing(void **state)
{
    (void)state;
    struct reader reader = {.fails_at = 1, .grows_at = -1};
    expect_nothing(&reader, STATUS_IO);
}

static void test_a_module_that_has_grown_leaves_nothing(void **state)
{
    (void)state;
    struct reader reader = {.fails_at = -1, .grows_at = 1};
    expect_nothing(&reader, STATUS_MISMATCH);
}

/* Hints change how a file is written, never what; those that are none are refused. */
static void test_hints_are_pairs(void **state)
{
    (void)state;
    struct reader reader = {.fails_at = -1, .grows_at = -1};
    const char *const wrong[] = {"cb_nodes", "=4", "cb_nodes=", "cb_nodes=1;oops"};
    setenv("FACET_IO_HINTS", "cb_nodes=1;striping_unit=65536;", 1);
    assert_on_ranks(store_large(&reader) == STATUS_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("FACET_IO_HINTS", wrong[i], 1);
        expect_nothing(&reader, STATUS_USAGE);
        assert_on_ranks(strstr(error_message(), "KEY=VALUE") != NULL);
    }
    unsetenv("FACET_IO_HINTS");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_the_same_bytes_from_any_ranks, setup, teardown),
    cmocka_unit_test_setup_teardown(test_modules_are_read_when_they_are_written, setup, teardown),
    cmocka_unit_test_setup_teardown(test_a_module_that_cannot_be_read_leaves_nothing, setup, teardown),
    cmocka_unit_test_setup_teardown(test_a_module_that_has_grown_leaves_nothing, setup, teardown),
    cmocka_unit_test_setup_teardown(test_hints_are_pairs, setup, teardown),
};

ON_RANKS_MAIN(tests)
