/* Sending progress, and collecting and publishing it. MPI-free: rank 0 starts the server and tells the others
 * its collect endpoint by whatever means it has (mpi/ broadcasts it).
 *
 * Ranks push events and never wait: a full queue drops the event and counts it. The server is one thread of
 * rank 0: it keeps the picture of the whole run, appends events.jsonl, publishes updates with sequence
 * numbers, and answers snapshot requests, so that late monitors see everything. */
#ifndef FACET_MPI_WIRE_PROGRESS_H
#define FACET_MPI_WIRE_PROGRESS_H

#include "mpi/wire/event.h"

struct progress_server;

/* Starts the server for the run directory: binds to `bind_address` (an IP address or interface name; NULL:
 * loopback, the right choice when all ranks share a node), writes RUN/monitor.json (endpoints, host, process,
 * run identity, state), opens RUN/events.jsonl (continuing it when it is there: the run was resumed).
 * run_start: its text, total and class_count; kind, time and host are filled in. collect_endpoint (128 bytes)
 * is for the ranks. STATUS_USAGE when the address is none of this machine's, STATUS_MISMATCH when another run
 * is using the directory, STATUS_IO. */
enum status progress_server_start(const char *run_directory, const char *bind_address,
                                  const struct event *run_start, struct progress_server **server,
                                  char collect_endpoint[128]);

/* Drains what the ranks sent (at most ten seconds, a fraction of one if they are through), publishes the end
 * (an EVENT_RUN_END; run_end NULL: a failure without words), marks monitor.json as ended and stops. STATUS_IO
 * when what happened could not be written down completely: the run itself may be all right. A NULL server is
 * fine. */
enum status progress_server_stop(struct progress_server **server, const struct event *run_end);

struct progress_sender;

/* One a rank. Never blocks, here or later, also when nobody listens. STATUS_FORMAT when the endpoint is none.
 */
enum status progress_sender_create(const char *collect_endpoint, int32_t rank,
                                   struct progress_sender **sender);

/* Fills in time, rank, host and memory, and sends. At most ten EVENT_RANK a second leave a rank: more are
 * coalesced (the newest wins; it is sent with the next call after the interval). Other kinds always go.
 * sender NULL: does nothing. Any thread of the process may call it. */
void progress_send(struct progress_sender *sender, struct event *event);

/* Events dropped so far because the queue (131,072 events) was full. */
uint64_t progress_dropped(const struct progress_sender *sender);

/* Sends what was coalesced, waits at most a second for the queue to drain. */
void progress_sender_destroy(struct progress_sender **sender);

#endif
