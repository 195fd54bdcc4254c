/* A small and strict HTTP/1.0 server: GET /metrics, and nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/base/memory.h"
#include "jobs/monitor/metrics.h"
#include "mpi/wire/machine.h"

enum { REQUEST_BYTES_MAX = 2048, WHERE_BYTES = 128, BACKLOG = 16 };

static const double CLIENT_SECONDS = 5; /* from connecting to the end of the answer */

struct client {
    int socket; /* −1: none */
    double give_up;
    char request[REQUEST_BYTES_MAX];
    size_t received;
    char *answer; /* NULL: the request is not complete yet; free() */
    size_t answer_bytes, sent;
};

struct metrics_server {
    int socket;
    char where[WHERE_BYTES];
    struct client clients[METRICS_CLIENTS_MAX];
};

static void client_close(struct client *client)
{
    if (client->socket >= 0)
        close(client->socket);
    free(client->answer);
    *client = (struct client){.socket = -1};
}

/* "PORT", "ADDRESS:PORT" or "[ADDRESS]:PORT" in two. */
static enum status where_split(const char *where, char address[WHERE_BYTES], char port[WHERE_BYTES])
{
    const char *colon = strrchr(where, ':');
    const char *digits = colon != NULL ? colon + 1 : where;
    size_t length = colon != NULL ? (size_t)(colon - where) : 0;
    char *end;
    long number = strtol(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || number > 65535 || length >= WHERE_BYTES)
        return error_set(STATUS_USAGE, "metrics \"%.64s\": expected PORT or ADDRESS:PORT, PORT up to 65535",
                         where);
    snprintf(address, WHERE_BYTES, "%.*s", (int)length, where);
    if (length > 2 && address[0] == '[' && address[length - 1] == ']') {
        address[length - 1] = '\0';
        memmove(address, address + 1, length - 1);
    }
    if (address[0] == '\0')
        snprintf(address, WHERE_BYTES, "127.0.0.1");
    snprintf(port, WHERE_BYTES, "%ld", number);
    return STATUS_OK;
}

static void where_tell(struct metrics_server *server)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof bound;
    char host[64] = "?", port[16] = "?";
    if (getsockname(server->socket, (struct sockaddr *)&bound, &bytes) == 0)
        getnameinfo((struct sockaddr *)&bound, bytes, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(server->where, sizeof server->where, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
             port);
}

static enum status listen_at(struct metrics_server *server, const char *where, const struct addrinfo *at)
{
    static const int yes = 1;
    server->socket = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->socket < 0)
        return error_set(STATUS_IO, "metrics: no socket: %s", strerror(errno));
    setsockopt(server->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server->socket, at->ai_addr, at->ai_addrlen) != 0 || listen(server->socket, BACKLOG) != 0)
        return error_set(STATUS_IO, "metrics: cannot listen on %s: %s; choose another port", where,
                         strerror(errno));
    where_tell(server);
    return STATUS_OK;
}

enum status metrics_open(const char *where, struct metrics_server **server)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    struct addrinfo *list = NULL;
    char address[WHERE_BYTES], port[WHERE_BYTES];
    *server = NULL;
    enum status status = where_split(where, address, port);
    if (status == STATUS_OK && getaddrinfo(address, port, &hints, &list) != 0)
        status = error_set(STATUS_USAGE, "metrics \"%.64s\": expected an IP address before the port", where);
    if (status == STATUS_OK)
        status = memory_allocate(server, 1, sizeof **server, "metrics server");
    if (status == STATUS_OK) {
        (*server)->socket = -1;
        for (int i = 0; i < METRICS_CLIENTS_MAX; i++)
            (*server)->clients[i].socket = -1;
        status = listen_at(*server, where, list);
    }
    if (list != NULL)
        freeaddrinfo(list);
    if (status != STATUS_OK)
        metrics_close(server);
    return status;
}

void metrics_close(struct metrics_server **server)
{
    if (*server == NULL)
        return;
    for (int i = 0; i < METRICS_CLIENTS_MAX; i++)
        client_close(&(*server)->clients[i]);
    if ((*server)->socket >= 0)
        close((*server)->socket);
    memory_free(server);
}

const char *metrics_where(const struct metrics_server *server)
{
    return server->where;
}

static void clients_accept(struct metrics_server *server)
{
    for (int i = 0; i < METRICS_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->socket >= 0)
            continue;
        client->socket = accept4(server->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client->socket < 0)
            return;
        client->give_up = machine_monotonic() + CLIENT_SECONDS;
    }
}

/* The status line for a whole request. */
static const char *request_judge(const char *request)
{
    static const char path[] = "/metrics ";
    if (strncmp(request, "GET ", 4) != 0)
        return strncmp(request, "HEAD ", 5) == 0 || strncmp(request, "POST ", 5) == 0
                   ? "405 Method Not Allowed"
                   : "400 Bad Request";
    const char *line_end = strstr(request, "\r\n");
    const char *version = memchr(request + 4, ' ', (size_t)(line_end - request - 4));
    if (version == NULL || version == request + 4 ||
        (strncmp(version, " HTTP/1.0\r\n", 11) != 0 && strncmp(version, " HTTP/1.1\r\n", 11) != 0))
        return "400 Bad Request";
    return strncmp(request + 4, path, sizeof path - 1) == 0 ? "200 OK" : "404 Not Found";
}

static void body_write(FILE *out, const struct view_runs *runs)
{
    const struct picture *pictures[VIEW_RUNS_MAX];
    const char *names[VIEW_RUNS_MAX];
    for (int i = 0; i < runs->count; i++) {
        pictures[i] = follower_picture(runs->followers[i]);
        names[i] = follower_name(runs->followers[i]);
    }
    metrics_write(out, pictures, names, runs->count, machine_time());
}

/* Without memory the client is sent away without a word. */
static void answer_make(struct client *client, const char *line, const struct view_runs *runs)
{
    char *body = NULL;
    size_t body_bytes = 0;
    FILE *out = open_memstream(&body, &body_bytes);
    if (out == NULL)
        return;
    if (strncmp(line, "200", 3) == 0)
        body_write(out, runs);
    else
        fprintf(out, "%s: GET /metrics is all there is\n", line);
    if (fclose(out) == 0 && (out = open_memstream(&client->answer, &client->answer_bytes)) != NULL) {
        fprintf(out,
                "HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: "
                "%zu\r\nConnection: close\r\n\r\n",
                line, body_bytes);
        fwrite(body, 1, body_bytes, out);
        if (fclose(out) != 0) {
            free(client->answer);
            client->answer = NULL;
        }
    }
    free(body);
}

/* False when the client is to be sent away. */
static bool request_read(struct client *client, const struct view_runs *runs)
{
    ssize_t bytes =
        recv(client->socket, client->request + client->received, REQUEST_BYTES_MAX - 1 - client->received, 0);
    if (bytes < 0)
        return errno == EAGAIN || errno == EINTR;
    if (bytes == 0 || memchr(client->request + client->received, '\0', (size_t)bytes) != NULL)
        return false;
    client->received += (size_t)bytes;
    client->request[client->received] = '\0';
    if (strstr(client->request, "\r\n\r\n") == NULL) {
        if (client->received < REQUEST_BYTES_MAX - 1)
            return true;
        answer_make(client, "431 Request Header Fields Too Large", runs);
    } else {
        answer_make(client, request_judge(client->request), runs);
    }
    return client->answer != NULL;
}

static bool answer_write(struct client *client)
{
    ssize_t bytes = send(client->socket, client->answer + client->sent, client->answer_bytes - client->sent,
                         MSG_NOSIGNAL);
    if (bytes < 0)
        return errno == EAGAIN || errno == EINTR;
    client->sent += (size_t)bytes;
    return client->sent < client->answer_bytes;
}

void metrics_turn(struct metrics_server *server, const struct view_runs *runs)
{
    if (server == NULL)
        return;
    clients_accept(server);
    double now = machine_monotonic();
    for (int i = 0; i < METRICS_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        bool stays = client->socket >= 0 && now < client->give_up;
        if (stays && client->answer == NULL)
            stays = request_read(client, runs);
        if (stays && client->answer != NULL)
            stays = answer_write(client);
        if (!stays && client->socket >= 0)
            client_close(client);
    }
}

int metrics_descriptors(const struct metrics_server *server, struct pollfd *descriptors)
{
    int count = 0;
    if (server == NULL)
        return 0;
    for (int i = 0; i < METRICS_CLIENTS_MAX; i++)
        if (server->clients[i].socket >= 0)
            descriptors[count++] = (struct pollfd){server->clients[i].socket,
                                                   server->clients[i].answer != NULL ? POLLOUT : POLLIN, 0};
    if (count < METRICS_CLIENTS_MAX) /* else the others wait */
        descriptors[count++] = (struct pollfd){server->socket, POLLIN, 0};
    return count;
}
