/* Keys of the wire: CurveZMQ (Curve25519), through libzmq and libsodium. Each run draws its own. */
#ifndef FACET_MPI_WIRE_WIRE_KEY_H
#define FACET_MPI_WIRE_WIRE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/base/error.h"

/* A key as text: 40 characters of Z85 (ZeroMQ RFC 32) for 32 bytes, and the zero. */
enum { WIRE_KEY_BYTES = 41 };

struct wire_key_pair {
    char public_key[WIRE_KEY_BYTES], secret_key[WIRE_KEY_BYTES];
};

/* What a client shows and expects to be shown. */
struct wire_client_key {
    char server_key[WIRE_KEY_BYTES]; /* public key of the server: nobody else is talked to */
    struct wire_key_pair own;        /* which the server has on its list */
};

/* STATUS_IO when this libzmq was built without CURVE. */
enum status wire_key_pair_draw(struct wire_key_pair *pair);

bool wire_key_is_well_formed(const char *key);

/* Overwrites what held a secret, however clever the compiler. */
void wire_key_forget(void *secret, size_t bytes);

#endif
