/* Changing HDF5 files as a fuzzer's bytes say: arrays and attributes are exchanged in a file that was good.
 */
#ifndef FACET_TESTS_FUZZ_FUZZ_HDF5_H
#define FACET_TESTS_FUZZ_FUZZ_HDF5_H

#include "fuzz_input.h"

#include <string.h>

#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_error.h"
#include "compute/network/network.h"

enum { ELEMENTS_MAX = 1 << 14, GOOD_FILES_MAX = 4 };

static inline void must(enum status status)
{
    if (status != STATUS_OK)
        abort();
}

/* Batch norm, ReLU and a dense layer on 1×1×C. */
static inline struct network *make_network(int32_t channels, int32_t outputs)
{
    struct network *network;
    const struct layer_options dense = {.out_c = outputs, .bias = true},
                               norm = {.epsilon = 1e-3F, .momentum = 0.1F};
    int32_t last = 0;
    must(network_create("fuzz", (struct shape){1, 1, channels}, &network));
    must(network_add_layer(network, LAYER_BATCHNORM, "n", &norm, &last, 1, &last));
    must(network_add_layer(network, LAYER_RELU, "r", NULL, &last, 1, &last));
    must(network_add_layer(network, LAYER_DENSE, "d", &dense, &last, 1, &last));
    must(network_finish(network));
    return network;
}

/* Overwrites bytes of an array's elements, whatever they are. */
static inline void patch_array(hid_t array, struct fuzz_input *input)
{
    uint8_t elements[ELEMENTS_MAX];
    hid_t type = H5Dget_type(array), space = H5Dget_space(array);
    size_t bytes = (size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
    if (bytes > 0 && bytes <= sizeof elements &&
        H5Dread(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0) {
        size_t place = (size_t)fuzz_byte(input) << 8;
        place |= fuzz_byte(input);
        for (uint8_t count = fuzz_byte(input) % 16; count > 0; count--)
            elements[place++ % bytes] = fuzz_byte(input);
        H5Dwrite(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements);
    }
    H5Sclose(space);
    H5Tclose(type);
}

/* Another array in its place, of another type, rank and extent. */
static inline void replace_array(hid_t file, const char *name, struct fuzz_input *input)
{
    const hid_t types[] = {H5T_NATIVE_UINT8, H5T_NATIVE_INT32, H5T_NATIVE_INT64, H5T_NATIVE_FLOAT,
                           H5T_NATIVE_DOUBLE};
    static const uint8_t zeros[ELEMENTS_MAX];
    hsize_t extent[HDF5_RANK_MAX];
    hid_t type = types[fuzz_byte(input) % 5];
    int rank = 1 + fuzz_byte(input) % HDF5_RANK_MAX;
    for (int d = 0; d < rank; d++)
        extent[d] = fuzz_byte(input) % 4;
    H5Ldelete(file, name, H5P_DEFAULT);
    if (fuzz_byte(input) % 4 != 0)
        (void)hdf5_write_array(file, name, type, rank, extent, zeros);
}

/* Overwrites the bytes of an attribute. */
static inline void patch_attribute(hid_t object, const char *name, struct fuzz_input *input)
{
    uint8_t value[512];
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return;
    hid_t type = H5Aget_type(attribute);
    if (H5Aget_storage_size(attribute) <= sizeof value && H5Aread(attribute, type, value) >= 0) {
        size_t bytes = (size_t)H5Aget_storage_size(attribute), place = fuzz_byte(input);
        for (uint8_t count = fuzz_byte(input) % 16; bytes > 0 && count > 0; count--)
            value[place++ % bytes] = fuzz_byte(input);
        H5Awrite(attribute, type, value);
    }
    H5Tclose(type);
    H5Aclose(attribute);
}

/* One change: of the array (NULL: it cannot be there), or of an attribute of that group. */
static inline void mutate_file(hid_t file, const char *array, const char *group, const char *attribute,
                               struct fuzz_input *input)
{
    uint8_t kind = fuzz_byte(input) % 3;
    if (array != NULL && kind < 2 && H5Lexists(file, array, H5P_DEFAULT) > 0) {
        hid_t opened = H5Dopen2(file, array, H5P_DEFAULT);
        if (kind == 0)
            patch_array(opened, input);
        H5Dclose(opened);
        if (kind == 1)
            replace_array(file, array, input);
    } else if (kind == 2) {
        hid_t opened = H5Gopen2(file, group, H5P_DEFAULT);
        patch_attribute(opened, attribute, input);
        H5Gclose(opened);
    }
}

/* Writes the good file of that kind, which `make` wrote once, and exchanges in it what the input says. */
static inline void changed_file(uint8_t kind, void (*make)(uint8_t kind, const char *path),
                                void (*mutate)(hid_t file, struct fuzz_input *input),
                                struct fuzz_input *input, char path[128])
{
    static struct fuzz_input good[GOOD_FILES_MAX];
    fuzz_file("a", good[kind], path);
    if (good[kind].data == NULL) {
        make(kind, path);
        good[kind] = fuzz_content(path);
    }
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        abort();
    while (input->left > 0)
        mutate(file, input);
    H5Fclose(file);
}

#endif
