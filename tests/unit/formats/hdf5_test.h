/* What the tests of HDF5 formats share. */
#ifndef FACET_TESTS_UNIT_FORMATS_HDF5_TEST_H
#define FACET_TESTS_UNIT_FORMATS_HDF5_TEST_H

#include "tests/unit/base/scratch_folder.h"

#include "compute/formats/hdf5_file.h"

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

static inline void assert_says(const char *reason)
{
    if (strstr(error_message(), reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error_message(), reason);
}

static inline void assert_status(enum status status, enum status expected)
{
    if (status != expected)
        fail_msg("status %d (%s); expected %d", status, error_message(), expected);
}

/* Opens a finished file for changing, with HDF5 alone. */
static inline hid_t tamper_open(const char *path)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static inline void tamper_close(hid_t file)
{
    assert_true(H5Fclose(file) >= 0);
}

/* Overwrites element `at` of a one-dimensional array. */
static inline void tamper_element(const char *path, const char *array_name, hid_t type, hsize_t at,
                                  const void *value)
{
    hsize_t one = 1;
    hid_t file = tamper_open(path);
    hid_t array = H5Dopen2(file, array_name, H5P_DEFAULT);
    hid_t space = H5Dget_space(array), element = H5Screate_simple(1, &one, NULL);
    assert_true(array >= 0 && space >= 0 && element >= 0);
    assert_true(H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, NULL, &one, NULL) >= 0);
    assert_true(H5Dwrite(array, type, element, space, H5P_DEFAULT, value) >= 0);
    H5Sclose(element);
    H5Sclose(space);
    H5Dclose(array);
    tamper_close(file);
}

/* Overwrites one member of record `at` of an array of compounds. */
static inline void tamper_member(const char *path, const char *array_name, const char *member, hid_t type,
                                 hsize_t at, const void *value)
{
    hid_t record = H5Tcreate(H5T_COMPOUND, H5Tget_size(type));
    assert_true(record >= 0 && H5Tinsert(record, member, 0, type) >= 0);
    tamper_element(path, array_name, record, at, value);
    H5Tclose(record);
}

/* Removes an array or group. */
static inline void tamper_remove(const char *path, const char *name)
{
    hid_t file = tamper_open(path);
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    tamper_close(file);
}

/* Replaces an array by another. */
static inline void tamper_replace(const char *path, const char *name, hid_t type, int rank,
                                  const hsize_t *extent, const void *data)
{
    hid_t file = tamper_open(path);
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    assert_status(hdf5_write_array(file, name, type, rank, extent, data), STATUS_OK);
    tamper_close(file);
}

/* A file of that kind with nothing in it. */
static inline void empty_file(const char *path, const char *kind)
{
    hid_t file;
    assert_status(hdf5_create(path, kind, H5P_DEFAULT, &file), STATUS_OK);
    assert_status(hdf5_close(&file, path), STATUS_OK);
}

/* An HDF5 file that Facet did not write. */
static inline void foreign_file(const char *path)
{
    hdf5_quiet();
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0 && H5Fclose(file) >= 0);
}

#endif
