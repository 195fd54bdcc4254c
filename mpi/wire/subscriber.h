/* The monitor's side of the wire: asks a run's server for a snapshot, follows its updates, and asks again
 * when it missed some. Works with the snapshot endpoint alone, too (a tunnel to that port): then it asks
 * every few seconds. Nothing waits longer than it is told to. */
#ifndef FACET_MPI_WIRE_SUBSCRIBER_H
#define FACET_MPI_WIRE_SUBSCRIBER_H

#include "mpi/wire/picture.h"
#include "mpi/wire/snapshot.h"

enum subscriber_news {
    SUBSCRIBER_QUIET,   /* nothing new */
    SUBSCRIBER_PICTURE, /* the picture was replaced by a snapshot */
    SUBSCRIBER_EVENT    /* one event was applied to the picture */
};

struct subscriber;

/* Begins to connect to the snapshot endpoint of the run with that identity (NULL: whichever runs there), with
 * the key of key_file.h. Whether anybody is there, and opens, shows later. STATUS_FORMAT when the endpoint is
 * none. */
enum status subscriber_create(const char *snapshot_endpoint, const char *run,
                              const struct wire_client_key *key, struct subscriber **subscriber);
void subscriber_destroy(struct subscriber **subscriber);

/* Waits at most timeout_ms for news (a signal ends the waiting). *event is what SUBSCRIBER_EVENT applied.
 * STATUS_FORMAT when what answers is no server of Facet, STATUS_MISMATCH when it serves another run. */
enum status subscriber_next(struct subscriber *subscriber, int timeout_ms, enum subscriber_news *news,
                            struct event *event);

/* The picture so far; NULL before the first snapshot. Valid until the next subscriber_next. */
const struct picture *subscriber_picture(const struct subscriber *subscriber);

/* What the server said of itself in the newest snapshot; of zeros before. */
const struct snapshot_header *subscriber_header(const struct subscriber *subscriber);

/* How often updates were missed and made good by a snapshot. */
uint64_t subscriber_gaps(const struct subscriber *subscriber);

/* Seconds since anything was heard of the server, or since creation: more than three mean that contact is
 * lost or was never there. */
double subscriber_silence(const struct subscriber *subscriber);

#endif
