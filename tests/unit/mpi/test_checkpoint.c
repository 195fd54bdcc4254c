/* Checkpoints come back as they were written, and refuse to be resumed with other options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/base/memory.h"
#include "compute/network/zoo.h"
#include "mpi/training/checkpoint.h"

struct fixture {
    char folder[64], path[96];
    struct network *network;
    float *velocity;
    struct option_records records;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/facet-checkpoint.XXXXXX");
    if (mkdtemp(fixture->folder) == NULL)
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/checkpoint.h5", fixture->folder);
    assert_int_equal(zoo_build("mlp-1", (struct shape){4, 4, 1}, 3, SHORTCUT_DEFAULT, &fixture->network),
                     STATUS_OK);
    network_initialise(fixture->network, 5);
    assert_int_equal(
        memory_allocate(&fixture->velocity, fixture->network->parameter_count, sizeof(float), "velocity"),
        STATUS_OK);
    for (size_t i = 0; i < fixture->network->parameter_count; i++)
        fixture->velocity[i] = (float)i;
    option_records_add(&fixture->records, "--batch", "%d", 128);
    option_records_add(&fixture->records, "--seed", "%d", 1);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->folder);
    network_destroy(&fixture->network);
    memory_free(&fixture->velocity);
    free(fixture);
    return 0;
}

static const struct training_position position = {3, 17, 123.25, 1000, 2176};

static void write_it(const struct fixture *fixture)
{
    assert_int_equal(
        checkpoint_write(fixture->path, fixture->network, fixture->velocity, &position, &fixture->records),
        STATUS_OK);
}

static void test_comes_back_as_written(void **state)
{
    const struct fixture *fixture = *state;
    struct network *network = NULL;
    float *velocity = NULL;
    struct training_position found;
    uint8_t before[DIGEST_BYTES], after[DIGEST_BYTES];
    write_it(fixture);
    assert_int_equal(checkpoint_read(fixture->path, &fixture->records, &network, &velocity, &found),
                     STATUS_OK);
    network_digest(fixture->network, before);
    network_digest(network, after);
    assert_memory_equal(before, after, sizeof before);
    assert_memory_equal(velocity, fixture->velocity, network->parameter_count * sizeof(float));
    assert_int_equal(found.epoch, position.epoch);
    assert_int_equal(found.batch, position.batch);
    assert_true(found.loss_sum == position.loss_sum);
    assert_int_equal(found.correct_sum, position.correct_sum);
    assert_int_equal(found.image_sum, position.image_sum);
    network_destroy(&network);
    memory_free(&velocity);
}

static void expect_refusal(const struct fixture *fixture, const struct option_records *records,
                           enum status status, const char *first, const char *second)
{
    struct network *network = NULL;
    float *velocity = NULL;
    struct training_position found;
    assert_int_equal(checkpoint_read(fixture->path, records, &network, &velocity, &found), status);
    assert_null(network);
    assert_null(velocity);
    assert_non_null(strstr(error_message(), first));
    assert_non_null(strstr(error_message(), second));
}

static void test_another_option_is_named(void **state)
{
    const struct fixture *fixture = *state;
    struct option_records other = {0};
    write_it(fixture);
    option_records_add(&other, "--batch", "%d", 64);
    option_records_add(&other, "--seed", "%d", 1);
    expect_refusal(fixture, &other, STATUS_MISMATCH, "--batch was 128", "now it is 64");
}

static void test_an_option_more_or_less_is_named(void **state)
{
    const struct fixture *fixture = *state;
    struct option_records more = fixture->records, less = {0};
    write_it(fixture);
    option_records_add(&more, "--flip", "given");
    expect_refusal(fixture, &more, STATUS_MISMATCH, "--flip was nothing", "given");
    option_records_add(&less, "--batch", "%d", 128);
    expect_refusal(fixture, &less, STATUS_MISMATCH, "--seed was 1", "nothing");
}

static void test_another_kind_of_file_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    fputs("this is no checkpoint", file);
    fclose(file);
    expect_refusal(fixture, &fixture->records, STATUS_FORMAT, fixture->path, "HDF5");
}

static void test_a_truncated_file_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    write_it(fixture);
    assert_int_equal(truncate(fixture->path, 2000), 0);
    expect_refusal(fixture, &fixture->records, STATUS_FORMAT, fixture->path, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_back_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_option_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_option_more_or_less_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_kind_of_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_truncated_file_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
