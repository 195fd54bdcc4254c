/* The short table at the top of the page of results: what each study came to beside what is published, made
 * of the studies' records. */
#ifndef FACET_JOBS_STUDY_RESULTS_SUMMARY_H
#define FACET_JOBS_STUDY_RESULTS_SUMMARY_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* `records` are in the order of the page. What a record has no figures for is left out. */
void results_write_summary(const json_t *const *records, size_t count, FILE *out);

#endif
