#include "mpi/wire/wire_key.h"

#include <stdint.h>
#include <string.h>
#include <zmq.h>

enum status wire_key_pair_draw(struct wire_key_pair *pair)
{
    if (zmq_curve_keypair(pair->public_key, pair->secret_key) != 0)
        return error_set(STATUS_IO,
                         "ZeroMQ draws no keys: %s; it must have been built with CURVE (libsodium)",
                         zmq_strerror(zmq_errno()));
    return STATUS_OK;
}

bool wire_key_is_well_formed(const char *key)
{
    static const char letters[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    uint8_t bytes[32];
    bool good = strlen(key) == WIRE_KEY_BYTES - 1 && strspn(key, letters) == WIRE_KEY_BYTES - 1 &&
                zmq_z85_decode(bytes, key) != NULL;
    wire_key_forget(bytes, sizeof bytes);
    return good;
}

void wire_key_forget(void *secret, size_t bytes)
{
    explicit_bzero(secret, bytes);
}
