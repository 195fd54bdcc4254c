#include "network_module_test.h"

#include <math.h>

#include "compute/formats/hdf5_file.h"
#include "modules/composition/composition.h"
#include "modules/file/modules_file.h"
#include "modules/file/modules_writer.h"

static void assert_same_networks(const struct network *a, const struct network *b)
{
    uint8_t digest[2][DIGEST_BYTES];
    assert_int_equal(a == NULL, b == NULL);
    if (a == NULL)
        return;
    network_digest(a, digest[0]);
    network_digest(b, digest[1]);
    assert_memory_equal(digest[0], digest[1], DIGEST_BYTES);
    assert_string_equal(a->architecture, b->architecture);
}

static void assert_same_array(const void *a, const void *b, size_t bytes)
{
    assert_int_equal(a == NULL, b == NULL);
    assert_int_equal(a == NULL, bytes == 0);
    if (a != NULL)
        assert_memory_equal(a, b, bytes);
}

static void assert_same_modules(const struct module_set *a, const struct module_set *b)
{
    assert_int_equal(a->parent_count, b->parent_count);
    assert_int_equal(a->module_count, b->module_count);
    for (int32_t i = 0; i < a->parent_count; i++)
        assert_same_networks(a->parents[i], b->parents[i]);
    for (int32_t i = 0; i < a->module_count; i++) {
        const struct module *x = &a->modules[i], *y = &b->modules[i];
        struct module_lengths lengths, others;
        assert_ok(module_lengths_of(x, module_set_base(a, x), &lengths));
        assert_ok(module_lengths_of(y, module_set_base(b, y), &others));
        assert_memory_equal(&lengths, &others, sizeof lengths);
        assert_int_equal(x->kind, y->kind);
        assert_string_equal(x->class_name, y->class_name);
        assert_string_equal(x->label, y->label);
        assert_int_equal(x->parent, y->parent);
        assert_int_equal(x->class_index, y->class_index);
        assert_same_array(x->map, y->map, (size_t)lengths.of[MODULE_ARRAY_MAP]);
        assert_same_array(x->head_weights, y->head_weights,
                          (size_t)lengths.of[MODULE_ARRAY_HEAD] * sizeof(float));
        assert_same_array(x->channels, y->channels, (size_t)lengths.of[MODULE_ARRAY_CHANNELS]);
        assert_same_networks(x->network, y->network);
        assert_memory_equal(&x->origin, &y->origin, sizeof x->origin);
        assert_memory_equal(x->head_bias, y->head_bias, sizeof x->head_bias);
        assert_true(x->scale == y->scale && x->offset == y->offset);
        assert_int_equal(x->positive_images, y->positive_images);
        assert_int_equal(x->negative_images, y->negative_images);
        assert_memory_equal(&x->kept, &y->kept, sizeof x->kept);
        assert_memory_equal(&x->whole, &y->whole, sizeof x->whole);
    }
}

static void assert_same_bytes(const char *a, const char *b)
{
    FILE *files[2] = {fopen(a, "rb"), fopen(b, "rb")};
    int c;
    assert_non_null(files[0]);
    assert_non_null(files[1]);
    do {
        c = getc(files[0]);
        assert_int_equal(c, getc(files[1]));
    } while (c != EOF);
    fclose(files[0]);
    fclose(files[1]);
}

/* A composition of modules of three parents, with renamed and calibrated ones. */
static struct module_set *mixed_set(void)
{
    struct module_set *sets[NETWORK_MAKERS], *made;
    struct module_selection selections[NETWORK_MAKERS];
    const char *const chosen[NETWORK_MAKERS] = {"p:0,2=two", "r:1", "d:0=zero,#2"};
    for (size_t i = 0; i < NETWORK_MAKERS; i++) {
        sets[i] = random_set(network_makers[i](i, 3), 0.6, i);
        assert_ok(module_selection_parse(chosen[i], &selections[i]));
    }
    assert_ok(composition_create(sets, selections, NETWORK_MAKERS, &made));
    for (size_t i = 0; i < NETWORK_MAKERS; i++) {
        module_set_destroy(&sets[i]);
        module_selection_clear(&selections[i]);
    }
    made->modules[1].scale = 1.75F;
    made->modules[3].offset = -2.5F;
    return made;
}

static void test_a_composition_comes_back_as_it_was(void **state)
{
    char *path = path_in(state, "c.h5");
    struct module_set *set = mixed_set(), *read;
    char kind[16];
    assert_ok(modules_file_save(set, "composition", path));
    assert_ok(hdf5_kind(path, kind));
    assert_string_equal(kind, "composition");
    assert_ok(modules_file_load(path, NULL, &read));
    assert_same_modules(set, read);
    module_set_destroy(&read);
    assert_fails(modules_file_load(path, "modules", &read), STATUS_FORMAT, "composition");
    assert_null(read);
    module_set_destroy(&set);
    free(path);
}

static void test_all_kinds_of_modules_come_back_as_they_were(void **state)
{
    char *path[2] = {path_in(state, "c.h5"), path_in(state, "again.h5")};
    struct module_set *set = every_kind(3), *read;
    assert_ok(modules_file_save(set, "composition", path[0]));
    assert_ok(modules_file_load(path[0], NULL, &read));
    assert_same_modules(set, read);
    assert_ok(modules_file_save(read, "composition", path[1]));
    assert_same_bytes(path[0], path[1]);
    module_set_destroy(&read);
    module_set_destroy(&set);
    for (int i = 0; i < 2; i++)
        free(path[i]);
}

/* Modules trained from scratch stand on nothing; one of them has no statistics. */
static void test_a_file_without_parents_comes_back(void **state)
{
    char *path = path_in(state, "m.h5");
    struct module_set *set, *read;
    struct network *plain = new_network(4, 4, 1);
    const struct shape shape = {4, 4, 1};
    assert_ok(module_set_create(0, 2, &set));
    network_module(set, -1, finished(plain, add_plain(plain, LAYER_FLATTEN, "flatten", 0), 1, 1), "ant",
                   &set->modules[0]);
    network_module(set, -1, margin_network(shape, 2, 2), "bee", &set->modules[1]);
    assert_ok(modules_file_save(set, "modules", path));
    assert_ok(modules_file_load(path, "modules", &read));
    assert_same_modules(set, read);
    assert_int_equal(read->parent_count, 0);
    module_set_destroy(&read);
    module_set_destroy(&set);
    free(path);
}

static void test_a_lone_modules_lengths_are_known_without_reading_it(void **state)
{
    char *path[2] = {path_in(state, "one.h5"), path_in(state, "two.h5")};
    const struct shape shape = {4, 4, 1};
    struct module_set *set;
    struct module_lengths lengths, expected;
    assert_ok(module_set_create(0, 2, &set));
    network_module(set, -1, margin_network(shape, 2, 2), "ant", &set->modules[0]);
    network_module(set, -1, margin_network(shape, 2, 2), "bee", &set->modules[1]);
    assert_ok(modules_file_save(set, "modules", path[1]));
    assert_fails(modules_file_lengths(path[1], &lengths), STATUS_SHAPE, "two.h5");
    set->module_count = 1;
    assert_ok(modules_file_save(set, "modules", path[0]));
    set->module_count = 2;
    assert_ok(modules_file_lengths(path[0], &lengths));
    assert_ok(module_lengths_of(&set->modules[0], NULL, &expected));
    assert_memory_equal(&lengths, &expected, sizeof lengths);
    module_set_destroy(&set);
    for (int i = 0; i < 2; i++)
        free(path[i]);
}

static void test_the_same_set_gives_the_same_bytes(void **state)
{
    char *path[3] = {path_in(state, "1.h5"), path_in(state, "2.h5"), path_in(state, "3.h5")};
    struct module_set *set = mixed_set(), *read;
    assert_ok(modules_file_save(set, "composition", path[0]));
    memset(set->modules[0].label + 2, 'x', sizeof(class_name) - 2); /* what stands behind a name is not its */
    assert_ok(modules_file_save(set, "composition", path[1]));
    assert_same_bytes(path[0], path[1]);
    assert_ok(modules_file_load(path[0], "composition", &read));
    assert_ok(modules_file_save(read, "composition", path[2]));
    assert_same_bytes(path[0], path[2]);
    module_set_destroy(&read);
    module_set_destroy(&set);
    for (int i = 0; i < 3; i++)
        free(path[i]);
}

/* Rows in several calls, with gaps between them, and one call without any. */
static void test_rows_written_apart_give_the_same_bytes(void **state)
{
    char *path[2] = {path_in(state, "whole.h5"), path_in(state, "parts.h5")};
    struct module_set *set = mixed_set();
    const struct module *modules[5];
    struct module_lengths lengths[5];
    const int32_t first[3] = {0, 1, 3}, second[2] = {2, 4};
    struct modules_writer *writer = NULL;
    hid_t file;
    for (int32_t i = 0; i < 5; i++)
        assert_ok(module_lengths_of(&set->modules[i], module_set_base(set, &set->modules[i]), &lengths[i]));
    assert_ok(modules_file_save(set, "composition", path[0]));
    assert_ok(modules_file_create(path[1], "composition", H5P_DEFAULT,
                                  (const struct network *const *)set->parents, 3, lengths, 5, &file));
    for (int32_t i = 0; i < 2; i++)
        modules[i] = &set->modules[second[i]];
    assert_ok(modules_writer_open(file, H5P_DEFAULT, &writer));
    assert_ok(modules_writer_put(writer, modules, second, 2));
    assert_ok(modules_writer_put(writer, NULL, NULL, 0));
    for (int32_t i = 0; i < 3; i++)
        modules[i] = &set->modules[first[i]];
    assert_ok(modules_writer_put(writer, modules, first, 3));
    modules_writer_close(&writer);
    modules_writer_close(&writer); /* harmless */
    assert_ok(hdf5_close(&file, path[1]));
    assert_same_bytes(path[0], path[1]);
    module_set_destroy(&set);
    for (int i = 0; i < 2; i++)
        free(path[i]);
}

static void test_rows_must_ascend_and_exist(void **state)
{
    char *path = path_in(state, "m.h5");
    struct module_set *set = full_set(dense_network(1, 3));
    const struct module *modules[2] = {&set->modules[0], &set->modules[1]};
    struct module_lengths lengths[3];
    const int32_t descending[2] = {1, 0}, beyond[2] = {1, 3};
    struct modules_writer *writer = NULL;
    hid_t file;
    for (int32_t i = 0; i < 3; i++)
        assert_ok(module_lengths_of(&set->modules[i], set->parents[0], &lengths[i]));
    assert_ok(modules_file_create(path, "modules", H5P_DEFAULT, (const struct network *const *)set->parents,
                                  1, lengths, 3, &file));
    assert_ok(modules_writer_open(file, H5P_DEFAULT, &writer));
    assert_fails(modules_writer_put(writer, modules, descending, 2), STATUS_INTERNAL, "row 0");
    assert_fails(modules_writer_put(writer, modules, beyond, 2), STATUS_INTERNAL, "row 3");
    modules_writer_close(&writer);
    assert_ok(hdf5_close(&file, path));
    module_set_destroy(&set);
    free(path);
}

static void test_what_cannot_be_loaded_is_not_saved(void **state)
{
    char *path = path_in(state, "m.h5");
    struct module_set *set = mixed_set(), *one = full_set(dense_network(1, 3));
    assert_fails(modules_file_save(set, "modules", path), STATUS_SHAPE, "only a composition has several");
    assert_int_equal(modules_file_save(one, "dataset", path), STATUS_INTERNAL);
    memcpy(one->modules[1].label, one->modules[0].label, sizeof(class_name));
    assert_fails(modules_file_save(one, "modules", path), STATUS_FORMAT, "more than once");
    assert_int_equal(access(path, F_OK), -1);
    module_set_destroy(&one);
    module_set_destroy(&set);
    free(path);
}

/* --- tampered files --- */

/* Changes the bytes of one element of an array; `member` (or NULL) of a compound. */
static void tamper(const char *path, const char *array_name, const char *member, size_t index,
                   const void *bytes, size_t count)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t array = H5Dopen2(file, array_name, H5P_DEFAULT);
    hid_t type = H5Dget_type(array), space = H5Dget_space(array);
    size_t element = H5Tget_size(type), offset = index * element;
    uint8_t *data;
    if (member != NULL)
        offset += H5Tget_member_offset(type, (unsigned)H5Tget_member_index(type, member));
    assert_ok(memory_allocate(&data, (size_t)H5Sget_simple_extent_npoints(space), element, "test"));
    assert_true(H5Dread(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    memcpy(data + offset, bytes, count);
    assert_true(H5Dwrite(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    memory_free(&data);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(array);
    H5Fclose(file);
}

static void test_tampered_rows_are_rejected(void **state)
{
    const int32_t minus = -1, many = 100;
    const float nan_value = NAN, infinite = INFINITY;
    const int64_t units = 5;
    char long_name[64];
    memset(long_name, 'x', sizeof long_name);
    const struct {
        const char *array, *member;
        size_t index;
        const void *bytes;
        size_t count;
        const char *word;
    } cases[] = {{"modules", "parent", 1, &minus, 4, "parent -1"},
                 {"modules", "parent", 1, &many, 4, "parent 100"},
                 {"modules", "class_index", 0, &minus, 4, "class -1"},
                 {"modules", "class_index", 0, &many, 4, "class 100"},
                 {"modules", "class_name", 0, "cat", 4, "parent's class"},
                 {"modules", "class_name", 2, long_name, 64, "parent's class"},
                 {"modules", "label", 0, "two", 4, "more than once"},
                 {"modules", "label", 0, "", 1, "is empty"},
                 {"modules", "label", 0, long_name, 64, "longer than 63"},
                 {"modules", "label", 0, "a\nb", 4, "control character"},
                 {"modules", "bias_class", 4, &nan_value, 4, "not finite"},
                 {"modules", "bias_rest", 4, &infinite, 4, "not finite"},
                 {"modules", "scale", 4, &infinite, 4, "not finite"},
                 {"modules", "offset", 4, &nan_value, 4, "not finite"},
                 {"modules", "positive_images", 0, &minus, 4, "below 0"},
                 {"modules", "negative_images", 0, &minus, 4, "below 0"},
                 {"modules", "kept_units", 3, &units, 8, "damaged"},
                 {"modules", "kept_channels", 3, &units, 8, "damaged"},
                 {"map_offsets", NULL, 2, &units, 8, "map_offsets[2]"},
                 {"head_offsets", NULL, 5, &units, 8, "head_offsets[5]"},
                 {"heads", NULL, 7, &nan_value, 4, "not finite"}};
    char *path = path_in(state, "t.h5");
    struct module_set *set = mixed_set(), *read;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(modules_file_save(set, "composition", path));
        tamper(path, cases[i].array, cases[i].member, cases[i].index, cases[i].bytes, cases[i].count);
        assert_fails(modules_file_load(path, NULL, &read), STATUS_FORMAT, cases[i].word);
        assert_null(read);
    }
    module_set_destroy(&set);
    free(path);
}

/* Rows 1, 2, 3 and 5 are networks; row 2 has a map over its own, row 3 takes images. */
static void test_tampered_networks_are_rejected(void **state)
{
    const int32_t minus = -1, stem = 1, many = 100;
    const float nan_value = NAN;
    const int64_t far = INT64_MAX / 2, few = 3, below = -1, huge = (int64_t)1 << 60;
    const uint8_t byte = 0xff;
    char long_name[96];
    memset(long_name, 'x', sizeof long_name);
    const struct {
        const char *array, *member;
        size_t index;
        const void *bytes;
        size_t count;
        const char *word;
    } cases[] = {{"modules", "kind", 1, "atlas", 6, "unknown kind"},
                 {"modules", "kind", 1, long_name, 12, "unknown kind"},
                 {"modules", "kind", 1, "map", 4, "parent's class"},
                 {"modules", "kind", 0, "network", 8, "0 layers"},
                 {"modules", "parent", 1, &many, 4, "parent 100"},
                 {"modules", "parent", 1, &minus, 4, "otherwise"},
                 {"modules", "parent", 3, &stem, 4, "takes 6×6×3"},
                 {"modules", "class_index", 1, &minus, 4, "class -1"},
                 {"modules", "class_name", 1, "", 1, "is empty"},
                 {"modules", "architecture", 1, long_name, 96, "has a text that is none"},
                 {"modules", "origin_architecture", 1, "a\nb", 4, "has a text that is none"},
                 {"modules", "scaling_scale", 1, &nan_value, 4, "scaling.scale is nan"},
                 {"modules", "scaling_std", 1, &nan_value, 4, "std nan"},
                 {"modules", "kept_units", 2, &few, 8, "damaged"},
                 {"modules", "kept_weights", 1, &few, 8, "damaged"},
                 {"modules", "kept_multiply_adds", 1, &few, 8, "damaged"},
                 {"modules", "whole_weights", 3, &few, 8, "damaged"}, /* it has no origin */
                 {"modules", "whole_weights", 0, &few, 8, "damaged"},
                 {"modules", "whole_units", 1, &below, 8, "below 0"},
                 {"modules", "whole_channels", 2, &huge, 8, "elements of channels"},
                 {"channels", NULL, 3, &byte, 1, "bits beyond the 30"},
                 {"channel_offsets", NULL, 3, &far, 8, "channel_offsets[4]"},
                 {"layer_offsets", NULL, 2, &far, 8, "layer_offsets[3]"},
                 {"layer_offsets", NULL, 0, &few, 8, "layer_offsets[0]"},
                 {"layer_offsets", NULL, 2, &few, 8, "network of module 1 (ant)"},
                 {"parameter_offsets", NULL, 2, &few, 8, "its layers need"},
                 {"statistic_offsets", NULL, 2, &few, 8, "its layers need"},
                 {"layers", "kind", 1, "teapot", 7, "unknown kind"},
                 {"layers", "kind", 0, "dense", 6, "not the input layer"},
                 {"layers", "name", 2, long_name, 96, "has no end"},
                 {"layers", "out_c", 1, &many, 4, "claims an output"},
                 {"layers", "h", 1, &many, 4, "claims an output"},
                 {"layers", "parameter_count", 1, &huge, 8, "claims"},
                 {"layers", "first_input", 2, &many, 4, "has inputs 100"},
                 {"inputs", NULL, 1, &many, 4, "layer"},
                 {"parameters", NULL, 0, &nan_value, 4, "finite number"},
                 {"statistics", NULL, 3, &nan_value, 4, "running"}};
    char *path = path_in(state, "t.h5");
    struct module_set *set = every_kind(3), *read;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(modules_file_save(set, "composition", path));
        tamper(path, cases[i].array, cases[i].member, cases[i].index, cases[i].bytes, cases[i].count);
        enum status status = modules_file_load(path, NULL, &read);
        if ((status != STATUS_FORMAT && status != STATUS_SHAPE) ||
            strstr(error_message(), cases[i].word) == NULL)
            fail_msg("case %zu (%s): status %d: %s", i, cases[i].word, (int)status, error_message());
        assert_null(read);
    }
    module_set_destroy(&set);
    free(path);
}

/* Any bit of a map that is flipped changes the count of units. */
static void test_a_flipped_map_bit_is_seen(void **state)
{
    char *path = path_in(state, "t.h5");
    struct module_set *set = random_set(dense_network(1, 3), 0.5, 1), *read;
    for (size_t i = 0; i < 9; i += 4) { /* three maps of three bytes, four bits unused in each */
        uint8_t byte = (uint8_t)(set->modules[i / 3].map[i % 3] ^ 0x80U);
        assert_ok(modules_file_save(set, "modules", path));
        tamper(path, "maps", NULL, i, &byte, 1);
        assert_fails(modules_file_load(path, NULL, &read), STATUS_FORMAT,
                     i % 3 == 2 ? "beyond its 20 units" : "damaged");
        assert_null(read);
    }
    module_set_destroy(&set);
    free(path);
}

/* Replaces an array by one of another length. */
static void resize_array(const char *path, const char *name, hid_t type, hsize_t extent)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &extent, NULL);
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    if (extent > 0) {
        hid_t array = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(array >= 0);
        H5Dclose(array);
    }
    H5Sclose(space);
    H5Fclose(file);
}

static void test_arrays_of_another_length_are_rejected(void **state)
{
    const struct {
        const char *name;
        hsize_t extent; /* 0: removed */
        enum status expected;
    } cases[] = {{"maps", 8, STATUS_SHAPE},     {"maps", 1000, STATUS_SHAPE},
                 {"maps", 0, STATUS_FORMAT},    {"head_offsets", 3, STATUS_SHAPE},
                 {"modules", 0, STATUS_FORMAT}, {"parents", 0, STATUS_FORMAT}};
    char *path = path_in(state, "t.h5");
    struct module_set *set = full_set(dense_network(1, 3)), *read;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(modules_file_save(set, "modules", path));
        resize_array(path, cases[i].name,
                     strcmp(cases[i].name, "maps") == 0 ? H5T_NATIVE_UINT8 : H5T_NATIVE_INT64,
                     cases[i].extent);
        if (modules_file_load(path, NULL, &read) != cases[i].expected)
            fail_msg("%s of %d elements: %s", cases[i].name, (int)cases[i].extent, error_message());
        assert_null(read);
    }
    module_set_destroy(&set);
    free(path);
}

static void test_a_truncated_file_is_rejected(void **state)
{
    char *path = path_in(state, "t.h5");
    struct module_set *set = full_set(dense_network(1, 3)), *read;
    for (off_t size = 0; size < 6000; size += 1500) {
        assert_ok(modules_file_save(set, "modules", path));
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(modules_file_load(path, NULL, &read), STATUS_FORMAT);
        assert_null(read);
    }
    assert_int_equal(modules_file_load("/nowhere/at/all.h5", NULL, &read), STATUS_IO);
    module_set_destroy(&set);
    free(path);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_composition_comes_back_as_it_was),
        IN_FOLDER(test_all_kinds_of_modules_come_back_as_they_were),
        IN_FOLDER(test_a_file_without_parents_comes_back),
        IN_FOLDER(test_tampered_networks_are_rejected),
        IN_FOLDER(test_a_lone_modules_lengths_are_known_without_reading_it),
        IN_FOLDER(test_the_same_set_gives_the_same_bytes),
        IN_FOLDER(test_rows_written_apart_give_the_same_bytes),
        IN_FOLDER(test_rows_must_ascend_and_exist),
        IN_FOLDER(test_what_cannot_be_loaded_is_not_saved),
        IN_FOLDER(test_tampered_rows_are_rejected),
        IN_FOLDER(test_a_flipped_map_bit_is_seen),
        IN_FOLDER(test_arrays_of_another_length_are_rejected),
        IN_FOLDER(test_a_truncated_file_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
