/* Facet's own files, above HDF5: a good dataset or network file (a byte tells which) in which arrays and
 * attributes are exchanged, as the following bytes say. What is still accepted must be writable again. */
#include "fuzz_input.h"

#include <string.h>

#include "compute/formats/dataset_file.h"
#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_error.h"
#include "compute/formats/network_file.h"

enum { ELEMENTS_MAX = 4096 };

static void make_dataset(const char *path)
{
    static const class_name names[2] = {"ant", "bee"};
    static const int32_t labels[3] = {0, 1, 1};
    static const uint8_t pixels[3 * 12];
    struct dataset *dataset;
    if (dataset_create((struct shape){2, 2, 3}, 2, names, pixels, labels, 3, &dataset) != STATUS_OK ||
        dataset_file_write(dataset, path) != STATUS_OK)
        abort();
    dataset_destroy(&dataset);
}

static void make_network(const char *path)
{
    struct network *network;
    const struct layer_options dense = {.out_c = 2, .bias = true},
                               norm = {.epsilon = 1e-3F, .momentum = 0.1F};
    int32_t last = 0;
    if (network_create("fuzz", (struct shape){1, 1, 3}, &network) != STATUS_OK ||
        network_add_layer(network, LAYER_BATCHNORM, "n", &norm, &last, 1, &last) != STATUS_OK ||
        network_add_layer(network, LAYER_RELU, "r", NULL, &last, 1, &last) != STATUS_OK ||
        network_add_layer(network, LAYER_DENSE, "d", &dense, &last, 1, &last) != STATUS_OK ||
        network_finish(network) != STATUS_OK || network_file_write(network, path) != STATUS_OK)
        abort();
    network_destroy(&network);
}

/* Overwrites bytes of an array's elements, whatever they are. */
static void patch_array(hid_t array, struct fuzz_input *input)
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
static void replace_array(hid_t file, const char *name, struct fuzz_input *input)
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
static void patch_attribute(hid_t object, const char *name, struct fuzz_input *input)
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

static void mutate(hid_t file, struct fuzz_input *input)
{
    static const char *const arrays[] = {"pixels",
                                         "labels",
                                         "class_start",
                                         "class_names",
                                         "network/layers",
                                         "network/inputs",
                                         "network/parameters",
                                         "network/statistics",
                                         "network/parameter_index",
                                         "network/class_names"};
    static const char *const attributes[] = {"facet.kind",    "facet.version", "architecture",
                                             "scaling.scale", "scaling.mean",  "scaling.std"};
    const char *array = arrays[fuzz_byte(input) % (sizeof arrays / sizeof *arrays)];
    const char *attribute = attributes[fuzz_byte(input) % (sizeof attributes / sizeof *attributes)];
    uint8_t kind = fuzz_byte(input) % 3;
    bool there = strchr(array, '/') == NULL || H5Lexists(file, "network", H5P_DEFAULT) > 0;
    if (there && kind < 2 && H5Lexists(file, array, H5P_DEFAULT) > 0) {
        hid_t opened = H5Dopen2(file, array, H5P_DEFAULT);
        if (kind == 0)
            patch_array(opened, input);
        H5Dclose(opened);
        if (kind == 1)
            replace_array(file, array, input);
    } else if (kind == 2) {
        hid_t network = H5Lexists(file, "network", H5P_DEFAULT) > 0 ? H5Gopen2(file, "network", H5P_DEFAULT)
                                                                    : H5Gopen2(file, "/", H5P_DEFAULT);
        patch_attribute(strncmp(attribute, "facet", 5) == 0 ? file : network, attribute, input);
        H5Gclose(network);
    }
}

static void read_again(const char *path, bool is_dataset)
{
    struct dataset *dataset = NULL;
    struct network *network = NULL;
    if (is_dataset && dataset_file_load(path, &dataset) == STATUS_OK &&
        dataset_file_write(dataset, path) != STATUS_OK)
        abort();
    if (!is_dataset && network_file_read(path, &network) == STATUS_OK &&
        network_file_write(network, path) != STATUS_OK)
        abort();
    dataset_destroy(&dataset);
    network_destroy(&network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    bool is_dataset = fuzz_byte(&input) % 2 == 0;
    char path[128];
    fuzz_file("a", (struct fuzz_input){NULL, 0}, path);
    if (is_dataset)
        make_dataset(path);
    else
        make_network(path);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        abort();
    while (input.left > 0)
        mutate(file, &input);
    H5Fclose(file);
    read_again(path, is_dataset);
    return 0;
}
