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
    must(dataset_create((struct shape){2, 2, 3}, 2, names, pixels, labels, 3, &dataset));
    must(dataset_file_write(dataset, path));
    dataset_destroy(&dataset);
}

/* 0: a dataset; 1: a network. */
static void make_file(uint8_t kind, const char *path)
{
    if (kind == 0) {
        make_dataset(path);
        return;
    }
    struct network *network = make_network(3, 2);
    must(network_file_write(network, path));
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
    if (is_dataset && dataset_file_load(path, &dataset) == STATUS_OK)
        must(dataset_file_write(dataset, path));
    if (!is_dataset && network_file_read(path, &network) == STATUS_OK)
        must(network_file_write(network, path));
    dataset_destroy(&dataset);
    network_destroy(&network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t kind = fuzz_byte(&input) % 2;
    char path[128];
    changed_file(kind, make_file, mutate, &input, path);
    read_again(path, kind == 0);
    return 0;
}
