#include "mpi/wire/event.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "mpi/wire/json_member.h"
#include "mpi/wire/text.h"

/* 2^53: what every JSON reader can hold as an integer. */
static const int64_t WHOLE_MAX = INT64_C(1) << 53;

enum width { INT32_WIDE, INT64_WIDE }; /* uint64_t members stay below 2^53 and are handled as int64_t */

/* `absent` is the value that need not be said. */
struct integer_member {
    const char *name;
    size_t offset;
    enum width width;
    int64_t least, most, absent;
};

struct real_member {
    const char *name;
    size_t offset;
    double least, most, absent;
    bool may_be_undefined; /* NaN and infinities are news (a diverged loss), not nonsense */
};

static const struct integer_member integers[] = {
    {"seq", offsetof(struct event, sequence), INT64_WIDE, 0, WHOLE_MAX, 0},
    {"rank", offsetof(struct event, rank), INT32_WIDE, 0, EVENT_RANKS_MAX - 1, 0},
    {"class", offsetof(struct event, class_index), INT32_WIDE, -1, EVENT_CLASSES_MAX - 1, -1},
    {"classes", offsetof(struct event, class_count), INT32_WIDE, 0, EVENT_CLASSES_MAX, 0},
    {"done", offsetof(struct event, done), INT64_WIDE, 0, WHOLE_MAX, 0},
    {"total", offsetof(struct event, total), INT64_WIDE, 0, WHOLE_MAX, 0},
    {"memory_bytes", offsetof(struct event, memory_bytes), INT64_WIDE, 0, WHOLE_MAX, 0},
    {"dropped", offsetof(struct event, dropped), INT64_WIDE, 0, WHOLE_MAX, 0},
    {"nodes", offsetof(struct event, nodes), INT32_WIDE, 0, EVENT_RANKS_MAX, 0},
    {"energy_counted", offsetof(struct event, energy_counted), INT32_WIDE, 0, 1, 0},
};

static const struct real_member reals[] = {
    {"time", offsetof(struct event, time), 0, 1e12, 0, false},
    {"images_per_second", offsetof(struct event, images_per_second), 0, 1e15, 0, false},
    {"fixed_share", offsetof(struct event, fixed_share), 0, 1, 0, false},
    {"split_share", offsetof(struct event, split_share), 0, 1, 0, false},
    {"energy_joules", offsetof(struct event, energy_joules), 0, 1e18, 0, false},
    {"co2e_grams_per_joule", offsetof(struct event, co2e_grams_per_joule), 0, 1e6, 0, false},
    {"loss", offsetof(struct event, loss), -1e300, 1e300, 0, true},
    {"train_top1", offsetof(struct event, train_top1), -1e300, 1e300, 0, true},
    {"value", offsetof(struct event, value), -1e300, 1e300, -1, true},
};

enum { INTEGER_COUNT = sizeof integers / sizeof integers[0], REAL_COUNT = sizeof reals / sizeof reals[0] };

static const char *const kind_names[EVENT_KIND_COUNT] = {
    "run_start", "rank", "class", "epoch", "log", "run_end",
};

static const char *const state_names[STATE_COUNT] = {
    "none", "waiting", "running", "done", "failed", "resumed", "stopped",
};

const char *event_kind_name(enum event_kind kind)
{
    return (unsigned)kind < EVENT_KIND_COUNT ? kind_names[kind] : "?";
}

const char *event_state_name(enum event_state state)
{
    return (unsigned)state < STATE_COUNT ? state_names[state] : "?";
}

struct event event_make(enum event_kind kind)
{
    struct event event;
    memset(&event, 0, sizeof event);
    event.kind = kind;
    event.class_index = -1;
    event.value = -1;
    return event;
}

static int64_t integer_get(const struct event *event, const struct integer_member *member)
{
    const char *place = (const char *)event + member->offset;
    int32_t narrow;
    int64_t wide;
    if (member->width == INT32_WIDE) {
        memcpy(&narrow, place, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, place, sizeof wide);
    return wide;
}

static void integer_put(struct event *event, const struct integer_member *member, int64_t value)
{
    char *place = (char *)event + member->offset;
    int32_t narrow = (int32_t)value; /* the member's limits fit its width */
    if (member->width == INT32_WIDE)
        memcpy(place, &narrow, sizeof narrow);
    else
        memcpy(place, &value, sizeof value);
}

static double real_get(const struct event *event, const struct real_member *member)
{
    double value;
    memcpy(&value, (const char *)event + member->offset, sizeof value);
    return value;
}

static void real_put(struct event *event, const struct real_member *member, double value)
{
    memcpy((char *)event + member->offset, &value, sizeof value);
}

/* json_object_set_new takes the value over and refuses NULL, so a failed allocation shows here as false. */
static bool member_set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static bool integer_encode(json_t *object, const struct integer_member *member, int64_t value)
{
    value = value < member->least ? member->least : value > member->most ? member->most : value;
    return value == member->absent || member_set(object, member->name, json_integer(value));
}

static bool real_encode(json_t *object, const struct real_member *member, double value)
{
    if (!isfinite(value) && member->may_be_undefined)
        return member_set(object, member->name, json_null());
    if (isnan(value))
        value = member->absent;
    value = fmin(fmax(value, member->least), member->most);
    return fabs(value - member->absent) <= 0 || member_set(object, member->name, json_real(value));
}

static bool string_encode(json_t *object, const char *name, const char *text, size_t bytes)
{
    char clean[EVENT_TEXT_BYTES];
    char whole[EVENT_TEXT_BYTES];
    memcpy(whole, text, bytes); /* a caller may have filled the field to its last byte */
    whole[bytes - 1] = '\0';
    return text_clean(clean, sizeof clean, whole) == 0 || member_set(object, name, json_string(clean));
}

static json_t *event_to_json(const struct event *event)
{
    json_t *object = json_object();
    if (object == NULL)
        return NULL;
    bool good = member_set(object, "v", json_integer(EVENT_WIRE_VERSION)) &&
                member_set(object, "kind", json_string(kind_names[event->kind]));
    if (event->state > STATE_NONE && event->state < STATE_COUNT)
        good = good && member_set(object, "state", json_string(state_names[event->state]));
    for (int i = 0; i < INTEGER_COUNT; i++)
        good = good && integer_encode(object, &integers[i], integer_get(event, &integers[i]));
    for (int i = 0; i < REAL_COUNT; i++)
        good = good && real_encode(object, &reals[i], real_get(event, &reals[i]));
    good = good && string_encode(object, "host", event->host, sizeof event->host);
    good = good && string_encode(object, "job", event->job, sizeof event->job);
    good = good && string_encode(object, "text", event->text, sizeof event->text);
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

size_t event_encode(const struct event *event, char *message, size_t bytes)
{
    size_t length = 0;
    if (bytes == 0)
        return 0;
    message[0] = '\0';
    if ((unsigned)event->kind >= EVENT_KIND_COUNT)
        return 0;
    json_t *object = event_to_json(event);
    if (object != NULL) /* 15 digits survive any number of decodings and encodings unchanged */
        length = json_dumpb(object, message, bytes, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    if (length >= bytes)
        length = 0;
    message[length] = '\0';
    return length;
}

static enum status real_decode(const json_t *object, const struct real_member *member, struct event *event)
{
    double value = member->absent;
    enum status status = STATUS_OK;
    if (member->may_be_undefined && json_is_null(json_object_get(object, member->name)))
        value = NAN;
    else
        status = json_member_real(object, member->name, member->least, member->most, &value);
    real_put(event, member, value);
    return status;
}

static enum status event_from_json(const json_t *object, struct event *event)
{
    int kind = -1;
    int state = STATE_NONE;
    enum status status = json_version_check(object, "event");
    if (status != STATUS_OK)
        return status;
    status = json_member_choice(object, "kind", kind_names, EVENT_KIND_COUNT, &kind);
    if (status == STATUS_OK && kind < 0)
        status = error_set(STATUS_FORMAT, "no member \"kind\"");
    if (status == STATUS_OK)
        status = json_member_choice(object, "state", state_names, STATE_COUNT, &state);
    if (status != STATUS_OK)
        return error_prefix(status, "event: ");
    event->kind = (enum event_kind)kind;
    event->state = (enum event_state)state;
    for (int i = 0; status == STATUS_OK && i < INTEGER_COUNT; i++) {
        int64_t value = integers[i].absent;
        status = json_member_integer(object, integers[i].name, integers[i].least, integers[i].most, &value);
        integer_put(event, &integers[i], value);
    }
    for (int i = 0; status == STATUS_OK && i < REAL_COUNT; i++)
        status = real_decode(object, &reals[i], event);
    if (status == STATUS_OK)
        status = json_member_string(object, "host", event->host, sizeof event->host);
    if (status == STATUS_OK)
        status = json_member_string(object, "job", event->job, sizeof event->job);
    if (status == STATUS_OK)
        status = json_member_string(object, "text", event->text, sizeof event->text);
    return status == STATUS_OK ? status : error_prefix(status, "%s event: ", kind_names[kind]);
}

enum status event_decode(const char *message, size_t length, struct event *event)
{
    json_t *object = NULL;
    *event = event_make(EVENT_LOG);
    if (length == 0 || length >= EVENT_MESSAGE_BYTES_MAX)
        return error_set(STATUS_FORMAT, "event: message of %zu bytes, expected 1 to %d", length,
                         EVENT_MESSAGE_BYTES_MAX - 1);
    enum status status = json_object_parse(message, length, "event", &object);
    if (status == STATUS_OK)
        status = event_from_json(object, event);
    if (status != STATUS_OK)
        *event = event_make(EVENT_LOG);
    json_decref(object);
    return status;
}
