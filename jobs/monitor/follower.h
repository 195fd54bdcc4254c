/* Following one run wherever it is: not begun, running, ended, lost, begun again. Never waits. */
#ifndef FACET_JOBS_MONITOR_FOLLOWER_H
#define FACET_JOBS_MONITOR_FOLLOWER_H

#include <stdbool.h>

#include "mpi/wire/picture.h"
#include "mpi/wire/snapshot.h"

struct follower_options {
    const char *run;      /* a run directory, or tcp://HOST:PORT; borrowed */
    const char *key_file; /* NULL: RUN/monitor.key; borrowed */
    double timeout;       /* seconds to wait for a run that has not begun; negative: for ever */
    bool patient;         /* contact that is lost may come back, and a run that ended may begin again */
};

enum follower_phase {
    FOLLOWER_WAITING, /* no run has begun there */
    FOLLOWER_JOINING, /* asked for a picture, no answer yet */
    FOLLOWER_LIVE,
    FOLLOWER_LOST, /* nobody answers; the picture, if any, is the last one */
    FOLLOWER_ENDED
};

enum follower_news {
    FOLLOWER_QUIET,
    FOLLOWER_PICTURE, /* the picture is new as a whole */
    FOLLOWER_EVENT    /* one event was applied to it */
};

struct follower;

enum status follower_create(const struct follower_options *options, struct follower **follower);
void follower_destroy(struct follower **follower);

/* Looks once for news. A failure says why the run cannot be followed, or not any more: STATUS_NOT_FOUND,
 * STATUS_IO, STATUS_MISMATCH, STATUS_FORMAT; a patient follower keeps most of them for itself
 * (follower_notice), waits and tries again. */
enum status follower_turn(struct follower *follower, enum follower_news *news, struct event *event);

const char *follower_name(const struct follower *follower);
enum follower_phase follower_phase(const struct follower *follower);

/* The run as far as it is known; NULL: nothing is. Valid until the next turn. */
const struct picture *follower_picture(const struct follower *follower);

/* What people should know of the contact to the run; "": all is well. Valid until the next turn. */
const char *follower_notice(const struct follower *follower);

/* What the server said of itself; zeros when it has not. */
struct snapshot_header follower_header(const struct follower *follower);

/* Updates that were missed and made good. */
uint64_t follower_gaps(const struct follower *follower);

/* True when nothing more will come of it: the run has ended and is not waited for to begin again. */
bool follower_is_over(const struct follower *follower);

#endif
