/* Keras files, above HDF5: how the configuration is stored (a byte), the configuration (a piece), and the
 * weights of a layer "d": names (a piece), extents of its kernel (two bytes). What is imported must be whole.
 */
#include "fuzz_input.h"

#include <string.h>

#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_error.h"
#include "compute/formats/keras/keras_import.h"

/* A file in memory alone. */
static hid_t create_file(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(list, 1 << 16, false);
    hid_t file = H5Fcreate("/fuzz.h5", H5F_ACC_TRUNC, H5P_DEFAULT, list);
    H5Pclose(list);
    if (file < 0)
        abort();
    return file;
}

/* A text attribute, of variable or fixed length. */
static void add_text(hid_t object, const char *name, struct fuzz_input content, bool variable)
{
    char *text = calloc(content.left + 1, 1);
    if (text == NULL)
        abort();
    if (content.left > 0)
        memcpy(text, content.data, content.left);
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, variable ? H5T_VARIABLE : content.left + 1);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) { /* an attribute of fixed length ends at 64 KiB */
        H5Awrite(attribute, type, variable ? (const void *)&text : text);
        H5Aclose(attribute);
    }
    H5Sclose(space);
    H5Tclose(type);
    free(text);
}

static void add_weights(hid_t file, struct fuzz_input *input)
{
    static const float values[16 * 16];
    hid_t outer = H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(outer, "d", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    add_text(group, "weight_names", fuzz_piece(input), false);
    const hsize_t extent[2] = {1 + fuzz_byte(input) % 16, 1 + fuzz_byte(input) % 16};
    if (hdf5_write_array(group, "kernel:0", H5T_NATIVE_FLOAT, 2, extent, values) != STATUS_OK)
        abort();
    H5Gclose(group);
    H5Gclose(outer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct network *network = NULL;
    hdf5_quiet();
    hid_t file = create_file();
    bool variable = fuzz_byte(&input) % 2 == 1;
    add_text(file, "model_config", fuzz_piece(&input), variable);
    add_weights(file, &input);
    if (keras_import_file(file, "x.h5", 1 << 16, &network) == STATUS_OK && network->class_count < 1)
        abort();
    network_destroy(&network);
    H5Fclose(file);
    return 0;
}
