/* Facet's own files, above HDF5: a good dataset or network file (a byte tells which) in which arrays and
 * attributes are exchanged, as the following bytes say. What is still accepted must be writable again. */
#include "fuzz_hdf5.h"

#include <string.h>

#include "compute/formats/dataset_file.h"
#include "compute/formats/network_file.h"

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
    bool root = strncmp(attribute, "facet", 5) == 0 || H5Lexists(file, "network", H5P_DEFAULT) <= 0;
    bool there = strchr(array, '/') == NULL || H5Lexists(file, "network", H5P_DEFAULT) > 0;
    mutate_file(file, there ? array : NULL, root ? "/" : "network", attribute, input);
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
