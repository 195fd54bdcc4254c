/* Where a run can be reached: RUN/monitor.json, written by the run's server, read by monitors. */
#ifndef FACET_MPI_WIRE_ENDPOINT_FILE_H
#define FACET_MPI_WIRE_ENDPOINT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "mpi/wire/event.h"
#include "mpi/wire/wire_key.h"

enum { ENDPOINT_BYTES = 128, RUN_IDENTITY_BYTES = 33 };

struct endpoint_description {
    char run[RUN_IDENTITY_BYTES];    /* 32 hexadecimal digits drawn at the start of the run: its topic */
    char host[EVENT_HOST_BYTES];     /* where the server runs */
    int64_t process;                 /* and its process there */
    double started;                  /* seconds since 1970 */
    enum event_state state;          /* running, done, failed or stopped */
    char publish[ENDPOINT_BYTES];    /* PUB: updates */
    char snapshot[ENDPOINT_BYTES];   /* ROUTER: snapshots on request */
    char server_key[WIRE_KEY_BYTES]; /* the server's public key */
};

/* Writes RUN/monitor.json beside its place and renames it there. STATUS_IO when the system says no. */
enum status endpoint_file_write(const char *run_directory, const struct endpoint_description *description);

/* STATUS_NOT_FOUND when there is no such file (yet); STATUS_FORMAT when it is not what it should be. */
enum status endpoint_file_read(const char *run_directory, struct endpoint_description *description);

/* STATUS_FORMAT unless the text is "tcp://HOST:PORT". */
enum status endpoint_check(const char *endpoint);

/* True when the run's server cannot be there any more: its process was on this host and is gone. */
bool endpoint_is_dead(const struct endpoint_description *description);

#endif
