#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "mpi/wire/events_file.h"

static void append(struct events_file *file, struct event event)
{
    char line[EVENT_MESSAGE_BYTES_MAX];
    size_t length = event_encode(&event, line, sizeof line);
    events_file_append(file, &event, line, length);
}

static struct events_file *opened(void **state, uint64_t bytes_max)
{
    struct events_file *file;
    assert_int_equal(events_file_open(*state, bytes_max, &file), STATUS_OK);
    return file;
}

static void write_raw(void **state, const char *text)
{
    char path[FIXTURE_PATH_BYTES];
    fixture_path(state, "events.jsonl", path);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

struct seen {
    int count, logs, ranks;
    struct event last;
};

static enum status see(void *data, const struct event *event)
{
    struct seen *seen = data;
    seen->count++;
    seen->logs += event->kind == EVENT_LOG;
    seen->ranks += event->kind == EVENT_RANK;
    seen->last = *event;
    return STATUS_OK;
}

static void test_what_is_written_is_read(void **state)
{
    struct events_file *file = opened(state, EVENTS_FILE_BYTES_MAX);
    struct seen seen = {0};
    uint64_t skipped;
    append(file, start_event(1, 0));
    append(file, log_event("one"));
    append(file, log_event("two"));
    assert_int_equal(events_file_sync(file), STATUS_OK);
    assert_null(events_file_notice(file));
    events_file_close(&file);
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_OK);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.last.text, "two");
    assert_int_equal(skipped, 0);
}

static void test_only_the_last_run_is_read(void **state)
{
    struct seen seen = {0};
    uint64_t skipped;
    for (int run = 0; run < 2; run++) {
        struct events_file *file = opened(state, EVENTS_FILE_BYTES_MAX);
        append(file, start_event(1, 0));
        append(file, log_event(run == 0 ? "old" : "new"));
        events_file_close(&file);
    }
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_OK);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.last.text, "new");
}

static void test_a_line_cut_off_by_a_crash_is_skipped_alone(void **state)
{
    struct seen seen = {0};
    uint64_t skipped;
    write_raw(state, "{\"v\":1,\"kind\":\"run_start\",\"total\":1}\n{\"v\":1,\"kind\":\"lo");
    struct events_file *file = opened(state, EVENTS_FILE_BYTES_MAX);
    append(file, log_event("after"));
    events_file_close(&file);
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_OK);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.last.text, "after");
    assert_int_equal(skipped, 1);
}

static void test_lines_that_are_no_events_are_skipped(void **state)
{
    struct seen seen = {0};
    uint64_t skipped;
    char long_line[EVENT_MESSAGE_BYTES_MAX * 3];
    write_raw(state, "garbage\n{\"v\":1,\"kind\":\"run_start\",\"total\":1}\n\x01\x02\n");
    memset(long_line, 'x', sizeof long_line);
    long_line[sizeof long_line - 2] = '\n';
    long_line[sizeof long_line - 1] = '\0';
    write_raw(state, long_line);
    write_raw(state, "{\"v\":1,\"kind\":\"log\"}\n{\"v\":1,\"kind\":\"log\"}");
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_OK);
    assert_int_equal(seen.count, 2); /* a line without its end is still being written */
    assert_int_equal(skipped, 3);
}

static void test_no_file_and_no_run_are_not_found(void **state)
{
    struct seen seen = {0};
    uint64_t skipped;
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_NOT_FOUND);
    write_raw(state, "{\"v\":1,\"kind\":\"log\",\"text\":\"\\\"run_start\\\"\"}\n");
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_NOT_FOUND);
}

static void test_at_its_limit_the_file_takes_no_more_rank_events_and_says_so_once(void **state)
{
    struct events_file *file = opened(state, 2000);
    struct seen seen = {0};
    uint64_t skipped;
    int notices = 0;
    append(file, start_event(1, 0));
    for (int i = 0; i < 100; i++) {
        append(file, rank_event(0, -1, i, 100));
        notices += events_file_notice(file) != NULL;
    }
    append(file, log_event("still written"));
    events_file_close(&file);
    assert_int_equal(notices, 1);
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_OK);
    assert_in_range(seen.ranks, 5, 30);
    assert_int_equal(seen.logs, 1);
}

static void test_the_limit_counts_what_was_there_before(void **state)
{
    struct seen seen = {0};
    uint64_t skipped;
    for (int run = 0; run < 2; run++) {
        struct events_file *file = opened(state, 300);
        append(file, start_event(1, 0));
        append(file, log_event("something that takes room in the file, and then some, and then some more"));
        append(file, log_event("something that takes room in the file, and then some, and then some more"));
        append(file, rank_event(0, -1, 1, 2));
        events_file_close(&file);
    }
    assert_int_equal(events_file_read(*state, see, &seen, &skipped), STATUS_OK);
    assert_int_equal(seen.ranks, 0);
    assert_int_equal(seen.logs, 2);
}

static void test_a_second_run_in_the_directory_is_refused(void **state)
{
    struct events_file *file = opened(state, EVENTS_FILE_BYTES_MAX);
    struct events_file *second;
    assert_int_equal(events_file_open(*state, EVENTS_FILE_BYTES_MAX, &second), STATUS_MISMATCH);
    assert_null(second);
    events_file_close(&file);
    second = opened(state, EVENTS_FILE_BYTES_MAX);
    events_file_close(&second);
    events_file_close(&second);
}

static void test_a_directory_that_is_not_there_is_an_error(void **state)
{
    struct events_file *file;
    char path[FIXTURE_PATH_BYTES];
    fixture_path(state, "nowhere", path);
    assert_int_equal(events_file_open(path, EVENTS_FILE_BYTES_MAX, &file), STATUS_IO);
    assert_null(file);
}

/* A file size limit stands in for a full disk. */
static void test_a_full_disk_is_said_once_and_does_not_stop_the_run(void **state)
{
    struct rlimit before, small;
    struct events_file *file = opened(state, EVENTS_FILE_BYTES_MAX);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    int notices = 0;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    append(file, start_event(1, 0));
    for (int i = 0; i < 100; i++) {
        append(file, rank_event(0, -1, i, 100));
        events_file_flush(file);
        notices += events_file_notice(file) != NULL;
    }
    enum status status = events_file_sync(file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    events_file_close(&file);
    assert_int_equal(notices, 1);
    assert_int_equal(status, STATUS_IO);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_what_is_written_is_read),
        FOLDER_TEST(test_only_the_last_run_is_read),
        FOLDER_TEST(test_a_line_cut_off_by_a_crash_is_skipped_alone),
        FOLDER_TEST(test_lines_that_are_no_events_are_skipped),
        FOLDER_TEST(test_no_file_and_no_run_are_not_found),
        FOLDER_TEST(test_at_its_limit_the_file_takes_no_more_rank_events_and_says_so_once),
        FOLDER_TEST(test_the_limit_counts_what_was_there_before),
        FOLDER_TEST(test_a_second_run_in_the_directory_is_refused),
        FOLDER_TEST(test_a_directory_that_is_not_there_is_an_error),
        FOLDER_TEST(test_a_full_disk_is_said_once_and_does_not_stop_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
