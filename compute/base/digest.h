/* Content digests: BLAKE2b-256 (RFC 7693) through libsodium. */
#ifndef FACET_COMPUTE_BASE_DIGEST_H
#define FACET_COMPUTE_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compute/base/error.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 2 * DIGEST_BYTES + 1 };

struct digest_state {
    _Alignas(64) unsigned char opaque[512];
};

void digest_begin(struct digest_state *state);
void digest_add(struct digest_state *state, const void *data, size_t bytes);

/* Adds `bytes` bytes of `path`'s stream from where it stands. STATUS_FORMAT when there are fewer. */
enum status digest_add_stream(struct digest_state *state, FILE *file, const char *path, uint64_t bytes);

void digest_end(struct digest_state *state, uint8_t digest[DIGEST_BYTES]);

/* Of a whole file. STATUS_IO when it cannot be read. */
enum status digest_file(const char *path, uint8_t digest[DIGEST_BYTES]);

/* Lower-case hexadecimal, zero-terminated. */
void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char hex[DIGEST_HEX_BYTES]);

#endif
