/* What harnesses share: taking the fuzzer's bytes apart, and files for readers that want a path. A harness
 * that fails for reasons of its own aborts. */
#ifndef FACET_TESTS_FUZZ_FUZZ_INPUT_H
#define FACET_TESTS_FUZZ_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

/* The next byte, 0 when there is none left. */
static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

/* A piece whose length the next two bytes say, least significant first; at most what is left. */
static inline struct fuzz_input fuzz_piece(struct fuzz_input *input)
{
    size_t bytes = fuzz_byte(input);
    bytes |= (size_t)fuzz_byte(input) << 8;
    struct fuzz_input piece = {input->data, bytes < input->left ? bytes : input->left};
    input->data += piece.left;
    input->left -= piece.left;
    return piece;
}

/* A folder of this process's own, made once, removed with fuzz_file's files at exit; in memory where there is
 * such a place: a disk that is waited for makes hundreds of runs a second three. */
static char fuzz_folder[64];

static inline void fuzz_clean_up(void)
{
    static const char *const names[] = {"a", "b", "test_batch.bin", "batches.meta.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", fuzz_folder, names[i]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

static inline const char *fuzz_folder_path(void)
{
    if (fuzz_folder[0] == '\0') {
        const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/facet-fuzz-XXXXXX", parent);
        if (mkdtemp(fuzz_folder) == NULL || atexit(fuzz_clean_up) != 0)
            abort();
    }
    return fuzz_folder;
}

/* Writes a file of that name (one of those above) there. */
static inline void fuzz_file(const char *name, struct fuzz_input content, char path[128])
{
    snprintf(path, 128, "%s/%s", fuzz_folder_path(), name);
    FILE *file = fopen(path, "wb");
    bool written =
        file != NULL && (content.left == 0 || fwrite(content.data, 1, content.left, file) == content.left);
    if (!written || fclose(file) != 0)
        abort();
}

/* What is in a file; never freed. */
static inline struct fuzz_input fuzz_content(const char *path)
{
    struct stat found;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &found) != 0 || found.st_size < 1)
        abort();
    size_t bytes = (size_t)found.st_size;
    uint8_t *data = malloc(bytes);
    if (data == NULL || fread(data, 1, bytes, file) != bytes)
        abort();
    fclose(file);
    return (struct fuzz_input){data, bytes};
}

#endif
