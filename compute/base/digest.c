#include "compute/base/digest.h"

#include <sodium.h>

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

void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char hex[DIGEST_HEX_BYTES])
{
    (void)sodium_bin2hex(hex, DIGEST_HEX_BYTES, digest, DIGEST_BYTES);
}
