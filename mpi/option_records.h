/* What a run was asked to do, as name and value texts: what --resume compares, and run.json lists. */
#ifndef FACET_MPI_OPTION_RECORDS_H
#define FACET_MPI_OPTION_RECORDS_H

#include <stdint.h>

#include "compute/base/error.h"

enum { OPTION_NAME_BYTES = 32, OPTION_VALUE_BYTES = 128, OPTION_RECORDS_MAX = 64 };

struct option_record {
    char name[OPTION_NAME_BYTES];
    char value[OPTION_VALUE_BYTES];
};

struct option_records {
    int32_t count;
    struct option_record records[OPTION_RECORDS_MAX];
};

/* Adds a record; the value is printf style. One that is too long stands there as its beginning and the digest
 * of all of it, so that no two values are taken for the same. More than OPTION_RECORDS_MAX are our own bug
 * and abort. */
void option_records_add(struct option_records *records, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a number in as few digits as give it back, so that it stands there as it was typed. */
void option_records_add_number(struct option_records *records, const char *name, float value);

/* STATUS_MISMATCH names the first difference: `where` has the old value, this run the new one. */
enum status option_records_compare(const struct option_records *old, const struct option_records *now,
                                   const char *where);

#endif
