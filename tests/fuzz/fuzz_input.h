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

/* A folder of this process's own, made once, removed with fuzz_file's files at exit. */
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
        snprintf(fuzz_folder, sizeof fuzz_folder, "/tmp/facet-fuzz-XXXXXX");
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

#endif
