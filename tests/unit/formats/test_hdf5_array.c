#include "tests/unit/formats/hdf5_test.h"

#include "compute/base/memory.h"
#include "compute/formats/hdf5_record.h"

enum { ROWS = 4, COLUMNS = 3 };

struct fixture {
    struct scratch *scratch;
    const char *path;
    hid_t file;
};

static struct fixture begin(void **state)
{
    struct fixture fixture = {.scratch = *state};
    fixture.path = scratch_path(fixture.scratch, "a.h5");
    assert_status(hdf5_create(fixture.path, "network", H5P_DEFAULT, &fixture.file), STATUS_OK);
    return fixture;
}

static void end(struct fixture *fixture)
{
    assert_status(hdf5_close(&fixture->file, fixture->path), STATUS_OK);
}

static const hsize_t table_extent[2] = {ROWS, COLUMNS};
static const int32_t table[ROWS * COLUMNS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static struct fixture begin_with_table(void **state)
{
    struct fixture fixture = begin(state);
    assert_status(hdf5_write_array(fixture.file, "table", H5T_NATIVE_INT32, 2, table_extent, table),
                  STATUS_OK);
    return fixture;
}

/* --- whole arrays --- */

static void test_whole_array_comes_back(void **state)
{
    struct fixture fixture = begin_with_table(state);
    int32_t read[ROWS * COLUMNS] = {0};
    hsize_t extent[2];
    assert_status(hdf5_read_array(fixture.file, "table", H5T_NATIVE_INT32, 2, table_extent, read), STATUS_OK);
    assert_memory_equal(read, table, sizeof table);
    assert_status(hdf5_array_extent(fixture.file, "table", 2, ROWS, extent), STATUS_OK);
    assert_memory_equal(extent, table_extent, sizeof extent);
    end(&fixture);
}

static void test_empty_array(void **state)
{
    struct fixture fixture = begin(state);
    const hsize_t none = 0;
    hsize_t extent = 9;
    float value = 7.0F;
    assert_status(hdf5_write_array(fixture.file, "empty", H5T_NATIVE_FLOAT, 1, &none, NULL), STATUS_OK);
    assert_status(hdf5_read_array(fixture.file, "empty", H5T_NATIVE_FLOAT, 1, &none, &value), STATUS_OK);
    assert_true(value == 7.0F);
    assert_status(hdf5_array_extent(fixture.file, "empty", 1, 0, &extent), STATUS_OK);
    assert_int_equal(extent, 0);
    end(&fixture);
}

static void test_name_taken_already(void **state)
{
    struct fixture fixture = begin_with_table(state);
    hid_t array = 1;
    assert_status(hdf5_create_array(fixture.file, "table", H5T_NATIVE_INT32, 2, table_extent, &array),
                  STATUS_IO);
    assert_true(array == H5I_INVALID_HID);
    assert_says("cannot create array \"table\"");
    end(&fixture);
}

static void refuse_read(const struct fixture *fixture, const char *name, hid_t type, int rank,
                        const hsize_t *extent, enum status expected, const char *reason)
{
    int64_t read[64] = {0};
    assert_status(hdf5_read_array(fixture->file, name, type, rank, extent, read), expected);
    assert_says(fixture->path);
    assert_says(reason);
}

static void test_other_shapes_are_refused(void **state)
{
    struct fixture fixture = begin_with_table(state);
    const hsize_t turned[2] = {COLUMNS, ROWS}, flat[1] = {ROWS * COLUMNS};
    hsize_t extent[2];
    refuse_read(&fixture, "table", H5T_NATIVE_INT32, 2, turned, STATUS_SHAPE,
                "has 4×3 elements; expected 3×4");
    refuse_read(&fixture, "table", H5T_NATIVE_INT32, 1, flat, STATUS_FORMAT, "has 2 dimensions; expected 1");
    refuse_read(&fixture, "missing", H5T_NATIVE_INT32, 1, flat, STATUS_FORMAT, "no array \"missing\"");
    assert_status(hdf5_array_extent(fixture.file, "table", 2, ROWS - 1, extent), STATUS_FORMAT);
    assert_says("dimension 0 is 4; expected at most 3");
    end(&fixture);
}

static void test_other_types_are_refused(void **state)
{
    struct fixture fixture = begin_with_table(state);
    refuse_read(&fixture, "table", H5T_NATIVE_INT64, 2, table_extent, STATUS_FORMAT,
                "holds 4-byte signed integers; expected 8-byte signed integers");
    refuse_read(&fixture, "table", H5T_NATIVE_UINT32, 2, table_extent, STATUS_FORMAT,
                "4-byte unsigned integers");
    refuse_read(&fixture, "table", H5T_NATIVE_FLOAT, 2, table_extent, STATUS_FORMAT,
                "expected 4-byte floats");
    refuse_read(&fixture, "table", H5T_C_S1, 2, table_extent, STATUS_FORMAT, "expected text of 1 bytes");
    end(&fixture);
}

static void test_other_byte_order_is_read(void **state)
{
    struct fixture fixture = begin(state);
    const hsize_t extent = 3;
    const int32_t values[3] = {1, -2, 70000};
    int32_t read[3] = {0};
    hid_t space = H5Screate_simple(1, &extent, NULL);
    hid_t array =
        H5Dcreate2(fixture.file, "big", H5T_STD_I32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(array, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(array);
    H5Sclose(space);
    assert_status(hdf5_read_array(fixture.file, "big", H5T_NATIVE_INT32, 1, &extent, read), STATUS_OK);
    assert_memory_equal(read, values, sizeof values);
    end(&fixture);
}

/* --- hostile arrays --- */

/* An array of chunks of which none is ever written: as large as it pleases in a small file. */
static void create_claiming(const struct fixture *fixture, const char *name, hsize_t count, unsigned deflate)
{
    const hsize_t chunk = 1024;
    hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(list, 1, &chunk) >= 0);
    if (deflate > 0)
        assert_true(H5Pset_deflate(list, deflate) >= 0);
    hid_t array = H5Dcreate2(fixture->file, name, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(array >= 0);
    H5Dclose(array);
    H5Pclose(list);
    H5Sclose(space);
}

static void test_claimed_sizes_are_bounded(void **state)
{
    struct fixture fixture = begin(state);
    hsize_t extent;
    create_claiming(&fixture, "plain", 1 << 20, 0);
    create_claiming(&fixture, "deflated", INT64_C(1) << 40, 6);
    create_claiming(&fixture, "overflowing", (hsize_t)1 << 62, 6);
    assert_status(hdf5_array_extent(fixture.file, "plain", 1, INT64_MAX, &extent), STATUS_FORMAT);
    assert_says("claims more elements than");
    assert_status(hdf5_array_extent(fixture.file, "deflated", 1, INT64_MAX, &extent), STATUS_FORMAT);
    assert_status(hdf5_array_extent(fixture.file, "overflowing", 1, INT64_MAX, &extent), STATUS_FORMAT);
    end(&fixture);
}

static void test_compressed_arrays_are_read(void **state)
{
    struct fixture fixture = begin(state);
    const hsize_t count = 100000;
    static float values[100000];
    hid_t array;
    hsize_t extent;
    create_claiming(&fixture, "deflated", count, 6);
    array = H5Dopen2(fixture.file, "deflated", H5P_DEFAULT);
    assert_true(H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(array);
    assert_true(H5Fflush(fixture.file, H5F_SCOPE_LOCAL) >= 0);
    assert_status(hdf5_array_extent(fixture.file, "deflated", 1, count, &extent), STATUS_OK);
    assert_status(hdf5_read_array(fixture.file, "deflated", H5T_NATIVE_FLOAT, 1, &extent, values), STATUS_OK);
    end(&fixture);
}

/* An array made by HDF5 alone, with that creation list. */
static void create_by_list(hid_t file, const char *name, hid_t space, hid_t list)
{
    hid_t array = H5Dcreate2(file, name, H5T_NATIVE_INT32, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(array >= 0);
    H5Dclose(array);
    H5Pclose(list);
}

static void test_data_of_other_files_are_refused(void **state)
{
    struct fixture fixture = begin_with_table(state);
    const hsize_t four = 4;
    hid_t space = H5Screate_simple(1, &four, NULL);
    hid_t external = H5Pcreate(H5P_DATASET_CREATE), virtual = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_external(external, "/etc/passwd", 0, 16) >= 0);
    assert_true(H5Pset_virtual(virtual, space, "/tmp/other.h5", "table", space) >= 0);
    end(&fixture);
    hid_t file = tamper_open(fixture.path); /* virtual arrays need a newer format than Facet's files have */
    create_by_list(file, "raw", space, external);
    create_by_list(file, "virtual", space, virtual);
    assert_true(H5Lcreate_soft("/table", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    tamper_close(file);
    H5Sclose(space);
    assert_status(hdf5_open(fixture.path, NULL, H5P_DEFAULT, &fixture.file, NULL), STATUS_OK);
    refuse_read(&fixture, "raw", H5T_NATIVE_INT32, 1, &four, STATUS_FORMAT, "data in another file");
    refuse_read(&fixture, "virtual", H5T_NATIVE_INT32, 1, &four, STATUS_FORMAT, "data in another file");
    refuse_read(&fixture, "soft", H5T_NATIVE_INT32, 2, table_extent, STATUS_FORMAT, "link to somewhere else");
    end(&fixture);
}

static void test_scalar_and_group_are_no_arrays(void **state)
{
    struct fixture fixture = begin(state);
    const hsize_t one = 1;
    hid_t group, space = H5Screate(H5S_SCALAR);
    hid_t array =
        H5Dcreate2(fixture.file, "scalar", H5T_NATIVE_INT32, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(array);
    H5Sclose(space);
    assert_status(hdf5_create_group(fixture.file, "group", &group), STATUS_OK);
    H5Gclose(group);
    refuse_read(&fixture, "scalar", H5T_NATIVE_INT32, 1, &one, STATUS_FORMAT, "has 0 dimensions; expected 1");
    refuse_read(&fixture, "group", H5T_NATIVE_INT32, 1, &one, STATUS_FORMAT,
                "cannot open \"group\" as an array");
    end(&fixture);
}

/* --- rows --- */

static void test_rows_are_written_and_read(void **state)
{
    struct fixture fixture = begin(state);
    int32_t read[2 * COLUMNS];
    hsize_t extent[2];
    hid_t array;
    assert_status(hdf5_create_array(fixture.file, "t", H5T_NATIVE_INT32, 2, table_extent, &array), STATUS_OK);
    for (hsize_t row = ROWS; row-- > 0;)
        assert_status(hdf5_write_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, row, 1, table + row * COLUMNS),
                      STATUS_OK);
    assert_status(hdf5_write_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, ROWS, 0, NULL), STATUS_OK);
    H5Dclose(array);
    assert_status(hdf5_open_array(fixture.file, "t", H5T_NATIVE_INT32, 2, extent, &array), STATUS_OK);
    assert_memory_equal(extent, table_extent, sizeof extent);
    assert_status(hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, 1, 2, read), STATUS_OK);
    assert_memory_equal(read, table + COLUMNS, sizeof read);
    assert_status(hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, 0, 0, read), STATUS_OK);
    H5Dclose(array);
    end(&fixture);
}

static void test_rows_outside_are_refused(void **state)
{
    struct fixture fixture = begin_with_table(state);
    int32_t read[ROWS * COLUMNS];
    hsize_t extent[2];
    hid_t array;
    assert_status(hdf5_open_array(fixture.file, "table", H5T_NATIVE_INT32, 2, extent, &array), STATUS_OK);
    assert_status(hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, 3, 2, read), STATUS_SHAPE);
    assert_says("has 4 rows; asked for 2 from row 3");
    assert_status(hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, 5, 0, read), STATUS_SHAPE);
    assert_status(hdf5_read_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, 1, UINT64_MAX, read), STATUS_SHAPE);
    assert_status(hdf5_write_rows(array, H5P_DEFAULT, H5T_NATIVE_INT32, 4, 1, table), STATUS_SHAPE);
    H5Dclose(array);
    end(&fixture);
}

/* --- records --- */

struct record {
    uint8_t flag;
    int64_t number;
    char text[8];
    int32_t array[3];
    float real;
};

static const struct hdf5_member members[] = {
    {"flag", offsetof(struct record, flag), HDF5_MEMBER_UINT8, 0},
    {"number", offsetof(struct record, number), HDF5_MEMBER_INT64, 0},
    {"text", offsetof(struct record, text), HDF5_MEMBER_TEXT, 8},
    {"array", offsetof(struct record, array), HDF5_MEMBER_INT32, 3},
    {"real", offsetof(struct record, real), HDF5_MEMBER_FLOAT, 0},
};
enum { MEMBERS = sizeof members / sizeof *members };

static hid_t record_type(const struct hdf5_member *from, size_t count)
{
    hid_t type;
    assert_status(hdf5_record_type(from, count, sizeof(struct record), &type), STATUS_OK);
    return type;
}

static void test_records_come_back_packed(void **state)
{
    struct fixture fixture = begin(state);
    const struct record written[2] = {{1, -5, "one", {1, 2, 3}, 0.5F}, {0, 6, "seven77", {4, 5, 6}, -2.0F}};
    struct record read[2];
    const hsize_t extent = 2;
    hid_t type = record_type(members, MEMBERS);
    memset(read, 0, sizeof read);
    assert_status(hdf5_write_array(fixture.file, "r", type, 1, &extent, written), STATUS_OK);
    assert_status(hdf5_read_array(fixture.file, "r", type, 1, &extent, read), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read[i].flag, written[i].flag);
        assert_int_equal(read[i].number, written[i].number);
        assert_string_equal(read[i].text, written[i].text);
        assert_memory_equal(read[i].array, written[i].array, sizeof read[i].array);
        assert_true(read[i].real == written[i].real);
    }
    hid_t array = H5Dopen2(fixture.file, "r", H5P_DEFAULT), stored = H5Dget_type(array);
    assert_int_equal(H5Tget_size(stored), 1 + 8 + 8 + 12 + 4);
    H5Tclose(stored);
    H5Dclose(array);
    H5Tclose(type);
    end(&fixture);
}

/* Reads records of `changed` as records of `members`, of which one must be missed. */
static void refuse_records(const struct fixture *fixture, const char *name, const struct hdf5_member *changed,
                           size_t count, const char *missed)
{
    const struct record record = {1, 2, "three", {4, 5, 6}, 7.0F};
    const hsize_t extent = 1;
    hid_t stored = record_type(changed, count), wanted = record_type(members, MEMBERS);
    assert_status(hdf5_write_array(fixture->file, name, stored, 1, &extent, &record), STATUS_OK);
    refuse_read(fixture, name, wanted, 1, &extent, STATUS_FORMAT, missed);
    H5Tclose(wanted);
    H5Tclose(stored);
}

static void test_records_without_a_member_are_refused(void **state)
{
    struct fixture fixture = begin(state);
    struct hdf5_member changed[MEMBERS];
    refuse_records(&fixture, "short", members, MEMBERS - 1, "no member \"real\"");
    memcpy(changed, members, sizeof members);
    changed[1].kind = HDF5_MEMBER_INT32;
    refuse_records(&fixture, "narrow", changed, MEMBERS, "no member \"number\"");
    memcpy(changed, members, sizeof members);
    changed[3].count = 2;
    refuse_records(&fixture, "short array", changed, MEMBERS, "no member \"array\"");
    memcpy(changed, members, sizeof members);
    changed[3].count = 0;
    refuse_records(&fixture, "no array", changed, MEMBERS, "no member \"array\"");
    memcpy(changed, members, sizeof members);
    changed[4].kind = HDF5_MEMBER_INT32;
    refuse_records(&fixture, "no float", changed, MEMBERS, "no member \"real\"");
    refuse_read(&fixture, "no float", H5T_NATIVE_INT32, 1, (const hsize_t[]){1}, STATUS_FORMAT,
                "holds compound records; expected 4-byte signed integers");
    end(&fixture);
}

/* --- class names --- */

static const class_name names[3] = {"cat", "dog", "Bär"};

static void test_class_names_come_back(void **state)
{
    struct fixture fixture = begin(state);
    class_name *read = NULL;
    int32_t count = 0;
    assert_status(hdf5_write_class_names(fixture.file, "names", names, 3), STATUS_OK);
    assert_status(hdf5_read_class_names(fixture.file, "names", &count, &read), STATUS_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(read, names, sizeof names);
    memory_free(&read);
    end(&fixture);
}

static void test_bad_class_names_are_not_written(void **state)
{
    struct fixture fixture = begin(state);
    static const class_name twice[2] = {"same", "same"};
    assert_status(hdf5_write_class_names(fixture.file, "names", twice, 2), STATUS_FORMAT);
    assert_says("more than once");
    assert_true(H5Lexists(fixture.file, "names", H5P_DEFAULT) == 0);
    end(&fixture);
}

static void write_texts(const struct fixture *fixture, const char *name, size_t bytes, H5T_str_t padding,
                        H5T_cset_t character_set, hsize_t count, const char *texts)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    assert_true(H5Tset_size(type, bytes) >= 0 && H5Tset_strpad(type, padding) >= 0 &&
                H5Tset_cset(type, character_set) >= 0);
    assert_status(hdf5_write_array(fixture->file, name, type, 1, &count, texts), STATUS_OK);
    H5Tclose(type);
}

/* As h5py writes numpy.array([b"cat", b"dog"], "S3"): no zeros at all. */
static void test_class_names_of_h5py_are_read(void **state)
{
    struct fixture fixture = begin(state);
    class_name *read = NULL;
    int32_t count = 0;
    write_texts(&fixture, "names", 3, H5T_STR_NULLPAD, H5T_CSET_ASCII, 2, "catdog");
    assert_status(hdf5_read_class_names(fixture.file, "names", &count, &read), STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(read[0], "cat");
    assert_string_equal(read[1], "dog");
    memory_free(&read);
    end(&fixture);
}

static void refuse_names(const struct fixture *fixture, const char *name, const char *reason)
{
    static class_name other;
    class_name *read = &other;
    int32_t count = 9;
    assert_status(hdf5_read_class_names(fixture->file, name, &count, &read), STATUS_FORMAT);
    assert_null(read);
    assert_int_equal(count, 0);
    assert_says(reason);
}

static void test_bad_class_names_are_refused(void **state)
{
    struct fixture fixture = begin(state);
    char endless[64], lengthy[65] = "";
    memset(endless, 'x', sizeof endless);
    write_texts(&fixture, "endless", 64, H5T_STR_NULLPAD, H5T_CSET_UTF8, 1, endless);
    refuse_names(&fixture, "endless", "longer than 63 bytes");
    write_texts(&fixture, "lengthy", 65, H5T_STR_NULLTERM, H5T_CSET_UTF8, 1, lengthy);
    refuse_names(&fixture, "lengthy", "holds text of 65 bytes; expected text of 64 bytes");
    write_texts(&fixture, "twice", 2, H5T_STR_NULLTERM, H5T_CSET_UTF8, 2, "a\0a");
    refuse_names(&fixture, "twice", "more than once");
    write_texts(&fixture, "control", 2, H5T_STR_NULLPAD, H5T_CSET_UTF8, 1, "\x1b[");
    refuse_names(&fixture, "control", "control character");
    const hsize_t one = 1;
    const int32_t number = 5;
    assert_status(hdf5_write_array(fixture.file, "numbers", H5T_NATIVE_INT32, 1, &one, &number), STATUS_OK);
    refuse_names(&fixture, "numbers", "holds 4-byte signed integers");
    refuse_names(&fixture, "missing", "no array \"missing\"");
    end(&fixture);
}

static void test_names_of_varying_length_are_refused(void **state)
{
    struct fixture fixture = begin(state);
    const hsize_t extent = 2;
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &extent, NULL);
    assert_true(H5Tset_size(type, H5T_VARIABLE) >= 0);
    hid_t array = H5Dcreate2(fixture.file, "names", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(array >= 0);
    H5Dclose(array);
    H5Sclose(space);
    H5Tclose(type);
    refuse_names(&fixture, "names", "holds variable-length text");
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_whole_array_comes_back),
        SCRATCH_TEST(test_empty_array),
        SCRATCH_TEST(test_name_taken_already),
        SCRATCH_TEST(test_other_shapes_are_refused),
        SCRATCH_TEST(test_other_types_are_refused),
        SCRATCH_TEST(test_other_byte_order_is_read),
        SCRATCH_TEST(test_claimed_sizes_are_bounded),
        SCRATCH_TEST(test_compressed_arrays_are_read),
        SCRATCH_TEST(test_data_of_other_files_are_refused),
        SCRATCH_TEST(test_scalar_and_group_are_no_arrays),
        SCRATCH_TEST(test_rows_are_written_and_read),
        SCRATCH_TEST(test_rows_outside_are_refused),
        SCRATCH_TEST(test_records_come_back_packed),
        SCRATCH_TEST(test_records_without_a_member_are_refused),
        SCRATCH_TEST(test_class_names_come_back),
        SCRATCH_TEST(test_bad_class_names_are_not_written),
        SCRATCH_TEST(test_class_names_of_h5py_are_read),
        SCRATCH_TEST(test_bad_class_names_are_refused),
        SCRATCH_TEST(test_names_of_varying_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
