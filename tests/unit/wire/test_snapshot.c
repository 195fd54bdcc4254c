#include "fixture.h"

#include "compute/base/memory.h"
#include "compute/base/random.h"
#include "mpi/wire/snapshot.h"

enum { MUTATIONS = 4000 };

static const struct snapshot_header header = {
    .run = "0123456789abcdef0123456789abcdef",
    .publish = "tcp://127.0.0.1:4711",
    .sequence = 42,
    .ignored = 3,
};

static void apply(struct picture *picture, struct event event)
{
    assert_int_equal(picture_apply(picture, &event), STATUS_OK);
}

/* Something of everything. */
static struct picture *rich_picture(void)
{
    struct picture *picture;
    struct event resumed = epoch_event(3, 9);
    struct event talk = log_event("hello \"you\"");
    resumed.state = STATE_RESUMED;
    talk.rank = 3;
    talk.sequence = 17;
    assert_int_equal(picture_create(&picture), STATUS_OK);
    apply(picture, start_event(4, 5));
    for (int32_t i = 0; i < 4; i++)
        apply(picture, class_event(i, i < 2 ? STATE_DONE : STATE_RUNNING));
    apply(picture, resumed);
    apply(picture, epoch_event(4, 9));
    apply(picture, epoch_event(5, 9));
    apply(picture, rank_event(1, 2, 10, 20));
    apply(picture, rank_event(2, 3, 15, 20));
    apply(picture, talk);
    picture->sequence = header.sequence;
    return picture;
}

static void encode(const struct picture *picture, char **message, size_t *length)
{
    assert_int_equal(snapshot_encode(&header, picture, message, length), STATUS_OK);
}

static void test_a_picture_survives_the_wire(void **state)
{
    struct picture *picture = rich_picture();
    struct picture *back;
    struct snapshot_header header_back;
    char *message, *again;
    size_t length, again_length;
    (void)state;
    encode(picture, &message, &length);
    assert_int_equal(snapshot_decode(message, length, &header_back, &back), STATUS_OK);
    assert_memory_equal(&header_back.run, header.run, sizeof header.run);
    assert_string_equal(header_back.publish, header.publish);
    assert_int_equal(header_back.sequence, 42);
    assert_int_equal(header_back.ignored, 3);
    assert_int_equal(back->sequence, 42);
    assert_int_equal(back->class_count, 4);
    assert_int_equal(back->epoch_count, 2);
    assert_int_equal(back->epochs_start.done, 3);
    assert_int_equal(back->ranks[2].done, 15);
    assert_string_equal(back->log[0].text, "hello \"you\"");
    encode(back, &again, &again_length); /* and nothing got lost that the first message had */
    assert_int_equal(again_length, length);
    assert_memory_equal(again, message, length);
    memory_free(&message);
    memory_free(&again);
    picture_destroy(&picture);
    picture_destroy(&back);
}

static void test_an_ended_picture_survives_the_wire(void **state)
{
    struct picture *picture = rich_picture();
    struct picture *back;
    struct snapshot_header header_back;
    char *message;
    size_t length;
    (void)state;
    apply(picture, end_event(STATE_STOPPED));
    encode(picture, &message, &length);
    assert_int_equal(snapshot_decode(message, length, &header_back, &back), STATUS_OK);
    assert_true(back->ended);
    assert_int_equal(back->end.state, STATE_STOPPED);
    memory_free(&message);
    picture_destroy(&picture);
    picture_destroy(&back);
}

static void assert_refused(const char *message, size_t length)
{
    struct picture *back;
    struct snapshot_header header_back;
    assert_int_equal(snapshot_decode(message, length, &header_back, &back), STATUS_FORMAT);
    assert_null(back);
}

static void test_a_snapshot_that_was_cut_off_is_refused(void **state)
{
    struct picture *picture = rich_picture();
    char *message;
    size_t length;
    (void)state;
    encode(picture, &message, &length);
    for (size_t cut = 0; cut < length; cut++)
        assert_refused(message, cut);
    memory_free(&message);
    picture_destroy(&picture);
}

static void test_a_strange_header_is_refused(void **state)
{
    static const char *const headers[] = {
        "{\"v\":1,\"kind\":\"log\",\"text\":\"no snapshot\"}\n",
        "{\"v\":1,\"kind\":\"snapshot\",\"publish\":\"tcp://127.0.0.1:1\",\"seq\":1,\"events\":0}\n",
        "{\"v\":1,\"kind\":\"snapshot\",\"run\":\"x\",\"publish\":\"ipc:///tmp/x\",\"seq\":1,\"events\":0}\n",
        "{\"v\":9,\"kind\":\"snapshot\",\"run\":\"x\",\"publish\":\"tcp://"
        "127.0.0.1:1\",\"seq\":1,\"events\":0}\n",
        "{\"v\":1,\"kind\":\"snapshot\",\"run\":\"x\",\"publish\":\"tcp://"
        "127.0.0.1:1\",\"seq\":-1,\"events\":0}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        assert_refused(headers[i], strlen(headers[i]));
}

static void test_mutated_snapshots_do_no_harm(void **state)
{
    struct picture *picture = rich_picture();
    struct picture *back;
    struct snapshot_header header_back;
    char *message;
    size_t length;
    int refused = 0;
    (void)state;
    encode(picture, &message, &length);
    for (uint64_t i = 0; i < MUTATIONS; i++) {
        char *mutated = malloc(length);
        assert_non_null(mutated);
        memcpy(mutated, message, length);
        for (uint64_t edit = 0; edit < 3; edit++)
            mutated[random_below(2, i, 2 * edit, length)] = (char)random_below(2, i, 2 * edit + 1, 256);
        if (snapshot_decode(mutated, length, &header_back, &back) != STATUS_OK) {
            assert_null(back);
            refused++;
        }
        picture_destroy(&back);
        free(mutated);
    }
    assert_in_range(refused, MUTATIONS / 2, MUTATIONS - 1);
    memory_free(&message);
    picture_destroy(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_picture_survives_the_wire),
        cmocka_unit_test(test_an_ended_picture_survives_the_wire),
        cmocka_unit_test(test_a_snapshot_that_was_cut_off_is_refused),
        cmocka_unit_test(test_a_strange_header_is_refused),
        cmocka_unit_test(test_mutated_snapshots_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
