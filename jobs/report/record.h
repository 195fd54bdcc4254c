/* What a run directory tells of its run. */
#ifndef FACET_JOBS_REPORT_RECORD_H
#define FACET_JOBS_REPORT_RECORD_H

#include <jansson.h>

#include "jobs/report/class_curves.h"
#include "jobs/report/timeline.h"
#include "mpi/wire/picture.h"

struct record {
    const char *directory;
    json_t *run;            /* run.json; NULL: none; owned, as are the following */
    json_t *studies;        /* records of studies in the directory */
    struct picture *events; /* NULL: no events.jsonl */
    struct timeline *timeline;
    struct class_curves class_curves;
    char *scaling;    /* DIRECTORY/scaling.csv; NULL: there is none */
    uint64_t skipped; /* lines of events.jsonl that say nothing about the run */
};

/* Reads run.json, events.jsonl (of its last run) and studies, and looks for scaling.csv. STATUS_NOT_FOUND
 * when the directory has neither a run nor a study; STATUS_FORMAT for a file that is not what it says it is.
 */
enum status record_read(const char *directory, struct record *record);
void record_clear(struct record *record);

/* The name of a class as the events tell it; "" when they do not. */
const char *record_class_name(const struct record *record, int32_t class_index);

/* A text or number of a JSON object, "" or NaN when it has none. */
const char *record_text(const json_t *object, const char *name);
double record_number(const json_t *object, const char *name);

#endif
