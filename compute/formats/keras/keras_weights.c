#include "compute/formats/keras/keras_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/hdf5_array.h"
#include "compute/formats/hdf5_attribute.h"
#include "compute/formats/hdf5_error.h"

enum { CONFIG_BYTES_MAX = 64 << 20, NAME_BYTES = 512, NAMES_MAX = 64 };

/* --- text attributes: fixed or variable length, one or a list --- */

/* A list of texts. */
struct texts {
    size_t count;
    bool variable;
    size_t width; /* bytes of each, when not variable */
    char *fixed;  /* (count, width); owned */
    char **each;  /* (count), when variable; what they point to is HDF5's until texts_clear */
    hid_t type, space;
};

static void texts_clear(struct texts *texts)
{
    if (texts->each != NULL)
        H5Dvlen_reclaim(texts->type, texts->space, H5P_DEFAULT, texts->each);
    if (texts->type >= 0)
        H5Tclose(texts->type);
    if (texts->space >= 0)
        H5Sclose(texts->space);
    memory_free(&texts->each);
    memory_free(&texts->fixed);
}

static enum status texts_load(hid_t object, const char *name, hid_t attribute, size_t most,
                              struct texts *texts)
{
    texts->type = H5Aget_type(attribute);
    texts->space = H5Aget_space(attribute);
    hssize_t points = texts->space < 0 ? -1 : H5Sget_simple_extent_npoints(texts->space);
    if (texts->type < 0 || points < 0)
        return hdf5_failed(STATUS_FORMAT, object, "cannot read attribute \"%s\"", name);
    size_t count = (size_t)points;
    if (count == 0)
        return STATUS_OK; /* of whatever type: h5py writes an empty list as floats */
    if (H5Tget_class(texts->type) != H5T_STRING || count > most)
        return hdf5_refuse(STATUS_FORMAT, object, "attribute \"%s\" is not text", name);
    texts->variable = H5Tis_variable_str(texts->type) > 0;
    texts->width = H5Tget_size(texts->type);
    size_t bytes = 0;
    if (!size_multiply(count, texts->width, &bytes) || bytes > CONFIG_BYTES_MAX)
        return hdf5_refuse(STATUS_FORMAT, object, "attribute \"%s\" claims %zu texts of %zu bytes", name,
                           count, texts->width);
    enum status status = texts->variable ? memory_allocate(&texts->each, count, sizeof(char *), "texts")
                                         : memory_allocate(&texts->fixed, count, texts->width, "texts");
    if (status != STATUS_OK)
        return status;
    void *target = texts->variable ? (void *)texts->each : (void *)texts->fixed;
    if (H5Aread(attribute, texts->type, target) < 0)
        return hdf5_failed(STATUS_FORMAT, object, "cannot read attribute \"%s\"", name);
    texts->count = count;
    return STATUS_OK;
}

/* At most `most` texts; to be cleared also after a failure. */
static enum status texts_read(hid_t object, const char *name, size_t most, struct texts *texts)
{
    *texts = (struct texts){.type = H5I_INVALID_HID, .space = H5I_INVALID_HID};
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return hdf5_refuse(STATUS_FORMAT, object, "no attribute \"%s\"; not a model as Keras 2 saves it",
                           name);
    enum status status = texts_load(object, name, attribute, most, texts);
    H5Aclose(attribute);
    return status;
}

/* Text i and its length. */
static const char *texts_get(const struct texts *texts, size_t i, size_t *bytes)
{
    const char *text = texts->variable ? texts->each[i] : texts->fixed + i * texts->width;
    if (text == NULL)
        text = "";
    *bytes = texts->variable ? strlen(text) : strnlen(text, texts->width);
    return text;
}

static enum status copy_config(const struct texts *texts, const char *path, char **text, size_t *bytes)
{
    if (texts->count != 1)
        return error_set(STATUS_FORMAT, "%s: model_config is empty", path);
    const char *config = texts_get(texts, 0, bytes);
    if (*bytes > CONFIG_BYTES_MAX)
        return error_set(STATUS_FORMAT, "%s: model_config has %zu bytes", path, *bytes);
    enum status status = memory_allocate(text, *bytes + 1, 1, path);
    if (status == STATUS_OK)
        memcpy(*text, config, *bytes);
    return status;
}

enum status keras_config_read(hid_t file, const char *path, char **text, size_t *bytes)
{
    struct texts texts;
    *text = NULL;
    if (hdf5_has_attribute(file, "facet.kind"))
        return error_set(STATUS_FORMAT, "%s: is one of Facet's own files, with nothing to import", path);
    if (!hdf5_has_attribute(file, "model_config"))
        return error_set(STATUS_FORMAT,
                         "%s: no model_config: not a Keras model, or its weights alone; save the whole model "
                         "with model.save(\"NAME.h5\")",
                         path);
    enum status status = texts_read(file, "model_config", 1, &texts);
    if (status == STATUS_OK)
        status = copy_config(&texts, path, text, bytes);
    texts_clear(&texts);
    return status;
}

/* --- arrays --- */

/* Whether a weight is called that: "…/kernel:0" or "…_kernel:0", as the first versions have it. */
static bool has_role(const char *name, size_t bytes, const char *role)
{
    size_t length = strlen(role);
    if (bytes > 2 && memcmp(name + bytes - 2, ":0", 2) == 0)
        bytes -= 2;
    return bytes >= length && memcmp(name + bytes - length, role, length) == 0 &&
           (bytes == length || name[bytes - length - 1] == '/' || name[bytes - length - 1] == '_');
}

/* "kernel" is the end of "depthwise_kernel" too: the longer one must not be taken for it. */
static enum status find_weight(hid_t group, const struct keras_model *model,
                               const struct keras_tensor *tensor, char name[NAME_BYTES])
{
    struct texts texts;
    name[0] = '\0';
    enum status status = texts_read(group, "weight_names", NAMES_MAX, &texts);
    for (size_t i = 0; status == STATUS_OK && i < texts.count; i++) {
        size_t bytes;
        const char *text = texts_get(&texts, i, &bytes);
        if (bytes < NAME_BYTES && has_role(text, bytes, tensor->role))
            snprintf(name, NAME_BYTES, "%.*s", (int)bytes, text);
    }
    texts_clear(&texts);
    if (status == STATUS_OK && name[0] == '\0')
        status = keras_refuse(model, tensor->layer, STATUS_FORMAT, "the file has no %s for it", tensor->role);
    return status;
}

/* Opens model_weights/LAYER; older files have the layers at the root. */
static enum status open_group(hid_t file, const struct keras_model *model, const struct keras_layer *layer,
                              hid_t *group)
{
    char path[2 * NAME_BYTES];
    bool inside = H5Lexists(file, "model_weights", H5P_DEFAULT) > 0;
    snprintf(path, sizeof path, "%s%.*s", inside ? "model_weights/" : "", NAME_BYTES, layer->name);
    *group = H5Lexists(file, path, H5P_DEFAULT) > 0 ? H5Gopen2(file, path, H5P_DEFAULT) : H5I_INVALID_HID;
    if (*group < 0)
        return keras_refuse(model, layer, STATUS_FORMAT, "the file has no weights for it");
    return STATUS_OK;
}

/* "3×3×16×32" */
static void print_extent(int rank, const hsize_t *extent, char text[128])
{
    size_t used = 0;
    for (int d = 0; d < rank; d++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%llu", d == 0 ? "" : "×",
                                 (unsigned long long)extent[d]);
}

static enum status check_extent(hid_t group, const char *name, const struct keras_model *model,
                                const struct keras_tensor *tensor)
{
    hsize_t found[HDF5_RANK_MAX] = {0}, wanted[HDF5_RANK_MAX];
    char seen[128] = "", expected[128] = "";
    bool same = true;
    enum status status = hdf5_array_extent(group, name, tensor->rank, INT32_MAX, found);
    if (status != STATUS_OK)
        return status;
    for (int d = 0; d < tensor->rank; d++) {
        wanted[d] = tensor->extent[d];
        same = same && found[d] == wanted[d];
    }
    print_extent(tensor->rank, found, seen);
    print_extent(tensor->rank, wanted, expected);
    return same ? STATUS_OK
                : keras_refuse(model, tensor->layer, STATUS_SHAPE,
                               "its %s in the file is %s; by the configuration it should be %s", tensor->role,
                               seen, expected);
}

/* Finds and checks the array; the caller closes *group also after a failure, if it is valid. */
static enum status locate(hid_t file, const struct keras_model *model, const struct keras_tensor *tensor,
                          hid_t *group, char name[NAME_BYTES])
{
    enum status status = open_group(file, model, tensor->layer, group);
    if (status == STATUS_OK)
        status = find_weight(*group, model, tensor, name);
    return status == STATUS_OK ? check_extent(*group, name, model, tensor) : status;
}

enum status keras_tensor_check(hid_t file, const struct keras_model *model, const struct keras_tensor *tensor)
{
    hid_t group;
    char name[NAME_BYTES];
    enum status status = locate(file, model, tensor, &group, name);
    if (group >= 0)
        H5Gclose(group);
    return status;
}

enum status keras_tensor_read(hid_t file, const struct keras_model *model, const struct keras_tensor *tensor,
                              struct network *network)
{
    hid_t group;
    char name[NAME_BYTES];
    hsize_t extent[HDF5_RANK_MAX] = {0};
    const struct layer *layer = &network->layers[tensor->target];
    float *target = tensor->statistic ? network->statistics + layer->statistic_offset
                                      : network->parameters + layer->parameter_offset;
    for (int d = 0; d < tensor->rank; d++)
        extent[d] = tensor->extent[d];
    enum status status = locate(file, model, tensor, &group, name);
    if (status == STATUS_OK)
        status =
            hdf5_read_array(group, name, H5T_NATIVE_FLOAT, tensor->rank, extent, target + tensor->offset);
    if (group >= 0)
        H5Gclose(group);
    return status;
}
