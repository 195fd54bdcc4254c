#include "mpi/wire/snapshot.h"

#include <jansson.h>
#include <string.h>

#include "compute/base/memory.h"
#include "mpi/wire/json_member.h"

enum { HEADER_BYTES_MAX = 1024 };

struct writer {
    char *text;
    size_t used, capacity;
};

static enum status writer_add(struct writer *writer, const char *line, size_t length)
{
    if (writer->capacity - writer->used < length + 1) {
        struct writer grown = {NULL, writer->used, 2 * writer->capacity + length + 4096};
        if (grown.used + length + 1 > SNAPSHOT_BYTES_MAX)
            return error_set(STATUS_SHAPE, "snapshot: more than %d bytes", SNAPSHOT_BYTES_MAX);
        enum status status = memory_allocate(&grown.text, grown.capacity, 1, "snapshot");
        if (status != STATUS_OK)
            return status;
        if (writer->used > 0)
            memcpy(grown.text, writer->text, writer->used);
        memory_free(&writer->text);
        *writer = grown;
    }
    memcpy(writer->text + writer->used, line, length);
    writer->text[writer->used + length] = '\n';
    writer->used += length + 1;
    return STATUS_OK;
}

static enum status event_write(void *data, const struct event *event)
{
    char line[EVENT_MESSAGE_BYTES_MAX];
    size_t length = event_encode(event, line, sizeof line);
    if (length == 0)
        return error_set(STATUS_NO_MEMORY, "snapshot: no memory to encode an event");
    return writer_add(data, line, length);
}

static enum status event_count(void *data, const struct event *event)
{
    int64_t *count = data;
    (void)event;
    ++*count;
    return STATUS_OK;
}

static enum status header_write(struct writer *writer, const struct snapshot_header *header, int64_t events)
{
    char line[HEADER_BYTES_MAX];
    size_t length = 0;
    json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "v", EVENT_WIRE_VERSION, "kind",
                               "snapshot", "run", header->run, "publish", header->publish, "seq",
                               (json_int_t)header->sequence, "ignored", (json_int_t)header->ignored,
                               "refused", (json_int_t)header->refused, "events", (json_int_t)events);
    if (object != NULL)
        length = json_dumpb(object, line, sizeof line, JSON_COMPACT);
    json_decref(object);
    if (length == 0 || length > sizeof line)
        return error_set(STATUS_NO_MEMORY, "snapshot: no memory to encode its header");
    return writer_add(writer, line, length);
}

enum status snapshot_encode(const struct snapshot_header *header, const struct picture *picture,
                            char **message, size_t *length)
{
    struct writer writer = {NULL, 0, 0};
    int64_t events = 0;
    *message = NULL;
    *length = 0;
    enum status status = picture_replay(picture, event_count, &events);
    if (status == STATUS_OK)
        status = header_write(&writer, header, events);
    if (status == STATUS_OK)
        status = picture_replay(picture, event_write, &writer);
    if (status != STATUS_OK) {
        memory_free(&writer.text);
        return status;
    }
    *message = writer.text;
    *length = writer.used;
    return STATUS_OK;
}

/* The next line of the message from *at on; false when there is none. */
static bool line_next(const char *message, size_t length, size_t *at, const char **line, size_t *line_length)
{
    if (*at >= length)
        return false;
    const char *end = memchr(message + *at, '\n', length - *at);
    if (end == NULL) /* every line is ended: what is not was cut off */
        return false;
    *line = message + *at;
    *line_length = (size_t)(end - *line);
    *at += *line_length + 1;
    return true;
}

static enum status header_decode(const char *line, size_t length, struct snapshot_header *header,
                                 int64_t *events)
{
    static const char *const kinds[] = {"snapshot"};
    json_t *object = NULL;
    int kind = -1;
    int64_t sequence = 0;
    int64_t ignored = 0;
    int64_t refused = 0;
    if (length > HEADER_BYTES_MAX)
        return error_set(STATUS_FORMAT, "snapshot: header of %zu bytes, expected at most %d", length,
                         HEADER_BYTES_MAX);
    enum status status = json_object_parse(line, length, "snapshot", &object);
    if (status != STATUS_OK)
        return status;
    status = json_version_check(object, "snapshot");
    if (status == STATUS_OK)
        status = json_member_choice(object, "kind", kinds, 1, &kind);
    if (status == STATUS_OK)
        status = json_member_string(object, "run", header->run, sizeof header->run);
    if (status == STATUS_OK)
        status = json_member_string(object, "publish", header->publish, sizeof header->publish);
    if (status == STATUS_OK)
        status = json_member_integer(object, "seq", 0, INT64_MAX, &sequence);
    if (status == STATUS_OK)
        status = json_member_integer(object, "ignored", 0, INT64_MAX, &ignored);
    if (status == STATUS_OK)
        status = json_member_integer(object, "refused", 0, INT64_MAX, &refused);
    if (status == STATUS_OK)
        status = json_member_integer(object, "events", 0, INT32_MAX, events);
    json_decref(object);
    if (status != STATUS_OK)
        return status;
    header->sequence = (uint64_t)sequence;
    header->ignored = (uint64_t)ignored;
    header->refused = (uint64_t)refused;
    if (kind != 0 || header->run[0] == '\0')
        return error_set(STATUS_FORMAT, "snapshot: the first line is no snapshot header");
    return endpoint_check(header->publish);
}

enum status snapshot_decode(const char *message, size_t length, struct snapshot_header *header,
                            struct picture **picture)
{
    const char *line;
    size_t line_length;
    size_t at = 0;
    int64_t announced = 0;
    int64_t seen = 0;
    struct event event;
    *picture = NULL;
    memset(header, 0, sizeof *header);
    if (length > SNAPSHOT_BYTES_MAX || !line_next(message, length, &at, &line, &line_length))
        return error_set(STATUS_FORMAT, "snapshot: %zu bytes without a header line", length);
    enum status status = header_decode(line, line_length, header, &announced);
    if (status == STATUS_OK)
        status = picture_create(picture);
    for (; status == STATUS_OK && line_next(message, length, &at, &line, &line_length); seen++) {
        status = event_decode(line, line_length, &event);
        if (status == STATUS_OK)
            status = picture_apply(*picture, &event);
    }
    if (status == STATUS_OK && (seen != announced || at != length))
        status = error_set(STATUS_FORMAT, "snapshot: %lld whole events in %zu bytes, its header says %lld",
                           (long long)seen, length, (long long)announced);
    if (status == STATUS_OK)
        (*picture)->sequence = header->sequence;
    else
        picture_destroy(picture);
    return status;
}
