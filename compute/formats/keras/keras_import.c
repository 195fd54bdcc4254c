#include "compute/formats/keras/keras_import.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_error.h"
#include "compute/formats/keras/keras_weights.h"

/* Compressed weights are hardly smaller than they are: what claims to be so much more is not in the file. */
static const uint64_t compression_most = 16;

static enum status open_file(const char *path, hid_t *file, uint64_t *bytes)
{
    struct stat found;
    *file = H5I_INVALID_HID;
    if (stat(path, &found) != 0)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    *bytes = (uint64_t)found.st_size;
    hdf5_quiet();
    *file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (*file < 0) {
        char reason[256];
        hdf5_reason(reason, sizeof reason);
        *file = H5I_INVALID_HID;
        return error_set(STATUS_FORMAT, "%s: not an HDF5 file, or a damaged one%s", path, reason);
    }
    return STATUS_OK;
}

static enum status read_model(hid_t file, const char *path, struct keras_model *model)
{
    char *text = NULL;
    size_t bytes = 0;
    *model = (struct keras_model){.path = path};
    enum status status = keras_config_read(file, path, &text, &bytes);
    if (status == STATUS_OK)
        status = keras_model_parse(path, text, bytes, model);
    memory_free(&text);
    return status;
}

/* Layers of the network, and which tensors go into them; nothing is read yet. */
static enum status build_layers(struct keras_builder *builder)
{
    const struct keras_model *model = builder->model;
    size_t layers = (size_t)model->layer_count;
    enum status status = network_create("keras", model->input, &builder->network);
    if (status == STATUS_OK)
        status = memory_allocate(&builder->values, layers, sizeof(int32_t), "outputs of layers");
    if (status == STATUS_OK)
        status = memory_allocate(&builder->tensors, KERAS_TENSORS_MAX * layers, sizeof *builder->tensors,
                                 "tensors of a Keras model");
    for (int32_t i = 0; i < model->order_count && status == STATUS_OK; i++)
        status = keras_layer_build(builder, model->order[i]);
    if (status == STATUS_OK && builder->network->layer_count < 2)
        status = error_set(STATUS_FORMAT, "%s: a model that computes nothing", model->path);
    return status;
}

/* Everything must be there before memory is allocated for it. */
static enum status check_tensors(hid_t file, uint64_t file_bytes, const struct keras_builder *builder)
{
    uint64_t elements = 0;
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < builder->tensor_count && status == STATUS_OK; i++) {
        const struct keras_tensor *tensor = &builder->tensors[i];
        uint64_t count = 1;
        status = keras_tensor_check(file, builder->model, tensor);
        for (int d = 0; status == STATUS_OK && d < tensor->rank; d++)
            if (__builtin_mul_overflow(count, tensor->extent[d], &count))
                return keras_refuse(builder->model, tensor->layer, STATUS_SHAPE, "too many weights");
        elements += count;
        if (status == STATUS_OK && elements / compression_most > file_bytes / sizeof(float))
            status = error_set(STATUS_FORMAT, "%s: claims more weights than a file of %llu bytes can hold",
                               builder->model->path, (unsigned long long)file_bytes);
    }
    return status;
}

static enum status check_finite(const struct keras_model *model, const struct network *network)
{
    for (size_t i = 0; i < network->parameter_count; i++)
        if (!isfinite(network->parameters[i]))
            return error_set(STATUS_FORMAT, "%s: a weight is not a finite number; did training diverge?",
                             model->path);
    for (size_t i = 0; i < network->statistic_count; i++)
        if (!isfinite(network->statistics[i]))
            return error_set(STATUS_FORMAT, "%s: a mean or variance is not a finite number", model->path);
    return STATUS_OK;
}

static enum status read_tensors(hid_t file, const struct keras_builder *builder)
{
    enum status status = network_finish(builder->network);
    if (status != STATUS_OK)
        return error_prefix(status, "%s: ", builder->model->path);
    for (int32_t i = 0; i < builder->tensor_count && status == STATUS_OK; i++)
        status = keras_tensor_read(file, builder->model, &builder->tensors[i], builder->network);
    return status == STATUS_OK ? check_finite(builder->model, builder->network) : status;
}

enum status keras_import_file(hid_t file, const char *path, uint64_t bytes, struct network **network)
{
    struct keras_model model = {.path = path};
    struct keras_builder builder = {.model = &model};
    *network = NULL;
    enum status status = read_model(file, path, &model);
    if (status == STATUS_OK)
        status = build_layers(&builder);
    if (status == STATUS_OK)
        status = check_tensors(file, bytes, &builder);
    if (status == STATUS_OK)
        status = read_tensors(file, &builder);
    if (status == STATUS_OK)
        *network = builder.network;
    else
        network_destroy(&builder.network);
    memory_free(&builder.values);
    memory_free(&builder.tensors);
    keras_model_clear(&model);
    return status;
}

enum status keras_import(const char *path, struct network **network)
{
    hid_t file;
    uint64_t bytes = 0;
    *network = NULL;
    enum status status = open_file(path, &file, &bytes);
    if (status != STATUS_OK)
        return status;
    status = keras_import_file(file, path, bytes, network);
    H5Fclose(file); /* read only: nothing is lost if that fails */
    return status;
}
