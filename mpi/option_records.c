#include "mpi/option_records.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/digest.h"

/* A value that is too long for its record, as a text that differs when it differs anywhere. */
static void shorten(const char *value, size_t bytes, char shortened[OPTION_VALUE_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX_BYTES];
    struct digest_state state;
    digest_begin(&state);
    digest_add(&state, value, bytes);
    digest_end(&state, digest);
    digest_to_hex(digest, hex);
    snprintf(shortened, OPTION_VALUE_BYTES, "%.40s… (digest %s)", value, hex);
}

void option_records_add(struct option_records *records, const char *name, const char *format, ...)
{
    if (records->count == OPTION_RECORDS_MAX)
        abort();
    struct option_record *record = &records->records[records->count++];
    memset(record, 0, sizeof *record);
    snprintf(record->name, sizeof record->name, "%s", name);
    va_list arguments;
    char *value = NULL;
    va_start(arguments, format);
    int length = vasprintf(&value, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    if (length < OPTION_VALUE_BYTES)
        memcpy(record->value, value, (size_t)length);
    else
        shorten(value, (size_t)length, record->value);
    free(value);
}

static const char *value_of(const struct option_records *records, const char *name)
{
    for (int32_t i = 0; i < records->count; i++)
        if (strcmp(records->records[i].name, name) == 0)
            return records->records[i].value;
    return "nothing";
}

void option_records_add_number(struct option_records *records, const char *name, float value)
{
    char text[32];
    int digits = 1;
    do
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
    while (strtof(text, NULL) != value && digits++ < 9); /* nine tell all floats apart */
    option_records_add(records, name, "%s", text);
}

enum status option_records_compare(const struct option_records *old, const struct option_records *now,
                                   const char *where)
{
    for (int32_t pass = 0; pass < 2; pass++) { /* names that only one of them has differ too */
        const struct option_records *names = pass == 0 ? old : now;
        for (int32_t i = 0; i < names->count; i++) {
            const char *name = names->records[i].name;
            const char *before = value_of(old, name), *after = value_of(now, name);
            if (strcmp(before, after) != 0)
                return error_set(STATUS_MISMATCH,
                                 "%s: cannot resume: %s was %s, now it is %s; give the old value, or start "
                                 "afresh without --resume",
                                 where, name, before, after);
        }
    }
    return STATUS_OK;
}
