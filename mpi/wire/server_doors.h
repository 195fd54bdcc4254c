/* The sockets of a run's server, and who may come in by which: the ranks to speak, monitors to listen. */
#ifndef FACET_MPI_WIRE_SERVER_DOORS_H
#define FACET_MPI_WIRE_SERVER_DOORS_H

#include "mpi/wire/admission.h"
#include "mpi/wire/progress.h"

struct server_doors {
    void *context;
    void *collect;             /* PULL: what ranks say */
    void *publish;             /* PUB: updates */
    void *snapshots;           /* ROUTER: snapshots on request */
    struct wire_key_pair keys; /* the server's; the secret is in no file */
    struct admission *admission;
};

/* Draws the keys of server, monitors and ranks, and binds to free ports of `address` (an IP address or
 * interface name). Fills in the description's endpoints and server_key (its host is there already), and what
 * monitors and ranks need to come in. *doors is zeroed before; the caller closes it, also after a failure.
 * STATUS_USAGE when the address is none of this machine's. */
enum status server_doors_open(const char *address, struct endpoint_description *description,
                              struct server_doors *doors, struct wire_client_key *monitors,
                              struct progress_access *ranks);

/* What was published waits a second at most for those who read slowly. */
void server_doors_close(struct server_doors *doors);

#endif
