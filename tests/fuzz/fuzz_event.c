/* Messages of the progress wire: many events in one, a line each, and snapshots. What is accepted encodes,
 * and what it encodes to is accepted. */
#include "fuzz_input.h"

#include "compute/base/memory.h"
#include "mpi/wire/event_batch.h"
#include "mpi/wire/snapshot.h"

static void fuzz_line(const char *line, size_t length)
{
    struct event event;
    char again[EVENT_MESSAGE_BYTES_MAX];
    if (event_decode(line, length, &event) != STATUS_OK)
        return;
    size_t encoded = event_encode(&event, again, sizeof again);
    if (encoded == 0 || event_decode(again, encoded, &event) != STATUS_OK)
        abort();
}

static void fuzz_snapshot(const char *message, size_t length)
{
    struct snapshot_header header;
    struct picture *picture = NULL;
    char *again = NULL;
    if (snapshot_decode(message, length, &header, &picture) != STATUS_OK)
        return;
    if (snapshot_encode(&header, picture, &again, &length) != STATUS_OK)
        abort();
    picture_destroy(&picture);
    if (snapshot_decode(again, length, &header, &picture) != STATUS_OK)
        abort();
    picture_destroy(&picture);
    memory_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *message = (const char *)data, *line;
    size_t at = 0, length;
    while (event_line_next(message, size, &at, &line, &length))
        fuzz_line(line, length);
    fuzz_snapshot(message, size);
    return 0;
}
