/* What the events of a run tell of its costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi/classes/recorded_run.h"

static char directory[] = "/tmp/facet-recorded-XXXXXX";
static char path[sizeof directory + 16];

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/events.jsonl", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_events(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-6);
}

#define START(ranks, classes)                                                                                \
    "{\"v\":1,\"kind\":\"run_start\",\"state\":\"running\",\"seq\":1,\"classes\":" #classes                  \
    ",\"total\":" #ranks ",\"time\":1000,\"text\":\"facet decompose\"}\n"
#define CLASS(index, by, is, at)                                                                             \
    "{\"v\":1,\"kind\":\"class\",\"state\":\"" is "\",\"seq\":2,\"class\":" #index ",\"rank\":" #by          \
    ",\"memory_bytes\":" #at ",\"time\":" #at ",\"text\":\"a\"}\n"
#define FIGURE(index, by, at)                                                                                \
    "{\"v\":1,\"kind\":\"class\",\"state\":\"done\",\"seq\":2,\"class\":" #index ",\"rank\":" #by            \
    ",\"value\":0.5,\"memory_bytes\":" #at ",\"time\":" #at ",\"text\":\"a\"}\n"
#define RANK(by, members, at)                                                                                \
    "{\"v\":1,\"kind\":\"rank\",\"state\":\"running\",\"seq\":3,\"rank\":" #by members ",\"time\":" #at      \
    ",\"text\":\"b\"}\n"
#define END(is, at)                                                                                          \
    "{\"v\":1,\"kind\":\"run_end\",\"state\":\"" is "\",\"seq\":9,\"time\":" #at ",\"text\":\"\"}\n"

static void test_times_of_classes_and_of_the_rest(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(2, 3) CLASS(0, 0, "waiting", 1001) CLASS(0, 0, "running", 1002)
                     CLASS(1, 1, "running", 1003) CLASS(0, 0, "done", 1006) CLASS(2, 0, "running", 1006)
                         CLASS(1, 1, "done", 1008) CLASS(2, 0, "done", 1007) FIGURE(2, 1, 1010)
                             END("done", 1015));
    assert_int_equal(recorded_run_read(directory, 0.05, &run), STATUS_OK);
    assert_int_equal(run.ranks, 2);
    assert_int_equal(run.groups, 2);
    assert_int_equal(run.class_count, 3);
    assert_int_equal(run.timed_count, 3);
    assert_near(run.class_seconds[0], 4);
    assert_near(run.class_seconds[1], 5);
    assert_near(run.class_seconds[2], 1);
    assert_near(run.before, 2);
    assert_near(run.making, 2);
    assert_near(run.storing, 5);
    assert_near(run.elapsed, 15);
    assert_near(run.idle_share, 1 - 10.0 / (2 * 6)); /* classes from 1002 to 1008 */
    assert_int_equal(run.memory_bytes_max, 1010);
    recorded_run_clear(&run);
}

static void test_ranks_of_a_group_count_as_one_slower_rank(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(4, 1) CLASS(0, 0, "running", 1001) CLASS(0, 0, "done", 1003) END("done", 1003));
    assert_int_equal(recorded_run_read(directory, 0.1, &run), STATUS_OK);
    assert_int_equal(run.groups, 1);
    assert_near(run.class_seconds[0], 2 * 4 / 1.3);
    recorded_run_clear(&run);
}

/* Of three ranks the first two share a class, the third has its own and then waits. */
static void test_groups_reach_to_the_next_ones_first_rank(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(3, 2) CLASS(0, 0, "running", 1001) CLASS(1, 2, "running", 1001)
                     CLASS(1, 2, "done", 1003) CLASS(0, 0, "done", 1005) END("done", 1005));
    assert_int_equal(recorded_run_read(directory, 0.1, &run), STATUS_OK);
    assert_int_equal(run.groups, 2);
    assert_near(run.class_seconds[0], 4 * 2 / 1.1);
    assert_near(run.class_seconds[1], 2);
    assert_near(run.idle_share, 1 - (4 * 2 + 2) / 12.0);
    recorded_run_clear(&run);
}

static void test_resumed_classes_are_not_timed(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(1, 2) CLASS(0, 0, "resumed", 1000) CLASS(1, 0, "running", 1001)
                     CLASS(1, 0, "done", 1003) CLASS(0, 0, "done", 1004) END("done", 1005));
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_OK);
    assert_int_equal(run.timed_count, 1);
    assert_near(run.class_seconds[0], 2);
    recorded_run_clear(&run);
}

/* Two classes are asked for, two others counted besides. */
static void test_work_besides_the_classes_is_not_making(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(2, 2) CLASS(0, 0, "running", 1001) CLASS(1, 1, "running", 1001)
                     CLASS(0, 0, "done", 1003) CLASS(1, 1, "done", 1004)
                         RANK(0, ",\"done\":32,\"total\":64", 1005) RANK(0, "", 1006) RANK(1, "", 1007)
                             FIGURE(0, 0, 1008) RANK(1, "", 1009) FIGURE(1, 1, 1010) END("done", 1015));
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_OK);
    assert_near(run.besides, 3);
    assert_near(run.making, 3);
    assert_near(run.together.seconds, 0);
    assert_near(run.storing, 5);
    recorded_run_clear(&run);
}

/* A hundred images at two seconds for ten; a second before them to make ready. */
static void test_steps_together_are_told_by_their_pace(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(1, 1) CLASS(0, 0, "running", 1001) CLASS(0, 0, "done", 1003)
                     RANK(0, ",\"done\":10,\"total\":100,\"fixed_share\":0.5", 1006)
                         RANK(0, ",\"done\":100,\"total\":100,\"fixed_share\":0.25,\"split_share\":0.125",
                              1024) END("done", 1025));
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_OK);
    assert_near(run.besides, 0);
    assert_near(run.together.seconds, 20);
    assert_near(run.together.fixed_share, 0.25);
    assert_near(run.together.split_share, 0.125);
    assert_near(run.together.ready, 1);
    assert_near(run.storing, 1);
    recorded_run_clear(&run);
}

static void test_steps_together_of_a_resumed_run_count_as_all(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(1, 1) CLASS(0, 0, "running", 1001) CLASS(0, 0, "done", 1003)
                     RANK(0, ",\"done\":80,\"total\":100", 1005) RANK(0, ",\"done\":100,\"total\":100", 1009)
                         END("done", 1010));
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_OK);
    assert_near(run.together.seconds, 20);
    assert_near(run.together.ready, 0);
    assert_near(run.storing, 1);
    recorded_run_clear(&run);
}

static void test_images_shared_before_the_first_class(void **state)
{
    (void)state;
    struct recorded_run run;
    write_events(START(2, 1) RANK(0, "", 1001) RANK(0, ",\"total\":64", 1002)
                     RANK(1, ",\"done\":32,\"total\":64", 1006) RANK(0, "", 1007) CLASS(0, 0, "running", 1008)
                         CLASS(0, 0, "done", 1010) END("done", 1011));
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_OK);
    assert_near(run.before, 8);
    assert_near(run.before_shared, 4);
    assert_near(run.together.seconds, 0);
    recorded_run_clear(&run);
}

#define SHARED RANK(1, ",\"total\":64", 1003) RANK(0, ",\"total\":64", 1002)
#define SHARED_LAST RANK(1, ",\"done\":64,\"total\":64", 1009)
#define FIRST_STEPS RANK(0, ",\"done\":10,\"total\":100,\"fixed_share\":0.5", 1031)
#define MORE_STEPS RANK(1, ",\"done\":20,\"total\":100,\"fixed_share\":0.75", 1041)

static void assert_the_same_costs(const char *events)
{
    struct recorded_run run;
    write_events(events);
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_OK);
    assert_near(run.class_seconds[0], 10 * 2); /* of two ranks */
    assert_near(run.before_shared, 7);
    assert_near(run.besides, 5);
    assert_near(run.making, 5);
    assert_near(run.together.seconds, 100);
    assert_near(run.together.fixed_share, 0.5); /* of rank 0 */
    assert_near(run.storing, 1);
    recorded_run_clear(&run);
}

/* In the order in which the ranks' connections happened to be read. */
static void test_events_count_by_their_times(void **state)
{
    (void)state;
    assert_the_same_costs(START(2, 1) SHARED CLASS(0, 0, "running", 1010) SHARED_LAST CLASS(
        0, 0, "done", 1020) FIGURE(0, 0, 1030) RANK(1, "", 1025) FIRST_STEPS MORE_STEPS END("done", 1042));
    assert_the_same_costs(START(2, 1) SHARED SHARED_LAST CLASS(0, 0, "running", 1010) FIGURE(
        0, 1, 1030) CLASS(0, 0, "done", 1020) MORE_STEPS FIRST_STEPS RANK(1, "", 1025) END("done", 1042));
    assert_the_same_costs(START(2, 1) SHARED CLASS(0, 0, "running", 1010) CLASS(0, 0, "done", 1020) RANK(
        1, "", 1025) MORE_STEPS FIGURE(0, 1, 1030) SHARED_LAST FIRST_STEPS END("done", 1042));
}

static void assert_refused(const char *why)
{
    struct recorded_run run;
    assert_int_equal(recorded_run_read(directory, 0, &run), STATUS_NOT_FOUND);
    assert_non_null(strstr(error_message(), why));
    recorded_run_clear(&run);
}

static void test_runs_that_tell_nothing_are_refused(void **state)
{
    (void)state;
    write_events(START(1, 2) CLASS(1, 0, "running", 1001) CLASS(1, 0, "done", 1003));
    assert_refused("did not end well");
    write_events(START(1, 2) CLASS(1, 0, "running", 1001) CLASS(1, 0, "done", 1003) END("stopped", 1004));
    assert_refused("did not end well");
    write_events(START(1, 2) CLASS(0, 0, "resumed", 1000) END("done", 1005));
    assert_refused("made no class");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_of_classes_and_of_the_rest),
        cmocka_unit_test(test_ranks_of_a_group_count_as_one_slower_rank),
        cmocka_unit_test(test_groups_reach_to_the_next_ones_first_rank),
        cmocka_unit_test(test_resumed_classes_are_not_timed),
        cmocka_unit_test(test_images_shared_before_the_first_class),
        cmocka_unit_test(test_work_besides_the_classes_is_not_making),
        cmocka_unit_test(test_steps_together_are_told_by_their_pace),
        cmocka_unit_test(test_steps_together_of_a_resumed_run_count_as_all),
        cmocka_unit_test(test_events_count_by_their_times),
        cmocka_unit_test(test_runs_that_tell_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
