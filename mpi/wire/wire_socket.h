/* ZeroMQ contexts and sockets as both sides of the wire want them. */
#ifndef FACET_MPI_WIRE_WIRE_SOCKET_H
#define FACET_MPI_WIRE_WIRE_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"
#include "mpi/wire/wire_key.h"

/* A context whose threads take no signals: those are meant for the program's main thread. */
enum status wire_context_create(void **context);

/* Closes the context and waits for its sockets' lingering messages; *context becomes NULL. */
void wire_context_destroy(void **context);

struct wire_socket_options {
    int type;                  /* ZMQ_PUSH, … */
    int send_queue;            /* messages kept a peer before sending fails or drops; 0: leave as it is */
    int receive_queue;         /* the same for receiving */
    int buffer_bytes;          /* of the kernel, each way; 0: leave as it is */
    int linger_ms;             /* how long closing may take for what is unsent */
    int64_t message_bytes_max; /* a peer that sends longer ones is disconnected */

    /* A socket that others connect to asks for keys when it has one of its own; those of `domain` are let in
     * (admission.h). */
    const struct wire_key_pair *server; /* borrowed for the call; NULL: not a socket with keys */
    const char *domain;
    const struct wire_client_key *client; /* the same for a socket that connects to one with keys */
};

/* The caller closes *socket with wire_socket_close before the context. */
enum status wire_socket_create(void *context, const struct wire_socket_options *options, void **socket);

/* Connects or binds; STATUS_USAGE when the address is none, STATUS_IO for other failures. */
enum status wire_socket_connect(void *socket, const char *endpoint);
enum status wire_socket_bind(void *socket, const char *endpoint);

void wire_socket_close(void **socket);

struct wire_frame {
    void *data;
    size_t capacity; /* in bytes; a longer frame makes the message no message */
    size_t bytes;    /* received */
};

enum wire_received { WIRE_NONE, WIRE_MESSAGE, WIRE_NONSENSE };

/* Receives a message of exactly `count` frames without waiting. WIRE_NONE: there is none; WIRE_NONSENSE: one
 * of another form was there and is gone. */
enum wire_received wire_socket_receive(void *socket, struct wire_frame *frames, int count);

#endif
