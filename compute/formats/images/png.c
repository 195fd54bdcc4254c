#include "compute/formats/images/png.h"

#include <png.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/formats/images/image_decode.h"

enum {
    CHUNK_BYTES_MAX = 8 << 20, /* of one ancillary chunk, unpacked */
    CHUNKS_MAX = 256           /* ancillary chunks kept */
};

/* --- header --- */

static uint32_t word_at(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

enum status png_probe(const uint8_t *data, struct shape *shape)
{
    enum { LENGTH = 8, TYPE = 12, WIDTH = 16, HEIGHT = 20, COLOUR = 25 };
    uint32_t width = word_at(data + WIDTH), height = word_at(data + HEIGHT);
    if (memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0 || word_at(data + LENGTH) != 13 ||
        memcmp(data + TYPE, "IHDR", 4) != 0)
        return error_set(STATUS_FORMAT, "PNG without a header; damaged: get it again");
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return error_set(STATUS_FORMAT, "PNG of %u × %u pixels; damaged: get it again", width, height);
    bool colour = (data[COLOUR] & PNG_COLOR_MASK_COLOR) != 0;
    *shape = (struct shape){(int32_t)height, (int32_t)width, colour ? 3 : 1};
    return STATUS_OK;
}

/* --- decoding --- */

struct png_input {
    const uint8_t *data;
    size_t left;
};

/* libpng's error handlers must not return; this one leaves the reason where png_decode finds it. */
static void fail(png_structp png, png_const_charp reason)
{
    error_set(STATUS_FORMAT, "PNG cannot be decoded: %s; get it again", reason);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp warning)
{
    (void)png;
    (void)warning;
}

static void take(png_structp png, png_bytep out, size_t bytes)
{
    struct png_input *input = png_get_io_ptr(png);
    if (bytes > input->left)
        png_error(png, "it ends too early");
    memcpy(out, input->data, bytes);
    input->data += bytes;
    input->left -= bytes;
}

/* Everything becomes 8 bits of grey or RGB, with alpha where there is any. */
static void ask_for_bytes(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

/* value·alpha/255, rounded: the pixel laid over black. */
static void drop_alpha(size_t pixels, size_t channels, const uint8_t *in, uint8_t *out)
{
    for (size_t i = 0; i < pixels; i++, in += channels + 1, out += channels)
        for (size_t c = 0; c < channels; c++)
            out[c] = (uint8_t)((in[c] * in[channels] + 127) / 255);
}

/* What is freed whichever way decoding ends. */
struct decoding {
    png_structp png;
    png_infop info;
    struct png_input input;
    png_bytep *rows;
    uint8_t *with_alpha; /* (H, W, C + 1) */
};

__attribute__((noinline)) static enum status decoding_run(struct decoding *decoding, struct shape shape,
                                                          uint8_t *pixels)
{
    png_structp png = decoding->png;
    png_infop info = decoding->info;
    size_t height = (size_t)shape.h, width = (size_t)shape.w, channels = (size_t)shape.c;
    png_set_read_fn(png, &decoding->input, take);
    png_read_info(png, info);
    ask_for_bytes(png, info);
    size_t found = png_get_channels(png, info);
    if (png_get_image_height(png, info) != height || png_get_image_width(png, info) != width ||
        png_get_bit_depth(png, info) != 8 || found < channels || found > channels + 1)
        return error_set(STATUS_FORMAT, "PNG is not what its header says; get it again");
    enum status status = memory_allocate(&decoding->rows, height, sizeof(png_bytep), "rows of an image");
    if (status == STATUS_OK && found > channels)
        status = memory_allocate(&decoding->with_alpha, height * width, found, "image with alpha");
    if (status != STATUS_OK)
        return status;
    uint8_t *out = found > channels ? decoding->with_alpha : pixels;
    for (size_t y = 0; y < height; y++)
        decoding->rows[y] = out + y * width * found;
    png_read_image(png, decoding->rows);
    png_read_end(png, NULL);
    if (found > channels)
        drop_alpha(height * width, channels, decoding->with_alpha, pixels);
    return STATUS_OK;
}

/* The frame that fail() jumps back to. */
static enum status decoding_guard(struct decoding *decoding, struct shape shape, uint8_t *pixels)
{
    if (setjmp(png_jmpbuf(decoding->png)) != 0)
        return STATUS_FORMAT; /* fail() said why */
    return decoding_run(decoding, shape, pixels);
}

enum status png_decode(const uint8_t *data, size_t bytes, struct shape shape, uint8_t *pixels)
{
    struct decoding decoding = {.input = {data, bytes}};
    enum status status = STATUS_NO_MEMORY;
    decoding.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
    if (decoding.png != NULL)
        decoding.info = png_create_info_struct(decoding.png);
    if (decoding.info == NULL) {
        error_set(status, "no memory to decode a PNG");
    } else {
        png_set_user_limits(decoding.png, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
        png_set_chunk_malloc_max(decoding.png, CHUNK_BYTES_MAX);
        png_set_chunk_cache_max(decoding.png, CHUNKS_MAX);
        status = decoding_guard(&decoding, shape, pixels);
    }
    png_destroy_read_struct(&decoding.png, &decoding.info, NULL);
    memory_free(&decoding.rows);
    memory_free(&decoding.with_alpha);
    return status;
}
