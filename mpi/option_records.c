#include "mpi/option_records.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void option_records_add(struct option_records *records, const char *name, const char *format, ...)
{
    if (records->count == OPTION_RECORDS_MAX)
        abort();
    struct option_record *record = &records->records[records->count++];
    memset(record, 0, sizeof *record);
    snprintf(record->name, sizeof record->name, "%s", name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(record->value, sizeof record->value, format, arguments);
    va_end(arguments);
}

static const char *value_of(const struct option_records *records, const char *name)
{
    for (int32_t i = 0; i < records->count; i++)
        if (strcmp(records->records[i].name, name) == 0)
            return records->records[i].value;
    return "nothing";
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
