/* What a run tells the world, as small messages. MPI-free: shared by the ranks that send, the server on rank
 * 0 that collects and publishes, and facet-monitor on a login node. Format: one JSON object a message
 * (docs/protocol.md). */
#ifndef FACET_MPI_WIRE_EVENT_H
#define FACET_MPI_WIRE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "compute/base/error.h"

enum { EVENT_TEXT_BYTES = 256, EVENT_HOST_BYTES = 64, EVENT_MESSAGE_BYTES_MAX = 2048 };

enum event_kind {
    EVENT_RUN_START, /* text: command line; total: ranks; classes: number of classes (0 when not class by
                        class) */
    EVENT_RANK,  /* one rank's state: text: what it does; class_index; done of total images; images_per_second
                  */
    EVENT_CLASS, /* one class: class_index, text: its name, state; value: a figure of it (accuracy, retention)
                  */
    EVENT_EPOCH, /* done of total epochs; loss; train_top1; value: test_top1 (−1: not measured) */
    EVENT_LOG,   /* text: one line for people */
    EVENT_RUN_END, /* state, text: how it ended in words */
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
    double loss, train_top1, value;
    uint64_t memory_bytes; /* resident, of the sending rank */
    char text[EVENT_TEXT_BYTES];
};

/* An event of that kind with everything else empty (class_index −1, value −1). */
struct event event_make(enum event_kind kind);

/* To JSON text, at most EVENT_MESSAGE_BYTES_MAX with its zero; returns its length. */
size_t event_encode(const struct event *event, char *message, size_t bytes);

/* From a message of `length` bytes (not necessarily terminated). Everything is checked: STATUS_FORMAT for
 * anything that is not an event; unknown members are ignored, so that older monitors follow newer runs. */
enum status event_decode(const char *message, size_t length, struct event *event);

#endif
