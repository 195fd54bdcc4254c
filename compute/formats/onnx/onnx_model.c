#include "compute/formats/onnx/onnx_model.h"

#include "compute/base/memory.h"
#include "compute/formats/onnx/onnx_bytes.h"
#include "compute/formats/onnx/onnx_scan.h"

enum status onnx_model_parse(const char *where, const uint8_t *data, size_t bytes, Onnx__ModelProto **model)
{
    *model = NULL;
    enum status status = onnx_scan(where, &onnx__model_proto__descriptor, data, bytes);
    if (status != STATUS_OK)
        return status;
    *model = onnx__model_proto__unpack(NULL, bytes, data);
    if (*model == NULL)
        return error_set(STATUS_FORMAT,
                         "%s: the protobuf library cannot unpack it; not an ONNX file, or damaged", where);
    if ((*model)->graph == NULL) {
        onnx_model_free(model);
        return error_set(STATUS_FORMAT, "%s: has no graph; not an ONNX model", where);
    }
    return STATUS_OK;
}

enum status onnx_model_read(const char *path, Onnx__ModelProto **model)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    *model = NULL;
    enum status status = onnx_bytes_read_all(path, &data, &bytes);
    if (status == STATUS_OK)
        status = onnx_model_parse(path, data, bytes, model);
    memory_free(&data);
    return status;
}

void onnx_model_free(Onnx__ModelProto **model)
{
    if (*model != NULL)
        onnx__model_proto__free_unpacked(*model, NULL);
    *model = NULL;
}
