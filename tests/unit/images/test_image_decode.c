#include "image_fixtures.h"

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "compute/formats/images/image_decode.h"

enum { SIDE_H = 5, SIDE_W = 7 };

static uint8_t noise(size_t index)
{
    return (uint8_t)random_below(3, 1, index, 256);
}

/* Decodes a whole file; the shape must be as expected. */
static void decode(const struct blob *blob, struct shape expected, uint8_t *pixels)
{
    struct shape shape;
    bool more = true;
    assert_ok(image_probe(blob->data, blob->bytes, true, &shape, &more));
    assert_false(more);
    assert_true(shape.h == expected.h && shape.w == expected.w && shape.c == expected.c);
    assert_ok(image_decode(blob->data, blob->bytes, shape, pixels));
}

static void expect(const struct blob *blob, struct shape shape, const uint8_t *expected)
{
    uint8_t pixels[1024];
    assert_true(shape_count(shape) <= sizeof pixels);
    decode(blob, shape, pixels);
    assert_memory_equal(pixels, expected, shape_count(shape));
}

static void test_plain_png(void **state)
{
    (void)state;
    struct blob blob;
    uint8_t pixels[SIDE_H * SIDE_W * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = noise(i);
    for (int32_t c = 1; c <= 3; c += 2) {
        struct shape shape = {SIDE_H, SIDE_W, c};
        make_plain_png(&blob, shape, pixels);
        expect(&blob, shape, pixels);
        make_png(&blob, shape, c == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7,
                 NULL, NULL, pixels, (size_t)(SIDE_W * c));
        expect(&blob, shape, pixels);
    }
}

static void test_bits_become_bytes(void **state)
{
    (void)state;
    struct blob blob;
    const uint8_t bits[2] = {0xa0, 0x40}, nibbles[2] = {0x0f, 0x80};
    const uint8_t from_bits[6] = {255, 0, 255, 0, 255, 0}, from_nibbles[4] = {0, 255, 136, 0};
    make_png(&blob, (struct shape){2, 3, 1}, PNG_COLOR_TYPE_GRAY, 1, PNG_INTERLACE_NONE, NULL, NULL, bits, 1);
    expect(&blob, (struct shape){2, 3, 1}, from_bits);
    make_png(&blob, (struct shape){2, 2, 1}, PNG_COLOR_TYPE_GRAY, 4, PNG_INTERLACE_NONE, NULL, NULL, nibbles,
             1);
    expect(&blob, (struct shape){2, 2, 1}, from_nibbles);
}

/* 0x8000 of 0xffff is 127.502 of 255. */
static void test_sixteen_bits_are_rounded(void **state)
{
    (void)state;
    struct blob blob;
    const uint8_t samples[6] = {0xff, 0xff, 0x80, 0x00, 0x00, 0x80}, expected[3] = {255, 128, 0};
    make_png(&blob, (struct shape){1, 3, 1}, PNG_COLOR_TYPE_GRAY, 16, PNG_INTERLACE_NONE, NULL, NULL, samples,
             6);
    expect(&blob, (struct shape){1, 3, 1}, expected);
}

static void test_palette_becomes_colour(void **state)
{
    (void)state;
    struct blob blob;
    png_color palette[256] = {{1, 2, 3}, {4, 5, 6}, {250, 251, 252}};
    const uint8_t indices[3] = {2, 0, 1}, expected[9] = {250, 251, 252, 1, 2, 3, 4, 5, 6};
    make_png(&blob, (struct shape){1, 3, 3}, PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_NONE, palette, NULL,
             indices, 3);
    expect(&blob, (struct shape){1, 3, 3}, expected);
}

/* Entry 0 has alpha 51 = 0.2·255. */
static void test_transparent_palette_lies_over_black(void **state)
{
    (void)state;
    struct blob blob;
    png_color palette[256] = {{100, 50, 255}, {4, 5, 6}};
    const uint8_t alpha = 51, indices[2] = {0, 1}, expected[6] = {20, 10, 51, 4, 5, 6};
    make_png(&blob, (struct shape){1, 2, 3}, PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_NONE, palette, &alpha,
             indices, 2);
    expect(&blob, (struct shape){1, 2, 3}, expected);
}

static void test_alpha_lies_over_black(void **state)
{
    (void)state;
    struct blob blob;
    const uint8_t rgba[8] = {200, 100, 50, 255, 200, 100, 50, 51}, rgb[6] = {200, 100, 50, 40, 20, 10};
    const uint8_t grey_alpha[4] = {200, 0, 200, 128}, grey[2] = {0, 100};
    make_png(&blob, (struct shape){1, 2, 3}, PNG_COLOR_TYPE_RGB_ALPHA, 8, PNG_INTERLACE_NONE, NULL, NULL,
             rgba, 8);
    expect(&blob, (struct shape){1, 2, 3}, rgb);
    make_png(&blob, (struct shape){1, 2, 1}, PNG_COLOR_TYPE_GRAY_ALPHA, 8, PNG_INTERLACE_NONE, NULL, NULL,
             grey_alpha, 4);
    expect(&blob, (struct shape){1, 2, 1}, grey);
}

/* Flat colours survive JPEG's rounding to within two. */
static void expect_near(const uint8_t *pixels, size_t count, const uint8_t *colour, size_t channels)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < channels; c++)
            assert_in_range(pixels[i * channels + c] + 2, colour[c], colour[c] + 4);
}

static void test_jpeg(void **state)
{
    (void)state;
    struct blob blob;
    const uint8_t colour[3] = {180, 90, 30};
    uint8_t in[16 * 16 * 3], out[16 * 16 * 3];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = colour[i % 3];
    for (int progressive = 0; progressive <= 1; progressive++) {
        make_jpeg(&blob, (struct shape){16, 16, 3}, JCS_RGB, progressive, in);
        decode(&blob, (struct shape){16, 16, 3}, out);
        expect_near(out, 256, colour, 3);
    }
    memset(in, 77, sizeof in);
    make_jpeg(&blob, (struct shape){16, 16, 1}, JCS_GRAYSCALE, 0, in);
    decode(&blob, (struct shape){16, 16, 1}, out);
    expect_near(out, 256, (const uint8_t[]){77}, 1);
}

/* As Adobe writes inks: 255 is none of it. */
static void test_inks_become_colour(void **state)
{
    (void)state;
    struct blob blob;
    const uint8_t inks[4] = {255, 128, 0, 204}, colour[3] = {204, 102, 0};
    uint8_t in[8 * 8 * 4], out[8 * 8 * 3];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = inks[i % 4];
    make_jpeg(&blob, (struct shape){8, 8, 4}, JCS_CMYK, 0, in);
    decode(&blob, (struct shape){8, 8, 3}, out);
    expect_near(out, 64, colour, 3);
}

/* --- what is wrong --- */

/* A file cut off anywhere is refused, by probing or by decoding, and probing asks for more when there may be
 * more. */
static void check_truncations(const struct blob *blob, struct shape shape)
{
    uint8_t pixels[4096];
    for (size_t bytes = 0; bytes < blob->bytes; bytes++) {
        struct shape found = {0};
        bool more = false;
        uint8_t *exact = malloc(bytes + 1); /* the address sanitizer sees reads beyond */
        assert_non_null(exact);
        memcpy(exact, blob->data, bytes);
        exact = realloc(exact, bytes > 0 ? bytes : 1);
        assert_ok(image_probe(exact, bytes, false, &found, &more));
        enum status status = image_probe(exact, bytes, true, &found, &more);
        assert_int_equal(status == STATUS_OK, !more);
        if (status == STATUS_OK) {
            assert_int_equal(shape_count(found), shape_count(shape));
            status = image_decode(exact, bytes, found, pixels);
        }
        if (status != STATUS_FORMAT)
            fail_msg("%zu of %zu bytes: status %d", bytes, blob->bytes, (int)status);
        free(exact);
    }
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    struct blob blob;
    uint8_t pixels[16 * 16 * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = noise(i);
    make_plain_png(&blob, (struct shape){16, 16, 3}, pixels);
    check_truncations(&blob, (struct shape){16, 16, 3});
    make_jpeg(&blob, (struct shape){16, 16, 3}, JCS_RGB, 0, pixels);
    check_truncations(&blob, (struct shape){16, 16, 3});
}

static void test_damaged_png_is_refused(void **state)
{
    (void)state;
    struct blob blob;
    uint8_t pixels[8 * 8], out[8 * 8];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = noise(i);
    make_plain_png(&blob, (struct shape){8, 8, 1}, pixels);
    for (size_t place = 33; place < blob.bytes; place++) {
        struct shape shape;
        bool more;
        blob.data[place] ^= 0x20;
        assert_ok(image_probe(blob.data, blob.bytes, true, &shape, &more));
        if (image_decode(blob.data, blob.bytes, shape, out) == STATUS_OK)
            fail_msg("byte %zu changed and nobody noticed", place);
        blob.data[place] ^= 0x20;
    }
}

/* The checksum of IHDR is not looked at by probing. */
static void claim_png(struct blob *blob, uint32_t width, uint32_t height)
{
    for (int i = 0; i < 4; i++) {
        blob->data[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        blob->data[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
}

static void test_claimed_sizes_are_bounded(void **state)
{
    (void)state;
    struct blob blob;
    struct shape shape;
    bool more;
    make_flat_png(&blob, (struct shape){2, 2, 3}, 9);
    claim_png(&blob, 65535, 2);
    assert_fails(image_probe(blob.data, blob.bytes, true, &shape, &more), STATUS_FORMAT, "65535 × 2");
    claim_png(&blob, 16384, 16384);
    assert_fails(image_probe(blob.data, blob.bytes, true, &shape, &more), STATUS_FORMAT, "at most 268435456");
    claim_png(&blob, 0, 2);
    assert_fails(image_probe(blob.data, blob.bytes, true, &shape, &more), STATUS_FORMAT, "0 × 2");
    claim_png(&blob, 0xffffffff, 2);
    assert_fails(image_probe(blob.data, blob.bytes, true, &shape, &more), STATUS_FORMAT, "4294967295 × 2");
    const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0};
    assert_fails(image_probe(jpeg, sizeof jpeg, true, &shape, &more), STATUS_FORMAT, "65535 × 65535");
}

/* The caller's buffer has the size that probing told: a file that then decodes to another is refused. */
static void test_another_shape_than_probed_is_refused(void **state)
{
    (void)state;
    struct blob blob;
    uint8_t pixels[64 * 64 * 3] = {0};
    make_plain_png(&blob, (struct shape){4, 4, 3}, pixels);
    assert_fails(image_decode(blob.data, blob.bytes, (struct shape){4, 5, 3}, pixels), STATUS_FORMAT,
                 "not what its header says");
    make_jpeg(&blob, (struct shape){8, 8, 3}, JCS_RGB, 0, pixels);
    assert_fails(image_decode(blob.data, blob.bytes, (struct shape){8, 8, 1}, pixels), STATUS_FORMAT,
                 "two headers");
}

static void test_other_files_are_refused(void **state)
{
    (void)state;
    struct shape shape;
    bool more;
    const uint8_t gif[] = "GIF89a\1\0\1\0";
    assert_int_equal(image_kind_of(gif, sizeof gif), IMAGE_NONE);
    assert_fails(image_probe(gif, sizeof gif, true, &shape, &more), STATUS_FORMAT, "neither PNG nor JPEG");
}

static void test_files(void **state)
{
    struct scratch *scratch = *state;
    struct blob blob;
    struct shape shape;
    uint8_t *pixels;
    make_flat_png(&blob, (struct shape){2, 3, 3}, 9);
    file_write(scratch_path(scratch, "a.png"), blob.data, blob.bytes);
    assert_ok(image_file_read(scratch->path, &shape, &pixels));
    assert_int_equal(shape.w, 3);
    assert_int_equal(pixels[17], 9);
    memory_free(&pixels);
    file_write(scratch_path(scratch, "b.png"), blob.data, blob.bytes - 1);
    assert_fails(image_file_read(scratch->path, &shape, &pixels), STATUS_FORMAT,
                 "b.png: PNG cannot be decoded");
    assert_null(pixels);
    assert_fails(image_file_read(scratch_path(scratch, "c.png"), &shape, &pixels), STATUS_IO, "No such file");
    assert_fails(image_file_read(scratch->folder, &shape, &pixels), STATUS_IO, "is not a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_png),
        cmocka_unit_test(test_bits_become_bytes),
        cmocka_unit_test(test_sixteen_bits_are_rounded),
        cmocka_unit_test(test_palette_becomes_colour),
        cmocka_unit_test(test_transparent_palette_lies_over_black),
        cmocka_unit_test(test_alpha_lies_over_black),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_inks_become_colour),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_damaged_png_is_refused),
        cmocka_unit_test(test_claimed_sizes_are_bounded),
        cmocka_unit_test(test_another_shape_than_probed_is_refused),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test_setup_teardown(test_files, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
