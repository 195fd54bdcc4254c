#include "monitor_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "jobs/monitor/metrics.h"
#include "mpi/wire/machine.h"

static const struct view_runs no_runs = {.count = 0};

static struct metrics_server *server_open(void)
{
    struct metrics_server *server;
    assert_int_equal(metrics_open("0", &server), STATUS_OK);
    assert_ptr_equal(strstr(metrics_where(server), "127.0.0.1:"), metrics_where(server));
    return server;
}

static int client_connect(const struct metrics_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(strrchr(metrics_where(server), ':') + 1));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client >= 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

/* What the client reads until the server hangs up, or for that long. */
static const char *client_hear(struct metrics_server *server, int client, double seconds)
{
    static char answer[65536];
    size_t used = 0;
    double give_up = machine_monotonic() + seconds;
    while (machine_monotonic() < give_up && used + 1 < sizeof answer) {
        struct pollfd item = {client, POLLIN, 0};
        metrics_turn(server, &no_runs);
        if (poll(&item, 1, 5) != 1)
            continue;
        ssize_t bytes = recv(client, answer + used, sizeof answer - 1 - used, 0);
        if (bytes <= 0)
            break;
        used += (size_t)bytes;
    }
    answer[used] = '\0';
    return answer;
}

static const char *ask(struct metrics_server *server, const char *request, size_t length)
{
    int client = client_connect(server);
    assert_int_equal(send(client, request, length, MSG_NOSIGNAL), length);
    const char *answer = client_hear(server, client, 10);
    close(client);
    return answer;
}

static void answer_is(struct metrics_server *server, const char *request, const char *line)
{
    const char *answer = ask(server, request, strlen(request));
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("expected \"%s\", heard \"%.80s\"", line, answer);
}

static void test_a_request_is_answered(void **state)
{
    struct metrics_server *server = server_open();
    (void)state;
    const char *answer = ask(server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 34);
    assert_ptr_equal(strstr(answer, "HTTP/1.0 200 OK\r\n"), answer);
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    const char *length = strstr(answer, "Content-Length: ");
    const char *body = strstr(answer, "\r\n\r\n");
    assert_true(length != NULL && body != NULL);
    assert_int_equal(strtoul(length + 16, NULL, 10), strlen(body + 4));
    assert_non_null(strstr(body, "# TYPE facet_classes gauge"));
    metrics_close(&server);
    metrics_close(&server);
}

static void test_other_requests_are_refused(void **state)
{
    struct metrics_server *server = server_open();
    (void)state;
    answer_is(server, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 404 ");
    answer_is(server, "GET /metrics/../etc/passwd HTTP/1.0\r\n\r\n", "HTTP/1.0 404 ");
    answer_is(server, "POST /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 405 ");
    answer_is(server, "GET /metrics\r\n\r\n", "HTTP/1.0 400 ");
    answer_is(server, "GET /metrics HTTP/9.9\r\n\r\n", "HTTP/1.0 400 ");
    answer_is(server, "GET  HTTP/1.0\r\n\r\n", "HTTP/1.0 400 ");
    answer_is(server, "nonsense\r\n\r\n", "HTTP/1.0 400 ");
    answer_is(server, "\r\n\r\n", "HTTP/1.0 400 ");
    metrics_close(&server);
}

static void test_an_endless_request_is_cut_off(void **state)
{
    struct metrics_server *server = server_open();
    static const char start[] = "GET /metrics HTTP/1.0\r\nX: ";
    static char request[1 << 16];
    (void)state;
    memset(request, 'x', sizeof request);
    memcpy(request, start, sizeof start - 1);
    int client = client_connect(server);
    send(client, request, sizeof request, MSG_NOSIGNAL);
    const char *answer = client_hear(server, client, 10);
    assert_true(answer[0] == '\0' || strstr(answer, "431") != NULL); /* it may be lost with the rest unread */
    close(client);
    assert_int_equal(ask(server, "GET /\0metrics HTTP/1.0\r\n\r\n", 26)[0], '\0'); /* not one byte */
    answer_is(server, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ");
    metrics_close(&server);
}

/* Those who say nothing hold the places only for a while, and never the server. */
static void test_the_silent_are_sent_away(void **state)
{
    struct metrics_server *server = server_open();
    enum { SILENT = METRICS_CLIENTS_MAX + 8 }; /* all places, and some in the queue before them */
    int silent[SILENT];
    (void)state;
    for (int i = 0; i < SILENT; i++) {
        silent[i] = client_connect(server);
        metrics_turn(server, &no_runs);
    }
    for (int i = 0; i < 10; i++) {
        double start = machine_monotonic();
        metrics_turn(server, &no_runs);
        assert_true(machine_monotonic() - start < 1);
    }
    for (int i = METRICS_CLIENTS_MAX; i < SILENT; i++)
        close(silent[i]);
    int client = client_connect(server);
    assert_int_equal(send(client, "GET /metrics HTTP/1.0\r\n\r\n", 25, MSG_NOSIGNAL), 25);
    assert_non_null(strstr(client_hear(server, client, 20), "200 OK"));
    close(client);
    for (int i = 0; i < METRICS_CLIENTS_MAX; i++)
        close(silent[i]);
    metrics_close(&server);
}

static void test_figures_and_labels(void **state)
{
    struct picture *picture = picture_of(4, 10);
    const struct picture *pictures[] = {picture, NULL};
    const char *names[] = {"runs/\"a\\b\n", "runs/none"};
    char *text = NULL;
    size_t bytes;
    (void)state;
    picture->ranks[3].last_time = NOW - 60;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    metrics_write(out, pictures, names, 2, NOW);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\nfacet_ranks{run=\"runs/\\\"a\\\\b\\n\"} 4\n"));
    assert_non_null(strstr(text, "\nfacet_ranks_silent{run=\"runs/\\\"a\\\\b\\n\"} 1\n"));
    assert_non_null(strstr(text, "state=\"running\"} 4\n"));
    assert_non_null(strstr(text, "state=\"waiting\"} 6\n"));
    assert_non_null(strstr(text, "facet_energy_joules_total{run=\"runs/\\\"a\\\\b\\n\"} 144\n"));
    assert_null(strstr(text, "runs/none"));
    free(text);
    picture_destroy(&picture);
}

static void test_wrong_addresses_are_refused(void **state)
{
    static const char *const wrong[] = {"", "x", "70000", "1:", ":x", "host.example:80", "[::1:80", "-1"};
    struct metrics_server *server;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(metrics_open(wrong[i], &server), STATUS_USAGE);
    assert_int_equal(metrics_open("203.0.113.9:9999", &server), STATUS_IO);
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_answered),
        cmocka_unit_test(test_other_requests_are_refused),
        cmocka_unit_test(test_an_endless_request_is_cut_off),
        cmocka_unit_test(test_the_silent_are_sent_away),
        cmocka_unit_test(test_figures_and_labels),
        cmocka_unit_test(test_wrong_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
