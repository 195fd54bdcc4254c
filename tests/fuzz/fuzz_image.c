/* PNG and JPEG: what probing accepts is decoded into a buffer of exactly that size. */
#include "fuzz_input.h"

#include "compute/base/memory.h"
#include "compute/formats/images/image_decode.h"

enum { PIXEL_BYTES_MAX = 1 << 20 }; /* larger pictures only cost time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shape shape;
    bool more = false;
    if (image_probe(data, size, true, &shape, &more) != STATUS_OK)
        return 0;
    if (more)
        abort();
    uint8_t *pixels = shape_count(shape) <= PIXEL_BYTES_MAX ? malloc(shape_count(shape)) : NULL;
    if (pixels != NULL)
        (void)image_decode(data, size, shape, pixels);
    free(pixels);
    return 0;
}
