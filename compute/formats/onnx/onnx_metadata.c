#include "compute/formats/onnx/onnx_metadata.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"

static const char *find(const Onnx__ModelProto *model, const char *key)
{
    for (size_t i = 0; i < model->n_metadata_props; i++)
        if (strcmp(onnx_text(model->metadata_props[i]->key), key) == 0)
            return onnx_text(model->metadata_props[i]->value);
    return NULL;
}

static enum status refuse(const char *path, const char *key, const char *expected)
{
    return error_set(STATUS_FORMAT, "%s: its metadata \"%s\" is not %s", path, key, expected);
}

/* `count` finite numbers, above 0 when `positive`. A missing key is left alone. */
static enum status read_numbers(const char *path, const Onnx__ModelProto *model, const char *key,
                                int32_t count, bool positive, float *numbers)
{
    const char *text = find(model, key);
    if (text == NULL)
        return STATUS_OK;
    for (int32_t i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtof(text, &end);
        if (end == text || !isfinite(numbers[i]) || (positive && numbers[i] <= 0) ||
            *end != (i + 1 < count ? ',' : '\0'))
            return refuse(path, key, "a list of numbers, one a channel");
        text = end + 1;
    }
    return STATUS_OK;
}

static enum status read_class_names(const char *path, const Onnx__ModelProto *model, struct network *network)
{
    const char *text = find(model, ONNX_KEY_CLASS_NAMES);
    class_name *names;
    if (text == NULL)
        return STATUS_OK;
    enum status status = memory_allocate(&names, (size_t)network->class_count, sizeof *names, "class names");
    for (int32_t i = 0; i < network->class_count && status == STATUS_OK; i++) {
        size_t length = strcspn(text, "\n");
        bool last = i + 1 == network->class_count;
        if (length >= CLASS_NAME_BYTES || (text[length] == '\0') != last)
            status = refuse(path, ONNX_KEY_CLASS_NAMES, "a line for each of the network's outputs");
        else
            memcpy(names[i], text, length);
        text += length + (last ? 0 : 1);
    }
    if (status == STATUS_OK)
        status = network_set_class_names(network, (const class_name *)names, network->class_count);
    memory_free(&names);
    return status;
}

enum status onnx_metadata_read(const char *path, const Onnx__ModelProto *model, struct network *network)
{
    struct scaling *scaling = &network->scaling;
    int32_t channels = network_input_shape(network).c;
    if (channels > SCALING_CHANNELS_MAX)
        channels = SCALING_CHANNELS_MAX;
    enum status status = read_numbers(path, model, ONNX_KEY_SCALE, 1, true, &scaling->scale);
    if (status == STATUS_OK)
        status = read_numbers(path, model, ONNX_KEY_MEAN, channels, false, scaling->mean);
    if (status == STATUS_OK)
        status = read_numbers(path, model, ONNX_KEY_STD, channels, true, scaling->std);
    return status == STATUS_OK ? read_class_names(path, model, network) : status;
}

enum status onnx_metadata_class_names(const class_name *names, int32_t count, char **text)
{
    size_t at = 0;
    enum status status = memory_allocate(text, (size_t)count * CLASS_NAME_BYTES + 1, 1, "class names");
    for (int32_t i = 0; status == STATUS_OK && i < count; i++)
        at += (size_t)sprintf(*text + at, "%s%s", i > 0 ? "\n" : "", names[i]);
    return status;
}

enum status onnx_metadata_numbers(const float *numbers, int32_t count, char **text)
{
    enum { NUMBER_BYTES = 24 };
    size_t at = 0;
    enum status status = memory_allocate(text, (size_t)count * NUMBER_BYTES + 1, 1, "numbers");
    for (int32_t i = 0; status == STATUS_OK && i < count; i++)
        at += (size_t)snprintf(*text + at, NUMBER_BYTES, "%s%.9g", i > 0 ? "," : "", (double)numbers[i]);
    return status;
}
