/* ONNX files. What is imported is exported again and imported once more: both networks have as many outputs.
 */
#include "fuzz_input.h"

#include <string.h>
#include <unistd.h>

#include "compute/formats/onnx/onnx_import.h"
#include "compute/formats/onnx/onnx_network.h"

static const char *scratch_file(void)
{
    static char path[64];
    if (*path == '\0') {
        strcpy(path, "/tmp/facet-fuzz-XXXXXX");
        int file = mkstemp(path);
        if (file < 0)
            abort();
        close(file);
    }
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct network *network, *again;
    if (onnx_import_bytes("/tmp/facet-fuzz/model.onnx", data, size, &network, NULL) != STATUS_OK)
        return 0;
    if (onnx_export_network(network, false, scratch_file()) != STATUS_OK ||
        onnx_import(scratch_file(), &again, NULL) != STATUS_OK || again->class_count != network->class_count)
        abort();
    network_destroy(&again);
    network_destroy(&network);
    return 0;
}
