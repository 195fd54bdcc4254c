#include "compute/base/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];
static pthread_mutex_t carried_lock = PTHREAD_MUTEX_INITIALIZER;

/* One message is one line, whatever text a file or a library put into it. */
static void message_store(const char *text)
{
    size_t used = 0;
    for (; text[used] != '\0' && used + 1 < sizeof message; used++)
        message[used] = (text[used] == '\n' || text[used] == '\r') ? ' ' : text[used];
    message[used] = '\0';
}

void error_message_set(const char *format, ...)
{
    char text[sizeof message]; /* formatted aside first: an argument may be error_message() itself */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    message_store(text);
}

void error_message_prefix(const char *format, ...)
{
    char text[2 * sizeof message];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text, sizeof message, format, arguments);
    va_end(arguments);
    if (used < 0)
        used = 0;
    size_t at = (size_t)used < sizeof message ? (size_t)used : sizeof message - 1;
    snprintf(text + at, sizeof text - at, "%s", message);
    message_store(text);
}

const char *error_message(void)
{
    return message;
}

void error_keep_first(struct error_carried *carried, enum status status)
{
    if (status == STATUS_OK)
        return;
    pthread_mutex_lock(&carried_lock);
    if (carried->status == STATUS_OK) {
        carried->status = status;
        memcpy(carried->message, message, sizeof message);
    }
    pthread_mutex_unlock(&carried_lock);
}

enum status error_raise(const struct error_carried *carried)
{
    if (carried->status != STATUS_OK)
        message_store(carried->message);
    return carried->status;
}
