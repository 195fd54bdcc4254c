#include "compute/formats/images/image_decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/formats/images/jpeg.h"
#include "compute/formats/images/png.h"

enum image_kind image_kind_of(const uint8_t *data, size_t bytes)
{
    if (bytes >= 3 && memcmp(data, "\x89PN", 3) == 0)
        return IMAGE_PNG;
    if (bytes >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        return IMAGE_JPEG;
    return IMAGE_NONE;
}

static enum status check_size(struct shape shape)
{
    if (shape.h > IMAGE_SIDE_MAX || shape.w > IMAGE_SIDE_MAX)
        return error_set(STATUS_FORMAT, "claims %d × %d pixels; expected at most %d on a side", (int)shape.w,
                         (int)shape.h, IMAGE_SIDE_MAX);
    if (shape_count(shape) > IMAGE_DECODED_BYTES_MAX)
        return error_set(STATUS_FORMAT, "claims %d × %d pixels of %d channels; expected at most %d bytes",
                         (int)shape.w, (int)shape.h, (int)shape.c, IMAGE_DECODED_BYTES_MAX);
    return STATUS_OK;
}

enum status image_probe(const uint8_t *data, size_t bytes, bool complete, struct shape *shape, bool *more)
{
    enum image_kind kind = image_kind_of(data, bytes);
    enum status status = STATUS_OK;
    *more = false;
    if (kind == IMAGE_NONE && bytes >= 3)
        return error_set(STATUS_FORMAT, "neither PNG nor JPEG, whatever its name says; convert it or leave "
                                        "it out");
    if (kind == IMAGE_NONE || (kind == IMAGE_PNG && bytes < PNG_HEADER_BYTES))
        *more = true;
    else if (kind == IMAGE_PNG)
        status = png_probe(data, shape);
    else
        status = jpeg_probe(data, bytes, shape, more);
    if (status == STATUS_OK && *more && complete)
        status = error_set(STATUS_FORMAT,
                           "ends after %zu bytes, before it says how large it is; get it again", bytes);
    if (status == STATUS_OK && !*more)
        status = check_size(*shape);
    return status;
}

enum status image_decode(const uint8_t *data, size_t bytes, struct shape shape, uint8_t *pixels)
{
    if (image_kind_of(data, bytes) == IMAGE_PNG)
        return png_decode(data, bytes, shape, pixels);
    return jpeg_decode(data, bytes, shape, pixels);
}

/* --- files --- */

static enum status read_whole(FILE *file, const char *path, uint8_t **data, size_t *bytes)
{
    struct stat found;
    if (fstat(fileno(file), &found) != 0 || !S_ISREG(found.st_mode))
        return error_set(STATUS_IO, "%s: is not a file; name a PNG or JPEG file", path);
    if (found.st_size > IMAGE_FILE_BYTES_MAX)
        return error_set(STATUS_FORMAT, "%s: has %lld bytes; an image has at most %d", path,
                         (long long)found.st_size, IMAGE_FILE_BYTES_MAX);
    enum status status = memory_allocate(data, (size_t)found.st_size, 1, path);
    if (status != STATUS_OK)
        return status;
    *bytes = fread(*data, 1, (size_t)found.st_size, file);
    if (*bytes < (size_t)found.st_size)
        return error_set(STATUS_IO, "%s: cannot read: %s", path, strerror(errno));
    return STATUS_OK;
}

enum status image_file_read(const char *path, struct shape *shape, uint8_t **pixels)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    bool more;
    *pixels = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
    enum status status = read_whole(file, path, &data, &bytes);
    fclose(file);
    if (status == STATUS_OK && (status = image_probe(data, bytes, true, shape, &more)) != STATUS_OK)
        error_prefix(status, "%s: ", path);
    if (status == STATUS_OK)
        status = memory_allocate(pixels, shape_count(*shape), 1, path);
    if (status == STATUS_OK && (status = image_decode(data, bytes, *shape, *pixels)) != STATUS_OK) {
        error_prefix(status, "%s: ", path);
        memory_free(pixels);
    }
    memory_free(&data);
    return status;
}
