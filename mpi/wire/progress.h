/* Sending progress, and collecting and publishing it. MPI-free: rank 0 starts the server and tells the others
 * its collect endpoint by whatever means it has (mpi/ broadcasts it).
 *
 * Ranks push events and never wait: a full queue drops the event and counts it. The server is one thread of
 * rank 0: it keeps the picture of the whole run, appends events.jsonl, publishes updates with sequence
 * numbers, and answers snapshot requests, so that late monitors see everything. */
#ifndef FACET_MPI_WIRE_PROGRESS_H
#define FACET_MPI_WIRE_PROGRESS_H

#include <stdbool.h>

#include "mpi/wire/endpoint_file.h"

/* What a rank needs to send. It holds a secret: broadcast it between the ranks, write it nowhere. */
struct progress_access {
    char endpoint[ENDPOINT_BYTES]; /* where the server collects */
    struct wire_client_key key;    /* opens that socket alone */
    double interval; /* seconds between two messages of a rank, at least; so that the server can follow */
};

/* How a sender learns what its rank used so far (struct event). */
struct progress_energy {
    /* Called from the sender's thread, some ten times a second. */
    void (*read)(void *context, double *joules, bool *counted);
    void *context; /* outlives the sender */
};

struct progress_server;

/* Starts the server for the run directory: binds to `bind_address` (an IP address or interface name; NULL:
 * loopback, the right choice when all ranks share a node), draws keys for itself, the monitors and the ranks,
 * writes RUN/monitor.key (for monitors; the owner's alone) and RUN/monitor.json (endpoints, host, process,
 * run identity, state), opens RUN/events.jsonl (continuing it when it is there: the run was resumed).
 * run_start: all but kind, time and host, which are filled in. *ranks is for the ranks' senders. STATUS_USAGE
 * when the address is none of this machine's, STATUS_MISMATCH when another run is using the directory,
 * STATUS_IO. */
enum status progress_server_start(const char *run_directory, const char *bind_address,
                                  const struct event *run_start, struct progress_server **server,
                                  struct progress_access *ranks);

/* Drains what the ranks sent (at most ten seconds, a fraction of one if they are through), publishes the end
 * (an EVENT_RUN_END; run_end NULL: a failure without words), marks monitor.json as ended, removes
 * monitor.key and stops. STATUS_IO
 * when what happened could not be written down completely: the run itself may be all right. A NULL server is
 * fine. */
enum status progress_server_stop(struct progress_server **server, const struct event *run_end);

struct progress_sender;

/* One a rank. Its thread sends at most ten messages a second, fewer when there are many ranks. energy NULL:
 * it is not told. STATUS_FORMAT when the endpoint is none. */
enum status progress_sender_create(const struct progress_access *access, int32_t rank,
                                   const struct progress_energy *energy, struct progress_sender **sender);

/* Fills in time, rank, host, memory, energy and drops, and leaves the event for the sender's thread: nobody
 * waits here for a network or a peer. EVENT_RANK are coalesced: one a message at most, the newest. The other
 * kinds all go, in their order, many a message; when 16 MiB of them could not be sent yet, more are dropped
 * and counted, which the rank's next event tells. sender NULL: does nothing. Any thread may call it. */
void progress_send(struct progress_sender *sender, struct event *event);

/* Sends what is left, for which it waits two seconds at most. */
void progress_sender_destroy(struct progress_sender **sender);

#endif
