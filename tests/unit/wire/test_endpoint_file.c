#include "fixture.h"

#include <sys/wait.h>

#include "mpi/wire/endpoint_file.h"
#include "mpi/wire/machine.h"

#define SERVER_KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static struct endpoint_description description(void)
{
    struct endpoint_description made = {
        .run = "0123456789abcdef0123456789abcdef",
        .process = getpid(),
        .started = 1795363194.5,
        .state = STATE_RUNNING,
        .publish = "tcp://10.1.2.3:40001",
        .snapshot = "tcp://[fe80::1]:40002",
        .server_key = SERVER_KEY,
    };
    machine_host(made.host, sizeof made.host);
    return made;
}

static void write_raw(void **state, const char *text, size_t length)
{
    char path[FIXTURE_PATH_BYTES];
    fixture_path(state, "monitor.json", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void test_every_state_survives_the_file(void **state)
{
    static const enum event_state states[] = {STATE_RUNNING, STATE_DONE, STATE_FAILED, STATE_STOPPED};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct endpoint_description made = description();
        struct endpoint_description back;
        made.state = states[i];
        assert_int_equal(endpoint_file_write(*state, &made), STATUS_OK);
        assert_int_equal(endpoint_file_read(*state, &back), STATUS_OK);
        assert_int_equal(back.state, states[i]);
        assert_string_equal(back.run, made.run);
        assert_string_equal(back.host, made.host);
        assert_int_equal(back.process, made.process);
        assert_true(back.started == made.started);
        assert_string_equal(back.publish, made.publish);
        assert_string_equal(back.snapshot, made.snapshot);
        assert_string_equal(back.server_key, made.server_key);
    }
}

static void test_no_file_is_not_found(void **state)
{
    struct endpoint_description back;
    assert_int_equal(endpoint_file_read(*state, &back), STATUS_NOT_FOUND);
}

static void test_a_directory_that_is_not_there_cannot_be_written(void **state)
{
    struct endpoint_description made = description();
    char path[FIXTURE_PATH_BYTES];
    fixture_path(state, "nowhere", path);
    assert_int_equal(endpoint_file_write(path, &made), STATUS_IO);
}

static void test_strange_files_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"v\":1}",
        "{\"v\":1,\"state\":\"running\",\"run\":\"a\",\"host\":\"h\",\"process\":1}",
        "{\"v\":1,\"state\":\"asleep\",\"run\":\"a\",\"host\":\"h\",\"process\":1,\"publish\":\"tcp://a:1\","
        "\"snapshot\":\"tcp://a:1\",\"server_key\":\"" SERVER_KEY "\"}",
        "{\"v\":2,\"state\":\"running\",\"run\":\"a\",\"host\":\"h\",\"process\":1,\"publish\":\"tcp://a:1\","
        "\"snapshot\":\"tcp://a:1\",\"server_key\":\"" SERVER_KEY "\"}",
        "{\"v\":1,\"state\":\"running\",\"run\":\"a\",\"host\":\"h\",\"process\":-1,\"publish\":\"tcp://"
        "a:1\","
        "\"snapshot\":\"tcp://a:1\",\"server_key\":\"" SERVER_KEY "\"}",
        "{\"v\":1,\"state\":\"running\",\"run\":\"a\",\"host\":\"h\",\"process\":1,\"publish\":\"tcp://a:1\","
        "\"snapshot\":\"ipc://a\",\"server_key\":\"" SERVER_KEY "\"}",
        ("{\"v\":1,\"state\":\"running\",\"run\":\"a\",\"host\":\"h\",\"process\":1,\"publish\":\"tcp://"
         "a:1\","
         "\"snapshot\":\"tcp://a:1\",\"server_key\":\"no key\"}"),
    };
    struct endpoint_description back;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_raw(state, texts[i], strlen(texts[i]));
        assert_int_equal(endpoint_file_read(*state, &back), STATUS_FORMAT);
        assert_non_null(strstr(error_message(), "monitor.json"));
    }
}

static void test_a_huge_file_is_refused(void **state)
{
    enum { BYTES = 1 << 20 };
    struct endpoint_description back;
    char *text = malloc(BYTES);
    assert_non_null(text);
    memset(text, ' ', BYTES);
    write_raw(state, text, BYTES);
    free(text);
    assert_int_equal(endpoint_file_read(*state, &back), STATUS_FORMAT);
}

static void test_endpoints_are_checked(void **state)
{
    static const char *const good[] = {"tcp://127.0.0.1:1", "tcp://node-3.cluster:65535", "tcp://[::1]:80"};
    static const char *const bad[] = {"",
                                      "tcp",
                                      "tcp://",
                                      "tcp://a",
                                      "tcp://:5",
                                      "tcp://a:",
                                      "tcp://a:0",
                                      "tcp://a:65536",
                                      "tcp://a:5x",
                                      "tcp://a b:5",
                                      "tcp://a:*",
                                      "ipc://a:5",
                                      "tcp://a:99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(endpoint_check(good[i]), STATUS_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (endpoint_check(bad[i]) != STATUS_FORMAT)
            fail_msg("accepted: %s", bad[i]);
}

static void test_a_process_that_is_gone_is_seen_on_its_own_host_only(void **state)
{
    struct endpoint_description made = description();
    (void)state;
    assert_false(endpoint_is_dead(&made)); /* this test is alive */
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    made.process = child;
    assert_true(endpoint_is_dead(&made));
    snprintf(made.host, sizeof made.host, "another-host.invalid");
    assert_false(endpoint_is_dead(&made));
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_every_state_survives_the_file),
        FOLDER_TEST(test_no_file_is_not_found),
        FOLDER_TEST(test_a_directory_that_is_not_there_cannot_be_written),
        FOLDER_TEST(test_strange_files_are_refused),
        FOLDER_TEST(test_a_huge_file_is_refused),
        cmocka_unit_test(test_endpoints_are_checked),
        cmocka_unit_test(test_a_process_that_is_gone_is_seen_on_its_own_host_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
