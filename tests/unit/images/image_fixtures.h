/* Real PNG and JPEG files, and archives, made by the libraries themselves. Every call must succeed. */
#ifndef FACET_TESTS_UNIT_IMAGES_IMAGE_FIXTURES_H
#define FACET_TESTS_UNIT_IMAGES_IMAGE_FIXTURES_H

#include "tests/unit/base/scratch_folder.h"

#include <archive.h>
#include <archive_entry.h>
#include <jpeglib.h>
#include <png.h>

#include "compute/base/error.h"
#include "compute/base/shape.h"

static inline void assert_ok(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("status %d: %s", (int)status, error_message());
}

/* Asserts the status and that the message says `word`. */
static inline void assert_fails(enum status status, enum status expected, const char *word)
{
    if (status != expected || strstr(error_message(), word) == NULL)
        fail_msg("status %d, \"%s\"; expected %d and \"%s\"", (int)status, error_message(), (int)expected,
                 word);
}

/* A file in memory. */
struct blob {
    size_t bytes;
    uint8_t data[1 << 16];
};

/* --- PNG --- */

static inline void blob_add(png_structp png, png_bytep data, size_t bytes)
{
    struct blob *blob = png_get_io_ptr(png);
    assert_true(blob->bytes + bytes <= sizeof blob->data);
    memcpy(blob->data + blob->bytes, data, bytes);
    blob->bytes += bytes;
}

static inline void blob_flush(png_structp png)
{
    (void)png;
}

/* Rows of row_bytes as PNG stores them for that colour type and depth. `palette` (256 of them) and
 * `transparency` may be NULL; palettes have one alpha, that of entry 0. */
static inline void make_png(struct blob *blob, struct shape shape, int colour_type, int depth, int interlace,
                            const png_color *palette, const uint8_t *transparency, const uint8_t *rows,
                            size_t row_bytes)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep lines[64];
    uint8_t copy[1 << 15];
    assert_true(shape.h <= 64 && (size_t)shape.h * row_bytes <= sizeof copy);
    memcpy(copy, rows, (size_t)shape.h * row_bytes);
    blob->bytes = 0;
    png_set_write_fn(png, blob, blob_add, blob_flush);
    png_set_IHDR(png, info, (png_uint_32)shape.w, (png_uint_32)shape.h, depth, colour_type, interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (palette != NULL)
        png_set_PLTE(png, info, palette, depth == 8 ? 256 : 1 << depth);
    if (transparency != NULL)
        png_set_tRNS(png, info, transparency, 1, NULL);
    for (int32_t y = 0; y < shape.h; y++)
        lines[y] = copy + (size_t)y * row_bytes;
    png_set_rows(png, info, lines);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
}

/* Grey (c 1) or RGB (c 3), 8 bits. */
static inline void make_plain_png(struct blob *blob, struct shape shape, const uint8_t *pixels)
{
    make_png(blob, shape, shape.c == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE,
             NULL, NULL, pixels, (size_t)shape.w * (size_t)shape.c);
}

/* Every pixel of one value. */
static inline void make_flat_png(struct blob *blob, struct shape shape, uint8_t value)
{
    uint8_t pixels[64 * 64 * 3];
    assert_true(shape_count(shape) <= sizeof pixels);
    memset(pixels, value, sizeof pixels);
    make_plain_png(blob, shape, pixels);
}

/* --- JPEG --- */

/* Best quality, no subsampling of colours; `space` as libjpeg names it. */
static inline void make_jpeg(struct blob *blob, struct shape shape, J_COLOR_SPACE space, int progressive,
                             const uint8_t *pixels)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &bytes);
    jpeg.image_height = (JDIMENSION)shape.h;
    jpeg.image_width = (JDIMENSION)shape.w;
    jpeg.input_components = shape.c;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    if (progressive != 0)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        size_t row = (size_t)jpeg.next_scanline * (size_t)shape.w * (size_t)shape.c;
        uint8_t copy[1024];
        JSAMPROW line = copy;
        assert_true((size_t)shape.w * (size_t)shape.c <= sizeof copy);
        memcpy(copy, pixels + row, (size_t)shape.w * (size_t)shape.c);
        jpeg_write_scanlines(&jpeg, &line, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_true(bytes <= sizeof blob->data);
    memcpy(blob->data, data, bytes);
    blob->bytes = bytes;
    free(data);
}

/* --- trees and archives --- */

/* Writes FOLDER/PATH, making its folders. */
static inline void tree_add(const struct scratch *scratch, const char *path, const void *data, size_t bytes)
{
    char full[SCRATCH_PATH_BYTES * 2];
    snprintf(full, sizeof full, "%s/%s", scratch->folder, path);
    for (char *slash = strchr(full + strlen(scratch->folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    if (data != NULL)
        file_write(full, data, bytes);
}

enum archive_kind { MAKE_TAR, MAKE_TAR_GZ, MAKE_ZIP };

static inline struct archive *archive_begin(const char *path, enum archive_kind kind)
{
    struct archive *archive = archive_write_new();
    if (kind == MAKE_ZIP)
        assert_int_equal(archive_write_set_format_zip(archive), ARCHIVE_OK);
    else
        assert_int_equal(archive_write_set_format_pax_restricted(archive), ARCHIVE_OK);
    if (kind == MAKE_TAR_GZ)
        assert_int_equal(archive_write_add_filter_gzip(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    return archive;
}

/* A file, a folder (data NULL), or a symbolic link to `target`. */
static inline void archive_add(struct archive *archive, const char *path, const void *data, size_t bytes,
                               const char *target)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_perm(entry, 0755);
    archive_entry_set_size(entry, (la_int64_t)bytes);
    archive_entry_set_filetype(entry, target != NULL ? AE_IFLNK : data != NULL ? AE_IFREG : AE_IFDIR);
    if (target != NULL)
        archive_entry_set_symlink(entry, target);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    if (bytes > 0)
        assert_int_equal(archive_write_data(archive, data, bytes), (la_ssize_t)bytes);
    archive_entry_free(entry);
}

static inline void archive_end(struct archive *archive)
{
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

#endif
