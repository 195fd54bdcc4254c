#include "tests/unit/base/scratch_folder.h"

#include "compute/formats/npy.h"

/* A file in memory: magic, version, length and text of the header, elements. */
struct file {
    size_t bytes;
    uint8_t data[512];
};

static struct file make(int version, const char *header, const void *elements, size_t bytes)
{
    struct file file = {.data = "\x93NUMPY"};
    size_t length = strlen(header), at = 8;
    file.data[6] = (uint8_t)version;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++)
        file.data[at++] = (uint8_t)(length >> (8 * i));
    memcpy(file.data + at, header, length);
    if (bytes > 0)
        memcpy(file.data + at + length, elements, bytes);
    file.bytes = at + length + bytes;
    return file;
}

static void expect(const struct file *file, enum npy_type type, int rank, const int64_t *extent,
                   const void *elements, size_t bytes)
{
    struct npy_array array;
    if (npy_decode(file->data, file->bytes, "x.npy", &array) != STATUS_OK)
        fail_msg("%s", error_message());
    assert_int_equal(array.type, type);
    assert_int_equal(array.rank, rank);
    for (int d = 0; d < rank; d++)
        assert_int_equal(array.extent[d], extent[d]);
    assert_memory_equal(array.data, elements, bytes);
    npy_clear(&array);
    npy_clear(&array);
}

static void refuse(int version, const char *header, size_t bytes, const char *word)
{
    static const uint8_t zeros[64];
    struct npy_array array;
    struct file file = make(version, header, zeros, bytes);
    enum status status = npy_decode(file.data, file.bytes, "x.npy", &array);
    if (status != STATUS_FORMAT || strstr(error_message(), word) == NULL)
        fail_msg("status %d (%s); expected \"%s\"", status, error_message(), word);
    assert_null(array.data);
}

static const int64_t extent[3] = {2, 1, 3};
static const uint8_t bytes[6] = {1, 2, 3, 4, 5, 6};

static void test_each_version(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        struct file file =
            make(version, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }   \n", bytes,
                 sizeof bytes);
        expect(&file, NPY_UINT8, 3, extent, bytes, sizeof bytes);
    }
}

static void test_entries_in_any_order_and_style(void **state)
{
    (void)state;
    const float values[2] = {1.5F, -2.0F};
    const int64_t two = 2;
    struct file file =
        make(1, "{\"shape\":(2L,),\"fortran_order\":False,\"descr\":\"<f4\"}", values, sizeof values);
    expect(&file, NPY_FLOAT32, 1, &two, values, sizeof values);
    file = make(1, "{'descr':'<f4','fortran_order':True,'shape':()}", values, sizeof *values);
    expect(&file, NPY_FLOAT32, 0, NULL, values, sizeof *values);
}

/* [[1, 2, 3], [4, 5, 6]] stored by columns. */
static void test_fortran_order_is_turned(void **state)
{
    (void)state;
    const uint8_t columns[6] = {1, 4, 2, 5, 3, 6};
    struct file file =
        make(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1, 3)}", columns, sizeof columns);
    expect(&file, NPY_UINT8, 3, extent, bytes, sizeof bytes);
}

static void test_nothing_in_it(void **state)
{
    (void)state;
    const int64_t none[2] = {0, 7};
    struct file file = make(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (0, 7)}", NULL, 0);
    expect(&file, NPY_UINT8, 2, none, "", 0);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    refuse(4, "{}", 0, "version 4");
    refuse(1, "", 0, "not a NumPy array");
    refuse(1, "[]", 0, "a dictionary");
    refuse(1, "    ", 0, "a dictionary");
    refuse(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", 16, "'<f8'");
    refuse(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", 8, "'>f4'");
    refuse(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8, "in quotes");
    refuse(1, "{'fortran_order': False, 'shape': (2,)}", 8, "lacks one of");
    refuse(1, "{'descr': '<f4', 'shape': (2,)}", 8, "lacks one of");
    refuse(1, "{'descr': '<f4', 'fortran_order': False}", 8, "lacks one of");
    refuse(1, "{'descr': '<f4', 'fortran_order': no, 'shape': (2,)}", 8, "True or False");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 8, "a number");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", 8, "a comma");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': 2}", 8, "a tuple");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1)}", 4, "more than 4 dimensions");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 8, "a comma");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, "its end");
    refuse(1, "{'colour': 'red'}", 0, "'colour'");
    refuse(1, "{'descr': '<f4", 0, "in quotes");
}

static void test_sizes_must_agree(void **state)
{
    (void)state;
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7, "7 bytes of elements");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, "9 bytes of elements");
    refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000)}", 8, "8 bytes");
    refuse(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "0 bytes");
    refuse(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}", 0, "63 bits");
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    struct file file =
        make(2, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3)}", bytes, sizeof bytes);
    for (size_t count = 0; count < file.bytes; count++) {
        struct npy_array array;
        uint8_t *exact = malloc(count > 0 ? count : 1); /* the address sanitizer sees reads beyond */
        assert_non_null(exact);
        memcpy(exact, file.data, count);
        assert_int_equal(npy_decode(exact, count, "x.npy", &array), STATUS_FORMAT);
        free(exact);
    }
}

/* As numpy.save writes it: version 1, the header padded so that the elements begin at a multiple of 64. */
static void test_written_as_numpy_writes(void **state)
{
    struct scratch *scratch = *state;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const char *path = scratch_path(scratch, "y.npy");
    struct npy_array array;
    size_t count;
    for (int rank = 1; rank <= 3; rank++) {
        const int64_t shape[3] = {rank == 1 ? 6 : 2, rank == 3 ? 1 : 3, 3};
        assert_int_equal(npy_write(path, rank, shape, values), STATUS_OK);
        uint8_t *written = file_read(path, &count);
        assert_int_equal(count, 128 + sizeof values);
        assert_memory_equal(written, "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, ", 51);
        assert_int_equal(written[127], '\n');
        free(written);
        assert_int_equal(npy_read(path, &array), STATUS_OK);
        assert_int_equal(array.rank, rank);
        assert_int_equal(array.count, 6);
        assert_memory_equal(array.data, values, sizeof values);
        npy_clear(&array);
    }
    assert_false(file_exists(scratch_path(scratch, "y.npy.part")));
    assert_int_equal(npy_read(scratch_path(scratch, "absent"), &array), STATUS_IO);
    assert_int_equal(npy_read(scratch->folder, &array), STATUS_IO);
    assert_int_equal(npy_write(scratch_path(scratch, "no/y.npy"), 1, extent, values), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_version),
        cmocka_unit_test(test_entries_in_any_order_and_style),
        cmocka_unit_test(test_fortran_order_is_turned),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_sizes_must_agree),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test_setup_teardown(test_written_as_numpy_writes, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
