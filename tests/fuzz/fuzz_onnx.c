/* ONNX files. What is imported is exported again and imported once more: both networks have as many outputs.
 */
#include "fuzz_input.h"

#include "compute/formats/onnx/export/onnx_network.h"
#include "compute/formats/onnx/onnx_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct network *network, *again;
    char path[128];
    if (onnx_import_bytes("/tmp/facet-fuzz/model.onnx", data, size, &network, NULL) != STATUS_OK)
        return 0;
    fuzz_file("a", (struct fuzz_input){NULL, 0}, path);
    if (onnx_export_network(network, false, path) != STATUS_OK ||
        onnx_import(path, &again, NULL) != STATUS_OK || again->class_count != network->class_count)
        abort();
    network_destroy(&again);
    network_destroy(&network);
    return 0;
}
