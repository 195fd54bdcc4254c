#include "image_fixtures.h"

#include <locale.h>

#include "compute/base/memory.h"
#include "compute/formats/images/image_archive.h"
#include "compute/formats/images/image_listing.h"
#include "compute/formats/images/image_share.h"

/* Listing and decoding together: what a source gives, whatever it is. */

struct imported {
    struct image_listing *listing;
    uint8_t *pixels;
    int64_t put; /* images */
};

static enum status put(void *context, int64_t first, int64_t count, const uint8_t *pixels)
{
    struct imported *imported = context;
    size_t image = shape_count(imported->listing->shape);
    assert_true(first >= 0 && count > 0 && first + count <= imported->listing->image_count);
    memcpy(imported->pixels + (size_t)first * image, pixels, (size_t)count * image);
    imported->put += count;
    return STATUS_OK;
}

static const struct image_options plain = {.split = "train"};

/* In `parts` shares, each decoded on its own. */
static enum status import_parts(const char *source, const struct image_options *options, int64_t parts,
                                struct imported *imported)
{
    *imported = (struct imported){.put = 0};
    enum status status = image_listing_create(source, options, &imported->listing);
    if (status != STATUS_OK)
        return status;
    int64_t total = imported->listing->image_count;
    assert_ok(
        memory_allocate(&imported->pixels, (size_t)total, shape_count(imported->listing->shape), "test"));
    for (int64_t part = 0; part < parts && status == STATUS_OK; part++) {
        int64_t first = part * total / parts, next = (part + 1) * total / parts;
        status = image_share_decode(source, imported->listing, first, next - first, NULL, put, imported);
    }
    return status;
}

static void clear(struct imported *imported)
{
    image_listing_destroy(&imported->listing);
    memory_free(&imported->pixels);
}

static void refuse(const char *source, const struct image_options *options, enum status expected,
                   const char *word)
{
    struct imported imported;
    assert_fails(import_parts(source, options, 1, &imported), expected, word);
    clear(&imported);
}

/* Two classes, out of order in an archive: a has 10, 11; b has 20, 21, 22. Values of flat 2 × 3 pictures. */
struct picture {
    const char *path;
    uint8_t value;
};
static const struct picture pictures[] = {
    {"b/1.png", 20}, {"a/1.png", 10}, {"b/2.png", 21}, {"a/2.PNG", 11}, {"b/3.png", 22}};
enum { PICTURES = sizeof pictures / sizeof *pictures };
static const uint8_t in_order[PICTURES] = {10, 11, 20, 21, 22};
static const struct shape picture_shape = {2, 3, 1};

static void flat(struct blob *blob, const struct picture *picture)
{
    make_flat_png(blob, picture_shape, picture->value);
}

static void add_pictures(struct archive *archive, const char *folder)
{
    for (int i = 0; i < PICTURES; i++) {
        struct blob blob;
        char path[64];
        snprintf(path, sizeof path, "%s%s", folder, pictures[i].path);
        flat(&blob, &pictures[i]);
        archive_add(archive, path, blob.data, blob.bytes, NULL);
    }
}

static void add_tree(const struct scratch *scratch, const char *folder)
{
    for (int i = 0; i < PICTURES; i++) {
        struct blob blob;
        char path[64];
        snprintf(path, sizeof path, "%s%s", folder, pictures[i].path);
        flat(&blob, &pictures[i]);
        tree_add(scratch, path, blob.data, blob.bytes);
    }
}

static void expect_pictures(const char *source, const struct image_options *options)
{
    for (int64_t parts = 1; parts <= PICTURES + 1; parts++) {
        struct imported imported;
        assert_ok(import_parts(source, options, parts, &imported));
        assert_int_equal(imported.put, PICTURES);
        assert_int_equal(imported.listing->class_count, 2);
        assert_string_equal(imported.listing->class_names[0], "a");
        assert_string_equal(imported.listing->class_names[1], "b");
        assert_int_equal(imported.listing->class_start[1], 2);
        assert_int_equal(imported.listing->class_start[2], 5);
        assert_int_equal(imported.listing->shape.c, 1);
        for (int i = 0; i < PICTURES; i++)
            assert_int_equal(imported.pixels[6 * i + 5], in_order[i]);
        clear(&imported);
    }
}

/* --- what is right --- */

static void test_trees_of_each_depth(void **state)
{
    static const char *const folders[] = {"", "train/", "pets/train/", "pets/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct scratch *scratch;
        scratch_setup((void **)&scratch);
        add_tree(scratch, folders[i]);
        expect_pictures(scratch->folder, &plain);
        char slash[80];
        snprintf(slash, sizeof slash, "%s/", scratch->folder);
        expect_pictures(slash, &plain);
        scratch_teardown((void **)&scratch);
    }
    (void)state;
}

static void test_archives_of_each_kind(void **state)
{
    struct scratch *scratch = *state;
    static const char *const folders[] = {"", "./", "train/", "pets/train/"};
    for (int kind = MAKE_TAR; kind <= MAKE_ZIP; kind++)
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
            struct archive *archive = archive_begin(scratch_path(scratch, "x"), (enum archive_kind)kind);
            add_pictures(archive, folders[i]);
            archive_end(archive);
            expect_pictures(scratch->path, &plain);
        }
}

static void test_the_split_asked_for_is_taken(void **state)
{
    struct scratch *scratch = *state;
    const struct image_options test = {.split = "test"};
    struct blob blob;
    make_flat_png(&blob, (struct shape){9, 9, 3}, 1); /* another size and colour: must not be looked at */
    tree_add(scratch, "train/c/1.png", blob.data, blob.bytes);
    tree_add(scratch, "train/empty/", NULL, 0);
    add_tree(scratch, "test/");
    expect_pictures(scratch->folder, &test);
    const struct image_options val = {.split = "val"};
    refuse(scratch->folder, &val, STATUS_FORMAT, "has no split \"val\", but");
}

static void test_links_in_a_tree_are_followed(void **state)
{
    struct scratch *scratch = *state;
    char target[128], link[128], folder[128];
    add_tree(scratch, "real/");
    snprintf(target, sizeof target, "%s/real/a", scratch->folder);
    snprintf(folder, sizeof folder, "%s/linked", scratch->folder);
    snprintf(link, sizeof link, "%s/linked/a", scratch->folder);
    mkdir(folder, 0700);
    assert_int_equal(symlink(target, link), 0);
    struct imported imported;
    assert_ok(import_parts(folder, &plain, 1, &imported));
    assert_int_equal(imported.listing->image_count, 2);
    clear(&imported);
    snprintf(link, sizeof link, "%s/linked/a2", scratch->folder);
    assert_int_equal(symlink("..", link), 0);
    refuse(folder, &plain, STATUS_FORMAT, "a link that leads back");
}

static void test_one_colour_image_makes_all_colour(void **state)
{
    struct scratch *scratch = *state;
    struct blob blob;
    struct imported imported;
    add_tree(scratch, "");
    make_flat_png(&blob, (struct shape){2, 3, 3}, 99);
    tree_add(scratch, "a/9.png", blob.data, blob.bytes);
    assert_ok(import_parts(scratch->folder, &plain, 1, &imported));
    assert_int_equal(imported.listing->shape.c, 3);
    assert_int_equal(imported.pixels[0], 10);
    assert_int_equal(imported.pixels[17], 10);
    assert_int_equal(imported.pixels[2 * 18], 99);
    clear(&imported);
    const struct image_options grey = {.split = "train", .channels = 1};
    assert_ok(import_parts(scratch->folder, &grey, 1, &imported));
    assert_int_equal(imported.listing->shape.c, 1);
    assert_int_equal(imported.pixels[2 * 6], 99);
    clear(&imported);
}

static void test_unequal_sizes_need_a_resize(void **state)
{
    struct scratch *scratch = *state;
    const struct image_options resize = {.split = "train", .resize_h = 4, .resize_w = 4};
    struct blob blob;
    struct imported imported;
    add_tree(scratch, "");
    make_flat_png(&blob, (struct shape){5, 7, 1}, 99);
    tree_add(scratch, "b/9.png", blob.data, blob.bytes);
    refuse(scratch->folder, &plain, STATUS_SHAPE, "a/1.png is 2 × 3, b/9.png is 5 × 7");
    assert_non_null(strstr(error_message(), "--resize"));
    assert_ok(import_parts(scratch->folder, &resize, 2, &imported));
    assert_int_equal(imported.put, PICTURES + 1);
    assert_int_equal(imported.listing->shape.h, 4);
    assert_int_equal(imported.pixels[0], 10);
    assert_int_equal(imported.pixels[6 * 16 - 1], 99);
    clear(&imported);
    const struct image_options huge = {.split = "train", .resize_h = 16384, .resize_w = 16385};
    refuse(scratch->folder, &huge, STATUS_USAGE, "at most 268435456 bytes");
}

static void test_limit_takes_the_first_of_each_class(void **state)
{
    struct scratch *scratch = *state;
    const struct image_options two = {.split = "train", .limit = 2};
    struct imported imported;
    struct archive *archive = archive_begin(scratch_path(scratch, "x.tar"), MAKE_TAR);
    add_pictures(archive, "");
    archive_end(archive);
    assert_ok(import_parts(scratch->path, &two, 2, &imported));
    assert_int_equal(imported.listing->image_count, 4);
    assert_int_equal(imported.put, 4);
    assert_int_equal(imported.pixels[6 * 2], 20);
    assert_int_equal(imported.pixels[6 * 3], 21);
    clear(&imported);
}

static void test_other_files_are_left_out_and_told(void **state)
{
    struct scratch *scratch = *state;
    struct imported imported;
    add_tree(scratch, "");
    tree_add(scratch, "a/notes.txt", "x", 1);
    tree_add(scratch, "a/.hidden.png", "x", 1);
    tree_add(scratch, "README", "x", 1);
    assert_ok(import_parts(scratch->folder, &plain, 1, &imported));
    assert_int_equal(imported.listing->left_out_count, 1);
    assert_string_equal(imported.listing->left_out, "a/notes.txt");
    clear(&imported);
}

static void test_names_beyond_ascii(void **state)
{
    struct scratch *scratch = *state;
    struct imported imported;
    struct blob blob;
    flat(&blob, &pictures[0]);
    for (int kind = MAKE_TAR; kind <= MAKE_ZIP; kind++) {
        struct archive *archive = archive_begin(scratch_path(scratch, "x"), (enum archive_kind)kind);
        setlocale(LC_CTYPE, "C.UTF-8"); /* to write; reading must not need it */
        archive_add(archive, "caf\xc3\xa9/1.png", blob.data, blob.bytes, NULL);
        archive_end(archive);
        setlocale(LC_CTYPE, "C");
        assert_ok(import_parts(scratch->path, &plain, 1, &imported));
        assert_string_equal(imported.listing->class_names[0], "caf\xc3\xa9");
        clear(&imported);
    }
}

/* More than fits a batch, in an order that jumps between classes. */
static void test_many_images_in_any_order(void **state)
{
    enum { MANY = 3 * IMAGE_BATCH_MAX / 2, CLASSES = 7 };
    struct scratch *scratch = *state;
    struct imported imported;
    struct archive *archive = archive_begin(scratch_path(scratch, "x.tar"), MAKE_TAR);
    for (int i = 0; i < MANY; i++) {
        struct blob blob;
        char path[32];
        snprintf(path, sizeof path, "%c/%d.png", 'a' + i % CLASSES, i);
        make_flat_png(&blob, (struct shape){1, 1, 1}, (uint8_t)(i / CLASSES));
        archive_add(archive, path, blob.data, blob.bytes, NULL);
    }
    archive_end(archive);
    assert_ok(import_parts(scratch->path, &plain, 3, &imported));
    assert_int_equal(imported.put, MANY);
    for (int c = 0; c < CLASSES; c++)
        for (int64_t i = imported.listing->class_start[c]; i < imported.listing->class_start[c + 1]; i++)
            assert_int_equal(imported.pixels[i], (i - imported.listing->class_start[c]) & 0xff);
    clear(&imported);
}

/* --- what is wrong --- */

static void test_empty_class_folders_are_refused(void **state)
{
    struct scratch *scratch = *state;
    add_tree(scratch, "train/");
    tree_add(scratch, "train/none/", NULL, 0);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "class folder \"none\" has no images");
    struct archive *archive = archive_begin(scratch_path(scratch, "x.tar"), MAKE_TAR);
    archive_add(archive, "train/none/", NULL, 0, NULL);
    add_pictures(archive, "train/");
    archive_end(archive);
    refuse(scratch->path, &plain, STATUS_FORMAT, "class folder \"none\" has no images");
}

static void test_no_images_at_all(void **state)
{
    struct scratch *scratch = *state;
    refuse(scratch->folder, &plain, STATUS_FORMAT, "no PNG or JPEG images in class folders");
    tree_add(scratch, "1.png", "x", 1);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "1.png: lies in no class folder");
    refuse(scratch_path(scratch, "absent"), &plain, STATUS_IO, "No such file");
    refuse("/dev/null", &plain, STATUS_IO, "neither a folder nor a file");
}

static void test_images_elsewhere_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct blob blob;
    flat(&blob, &pictures[0]);
    add_tree(scratch, "");
    tree_add(scratch, "b/more/1.png", blob.data, blob.bytes);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "b/more/1.png: an image that is not at CLASS/FILE");
}

static void test_damaged_images_are_named(void **state)
{
    struct scratch *scratch = *state;
    struct blob blob;
    flat(&blob, &pictures[0]);
    add_tree(scratch, "");
    tree_add(scratch, "b/4.png", blob.data, blob.bytes - 20);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "b/4.png: PNG cannot be decoded");
    tree_add(scratch, "b/4.png", "GIF89a", 6);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "b/4.png: neither PNG nor JPEG");
    tree_add(scratch, "b/4.png", "", 0);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "b/4.png: ends after 0 bytes");
    blob.data[16] = 1; /* 16 million pixels wide */
    tree_add(scratch, "b/4.png", blob.data, blob.bytes);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "b/4.png: claims 16777219 × 2 pixels");
}

static void refuse_entry(struct scratch *scratch, enum archive_kind kind, const char *path,
                         const char *target, const char *word)
{
    struct blob blob;
    flat(&blob, &pictures[0]);
    struct archive *archive = archive_begin(scratch_path(scratch, "bad"), kind);
    add_pictures(archive, "");
    archive_add(archive, path, blob.data, target == NULL ? blob.bytes : 0, target);
    archive_end(archive);
    refuse(scratch->path, &plain, STATUS_FORMAT, word);
}

static void test_hostile_entries_are_refused(void **state)
{
    for (int kind = MAKE_TAR; kind <= MAKE_ZIP; kind++) {
        refuse_entry(*state, (enum archive_kind)kind, "/etc/a.png", NULL, "an absolute path");
        refuse_entry(*state, (enum archive_kind)kind, "a/../../a.png", NULL, "a path with \"..\"");
        refuse_entry(*state, (enum archive_kind)kind, "a/link.png", "/etc/passwd", "is a link");
    }
}

/* 80 MiB of zeros before or behind the pictures, in a file of some kilobytes; nobody asks for them, but they
 * must be unpacked to get past them. */
static void test_archive_bombs_are_refused(void **state)
{
    struct scratch *scratch = *state;
    enum { BYTES = 80 << 20 };
    uint8_t *zeros = calloc(BYTES, 1);
    assert_non_null(zeros);
    for (int behind = 0; behind < 2; behind++) {
        struct archive *archive = archive_begin(scratch_path(scratch, "bomb"), MAKE_TAR_GZ);
        if (behind)
            add_pictures(archive, "");
        archive_add(archive, "zeros.txt", zeros, BYTES, NULL);
        if (!behind)
            add_pictures(archive, "");
        archive_end(archive);
        refuse(scratch->path, &plain, STATUS_FORMAT, "unpacks to more than 100 times its size");
    }
    free(zeros);
}

/* Read whole, an entry is held to the size of a file, and all of them to the size of the archive. */
static void test_unpacking_is_bounded(void **state)
{
    struct scratch *scratch = *state;
    enum { BYTES = 160 << 20 };
    uint8_t *data = calloc(BYTES, 1);
    assert_non_null(data);
    struct blob blob;
    flat(&blob, &pictures[0]);
    memcpy(data, blob.data, blob.bytes);
    for (int kind = MAKE_TAR; kind <= MAKE_ZIP; kind += MAKE_ZIP - MAKE_TAR) {
        struct archive *archive = archive_begin(scratch_path(scratch, "bomb"), (enum archive_kind)kind);
        archive_add(archive, "a/0.png", data, BYTES, NULL);
        archive_end(archive);
        refuse(scratch->path, &plain, STATUS_FORMAT,
               kind == MAKE_TAR ? "a/0.png: has more than 67108864 bytes" : "unpacks to more than 100 times");
    }
    free(data);
}

static void test_truncated_archives_are_refused(void **state)
{
    struct scratch *scratch = *state;
    for (int kind = MAKE_TAR; kind <= MAKE_ZIP; kind++) {
        size_t bytes;
        struct archive *archive = archive_begin(scratch_path(scratch, "whole"), (enum archive_kind)kind);
        add_pictures(archive, "");
        archive_end(archive);
        uint8_t *data = file_read(scratch->path, &bytes);
        struct imported imported;
        file_write(scratch_path(scratch, "cut"), data, kind == MAKE_TAR ? 3000 : bytes / 2);
        assert_int_equal(import_parts(scratch->path, &plain, 1, &imported), STATUS_FORMAT);
        clear(&imported);
        free(data);
    }
    file_write(scratch_path(scratch, "text"), "not an archive", 14);
    refuse(scratch->path, &plain, STATUS_FORMAT, "text: ");
}

static void test_long_class_names_are_refused(void **state)
{
    struct scratch *scratch = *state;
    struct blob blob;
    char path[128];
    memset(path, 'n', CLASS_NAME_BYTES);
    snprintf(path + CLASS_NAME_BYTES, sizeof path - CLASS_NAME_BYTES, "/1.png");
    flat(&blob, &pictures[0]);
    tree_add(scratch, path, blob.data, blob.bytes);
    refuse(scratch->folder, &plain, STATUS_FORMAT, "has a name of 64 bytes; expected 1 to 63");
}

static void test_a_source_that_changes_is_noticed(void **state)
{
    struct scratch *scratch = *state;
    struct imported imported = {.put = 0};
    struct blob blob;
    add_tree(scratch, "");
    assert_ok(image_listing_create(scratch->folder, &plain, &imported.listing));
    assert_ok(memory_allocate(&imported.pixels, 100, 6, "test"));
    make_flat_png(&blob, (struct shape){3, 3, 1}, 1);
    tree_add(scratch, "a/1.png", blob.data, blob.bytes);
    assert_fails(image_share_decode(scratch->folder, imported.listing, 0, 5, NULL, put, &imported),
                 STATUS_MISMATCH, "no longer holds");
    flat(&blob, &pictures[1]);
    tree_add(scratch, "a/1.png", blob.data, blob.bytes);
    tree_add(scratch, "a/0.png", blob.data, blob.bytes);
    assert_int_equal(image_share_decode(scratch->folder, imported.listing, 0, 5, NULL, put, &imported),
                     STATUS_MISMATCH);
    assert_int_equal(unlink(scratch_path(scratch, "a/0.png")), 0);
    assert_int_equal(unlink(scratch_path(scratch, "b/3.png")), 0);
    assert_int_equal(image_share_decode(scratch->folder, imported.listing, 0, 5, NULL, put, &imported),
                     STATUS_MISMATCH);
    clear(&imported);
}

static void test_stopping(void **state)
{
    struct scratch *scratch = *state;
    volatile sig_atomic_t stop = 1;
    struct imported imported = {.put = 0};
    add_tree(scratch, "");
    assert_ok(image_listing_create(scratch->folder, &plain, &imported.listing));
    assert_fails(image_share_decode(scratch->folder, imported.listing, 0, 5, &stop, put, &imported),
                 STATUS_STOPPED, "nothing was written");
    clear(&imported);
}

/* --- the project's own data sets --- */

struct known {
    const char *path, *split, *first, *last;
    int64_t images;
    int32_t classes, side;
};

static void test_tars_at_hand(void **state)
{
    static const struct known known[] = {
        {"cifar10-train.tar", "train", "airplane", "truck", 20000, 10, 32},
        {"cifar10-test.tar", "test", "airplane", "truck", 10000, 10, 32},
        {"cifar100-train.tar", "train", "apple", "worm", 10000, 100, 32},
        {"cifar100-test.tar", "test", "apple", "worm", 10000, 100, 32},
        {"tiny-imagenet-train.tar", "train", "n01443537", "n12267677", 10000, 200, 64},
        {"tiny-imagenet-test.tar", "test", "n01443537", "n12267677", 10000, 200, 64}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char path[512];
        struct image_options options = {.split = known[i].split};
        struct image_listing *listing;
        snprintf(path, sizeof path, "%s/%s", FACET_SHARED_DATA, known[i].path);
        if (!file_exists(path)) {
            print_message("%s is not there\n", path);
            skip();
        }
        assert_ok(image_listing_create(path, &options, &listing));
        assert_int_equal(listing->image_count, known[i].images);
        assert_int_equal(listing->class_count, known[i].classes);
        assert_string_equal(listing->class_names[0], known[i].first);
        assert_string_equal(listing->class_names[known[i].classes - 1], known[i].last);
        assert_true(listing->shape.h == known[i].side && listing->shape.w == known[i].side);
        assert_int_equal(listing->shape.c, 3);
        for (int32_t c = 0; c < listing->class_count; c++)
            assert_int_equal(listing->class_start[c], c * known[i].images / known[i].classes);
        image_listing_destroy(&listing);
    }
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_of_each_depth),
        SCRATCH_TEST(test_archives_of_each_kind),
        SCRATCH_TEST(test_the_split_asked_for_is_taken),
        SCRATCH_TEST(test_links_in_a_tree_are_followed),
        SCRATCH_TEST(test_one_colour_image_makes_all_colour),
        SCRATCH_TEST(test_unequal_sizes_need_a_resize),
        SCRATCH_TEST(test_limit_takes_the_first_of_each_class),
        SCRATCH_TEST(test_other_files_are_left_out_and_told),
        SCRATCH_TEST(test_names_beyond_ascii),
        SCRATCH_TEST(test_many_images_in_any_order),
        SCRATCH_TEST(test_empty_class_folders_are_refused),
        SCRATCH_TEST(test_no_images_at_all),
        SCRATCH_TEST(test_images_elsewhere_are_refused),
        SCRATCH_TEST(test_damaged_images_are_named),
        SCRATCH_TEST(test_hostile_entries_are_refused),
        SCRATCH_TEST(test_archive_bombs_are_refused),
        SCRATCH_TEST(test_unpacking_is_bounded),
        SCRATCH_TEST(test_truncated_archives_are_refused),
        SCRATCH_TEST(test_long_class_names_are_refused),
        SCRATCH_TEST(test_a_source_that_changes_is_noticed),
        SCRATCH_TEST(test_stopping),
        cmocka_unit_test(test_tars_at_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
