/* What both sides of the wire have agreed on besides the messages themselves (docs/protocol.md). */
#ifndef FACET_MPI_WIRE_WIRE_PROTOCOL_H
#define FACET_MPI_WIRE_WIRE_PROTOCOL_H

/* The whole of a request for a snapshot: one frame to the ROUTER socket, answered with one frame. */
#define WIRE_SNAPSHOT_REQUEST "facet-snapshot 1"

enum {
    WIRE_REQUEST_BYTES_MAX = 256,
    /* In the kernel, between a rank and the server. When the server is slow, what waits on the way should be
     * seconds old, not minutes: a rank that cannot send keeps its newest state instead. */
    WIRE_COLLECT_BUFFER_BYTES = 8192,
    WIRE_HEARTBEAT_SECONDS = 1 /* between two signs of life of the PUB socket: an update without an event */
};

#endif
