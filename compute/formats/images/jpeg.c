#include "compute/formats/images/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "compute/base/memory.h"

enum { SCANS_MAX = 500, WORKING_BYTES_MAX = 1 << 30 };

/* --- header --- */

/* Start of frame, in any of its kinds: 0xc0 … 0xcf without the tables (DHT, JPG, DAC) among them. */
static bool is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* A frame header's length (2), precision, height (2), width (2), components. */
static enum status read_frame(const uint8_t *segment, struct shape *shape)
{
    int32_t height = segment[3] << 8 | segment[4], width = segment[5] << 8 | segment[6];
    if (height == 0 || width == 0)
        return error_set(STATUS_FORMAT, "JPEG of %d × %d pixels; damaged: get it again", width, height);
    if (segment[7] != 1 && segment[7] != 3 && segment[7] != 4)
        return error_set(STATUS_FORMAT, "JPEG of %d components; expected 1 (grey), 3 (colour) or 4 (inks)",
                         segment[7]);
    *shape = (struct shape){height, width, segment[7] == 1 ? 1 : 3};
    return STATUS_OK;
}

enum status jpeg_probe(const uint8_t *data, size_t bytes, struct shape *shape, bool *more)
{
    enum { FRAME_BYTES = 8 };
    size_t at = 2; /* behind the start of the image */
    *more = false;
    for (;;) {
        while (at + 1 < bytes && data[at] == 0xff && data[at + 1] == 0xff)
            at++; /* fill bytes */
        if (bytes < at + 2 + FRAME_BYTES) {
            *more = true;
            return STATUS_OK;
        }
        uint8_t marker = data[at + 1];
        if (data[at] != 0xff || marker == 0xda || marker == 0xd9)
            return error_set(STATUS_FORMAT, "JPEG without a frame header; damaged: get it again");
        if (is_frame(marker))
            return read_frame(data + at + 2, shape);
        bool alone = marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
        at += alone ? 2 : 2 + (size_t)(data[at + 2] << 8 | data[at + 3]);
    }
}

/* --- decoding --- */

struct decoding {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    uint8_t *inks; /* one row (W, 4) */
};

/* libjpeg's own would end the program. */
static void fail(j_common_ptr jpeg)
{
    struct decoding *decoding = jpeg->client_data;
    char reason[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, reason);
    error_set(STATUS_FORMAT, "JPEG cannot be decoded: %s; get it again", reason);
    longjmp(decoding->escape, 1);
}

/* libjpeg warns and goes on where data are missing or damaged: such a picture is refused. Stray bytes between
 * segments, which some cameras leave, do no harm. */
static void judge_warning(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR &&
        code != JWRN_TOO_MUCH_DATA)
        fail(jpeg);
}

/* A file of many scans over one large picture keeps a decoder busy for hours. */
static void limit_scans(j_common_ptr jpeg)
{
    j_decompress_ptr decompress = (j_decompress_ptr)jpeg;
    struct decoding *decoding = jpeg->client_data;
    if (decompress->input_scan_number > SCANS_MAX) {
        error_set(STATUS_FORMAT, "JPEG of more than %d scans; not a photograph: leave it out", SCANS_MAX);
        longjmp(decoding->escape, 1);
    }
}

/* Adobe stores inks inverted, so that ink·black/255 is the light that is left. */
static void inks_to_rgb(size_t width, const uint8_t *inks, uint8_t *rgb)
{
    for (size_t x = 0; x < width; x++, inks += 4, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)((inks[c] * inks[3] + 127) / 255);
}

__attribute__((noinline)) static enum status decoding_run(struct decoding *decoding, const uint8_t *data,
                                                          size_t bytes, struct shape shape, uint8_t *pixels)
{
    struct jpeg_decompress_struct *jpeg = &decoding->jpeg;
    size_t width = (size_t)shape.w, row_bytes = width * (size_t)shape.c;
    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = WORKING_BYTES_MAX;
    jpeg->progress = &decoding->progress;
    jpeg_mem_src(jpeg, data, bytes);
    jpeg_read_header(jpeg, TRUE);
    bool inks = jpeg->num_components == 4;
    jpeg->out_color_space = inks ? JCS_CMYK : shape.c == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    if ((int64_t)jpeg->image_height != shape.h || (int64_t)jpeg->image_width != shape.w ||
        (jpeg->num_components == 1) != (shape.c == 1))
        return error_set(STATUS_FORMAT, "JPEG with two headers that differ; get it again");
    if (inks) {
        enum status status = memory_allocate(&decoding->inks, width, 4, "a row of inks");
        if (status != STATUS_OK)
            return status;
    }
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = pixels + (size_t)jpeg->output_scanline * row_bytes;
        JSAMPROW target = inks ? decoding->inks : row;
        jpeg_read_scanlines(jpeg, &target, 1);
        if (inks)
            inks_to_rgb(width, decoding->inks, row);
    }
    jpeg_finish_decompress(jpeg);
    return STATUS_OK;
}

/* The frame that fail() jumps back to. */
static enum status decoding_guard(struct decoding *decoding, const uint8_t *data, size_t bytes,
                                  struct shape shape, uint8_t *pixels)
{
    if (setjmp(decoding->escape) != 0)
        return STATUS_FORMAT; /* fail() said why */
    return decoding_run(decoding, data, bytes, shape, pixels);
}

enum status jpeg_decode(const uint8_t *data, size_t bytes, struct shape shape, uint8_t *pixels)
{
    struct decoding decoding = {.progress = {.progress_monitor = limit_scans}};
    decoding.jpeg.err = jpeg_std_error(&decoding.errors);
    decoding.jpeg.client_data = &decoding;
    decoding.errors.error_exit = fail;
    decoding.errors.emit_message = judge_warning;
    enum status status = decoding_guard(&decoding, data, bytes, shape, pixels);
    jpeg_destroy_decompress(&decoding.jpeg);
    memory_free(&decoding.inks);
    return status;
}
