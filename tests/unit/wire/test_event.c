#include "fixture.h"

#include <math.h>

#include "compute/base/random.h"

enum { MUTATIONS = 20000 };

static struct event full_event(enum event_kind kind)
{
    struct event event = event_make(kind);
    event.sequence = 12345678901;
    event.time = 1795363194.4054;
    event.rank = 99999;
    event.state = STATE_FAILED;
    event.class_index = 99999;
    event.class_count = 100000;
    event.done = 123;
    event.total = INT64_C(1) << 53;
    event.images_per_second = 5210.25;
    event.fixed_share = 0.375;
    event.split_share = 0.125;
    event.loss = -0.125;
    event.train_top1 = 0.75;
    event.value = 0.5;
    event.memory_bytes = UINT64_C(1) << 40;
    snprintf(event.host, sizeof event.host, "node-17.cluster");
    snprintf(event.text, sizeof event.text, "\"Katze\" \\ 猫 100 %%");
    return event;
}

static void assert_events_equal(const struct event *a, const struct event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->sequence, b->sequence);
    assert_true(a->time == b->time);
    assert_int_equal(a->rank, b->rank);
    assert_string_equal(a->host, b->host);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->class_index, b->class_index);
    assert_int_equal(a->class_count, b->class_count);
    assert_int_equal(a->done, b->done);
    assert_int_equal(a->total, b->total);
    assert_true(a->images_per_second == b->images_per_second);
    assert_true(a->fixed_share == b->fixed_share);
    assert_true(a->split_share == b->split_share);
    assert_true(a->loss == b->loss);
    assert_true(a->train_top1 == b->train_top1);
    assert_true(a->value == b->value);
    assert_int_equal(a->memory_bytes, b->memory_bytes);
    assert_string_equal(a->text, b->text);
}

static enum status decode(const char *message, struct event *event)
{
    return event_decode(message, strlen(message), event);
}

static void assert_refused(const char *message)
{
    struct event event;
    if (decode(message, &event) != STATUS_FORMAT)
        fail_msg("accepted: %s", message);
    assert_true(error_message()[0] != '\0');
}

static void test_every_kind_survives_encoding(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event back;
    (void)state;
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        struct event event = full_event((enum event_kind)kind);
        size_t length = event_encode(&event, message, sizeof message);
        assert_int_equal(length, strlen(message));
        assert_int_equal(event_decode(message, length, &back), STATUS_OK);
        assert_events_equal(&event, &back);
    }
}

static void test_an_empty_event_survives_encoding(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event event = event_make(EVENT_LOG);
    struct event back;
    (void)state;
    event_encode(&event, message, sizeof message);
    assert_string_equal(message, "{\"v\":1,\"kind\":\"log\"}");
    assert_int_equal(decode(message, &back), STATUS_OK);
    assert_events_equal(&event, &back);
    assert_int_equal(back.class_index, -1);
    assert_true(back.value == -1);
}

static void test_the_longest_event_fits(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event event = full_event(EVENT_RUN_START);
    struct event back;
    (void)state;
    memset(event.text, '"', sizeof event.text); /* to the last byte, without an end */
    memset(event.host, '\\', sizeof event.host);
    event.loss = event.train_top1 = event.value = -1.23456789012345e299;
    event.time = 123456789012.345;
    event.images_per_second = 1.23456789012345e-300;
    size_t length = event_encode(&event, message, sizeof message);
    assert_in_range(length, 1, EVENT_MESSAGE_BYTES_MAX - 1);
    assert_int_equal(event_decode(message, length, &back), STATUS_OK);
    assert_int_equal(strlen(back.text), EVENT_TEXT_BYTES - 1);
    assert_int_equal(strlen(back.host), EVENT_HOST_BYTES - 1);
}

static void test_a_small_buffer_gets_nothing(void **state)
{
    char message[32] = "before";
    struct event event = full_event(EVENT_LOG);
    (void)state;
    assert_int_equal(event_encode(&event, message, sizeof message), 0);
    assert_string_equal(message, "");
    assert_int_equal(event_encode(&event, message, 0), 0);
}

static void test_an_unknown_kind_is_not_encoded(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event event = event_make(EVENT_KIND_COUNT);
    (void)state;
    assert_int_equal(event_encode(&event, message, sizeof message), 0);
    assert_string_equal(message, "");
}

static void test_numbers_out_of_range_are_brought_into_it(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event event = event_make(EVENT_RANK);
    struct event back;
    (void)state;
    event.rank = -5;
    event.class_index = INT32_MAX;
    event.done = INT64_MIN;
    event.memory_bytes = UINT64_C(1) << 60;
    event.time = NAN;
    event.images_per_second = INFINITY;
    event_encode(&event, message, sizeof message);
    assert_int_equal(decode(message, &back), STATUS_OK);
    assert_int_equal(back.rank, 0);
    assert_int_equal(back.class_index, EVENT_CLASSES_MAX - 1);
    assert_int_equal(back.done, 0);
    assert_int_equal(back.memory_bytes, UINT64_C(1) << 53);
    assert_true(back.time == 0);
    assert_true(back.images_per_second == 1e15);
}

static void test_a_diverged_loss_stays_visible(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event event = event_make(EVENT_EPOCH);
    struct event back;
    (void)state;
    event.loss = INFINITY;
    event.value = NAN;
    event_encode(&event, message, sizeof message);
    assert_non_null(strstr(message, "\"loss\":null"));
    assert_int_equal(decode(message, &back), STATUS_OK);
    assert_true(isnan(back.loss));
    assert_true(isnan(back.value));
    assert_true(back.train_top1 == 0);
}

static void test_text_is_cleaned_both_ways(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    struct event event = log_event("a\033[31mb\xff");
    struct event back;
    (void)state;
    event_encode(&event, message, sizeof message);
    assert_null(strchr(message, '\033'));
    assert_int_equal(decode(message, &back), STATUS_OK);
    assert_string_equal(back.text, "a [31mb?");
    assert_int_equal(decode("{\"v\":1,\"kind\":\"log\",\"text\":\"x\\u001b[2Jy\\u009bz\"}", &back),
                     STATUS_OK);
    assert_string_equal(back.text, "x [2Jy z");
}

static void test_unknown_members_are_ignored(void **state)
{
    struct event event;
    (void)state;
    assert_int_equal(decode("{\"v\":1,\"kind\":\"log\",\"new\":{\"a\":[1,{}]},\"text\":\"t\"}", &event),
                     STATUS_OK);
    assert_string_equal(event.text, "t");
}

static void test_what_is_no_event_is_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("nonsense");
    assert_refused("[]");
    assert_refused("{}");
    assert_refused("{\"v\":1}");
    assert_refused("{\"kind\":\"log\"}");
    assert_refused("{\"v\":2,\"kind\":\"log\"}");
    assert_refused("{\"v\":1,\"kind\":\"no such kind\"}");
    assert_refused("{\"v\":1,\"kind\":7}");
    assert_refused("{\"v\":1,\"kind\":\"log\"");
    assert_refused("{\"v\":1,\"kind\":\"log\"} trailing");
    assert_refused("{\"v\":1,\"kind\":\"log\",\"kind\":\"log\"}");
    assert_refused("{\"v\":1,\"kind\":\"log\",\"state\":\"no such state\"}");
    assert_refused("{\"v\":1,\"kind\":\"log\",\"text\":\"a\\u0000b\"}");
    assert_refused("{\"v\":1,\"kind\":\"log\",\"text\":\"\xff\"}");
    assert_refused("{\"v\":1,\"kind\":\"log\",\"text\":5}");
}

static void test_numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"rank\":-1}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"rank\":100000}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"rank\":1.5}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"rank\":\"1\"}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"class\":-2}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"done\":99999999999999999999}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"time\":null}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"time\":-1}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"time\":NaN}");
    assert_refused("{\"v\":1,\"kind\":\"rank\",\"images_per_second\":1e999}");
    assert_refused("{\"v\":1,\"kind\":\"epoch\",\"loss\":1e301}");
    assert_refused("{\"v\":1,\"kind\":\"epoch\",\"loss\":\"inf\"}");
}

static void test_long_messages_and_texts_are_refused(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX + 64];
    (void)state;
    int length = snprintf(message, sizeof message, "{\"v\":1,\"kind\":\"log\",\"text\":\"");
    memset(message + length, 'x', EVENT_TEXT_BYTES);
    snprintf(message + length + EVENT_TEXT_BYTES, 8, "\"}");
    assert_refused(message);
    memset(message, ' ', sizeof message);
    memcpy(message, "{\"v\":1,\"kind\":\"log\"}", 20);
    message[EVENT_MESSAGE_BYTES_MAX] = '\0';
    assert_refused(message);
}

static void test_deep_nesting_is_refused_or_ignored_without_harm(void **state)
{
    char message[EVENT_MESSAGE_BYTES_MAX];
    (void)state;
    memset(message, '[', sizeof message);
    message[sizeof message - 1] = '\0';
    assert_refused(message);
    memcpy(message, "{\"v\":1,\"kind\":\"log\",\"deep\":", 27);
    assert_refused(message);
}

/* Whatever happens to a valid message on its way, decoding it says yes or no, and a yes encodes again. */
static void test_mutated_messages_do_no_harm(void **state)
{
    char valid[EVENT_MESSAGE_BYTES_MAX], mutated[EVENT_MESSAGE_BYTES_MAX], again[EVENT_MESSAGE_BYTES_MAX];
    int accepted = 0;
    (void)state;
    for (uint64_t i = 0; i < MUTATIONS; i++) {
        struct event event = full_event((enum event_kind)(i % EVENT_KIND_COUNT));
        struct event back;
        size_t length = event_encode(&event, valid, sizeof valid);
        uint64_t edits = 1 + random_below(1, i, 0, 4);
        memcpy(mutated, valid, sizeof mutated);
        for (uint64_t edit = 1; edit <= edits; edit++) {
            size_t at = (size_t)random_below(1, i, 4 * edit, length);
            if (random_below(1, i, 4 * edit + 1, 4) == 0)
                length = at + 1; /* cut off */
            else if (random_below(1, i, 4 * edit + 1, 4) == 1)
                mutated[at] = valid[random_below(1, i, 4 * edit + 2, length)];
            else
                mutated[at] = (char)random_below(1, i, 4 * edit + 2, 256);
        }
        char *exact = malloc(length); /* so that reading past the end is seen */
        assert_non_null(exact);
        memcpy(exact, mutated, length);
        if (event_decode(exact, length, &back) == STATUS_OK) {
            accepted++;
            assert_in_range(event_encode(&back, again, sizeof again), 1, sizeof again - 1);
            assert_int_equal(decode(again, &event), STATUS_OK);
        }
        free(exact);
    }
    assert_in_range(accepted, MUTATIONS / 100, MUTATIONS * 9 / 10); /* both ways were taken */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_survives_encoding),
        cmocka_unit_test(test_an_empty_event_survives_encoding),
        cmocka_unit_test(test_the_longest_event_fits),
        cmocka_unit_test(test_a_small_buffer_gets_nothing),
        cmocka_unit_test(test_an_unknown_kind_is_not_encoded),
        cmocka_unit_test(test_numbers_out_of_range_are_brought_into_it),
        cmocka_unit_test(test_a_diverged_loss_stays_visible),
        cmocka_unit_test(test_text_is_cleaned_both_ways),
        cmocka_unit_test(test_unknown_members_are_ignored),
        cmocka_unit_test(test_what_is_no_event_is_refused),
        cmocka_unit_test(test_numbers_that_are_none_are_refused),
        cmocka_unit_test(test_long_messages_and_texts_are_refused),
        cmocka_unit_test(test_deep_nesting_is_refused_or_ignored_without_harm),
        cmocka_unit_test(test_mutated_messages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
