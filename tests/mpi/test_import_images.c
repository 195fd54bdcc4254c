/* Importing class folders: the same file for any number of ranks, nothing left after a failure. */
#include "tests/mpi/on_ranks.h"

#include <ftw.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/formats/dataset_file.h"
#include "mpi/import_images.h"
#include "mpi/ranks.h"

enum { CLASSES = 3, PER_CLASS = 7, SIDE = 4, PATH_BYTES = 256 };

static const struct image_options options = {.split = "train"};

/* --- a folder that all ranks know --- */

static char folder[64];

static void in_folder(char path[PATH_BYTES], const char *name)
{
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

/* Every picture has a value of its own. */
static uint8_t value_of(int class_index, int image)
{
    return (uint8_t)(100 * class_index + image);
}

static void write_pictures(void)
{
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < PER_CLASS; i++) {
            char name[32], path[PATH_BYTES];
            uint8_t pixels[SIDE * SIDE];
            png_image image = {.version = PNG_IMAGE_VERSION, .width = SIDE, .height = SIDE};
            image.format = PNG_FORMAT_GRAY;
            memset(pixels, value_of(c, i), sizeof pixels);
            snprintf(name, sizeof name, "tree/%c", 'a' + c);
            in_folder(path, name);
            mkdir(path, 0700);
            snprintf(name, sizeof name, "tree/%c/%d.png", 'a' + c, i);
            in_folder(path, name);
            assert_on_ranks(png_image_write_to_file(&image, path, 0, pixels, 0, NULL) != 0);
        }
}

static int set_up(void **state)
{
    (void)state;
    if (ranks_rank(MPI_COMM_WORLD) == 0) {
        char path[PATH_BYTES];
        snprintf(folder, sizeof folder, "/tmp/facet-test-XXXXXX");
        assert_on_ranks(mkdtemp(folder) != NULL);
        in_folder(path, "tree");
        mkdir(path, 0700);
        write_pictures();
    }
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    MPI_Barrier(MPI_COMM_WORLD);
    return ranks_rank(MPI_COMM_WORLD) == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

static bool exists(const char *name)
{
    char path[PATH_BYTES];
    in_folder(path, name);
    return access(path, F_OK) == 0;
}

static enum status import(MPI_Comm comm, const char *name, const class_name *names, int32_t name_count)
{
    char source[PATH_BYTES], output[PATH_BYTES];
    struct image_listing *listing = NULL;
    in_folder(source, "tree");
    in_folder(output, name);
    enum status status = import_images(comm, source, &options, names, name_count, output, NULL, &listing);
    assert_on_ranks((status == STATUS_OK) == (listing != NULL));
    assert_on_ranks(listing == NULL || listing->image_count == CLASSES * PER_CLASS);
    image_listing_destroy(&listing);
    return status;
}

/* --- tests --- */

static void assert_same_bytes(const char *a_name, const char *b_name)
{
    char a_path[PATH_BYTES], b_path[PATH_BYTES];
    in_folder(a_path, a_name);
    in_folder(b_path, b_name);
    FILE *a = fopen(a_path, "rb"), *b = fopen(b_path, "rb");
    assert_on_ranks(a != NULL && b != NULL);
    int from_a, from_b;
    do {
        from_a = fgetc(a);
        from_b = fgetc(b);
        assert_on_ranks(from_a == from_b);
    } while (from_a != EOF);
    fclose(a);
    fclose(b);
}

static void test_the_same_file_for_any_number_of_ranks(void **state)
{
    (void)state;
    assert_on_ranks(import(MPI_COMM_WORLD, "all.h5", NULL, 0) == STATUS_OK);
    if (ranks_rank(MPI_COMM_WORLD) != 0)
        return;
    char path[PATH_BYTES];
    struct dataset *dataset;
    assert_on_ranks(import(MPI_COMM_SELF, "one.h5", NULL, 0) == STATUS_OK);
    assert_same_bytes("all.h5", "one.h5");
    in_folder(path, "all.h5");
    assert_on_ranks(dataset_file_load(path, &dataset) == STATUS_OK);
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < PER_CLASS; i++)
            assert_on_ranks(dataset_image(dataset, c * PER_CLASS + i)[SIDE * SIDE - 1] == value_of(c, i));
    assert_on_ranks(strcmp(dataset->class_names[1], "b") == 0);
    /* written piece by piece or at once: one layout */
    in_folder(path, "whole.h5");
    assert_on_ranks(dataset_file_write(dataset, path) == STATUS_OK);
    assert_same_bytes("all.h5", "whole.h5");
    dataset_destroy(&dataset);
}

static void test_other_names(void **state)
{
    static const class_name names[CLASSES] = {"ant", "bee", "cow"};
    char path[PATH_BYTES];
    struct dataset *dataset;
    (void)state;
    assert_on_ranks(import(MPI_COMM_WORLD, "named.h5", names, CLASSES) == STATUS_OK);
    in_folder(path, "named.h5");
    assert_on_ranks(dataset_file_open(path, &dataset) == STATUS_OK);
    assert_on_ranks(strcmp(dataset->class_names[2], "cow") == 0);
    dataset_destroy(&dataset);
    assert_on_ranks(import(MPI_COMM_WORLD, "few.h5", names, CLASSES - 1) == STATUS_MISMATCH);
    assert_on_ranks(!exists("few.h5") && !exists("few.h5.part"));
}

/* The last picture is some rank's, and all must hear of it. */
static void test_a_failure_leaves_nothing(void **state)
{
    char path[PATH_BYTES];
    (void)state;
    in_folder(path, "tree/c/6.png");
    if (ranks_rank(MPI_COMM_WORLD) == 0)
        assert_on_ranks(truncate(path, 60) == 0);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_on_ranks(import(MPI_COMM_WORLD, "bad.h5", NULL, 0) == STATUS_FORMAT);
    assert_on_ranks(strstr(error_message(), "c/6.png: PNG cannot be decoded") != NULL);
    MPI_Barrier(MPI_COMM_WORLD);
    assert_on_ranks(!exists("bad.h5") && !exists("bad.h5.part"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_the_same_file_for_any_number_of_ranks, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_other_names, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_a_failure_leaves_nothing, set_up, tear_down),
};
ON_RANKS_MAIN(tests)
