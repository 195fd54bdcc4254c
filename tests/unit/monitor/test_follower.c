/* A run followed from before its beginning over its end to its next beginning. */
#include "../wire/run_fixture.h"

#include "jobs/monitor/follower.h"
#include "jobs/monitor/run_names.h"

#include <sys/stat.h>

static struct follower *follower_for(void **state, bool patient)
{
    struct follower *follower;
    struct follower_options options = {.run = *state, .timeout = -1, .patient = patient};
    assert_int_equal(follower_create(&options, &follower), STATUS_OK);
    return follower;
}

/* Turns until the follower is in that phase and knows something new. */
static void await_phase(struct follower *follower, enum follower_phase wanted)
{
    double give_up = machine_monotonic() + PATIENCE;
    enum follower_news news;
    struct event event;
    while (follower_phase(follower) != wanted && machine_monotonic() < give_up) {
        assert_int_equal(follower_turn(follower, &news, &event), STATUS_OK);
        usleep(2000);
    }
    assert_int_equal(follower_phase(follower), wanted);
}

static void test_a_requeued_run_is_joined_again(void **state)
{
    struct event stopped = end_event(STATE_STOPPED);
    struct run run;
    struct follower *follower = follower_for(state, true);
    await_phase(follower, FOLLOWER_WAITING);
    assert_null(follower_picture(follower));
    run_begin(state, 1, 3, &run);
    await_phase(follower, FOLLOWER_LIVE);
    assert_int_equal(progress_server_stop(&run.server, &stopped), STATUS_OK);
    await_phase(follower, FOLLOWER_ENDED);
    assert_int_equal(follower_picture(follower)->end.state, STATE_STOPPED);
    assert_false(follower_is_over(follower));
    run_begin(state, 2, 3, &run); /* another identity, ports and keys */
    await_phase(follower, FOLLOWER_LIVE);
    assert_int_equal(follower_picture(follower)->start.total, 2);
    assert_string_equal(follower_notice(follower), "");
    run_finish(&run);
    await_phase(follower, FOLLOWER_ENDED);
    assert_true(follower_is_over(follower));
    follower_destroy(&follower);
    follower_destroy(&follower);
}

static void test_an_impatient_follower_ends_with_the_run(void **state)
{
    struct event stopped = end_event(STATE_STOPPED);
    struct run run;
    run_begin(state, 1, 3, &run);
    struct follower *follower = follower_for(state, false);
    await_phase(follower, FOLLOWER_LIVE);
    assert_int_equal(progress_server_stop(&run.server, &stopped), STATUS_OK);
    await_phase(follower, FOLLOWER_ENDED);
    assert_true(follower_is_over(follower));
    follower_destroy(&follower);
}

/* The server is gone and has left no word: killed, or its node is down. */
static void test_a_run_that_vanished_is_waited_for(void **state)
{
    struct endpoint_description description;
    struct run run;
    enum follower_news news;
    struct event event;
    run_begin(state, 1, 3, &run);
    description = run.description;
    run_finish(&run);
    description.process = 0x7ffffff0; /* no such process */
    assert_int_equal(endpoint_file_write(*state, &description), STATUS_OK);
    struct follower *impatient = follower_for(state, false);
    assert_int_equal(follower_turn(impatient, &news, &event), STATUS_NOT_FOUND);
    struct follower *patient = follower_for(state, true);
    await_phase(patient, FOLLOWER_LOST);
    assert_non_null(strstr(follower_notice(patient), "is gone"));
    run_begin(state, 1, 3, &run);
    await_phase(patient, FOLLOWER_LIVE);
    run_finish(&run);
    follower_destroy(&impatient);
    follower_destroy(&patient);
}

static void test_a_folder_of_runs_means_its_runs(void **state)
{
    static const char *const made[] = {"b", "a", "no-run", ".hidden"};
    struct run_names names = {.count = 0};
    char path[FIXTURE_PATH_BYTES], file[FIXTURE_PATH_BYTES + 32], expected[FIXTURE_PATH_BYTES];
    for (size_t i = 0; i < 4; i++) {
        fixture_path(state, made[i], path);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(file, sizeof file, "%s/monitor.json", path);
        if (i != 2)
            assert_int_equal(fclose(fopen(file, "w")), 0);
    }
    assert_int_equal(run_names_add(&names, *state), STATUS_OK);
    assert_int_equal(run_names_add(&names, "runs/not-begun"), STATUS_OK);
    assert_int_equal(names.count, 3);
    fixture_path(state, "a", expected);
    assert_string_equal(names.names[0], expected);
    fixture_path(state, "b", expected);
    assert_string_equal(names.names[1], expected);
    assert_string_equal(names.names[2], "runs/not-begun");
    run_names_clear(&names);
    for (size_t i = 0; i < 4; i++) {
        fixture_path(state, made[i], path);
        snprintf(file, sizeof file, "%s/monitor.json", path);
        unlink(file);
        assert_int_equal(rmdir(path), 0);
    }
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_a_requeued_run_is_joined_again),
        FOLDER_TEST(test_an_impatient_follower_ends_with_the_run),
        FOLDER_TEST(test_a_run_that_vanished_is_waited_for),
        FOLDER_TEST(test_a_folder_of_runs_means_its_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
