#include "compute/base/digest.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"

enum { READ_BYTES = 1 << 20 };

_Static_assert(sizeof(struct digest_state) >= sizeof(crypto_generichash_state),
               "digest_state must hold libsodium's");
_Static_assert(_Alignof(struct digest_state) >= _Alignof(crypto_generichash_state),
               "digest_state must be aligned as libsodium's");
_Static_assert(DIGEST_BYTES == crypto_generichash_BYTES, "BLAKE2b-256");

static crypto_generichash_state *inside(struct digest_state *state)
{
    return (crypto_generichash_state *)(void *)state->opaque;
}

/* The three calls of libsodium can fail only on lengths out of range, which these are not. */

void digest_begin(struct digest_state *state)
{
    int ready = sodium_init(); /* picks the fast implementation; hashing is right without it too */
    (void)ready;
    (void)crypto_generichash_init(inside(state), NULL, 0, DIGEST_BYTES);
}

void digest_add(struct digest_state *state, const void *data, size_t bytes)
{
    if (bytes > 0)
        (void)crypto_generichash_update(inside(state), data, bytes);
}

void digest_end(struct digest_state *state, uint8_t digest[DIGEST_BYTES])
{
    (void)crypto_generichash_final(inside(state), digest, DIGEST_BYTES);
}

enum status digest_add_stream(struct digest_state *state, FILE *file, const char *path, uint64_t bytes)
{
    char *buffer = NULL;
    enum status status = memory_allocate(&buffer, READ_BYTES, 1, "a file's content");
    while (status == STATUS_OK && bytes > 0) {
        size_t wanted = bytes < READ_BYTES ? (size_t)bytes : READ_BYTES;
        size_t got = fread(buffer, 1, wanted, file);
        if (got == 0)
            status = ferror(file) ? error_set(STATUS_IO, "%s: cannot be read: %s", path, strerror(errno))
                                  : error_set(STATUS_FORMAT, "%s: is damaged: %llu bytes short", path,
                                              (unsigned long long)bytes);
        digest_add(state, buffer, got);
        bytes -= got;
    }
    memory_free(&buffer);
    return status;
}

enum status digest_file(const char *path, uint8_t digest[DIGEST_BYTES])
{
    struct digest_state state;
    struct stat found;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    digest_begin(&state);
    enum status status = fstat(fileno(file), &found) == 0
                             ? digest_add_stream(&state, file, path, (uint64_t)found.st_size)
                             : error_set(STATUS_IO, "%s: cannot be measured: %s", path, strerror(errno));
    digest_end(&state, digest);
    fclose(file);
    return status;
}

void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char hex[DIGEST_HEX_BYTES])
{
    (void)sodium_bin2hex(hex, DIGEST_HEX_BYTES, digest, DIGEST_BYTES);
}
