/* Who may connect: the ZAP handler (ZeroMQ RFC 27) of a context. A thread that answers, for each connection
 * to a socket that asks for keys, whether the client's public key is on the list of that socket's domain.
 * Nobody is let in until it has answered. */
#ifndef FACET_MPI_WIRE_ADMISSION_H
#define FACET_MPI_WIRE_ADMISSION_H

#include <stdint.h>

#include "mpi/wire/wire_key.h"

struct admission_rule {
    const char *domain; /* borrowed: as in wire_socket_options */
    char public_key[WIRE_KEY_BYTES];
};

enum { ADMISSION_RULES_MAX = 8 };

struct admission;

/* Before the sockets of the context are bound: without a handler libzmq lets every key in. */
enum status admission_start(void *context, const struct admission_rule *rules, int count,
                            struct admission **admission);

/* Connections refused so far because their key is not on the list; those that had no key or took another
 * server for this one do not get so far. */
uint64_t admission_refused(const struct admission *admission);

/* After the sockets were closed, before the context is destroyed. NULL is fine. */
void admission_stop(struct admission **admission);

#endif
