/* What the tests of the wire share. */
#ifndef FACET_TESTS_UNIT_WIRE_FIXTURE_H
#define FACET_TESTS_UNIT_WIRE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi/wire/event.h"

enum { FIXTURE_PATH_BYTES = 512 };

/* A folder of the test's own in *state; setup and teardown of a cmocka test. */
static inline int folder_make(void **state)
{
    char *folder = strdup("/tmp/facet-wire-XXXXXX");
    if (folder == NULL || mkdtemp(folder) == NULL)
        return -1;
    *state = folder;
    return 0;
}

static inline void fixture_path(void **state, const char *name, char path[FIXTURE_PATH_BYTES])
{
    snprintf(path, FIXTURE_PATH_BYTES, "%s/%s", (const char *)*state, name);
}

static inline int folder_remove(void **state)
{
    static const char *const names[] = {"monitor.json", "monitor.json.part", "events.jsonl", "monitor.key",
                                        "copied.key"};
    char path[FIXTURE_PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fixture_path(state, names[i], path);
        unlink(path);
    }
    int failed = rmdir(*state); /* a file nobody knows of fails the test */
    free(*state);
    return failed;
}

static inline struct event start_event(int64_t ranks, int32_t classes)
{
    struct event event = event_make(EVENT_RUN_START);
    event.total = ranks;
    event.class_count = classes;
    event.time = 1000;
    snprintf(event.text, sizeof event.text, "facet decompose n.h5 -o run");
    return event;
}

static inline struct event end_event(enum event_state state)
{
    struct event event = event_make(EVENT_RUN_END);
    event.state = state;
    event.time = 1100;
    snprintf(event.text, sizeof event.text, "all written");
    return event;
}

static inline struct event rank_event(int32_t rank, int32_t class_index, int64_t done, int64_t total)
{
    struct event event = event_make(EVENT_RANK);
    event.rank = rank;
    event.class_index = class_index;
    event.done = done;
    event.total = total;
    event.state = STATE_RUNNING;
    event.time = 1010;
    event.images_per_second = 100;
    snprintf(event.text, sizeof event.text, "working");
    return event;
}

static inline struct event class_event(int32_t class_index, enum event_state state)
{
    struct event event = event_make(EVENT_CLASS);
    event.class_index = class_index;
    event.state = state;
    event.time = 1010;
    snprintf(event.text, sizeof event.text, "class-%d", (int)class_index);
    return event;
}

static inline struct event epoch_event(int64_t done, int64_t total)
{
    struct event event = event_make(EVENT_EPOCH);
    event.done = done;
    event.total = total;
    event.loss = 1.0 / (double)(done + 1);
    event.train_top1 = 0.5;
    event.time = 1010 + (double)done;
    return event;
}

static inline struct event log_event(const char *text)
{
    struct event event = event_make(EVENT_LOG);
    event.time = 1020;
    snprintf(event.text, sizeof event.text, "%s", text);
    return event;
}

#endif
