#include "mpi/wire/admission.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "compute/base/memory.h"
#include "mpi/wire/machine.h"
#include "mpi/wire/wire_socket.h"

enum {
    RAW_KEY_BYTES = 32,
    VALUE_BYTES = 256,
    ZAP_MESSAGES_MAX = 1 << 16 /* an unread request is small; a flood of connections waits its turn */
};

/* The frames of a request, RFC 27. */
enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, FRAME_COUNT };

struct admission {
    void *socket;
    int stop_descriptor; /* eventfd; −1: none */
    pthread_t thread;
    bool thread_runs;
    int count;
    struct {
        const char *domain;
        uint8_t key[RAW_KEY_BYTES];
    } rules[ADMISSION_RULES_MAX];
    _Atomic uint64_t refused;
};

static bool frame_is(const struct wire_frame *frame, const void *bytes, size_t count)
{
    return frame->bytes == count && memcmp(frame->data, bytes, count) == 0;
}

static bool client_is_listed(const struct admission *admission, const struct wire_frame *frames)
{
    if (!frame_is(&frames[MECHANISM], "CURVE", 5))
        return false;
    for (int i = 0; i < admission->count; i++)
        if (frame_is(&frames[DOMAIN], admission->rules[i].domain, strlen(admission->rules[i].domain)) &&
            frame_is(&frames[CREDENTIALS], admission->rules[i].key, RAW_KEY_BYTES))
            return true;
    return false;
}

static void reply_send(void *socket, const struct wire_frame *request, bool admitted)
{
    const char *code = admitted ? "200" : "400";
    zmq_send(socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(socket, request->data, request->bytes, ZMQ_SNDMORE);
    zmq_send(socket, code, 3, ZMQ_SNDMORE);
    zmq_send(socket, "", 0, ZMQ_SNDMORE); /* text, user and metadata: nothing a stranger should know */
    zmq_send(socket, "", 0, ZMQ_SNDMORE);
    zmq_send(socket, "", 0, 0);
}

/* The handler's peer is libzmq itself; still, what is no request is refused. */
static void request_answer(struct admission *admission)
{
    char values[FRAME_COUNT][VALUE_BYTES];
    struct wire_frame frames[FRAME_COUNT];
    for (int i = 0; i < FRAME_COUNT; i++)
        frames[i] = (struct wire_frame){values[i], VALUE_BYTES, 0};
    enum wire_received received = wire_socket_receive(admission->socket, frames, FRAME_COUNT);
    if (received == WIRE_NONE)
        return;
    bool admitted = received == WIRE_MESSAGE && client_is_listed(admission, frames);
    if (!admitted)
        admission->refused++;
    if (frames[REQUEST].bytes > VALUE_BYTES)
        frames[REQUEST].bytes = 0;
    reply_send(admission->socket, &frames[REQUEST], admitted);
}

static void *admission_run(void *argument)
{
    struct admission *admission = argument;
    zmq_pollitem_t items[] = {
        {admission->socket, 0, ZMQ_POLLIN, 0},
        {NULL, admission->stop_descriptor, ZMQ_POLLIN, 0},
    };
    while (items[1].revents == 0) {
        if (zmq_poll(items, 2, -1) < 0 && zmq_errno() != EINTR)
            break;
        if (items[0].revents != 0)
            request_answer(admission);
    }
    return NULL;
}

static enum status rules_take(struct admission *admission, const struct admission_rule *rules, int count)
{
    if (count < 0 || count > ADMISSION_RULES_MAX)
        return error_set(STATUS_INTERNAL, "admission: %d rules, expected 0 to %d", count,
                         ADMISSION_RULES_MAX);
    for (int i = 0; i < count; i++) {
        admission->rules[i].domain = rules[i].domain;
        if (!wire_key_is_well_formed(rules[i].public_key) ||
            zmq_z85_decode(admission->rules[i].key, rules[i].public_key) == NULL)
            return error_set(STATUS_INTERNAL, "admission: a rule's key is no key");
    }
    admission->count = count;
    return STATUS_OK;
}

enum status admission_start(void *context, const struct admission_rule *rules, int count,
                            struct admission **admission)
{
    enum status status = memory_allocate(admission, 1, sizeof **admission, "admission");
    if (status != STATUS_OK)
        return status;
    struct admission *made = *admission;
    made->stop_descriptor = eventfd(0, EFD_CLOEXEC);
    if (made->stop_descriptor < 0)
        status = error_set(STATUS_IO, "admission: eventfd: %s", strerror(errno));
    if (status == STATUS_OK)
        status = rules_take(made, rules, count);
    if (status == STATUS_OK)
        status = wire_socket_create(context,
                                    &(struct wire_socket_options){.type = ZMQ_REP,
                                                                  .receive_queue = ZAP_MESSAGES_MAX,
                                                                  .message_bytes_max = VALUE_BYTES},
                                    &made->socket);
    if (status == STATUS_OK)
        status = wire_socket_bind(made->socket, "inproc://zeromq.zap.01");
    if (status == STATUS_OK)
        status = machine_thread_start(&made->thread, admission_run, made, "admission");
    made->thread_runs = status == STATUS_OK;
    if (status != STATUS_OK)
        admission_stop(admission);
    return status;
}

uint64_t admission_refused(const struct admission *admission)
{
    return admission->refused;
}

void admission_stop(struct admission **admission)
{
    static const uint64_t one = 1;
    if (*admission == NULL)
        return;
    /* an eventfd takes a first 1 always */
    if ((*admission)->thread_runs && write((*admission)->stop_descriptor, &one, sizeof one) == sizeof one)
        pthread_join((*admission)->thread, NULL);
    wire_socket_close(&(*admission)->socket);
    if ((*admission)->stop_descriptor >= 0)
        close((*admission)->stop_descriptor);
    memory_free(admission);
}
