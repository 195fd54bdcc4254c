/* A folder of a test's own, and whole small files in it. */
#ifndef FACET_TESTS_UNIT_BASE_SCRATCH_FOLDER_H
#define FACET_TESTS_UNIT_BASE_SCRATCH_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SCRATCH_PATH_BYTES = 256 };

struct scratch {
    char folder[64];
    char path[SCRATCH_PATH_BYTES]; /* of scratch_path's last call */
};

/* cmocka set-up: *state becomes a struct scratch with an empty folder. */
static inline int scratch_setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    assert_non_null(scratch);
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/facet-test-XXXXXX");
    assert_non_null(mkdtemp(scratch->folder));
    *state = scratch;
    return 0;
}

static inline int scratch_remove(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)type;
    (void)place;
    return remove(path);
}

/* cmocka tear-down: the folder goes, with all that is in it. */
static inline int scratch_teardown(void **state)
{
    struct scratch *scratch = *state;
    int removed = nftw(scratch->folder, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(scratch);
    *state = NULL;
    return removed;
}

/* "FOLDER/NAME"; valid until the next call. */
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->folder, name);
    return scratch->path;
}

static inline void file_write(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* The whole file; free() it. */
static inline uint8_t *file_read(const char *path, size_t *bytes)
{
    struct stat found;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &found), 0);
    *bytes = (size_t)found.st_size;
    uint8_t *data = malloc(*bytes + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *bytes, file), *bytes);
    fclose(file);
    return data;
}

static inline bool file_exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

/* Whether two files hold the same bytes. */
static inline bool files_equal(const char *a, const char *b)
{
    size_t a_bytes, b_bytes;
    uint8_t *a_data = file_read(a, &a_bytes), *b_data = file_read(b, &b_bytes);
    bool equal = a_bytes == b_bytes && memcmp(a_data, b_data, a_bytes) == 0;
    free(a_data);
    free(b_data);
    return equal;
}

#endif
