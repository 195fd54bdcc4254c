#include "compute/formats/onnx/export/onnx_description.h"

#include <stdio.h>

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_metadata.h"

/* As a convolution of one tap a channel, which every runtime can begin a graph with. */
void onnx_write_scaling(struct onnx_writer *writer, const struct scaling *scaling, int32_t channels,
                        const char *image, const char *output)
{
    char factor[ONNX_NAME_BYTES], summand[ONNX_NAME_BYTES];
    float factors[SCALING_CHANNELS_MAX], summands[SCALING_CHANNELS_MAX];
    const int64_t dims[] = {channels, 1, 1, 1};
    for (int32_t c = 0; c < channels; c++) {
        factors[c] = scaling->scale / scaling->std[c];
        summands[c] = -scaling->mean[c] / scaling->std[c];
    }
    snprintf(factor, sizeof factor, "%s:factor", output);
    snprintf(summand, sizeof summand, "%s:summand", output);
    onnx_write_floats(writer, factor, 4, dims, factors);
    onnx_write_floats(writer, summand, 1, dims, summands);
    Onnx__NodeProto *node =
        onnx_write_node(writer, "Conv", (const char *[]){image, factor, summand, NULL}, output);
    onnx_write_int(writer, node, "group", channels);
    onnx_write_ints(writer, node, "kernel_shape", 2, (const int64_t[]){1, 1});
}

static void write_text(struct onnx_writer *writer, const char *key, enum status status, char *text)
{
    if (status == STATUS_OK)
        onnx_write_metadata(writer, key, text);
    else if (writer->status == STATUS_OK)
        writer->status = status;
    memory_free(&text);
}

void onnx_write_description(struct onnx_writer *writer, const class_name *names, int32_t count,
                            const struct scaling *scaling, int32_t channels)
{
    struct scaling none = scaling_default();
    char *text = NULL;
    none.scale = 1;
    scaling = scaling == NULL ? &none : scaling;
    channels = channels < SCALING_CHANNELS_MAX ? channels : SCALING_CHANNELS_MAX;
    enum status status = onnx_metadata_class_names(names, count, &text);
    write_text(writer, ONNX_KEY_CLASS_NAMES, status, text);
    status = onnx_metadata_numbers(&scaling->scale, 1, &text);
    write_text(writer, ONNX_KEY_SCALE, status, text);
    status = onnx_metadata_numbers(scaling->mean, channels, &text);
    write_text(writer, ONNX_KEY_MEAN, status, text);
    status = onnx_metadata_numbers(scaling->std, channels, &text);
    write_text(writer, ONNX_KEY_STD, status, text);
}
