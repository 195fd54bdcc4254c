/* Everything that reads messages of the progress wire, under libFuzzer. Not part of the build:
 *
 *   clang -g -O1 -std=gnu11 -D_GNU_SOURCE -I. -fsanitize=fuzzer,address,undefined tests/fuzz/fuzz_event.c \
 *       mpi/wire/event.c mpi/wire/json_member.c mpi/wire/picture.c mpi/wire/snapshot.c mpi/wire/text.c \
 *       mpi/wire/endpoint_file.c mpi/wire/machine.c compute/base/error.c compute/base/memory.c \
 *       compute/base/output_file.c -ljansson -o /tmp/fuzz_event
 *   /tmp/fuzz_event -max_len=4096 -max_total_time=60 /tmp/corpus [RUN/events.jsonl]
 */
#include <stdlib.h>

#include "mpi/wire/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An accepted event encodes, and what it encodes to is accepted. */
static void fuzz_event(const char *message, size_t length)
{
    struct event event;
    char again[EVENT_MESSAGE_BYTES_MAX];
    if (event_decode(message, length, &event) != STATUS_OK)
        return;
    size_t encoded = event_encode(&event, again, sizeof again);
    if (encoded == 0 || event_decode(again, encoded, &event) != STATUS_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot_header header;
    struct picture *picture;
    fuzz_event((const char *)data, size);
    if (snapshot_decode((const char *)data, size, &header, &picture) == STATUS_OK)
        picture_destroy(&picture);
    return 0;
}
