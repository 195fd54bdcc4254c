/* Status codes and the message that goes with them.
 *
 * Every fallible function of the project returns an enum status. When it is not STATUS_OK the function has
 * left one line of text behind (thread-local) that names the file or thing, the value seen, the value
 * expected and what to do about it. Nothing in the libraries prints or exits: that is for jobs/. */
#ifndef FACET_COMPUTE_BASE_ERROR_H
#define FACET_COMPUTE_BASE_ERROR_H

enum status {
    STATUS_OK = 0,
    STATUS_USAGE,     /* the caller asked for something that makes no sense: exit code 2 */
    STATUS_NO_MEMORY, /* an allocation failed */
    STATUS_IO,        /* the operating system or a library said no: open, read, write, rename, disk full */
    STATUS_FORMAT,    /* a file or message is not what it says it is: truncated, wrong magic, wrong version */
    STATUS_SHAPE,     /* sizes or shapes do not fit one another */
    STATUS_NOT_FOUND, /* a class, a layer, a network name that does not exist */
    STATUS_MISMATCH,  /* two inputs contradict one another: resume with other options, other data */
    STATUS_STOPPED,   /* a signal asked the run to stop; what was finished has been saved */
    STATUS_INTERNAL   /* our own bug */
};

/* Sets this thread's message (printf style, at most 1,023 bytes, line breaks become spaces) and is
 * `status`, so that a failing function can end with `return error_set(STATUS_SHAPE, "…", …);`. A macro, so
 * that compilers and analyzers see which status comes back. */
#define error_set(status, ...) (error_message_set(__VA_ARGS__), error_status(status))

/* Puts context in front of the message that is there ("reading layer conv1: " + message); is `status`. */
#define error_prefix(status, ...) (error_message_prefix(__VA_ARGS__), error_status(status))

/* What the two are made of. */
void error_message_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
void error_message_prefix(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline enum status error_status(enum status status)
{
    return status;
}

/* This thread's message; "" when nothing failed yet. Valid until the thread's next error_set or error_prefix.
 */
const char *error_message(void);

/* A failure carried from one thread (or rank) to another: a status with its message.
 * Inside an OpenMP region each thread calls error_keep_first(&carried, status) and the thread that started
 * the region calls error_raise(&carried) afterwards. Start it as `struct error_carried carried = {STATUS_OK,
 * ""};`. */
struct error_carried {
    enum status status;
    char message[1024];
};

/* Copies this thread's message into `carried` if `status` is a failure and nothing is carried yet.
 * Safe to call from several threads at once. */
void error_keep_first(struct error_carried *carried, enum status status);

/* Makes the carried message this thread's own; returns the carried status. */
enum status error_raise(const struct error_carried *carried);

#endif
