#include "mpi/wire/wire_socket.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <zmq.h>

enum {
    SEAL_BYTES = 64,        /* what sealing adds to a message, 33 bytes, rounded up */
    HANDSHAKE_BYTES = 1024, /* what its longest command needs, 257 bytes and metadata, rounded up */
    HANDSHAKE_MS = 10000,   /* then a connection that has not shown its key is closed */
    BACKLOG = 1024          /* connections that wait to be accepted: all ranks come at once */
};

enum status wire_context_create(void **context)
{
    *context = zmq_ctx_new();
    if (*context == NULL)
        return error_set(STATUS_IO, "ZeroMQ cannot start: %s", zmq_strerror(zmq_errno()));
    return STATUS_OK;
}

void wire_context_destroy(void **context)
{
    if (*context == NULL)
        return;
    while (zmq_ctx_term(*context) != 0 && zmq_errno() == EINTR)
        continue;
    *context = NULL;
}

/* A context starts its threads with its first socket, and threads inherit the mask of signals. */
static void *socket_open(void *context, int type)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    void *socket = zmq_socket(context, type);
    int error = zmq_errno();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return socket;
}

/* Nobody gets in without a key, nor keeps a connection by staying silent. */
static int server_keys_set(void *socket, const struct wire_socket_options *options)
{
    static const int yes = 1, handshake_ms = HANDSHAKE_MS, backlog = BACKLOG;
    int failed = zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes);
    failed |= zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, options->server->secret_key, WIRE_KEY_BYTES);
    failed |= zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, options->domain, strlen(options->domain));
    failed |= zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake_ms, sizeof handshake_ms);
    failed |= zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog);
    failed |= zmq_setsockopt(socket, ZMQ_TCP_KEEPALIVE, &yes, sizeof yes);
    return failed;
}

static int client_keys_set(void *socket, const struct wire_client_key *key)
{
    int failed = zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, key->server_key, WIRE_KEY_BYTES);
    failed |= zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key->own.public_key, WIRE_KEY_BYTES);
    failed |= zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->own.secret_key, WIRE_KEY_BYTES);
    return failed;
}

enum status wire_socket_create(void *context, const struct wire_socket_options *options, void **socket)
{
    *socket = socket_open(context, options->type);
    if (*socket == NULL)
        return error_set(STATUS_IO,
                         "ZeroMQ cannot open a socket: %s; raise the limit of open files (ulimit -n)",
                         zmq_strerror(zmq_errno()));
    int failed = zmq_setsockopt(*socket, ZMQ_LINGER, &options->linger_ms, sizeof options->linger_ms);
    int64_t bytes_max = options->message_bytes_max;
    if (options->server != NULL || options->client != NULL)
        bytes_max = bytes_max + SEAL_BYTES > HANDSHAKE_BYTES ? bytes_max + SEAL_BYTES : HANDSHAKE_BYTES;
    failed |= zmq_setsockopt(*socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max);
    if (options->send_queue > 0)
        failed |= zmq_setsockopt(*socket, ZMQ_SNDHWM, &options->send_queue, sizeof options->send_queue);
    if (options->buffer_bytes > 0) {
        failed |= zmq_setsockopt(*socket, ZMQ_SNDBUF, &options->buffer_bytes, sizeof options->buffer_bytes);
        failed |= zmq_setsockopt(*socket, ZMQ_RCVBUF, &options->buffer_bytes, sizeof options->buffer_bytes);
    }
    if (options->receive_queue > 0)
        failed |= zmq_setsockopt(*socket, ZMQ_RCVHWM, &options->receive_queue, sizeof options->receive_queue);
    if (options->server != NULL)
        failed |= server_keys_set(*socket, options);
    if (options->client != NULL)
        failed |= client_keys_set(*socket, options->client);
    if (failed != 0) {
        enum status status =
            error_set(STATUS_INTERNAL, "ZeroMQ refuses a socket's options: %s", zmq_strerror(zmq_errno()));
        wire_socket_close(socket);
        return status;
    }
    return STATUS_OK;
}

static enum status address_error(const char *deed, const char *endpoint)
{
    int error = zmq_errno();
    enum status status =
        error == EINVAL || error == ENODEV || error == EPROTONOSUPPORT ? STATUS_USAGE : STATUS_IO;
    return error_set(status, "%s: cannot %s: %s; give an IP address or interface of this machine", endpoint,
                     deed, zmq_strerror(error));
}

/* Only for addresses that are IPv6: with it on, interface and host names are no longer looked up as IPv4. */
static void protocol_choose(void *socket, const char *endpoint)
{
    int ipv6 = strchr(endpoint, '[') != NULL;
    zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6);
}

enum status wire_socket_connect(void *socket, const char *endpoint)
{
    protocol_choose(socket, endpoint);
    return zmq_connect(socket, endpoint) == 0 ? STATUS_OK : address_error("connect", endpoint);
}

enum status wire_socket_bind(void *socket, const char *endpoint)
{
    protocol_choose(socket, endpoint);
    return zmq_bind(socket, endpoint) == 0 ? STATUS_OK : address_error("bind", endpoint);
}

void wire_socket_close(void **socket)
{
    if (*socket != NULL)
        zmq_close(*socket);
    *socket = NULL;
}

enum wire_received wire_socket_receive(void *socket, struct wire_frame *frames, int count)
{
    enum wire_received received = WIRE_MESSAGE;
    char scrap[1];
    int more = 1;
    for (int i = 0; more != 0; i++) {
        struct wire_frame surplus = {scrap, sizeof scrap, 0};
        struct wire_frame *frame = i < count ? &frames[i] : &surplus;
        size_t more_bytes = sizeof more;
        int bytes = zmq_recv(socket, frame->data, frame->capacity, ZMQ_DONTWAIT);
        if (bytes < 0)
            return i == 0 ? WIRE_NONE : WIRE_NONSENSE;
        frame->bytes = (size_t)bytes;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_bytes) != 0)
            more = 0;
        if (frame->bytes > frame->capacity || i >= count || (more == 0 && i + 1 < count))
            received = WIRE_NONSENSE;
    }
    return received;
}
