/* Steps that several kinds of studies make. Collective, all of them; results are the study's. */
#ifndef FACET_JOBS_STUDY_EXPERIMENTS_H
#define FACET_JOBS_STUDY_EXPERIMENTS_H

#include "jobs/study/step.h"

/* facet evaluate FILE --data TEST [--classes CLASSES] as step `name`; *result is its --json. */
enum status experiment_evaluate(struct study *study, const char *name, const char *file, const char *test,
                                const char *classes, json_t **result);

/* facet decompose of the network with `words` (may be NULL) and the study's --decompose, as step `name`; the
 * modules file's path into modules, *record (may be NULL) the step's. */
enum status experiment_decompose(struct study *study, const struct study_network *network, const char *name,
                                 const char *words, char modules[STUDY_PATH_BYTES], json_t **record);

/* Adds a sentence above the tables. */
void study_remark(struct study *study, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Percentage points that `other` lies below `parent`, both fractions. */
double points_lost(double parent, double other);

#endif
