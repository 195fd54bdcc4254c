#include "tests/unit/formats/hdf5_test.h"

#include <math.h>

static hid_t begin(void **state)
{
    hid_t file;
    assert_status(hdf5_create(scratch_path(*state, "a.h5"), "network", H5P_DEFAULT, &file), STATUS_OK);
    return file;
}

static void end(void **state, hid_t file)
{
    struct scratch *scratch = *state;
    assert_status(hdf5_close(&file, scratch->path), STATUS_OK);
}

static void test_integers(void **state)
{
    hid_t file = begin(state);
    int64_t value = 77;
    assert_status(hdf5_write_int_attribute(file, "least", INT64_MIN), STATUS_OK);
    assert_status(hdf5_read_int_attribute(file, "least", INT64_MIN, 0, &value), STATUS_OK);
    assert_true(value == INT64_MIN);
    assert_status(hdf5_write_int_attribute(file, "seven", 7), STATUS_OK);
    assert_status(hdf5_read_int_attribute(file, "seven", 7, 7, &value), STATUS_OK);
    assert_int_equal(value, 7);
    assert_status(hdf5_read_int_attribute(file, "seven", 8, 9, &value), STATUS_FORMAT);
    assert_says("attribute \"seven\" is 7; expected 8 to 9");
    assert_status(hdf5_read_int_attribute(file, "seven", 0, 6, &value), STATUS_FORMAT);
    assert_status(hdf5_read_int_attribute(file, "eight", 0, 9, &value), STATUS_FORMAT);
    assert_says("no attribute \"eight\"");
    assert_int_equal(value, 7);
    end(state, file);
}

static void test_attributes_are_written_once(void **state)
{
    hid_t file = begin(state);
    assert_false(hdf5_has_attribute(file, "seven"));
    assert_status(hdf5_write_int_attribute(file, "seven", 7), STATUS_OK);
    assert_true(hdf5_has_attribute(file, "seven"));
    assert_status(hdf5_write_int_attribute(file, "seven", 8), STATUS_IO);
    assert_says("cannot create attribute \"seven\"");
    end(state, file);
}

static void test_texts(void **state)
{
    hid_t file = begin(state);
    char text[8];
    assert_status(hdf5_write_text_attribute(file, "empty", ""), STATUS_OK);
    assert_status(hdf5_read_text_attribute(file, "empty", text, sizeof text), STATUS_OK);
    assert_string_equal(text, "");
    assert_status(hdf5_write_text_attribute(file, "fits", "seven77"), STATUS_OK);
    assert_status(hdf5_read_text_attribute(file, "fits", text, sizeof text), STATUS_OK);
    assert_string_equal(text, "seven77");
    assert_status(hdf5_write_text_attribute(file, "long", "eight888"), STATUS_OK);
    assert_status(hdf5_read_text_attribute(file, "long", text, sizeof text), STATUS_FORMAT);
    assert_string_equal(text, "");
    assert_says("not a fixed-length text of up to 7 bytes");
    assert_status(hdf5_write_text_attribute(file, "escape", "\x1b[0m"), STATUS_USAGE);
    assert_false(hdf5_has_attribute(file, "escape"));
    end(state, file);
}

/* Any text HDF5 can hold, by HDF5's own calls. */
static void write_text_as(hid_t file, const char *name, size_t bytes, H5T_str_t padding, const void *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    assert_true(H5Tset_size(type, bytes) >= 0 && H5Tset_strpad(type, padding) >= 0);
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attribute >= 0 && H5Awrite(attribute, type, text) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

static void test_texts_of_others(void **state)
{
    hid_t file = begin(state);
    char text[8];
    const char *varying = "cat";
    write_text_as(file, "padded", 7, H5T_STR_NULLPAD, "seven77");
    assert_status(hdf5_read_text_attribute(file, "padded", text, sizeof text), STATUS_OK);
    assert_string_equal(text, "seven77");
    write_text_as(file, "control", 7, H5T_STR_NULLPAD, "a\nline\n");
    assert_status(hdf5_read_text_attribute(file, "control", text, sizeof text), STATUS_FORMAT);
    assert_says("has control characters");
    write_text_as(file, "varying", H5T_VARIABLE, H5T_STR_NULLTERM, &varying);
    assert_status(hdf5_read_text_attribute(file, "varying", text, sizeof text), STATUS_FORMAT);
    assert_says("not a fixed-length text");
    end(state, file);
}

static void test_floats(void **state)
{
    hid_t file = begin(state);
    const float three[3] = {1.5F, -2.5F, 0.0F};
    float value = 0, read[3] = {9, 9, 9};
    assert_status(hdf5_write_float_attribute(file, "pi", 3.25F), STATUS_OK);
    assert_status(hdf5_read_float_attribute(file, "pi", &value), STATUS_OK);
    assert_true(value == 3.25F);
    assert_status(hdf5_write_floats_attribute(file, "three", three, 3), STATUS_OK);
    assert_status(hdf5_read_floats_attribute(file, "three", read, 3), STATUS_OK);
    assert_memory_equal(read, three, sizeof three);
    assert_status(hdf5_read_floats_attribute(file, "three", read, 2), STATUS_FORMAT);
    assert_status(hdf5_read_float_attribute(file, "three", &value), STATUS_FORMAT);
    assert_says("attribute \"three\" is not one float");
    assert_status(hdf5_write_float_attribute(file, "nan", NAN), STATUS_USAGE);
    assert_status(hdf5_write_floats_attribute(file, "infinite", (const float[]){0, INFINITY}, 2),
                  STATUS_USAGE);
    assert_false(hdf5_has_attribute(file, "nan") || hdf5_has_attribute(file, "infinite"));
    end(state, file);
}

static void test_floats_that_are_none_are_refused(void **state)
{
    hid_t file = begin(state), space = H5Screate(H5S_SCALAR);
    const float value = NAN;
    float read;
    hid_t attribute = H5Acreate2(file, "nan", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_FLOAT, &value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    assert_status(hdf5_read_float_attribute(file, "nan", &read), STATUS_FORMAT);
    assert_says("is not finite");
    end(state, file);
}

static void test_types_do_not_mix(void **state)
{
    hid_t file = begin(state);
    char text[8];
    int64_t integer;
    float real;
    assert_status(hdf5_write_int_attribute(file, "integer", 1), STATUS_OK);
    assert_status(hdf5_write_text_attribute(file, "text", "1"), STATUS_OK);
    assert_status(hdf5_write_float_attribute(file, "float", 1.0F), STATUS_OK);
    assert_status(hdf5_read_text_attribute(file, "integer", text, sizeof text), STATUS_FORMAT);
    assert_says("\"integer\" is not one text");
    assert_status(hdf5_read_float_attribute(file, "integer", &real), STATUS_FORMAT);
    assert_says("\"integer\" is not one float");
    assert_status(hdf5_read_int_attribute(file, "float", 0, 9, &integer), STATUS_FORMAT);
    assert_says("\"float\" is not one integer");
    assert_status(hdf5_read_int_attribute(file, "text", 0, 9, &integer), STATUS_FORMAT);
    end(state, file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_integers),
        SCRATCH_TEST(test_attributes_are_written_once),
        SCRATCH_TEST(test_texts),
        SCRATCH_TEST(test_texts_of_others),
        SCRATCH_TEST(test_floats),
        SCRATCH_TEST(test_floats_that_are_none_are_refused),
        SCRATCH_TEST(test_types_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
