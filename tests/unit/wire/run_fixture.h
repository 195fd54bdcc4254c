/* A run's server and its senders in the test's own process. */
#ifndef FACET_TESTS_UNIT_WIRE_RUN_FIXTURE_H
#define FACET_TESTS_UNIT_WIRE_RUN_FIXTURE_H

#include "fixture.h"

#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/events_file.h"
#include "mpi/wire/key_file.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/progress.h"

static const double PATIENCE = 100; /* seconds until what should come is given up */

struct run {
    struct progress_server *server;
    struct progress_access ranks;
    struct wire_client_key key; /* a monitor's */
    struct endpoint_description description;
};

static inline void run_begin(void **state, int64_t ranks, int32_t classes, struct run *run)
{
    struct event start = start_event(ranks, classes);
    char path[RUN_FILE_PATH_BYTES];
    assert_int_equal(progress_server_start(*state, NULL, &start, &run->server, &run->ranks), STATUS_OK);
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    assert_int_equal(key_file_read(path, &run->key), STATUS_OK);
    assert_int_equal(endpoint_file_read(*state, &run->description), STATUS_OK);
}

static inline void run_finish(struct run *run)
{
    struct event end = end_event(STATE_DONE);
    assert_int_equal(progress_server_stop(&run->server, &end), STATUS_OK);
    assert_null(run->server);
}

static inline struct progress_sender *sender_for(const struct run *run, int32_t rank)
{
    struct progress_sender *sender;
    assert_int_equal(progress_sender_create(&run->ranks, rank, NULL, &sender), STATUS_OK);
    return sender;
}

static inline void send_event(struct progress_sender *sender, struct event event)
{
    progress_send(sender, &event);
}

/* What events.jsonl says of the last run. */
struct record {
    int count[EVENT_KIND_COUNT];
    struct event newest[EVENT_KIND_COUNT];
    uint64_t sequence;
};

static inline enum status record_event(void *data, const struct event *event)
{
    struct record *record = data;
    record->count[event->kind]++;
    record->newest[event->kind] = *event;
    record->sequence++;
    if (event->sequence != record->sequence)
        return error_set(STATUS_INTERNAL, "event %llu stands at place %llu",
                         (unsigned long long)event->sequence, (unsigned long long)record->sequence);
    return STATUS_OK;
}

static inline struct record run_recorded(void **state)
{
    struct record record;
    uint64_t skipped;
    memset(&record, 0, sizeof record);
    assert_int_equal(events_file_read(*state, record_event, &record, &skipped), STATUS_OK);
    assert_int_equal(skipped, 0);
    return record;
}

#endif
