/* A picture as one message: a header line, then one event a line, each a JSON object (docs/protocol.md). */
#ifndef FACET_MPI_WIRE_SNAPSHOT_H
#define FACET_MPI_WIRE_SNAPSHOT_H

#include <stddef.h>

#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/picture.h"

enum { SNAPSHOT_BYTES_MAX = 192 << 20 }; /* the fullest picture the limits of an event allow fits */

struct snapshot_header {
    char run[RUN_IDENTITY_BYTES];
    char publish[ENDPOINT_BYTES]; /* where the updates after this snapshot come from */
    uint64_t sequence;            /* of the newest event in the picture */
    uint64_t ignored;             /* messages the server could not make sense of */
    uint64_t refused;             /* connections with a key that is not on the list */
};

/* The message and its length (no terminating zero counted); the caller releases it with memory_free. */
enum status snapshot_encode(const struct snapshot_header *header, const struct picture *picture,
                            char **message, size_t *length);

/* The caller owns *picture. STATUS_FORMAT when any line is not what it should be or lines are missing;
 * *picture is then NULL. */
enum status snapshot_decode(const char *message, size_t length, struct snapshot_header *header,
                            struct picture **picture);

#endif
