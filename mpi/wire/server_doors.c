#include "mpi/wire/server_doors.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "mpi/wire/event_batch.h"
#include "mpi/wire/wire_protocol.h"
#include "mpi/wire/wire_socket.h"

enum {
    COLLECT_QUEUE_MESSAGES =
        2, /* a rank, of EVENT_BATCH_BYTES_MAX at most; beyond that TCP holds the rank back */
    PUBLISH_QUEUE_EVENTS =
        32768, /* a monitor; a slow one loses events, sees the gap and asks for a snapshot */
    SNAPSHOT_QUEUE = 2,
    REQUEST_QUEUE = 64,
    LINGER_MS = 1000
};

/* Whoever holds the monitors' key may listen, but not speak for a rank. */
static const char domain_ranks[] = "facet-ranks", domain_monitors[] = "facet-monitors";

/* On any free port of the address; `endpoint` is how others reach it. */
static enum status socket_bind_any(void *context, const char *address, const char *host,
                                   const struct wire_socket_options *options, void **socket,
                                   char endpoint[ENDPOINT_BYTES])
{
    char wanted[ENDPOINT_BYTES];
    char bound[ENDPOINT_BYTES];
    size_t bytes = sizeof bound;
    bool bracket = strchr(address, ':') != NULL && address[0] != '[';
    int length = snprintf(wanted, sizeof wanted, bracket ? "tcp://[%s]:*" : "tcp://%s:*", address);
    if (length < 0 || length >= (int)sizeof wanted)
        return error_set(STATUS_USAGE, "bind address \"%.64s…\": too long for an address", address);
    enum status status = wire_socket_create(context, options, socket);
    if (status == STATUS_OK)
        status = wire_socket_bind(*socket, wanted);
    if (status != STATUS_OK)
        return status;
    if (zmq_getsockopt(*socket, ZMQ_LAST_ENDPOINT, bound, &bytes) != 0)
        return error_set(STATUS_IO, "%s: bound, but where? %s", wanted, zmq_strerror(zmq_errno()));
    const char *port = strrchr(bound, ':');
    bool everywhere = strncmp(bound, "tcp://0.0.0.0:", 14) == 0 || strncmp(bound, "tcp://[::]:", 11) == 0;
    if (everywhere && port != NULL) /* nobody can connect to "everywhere" */
        length = snprintf(endpoint, ENDPOINT_BYTES, "tcp://%s%s", host, port);
    else
        length = snprintf(endpoint, ENDPOINT_BYTES, "%s", bound);
    if (length < 0 || length >= ENDPOINT_BYTES)
        return error_set(STATUS_USAGE, "%s: the endpoint's name is too long", bound);
    return endpoint_check(endpoint);
}

/* The list of those who are let in, and the sockets behind it. */
static enum status sockets_open(const char *address, struct endpoint_description *description,
                                struct server_doors *doors, const struct wire_client_key *monitors,
                                struct progress_access *ranks)
{
    struct admission_rule rules[] = {{.domain = domain_ranks}, {.domain = domain_monitors}};
    const struct wire_socket_options collect = {.type = ZMQ_PULL,
                                                .receive_queue = COLLECT_QUEUE_MESSAGES,
                                                .buffer_bytes = WIRE_COLLECT_BUFFER_BYTES,
                                                .linger_ms = 0,
                                                .message_bytes_max = EVENT_BATCH_BYTES_MAX,
                                                .server = &doors->keys,
                                                .domain = domain_ranks};
    const struct wire_socket_options publish = {.type = ZMQ_PUB,
                                                .send_queue = PUBLISH_QUEUE_EVENTS,
                                                .linger_ms = LINGER_MS,
                                                .message_bytes_max = WIRE_REQUEST_BYTES_MAX,
                                                .server = &doors->keys,
                                                .domain = domain_monitors};
    const struct wire_socket_options snapshots = {.type = ZMQ_ROUTER,
                                                  .send_queue = SNAPSHOT_QUEUE,
                                                  .receive_queue = REQUEST_QUEUE,
                                                  .linger_ms = LINGER_MS,
                                                  .message_bytes_max = WIRE_REQUEST_BYTES_MAX,
                                                  .server = &doors->keys,
                                                  .domain = domain_monitors};
    memcpy(rules[0].public_key, ranks->key.own.public_key, WIRE_KEY_BYTES);
    memcpy(rules[1].public_key, monitors->own.public_key, WIRE_KEY_BYTES);
    enum status status = wire_context_create(&doors->context);
    if (status == STATUS_OK)
        status = admission_start(doors->context, rules, 2, &doors->admission);
    if (status == STATUS_OK)
        status = socket_bind_any(doors->context, address, description->host, &collect, &doors->collect,
                                 ranks->endpoint);
    if (status == STATUS_OK)
        status = socket_bind_any(doors->context, address, description->host, &publish, &doors->publish,
                                 description->publish);
    if (status == STATUS_OK)
        status = socket_bind_any(doors->context, address, description->host, &snapshots, &doors->snapshots,
                                 description->snapshot);
    return status;
}

static enum status keys_draw(struct wire_key_pair *own, struct wire_client_key *monitors,
                             struct wire_client_key *ranks)
{
    enum status status = wire_key_pair_draw(own);
    if (status == STATUS_OK)
        status = wire_key_pair_draw(&monitors->own);
    if (status == STATUS_OK)
        status = wire_key_pair_draw(&ranks->own);
    memcpy(monitors->server_key, own->public_key, WIRE_KEY_BYTES);
    memcpy(ranks->server_key, own->public_key, WIRE_KEY_BYTES);
    return status;
}

enum status server_doors_open(const char *address, struct endpoint_description *description,
                              struct server_doors *doors, struct wire_client_key *monitors,
                              struct progress_access *ranks)
{
    enum status status = keys_draw(&doors->keys, monitors, &ranks->key);
    memcpy(description->server_key, doors->keys.public_key, WIRE_KEY_BYTES);
    return status == STATUS_OK ? sockets_open(address, description, doors, monitors, ranks) : status;
}

void server_doors_close(struct server_doors *doors)
{
    wire_socket_close(&doors->collect);
    wire_socket_close(&doors->publish);
    wire_socket_close(&doors->snapshots);
    admission_stop(&doors->admission);
    wire_context_destroy(&doors->context);
    wire_key_forget(&doors->keys, sizeof doors->keys);
}
