#include "jobs/report/png_data.h"

#include <png.h>
#include <string.h>

#include "compute/base/memory.h"

/* The channels that are shown, packed. */
static enum status pack(const uint8_t *pixels, struct shape shape, int32_t shown, uint8_t **packed)
{
    size_t count = (size_t)shape.h * (size_t)shape.w;
    enum status status = memory_allocate(packed, count, (size_t)shown, "image");
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        memcpy(*packed + i * (size_t)shown, pixels + i * (size_t)shape.c, (size_t)shown);
    return status;
}

enum status png_data_make(const uint8_t *pixels, struct shape shape, uint8_t **png, size_t *bytes)
{
    uint8_t *packed = NULL;
    int32_t shown = shape.c >= 3 ? 3 : 1;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)shape.w,
                       .height = (png_uint_32)shape.h,
                       .format = shown == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    *png = NULL;
    enum status status = pack(pixels, shape, shown, &packed);
    png_alloc_size_t size = 0;
    if (status == STATUS_OK && !png_image_write_to_memory(&image, NULL, &size, 0, packed, 0, NULL))
        status = error_set(STATUS_IO, "image of %d × %d pixels as PNG: %s", (int)shape.h, (int)shape.w,
                           image.message);
    if (status == STATUS_OK)
        status = memory_allocate(png, size, 1, "PNG");
    if (status == STATUS_OK && !png_image_write_to_memory(&image, *png, &size, 0, packed, 0, NULL))
        status = error_set(STATUS_IO, "image of %d × %d pixels as PNG: %s", (int)shape.h, (int)shape.w,
                           image.message);
    if (status != STATUS_OK)
        memory_free(png);
    memory_free(&packed);
    *bytes = size;
    return status;
}
