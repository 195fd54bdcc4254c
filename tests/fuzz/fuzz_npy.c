/* NumPy arrays. */
#include "fuzz_input.h"

#include "compute/formats/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy_array array;
    if (npy_decode(data, size, "x.npy", &array) == STATUS_OK && array.count > size)
        abort();
    npy_clear(&array);
    return 0;
}
