/* What a run tells the world, as small messages. MPI-free: shared by the ranks that send, the server on rank
 * 0 that collects and publishes, and facet-monitor on a login node. Format: one JSON object a message
 * (docs/protocol.md). */
#ifndef FACET_MPI_WIRE_EVENT_H
#define FACET_MPI_WIRE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

enum { EVENT_TEXT_BYTES = 256, EVENT_HOST_BYTES = 64, EVENT_JOB_BYTES = 64, EVENT_MESSAGE_BYTES_MAX = 2048 };

enum {
    EVENT_WIRE_VERSION = 1,    /* member "v" of every message; grows when older monitors could not follow */
    EVENT_RANKS_MAX = 100000,  /* ranks 0 to 99,999 */
    EVENT_CLASSES_MAX = 100000 /* classes 0 to 99,999 */
};

enum event_kind {
    EVENT_RUN_START, /* text: command line; total: ranks; nodes; job; co2e_grams_per_joule; class_count:
                        number of classes (0 when the run does not go class by class) */
    EVENT_RANK,  /* one rank's state: text: what it does; done of total images: of the class class_index when
                    that is not −1, else of all the rank has to do in the run (all epochs); total 0: not
                    known; images_per_second; of work on all classes together: fixed_share, split_share */
    EVENT_CLASS, /* one class: class_index, text: its name ("" leaves it as it is), state; value: a figure of
                    it (accuracy, retention). Events of two ranks have no order: STATE_WAITING only counts for
                    a class of which nothing was heard yet */
    EVENT_EPOCH, /* done of total epochs, or, of one class's module (class_index), steps; loss (of these: the
                    mean since the last such event); train_top1; value: test_top1 (−1: not measured). A run of
                    epochs says so at its start with done 0 (or, resumed, with STATE_RESUMED and done the
                    epochs it found finished): that is no point of the learning curve */
    EVENT_LOG,   /* text: one line for people */
    EVENT_RUN_END, /* state (done, failed or stopped), text: how it ended in words */
    EVENT_KIND_COUNT
};

enum event_state {
    STATE_NONE,
    STATE_WAITING,
    STATE_RUNNING,
    STATE_DONE,
    STATE_FAILED,
    STATE_RESUMED,
    STATE_STOPPED,
    STATE_COUNT
};

struct event {
    enum event_kind kind;
    uint64_t sequence; /* given by the server, 1, 2, … ; 0 before */
    double time;       /* seconds since 1970 at the sender */
    int32_t rank;
    char host[EVENT_HOST_BYTES];
    enum event_state state;
    int32_t class_index; /* −1: none */
    int32_t class_count;
    int64_t done, total;
    double images_per_second;
    double split_share; /* of that work's time so far: what ranks share, however many classes there are */
    double fixed_share; /* of it: what of that no rank can have less of, however many there are */
    double loss, train_top1, value;
    uint64_t memory_bytes;  /* resident, of the sending rank */
    double energy_joules;   /* since the run's start; all ranks' add up to the run's. 0: not known */
    int32_t energy_counted; /* 1: by counters, the whole node's on one of its ranks; 0: an estimate */
    double co2e_grams_per_joule;
    int64_t dropped; /* events of the sending rank that never left it, so far */
    int32_t nodes;
    char job[EVENT_JOB_BYTES]; /* the batch system's number of the job */
    char text[EVENT_TEXT_BYTES];
};

/* An event of that kind with everything else empty (class_index −1, value −1). */
struct event event_make(enum event_kind kind);

/* The words of the wire: "run_start", …; "none", "waiting", …; "?" for a number that is none of them. */
const char *event_kind_name(enum event_kind kind);
const char *event_state_name(enum event_state state);

/* To JSON text of at most EVENT_MESSAGE_BYTES_MAX with its zero, whatever the event holds: text is cleaned
 * (text_clean), numbers are brought into their ranges, members that say nothing are left out. A loss,
 * train_top1 or value that is not finite stays visible as such (null, decoded as NaN). Returns the length; 0
 * with an empty message when `bytes` are too few, memory is out or the kind is no kind. */
size_t event_encode(const struct event *event, char *message, size_t bytes);

/* From a message of `length` bytes (not necessarily terminated). Everything is checked: STATUS_FORMAT for
 * anything that is not an event; unknown members are ignored, so that older monitors follow newer runs. After
 * a failure *event is an empty event. */
enum status event_decode(const char *message, size_t length, struct event *event);

#endif
