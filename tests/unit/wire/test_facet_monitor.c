/* The program facet-monitor, run as a person would. */
#include "run_fixture.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

static char program[PATH_MAX]; /* "" when it was not built */

enum { OUTPUT_BYTES = 65536 };

struct outcome {
    int exit_code;             /* −1: ended by a signal */
    char output[OUTPUT_BYTES]; /* standard output and standard error */
};

struct monitor {
    pid_t process;
    int output;
};

static void need_program(void)
{
    if (program[0] == '\0') {
        print_message("facet-monitor is not built beside this test\n");
        skip();
    }
}

static struct monitor monitor_start(const char *run, const char *option, const char *other, const char *last)
{
    int ends[2];
    struct monitor monitor;
    assert_int_equal(pipe(ends), 0);
    monitor.process = fork();
    assert_true(monitor.process >= 0);
    if (monitor.process == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(program, program, run, option, other, last, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    monitor.output = ends[0];
    return monitor;
}

static void monitor_wait(struct monitor *monitor, struct outcome *outcome)
{
    size_t used = 0;
    ssize_t bytes;
    int status;
    while (used + 1 < OUTPUT_BYTES &&
           (bytes = read(monitor->output, outcome->output + used, OUTPUT_BYTES - 1 - used)) > 0)
        used += (size_t)bytes;
    outcome->output[used] = '\0';
    close(monitor->output);
    assert_int_equal(waitpid(monitor->process, &status, 0), monitor->process);
    outcome->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_contains(const struct outcome *outcome, const char *text)
{
    if (strstr(outcome->output, text) == NULL)
        fail_msg("expected \"%s\" in:\n%s", text, outcome->output);
}

static struct outcome *monitor_run(const char *run, const char *option, const char *other)
{
    static struct outcome outcome;
    struct monitor monitor = monitor_start(run, option, other, NULL);
    monitor_wait(&monitor, &outcome);
    return &outcome;
}

/* One look as JSON at an endpoint, with a key file. */
static struct outcome *monitor_look(const char *endpoint, const char *key_file)
{
    static struct outcome outcome;
    char option[RUN_FILE_PATH_BYTES + 16];
    snprintf(option, sizeof option, "--key-file=%s", key_file);
    struct monitor monitor = monitor_start(endpoint, "--once", "--json", option);
    monitor_wait(&monitor, &outcome);
    return &outcome;
}

static void run_through(void **state, enum event_state ending)
{
    struct run run;
    struct event end = end_event(ending);
    run_begin(state, 1, 2, &run);
    struct progress_sender *sender = sender_for(&run, 0);
    send_event(sender, class_event(0, STATE_DONE));
    send_event(sender, class_event(1, ending == STATE_DONE ? STATE_DONE : STATE_FAILED));
    progress_sender_destroy(&sender);
    assert_int_equal(progress_server_stop(&run.server, &end), STATUS_OK);
}

static void test_the_result_of_a_run_that_ended_well(void **state)
{
    need_program();
    run_through(state, STATE_DONE);
    struct outcome *outcome = monitor_run(*state, NULL, NULL);
    assert_int_equal(outcome->exit_code, 0);
    assert_contains(outcome, "finished after");
    assert_contains(outcome, "2 of 2 classes done");
}

static void test_the_result_of_a_run_that_failed(void **state)
{
    need_program();
    run_through(state, STATE_FAILED);
    struct outcome *outcome = monitor_run(*state, NULL, NULL);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "failed after");
    assert_contains(outcome, "class 1 (class-1) failed");
}

static void test_one_look_at_a_running_run(void **state)
{
    char key[RUN_FILE_PATH_BYTES];
    struct run run;
    need_program();
    run_begin(state, 1, 4, &run);
    struct outcome *outcome = monitor_run(*state, "--once", NULL);
    assert_int_equal(outcome->exit_code, 0);
    assert_contains(outcome, "running for");
    assert_contains(outcome, "0 of 4 classes done, 4 waiting");
    assert_int_equal(key_file_path(*state, key), STATUS_OK);
    outcome = monitor_look(run.description.snapshot, key);
    assert_int_equal(outcome->exit_code, 0);
    assert_contains(outcome, "{\"v\":1,\"run\":{\"command\":\"facet decompose n.h5 -o run\"");
    assert_contains(outcome, "\"waiting\":4");
    run_finish(&run);
}

static void test_started_before_the_run_it_follows_to_the_end(void **state)
{
    static struct outcome outcome;
    char seen[64] = "";
    need_program();
    struct monitor monitor = monitor_start(*state, NULL, NULL, NULL);
    assert_true(read(monitor.output, seen, sizeof seen - 1) > 0);
    assert_non_null(strstr(seen, "waiting for "));
    run_through(state, STATE_DONE);
    monitor_wait(&monitor, &outcome);
    assert_int_equal(outcome.exit_code, 0);
    assert_contains(&outcome, "finished after");
}

static void test_waiting_may_be_limited(void **state)
{
    need_program();
    struct outcome *outcome = monitor_run(*state, "--timeout=0.3", NULL);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "no run has begun there");
    outcome = monitor_run(*state, "--once", NULL);
    assert_int_equal(outcome->exit_code, 1);
}

static void test_a_crashed_run_is_recognised_at_once(void **state)
{
    struct run run;
    need_program();
    run_begin(state, 1, 0, &run);
    run_finish(&run);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    run.description.process = child;
    run.description.state = STATE_RUNNING;
    assert_int_equal(endpoint_file_write(*state, &run.description), STATUS_OK);
    double start = machine_monotonic();
    struct outcome *outcome = monitor_run(*state, NULL, NULL);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "monitor.json: says that process");
    assert_contains(outcome, "is gone");
    assert_true(machine_monotonic() - start < PATIENCE);
}

static void test_without_the_key_there_is_nothing_to_see(void **state)
{
    char path[RUN_FILE_PATH_BYTES];
    struct wire_client_key wrong;
    struct run run;
    need_program();
    run_begin(state, 1, 4, &run);
    struct outcome *outcome = monitor_run(run.description.snapshot, "--once", NULL);
    assert_int_equal(outcome->exit_code, 2);
    assert_contains(outcome, "--key-file");
    wrong = run.key; /* knows the server's public key, which is in monitor.json, but has a key of its own */
    assert_int_equal(wire_key_pair_draw(&wrong.own), STATUS_OK);
    assert_int_equal(key_file_write(*state, &wrong), STATUS_OK);
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    outcome = monitor_look(run.description.snapshot, path);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "no answer");
    memcpy(wrong.server_key, wrong.own.public_key, WIRE_KEY_BYTES);
    assert_int_equal(key_file_write(*state, &wrong), STATUS_OK);
    outcome = monitor_run(*state, "--once", NULL);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "is the key of another run");
    run_finish(&run);
}

static void test_an_endpoint_that_does_not_answer_is_given_up(void **state)
{
    char key[RUN_FILE_PATH_BYTES];
    struct run run;
    need_program();
    run_begin(state, 1, 0, &run);
    run_finish(&run); /* the process lives (it is this one), its server does not */
    assert_int_equal(key_file_write(*state, &run.key), STATUS_OK);
    run.description.state = STATE_RUNNING;
    assert_int_equal(endpoint_file_write(*state, &run.description), STATUS_OK);
    struct outcome *outcome = monitor_run(*state, NULL, NULL);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "no answer for ");
    assert_int_equal(key_file_path(*state, key), STATUS_OK);
    outcome = monitor_look("tcp://127.0.0.1:1", key);
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, "no answer");
}

static void test_a_stream_of_json_is_a_stream_of_events(void **state)
{
    need_program();
    run_through(state, STATE_DONE);
    struct outcome *outcome = monitor_run(*state, "--json", NULL);
    int events = 0;
    struct event event;
    for (char *line = strtok(outcome->output, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_int_equal(event_decode(line, strlen(line), &event), STATUS_OK);
        events++;
    }
    assert_int_equal(event.kind, EVENT_RUN_END);
    assert_in_range(events, 4, 6);
}

static void test_several_runs_are_told_apart(void **state)
{
    need_program();
    run_through(state, STATE_DONE);
    struct outcome *outcome = monitor_run(*state, *state, "--json");
    assert_int_equal(outcome->exit_code, 0);
    assert_contains(outcome, "{\"run\":\"/tmp/facet-wire-");
    assert_contains(outcome, "\",\"event\":{\"v\":1,\"kind\":\"run_end\"");
    outcome = monitor_run(*state, *state, NULL);
    assert_contains(outcome, ": finished after");
    outcome = monitor_run(*state, "no/such/run", "--once");
    assert_int_equal(outcome->exit_code, 1);
    assert_contains(outcome, ": finished after");
    assert_contains(outcome, "no run has begun there");
}

static void test_a_signal_ends_it(void **state)
{
    static struct outcome outcome;
    char seen[64];
    need_program();
    struct monitor monitor = monitor_start(*state, NULL, NULL, NULL);
    assert_true(read(monitor.output, seen, sizeof seen) > 0);
    assert_int_equal(kill(monitor.process, SIGTERM), 0);
    monitor_wait(&monitor, &outcome);
    assert_int_equal(outcome.exit_code, -1); /* by the signal, as its parent expects */
}

static void test_wrong_command_lines_exit_with_two(void **state)
{
    need_program();
    assert_int_equal(monitor_run("--no-such-option", NULL, NULL)->exit_code, 2);
    assert_int_equal(monitor_run("--once", NULL, NULL)->exit_code, 2);
    assert_int_equal(monitor_run("tcp://nonsense", NULL, NULL)->exit_code, 2);
    assert_int_equal(monitor_run(*state, "another", "--key-file=x")->exit_code, 2);
    assert_int_equal(monitor_run(*state, "--metrics=70000", NULL)->exit_code, 2);
    assert_int_equal(monitor_run(*state, "--timeout=soon", NULL)->exit_code, 2);
}

static void test_help_and_version_go_to_standard_output(void **state)
{
    (void)state;
    need_program();
    struct outcome *outcome = monitor_run("--version", NULL, NULL);
    assert_int_equal(outcome->exit_code, 0);
    assert_contains(outcome, "facet-monitor ");
    outcome = monitor_run("--help", NULL, NULL);
    assert_int_equal(outcome->exit_code, 0);
    assert_contains(outcome, "Examples:");
}

/* The build puts programs into bin/ and tests into a folder beside it, or into the same. */
static void program_find(void)
{
    static const char *const places[] = {"facet-monitor", "../bin/facet-monitor"};
    char self[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self - 1);
    if (bytes < 0)
        return;
    self[bytes] = '\0';
    const char *folder = dirname(self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int length = snprintf(program, sizeof program, "%s/%s", folder, places[i]);
        if (length > 0 && length < (int)sizeof program && access(program, X_OK) == 0)
            return;
    }
    program[0] = '\0';
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_the_result_of_a_run_that_ended_well),
        FOLDER_TEST(test_the_result_of_a_run_that_failed),
        FOLDER_TEST(test_one_look_at_a_running_run),
        FOLDER_TEST(test_started_before_the_run_it_follows_to_the_end),
        FOLDER_TEST(test_waiting_may_be_limited),
        FOLDER_TEST(test_a_crashed_run_is_recognised_at_once),
        FOLDER_TEST(test_without_the_key_there_is_nothing_to_see),
        FOLDER_TEST(test_an_endpoint_that_does_not_answer_is_given_up),
        FOLDER_TEST(test_a_stream_of_json_is_a_stream_of_events),
        FOLDER_TEST(test_several_runs_are_told_apart),
        FOLDER_TEST(test_a_signal_ends_it),
        FOLDER_TEST(test_wrong_command_lines_exit_with_two),
        FOLDER_TEST(test_help_and_version_go_to_standard_output),
    };
    program_find();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
