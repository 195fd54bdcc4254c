/* Results of studies: a record of each (JSON, with its tables as CSV and its plots as SVG beside it), and the
 * page that shows all of them, made of the records alone. Rank 0's work. */
#ifndef FACET_JOBS_STUDY_RESULTS_H
#define FACET_JOBS_STUDY_RESULTS_H

#include "jobs/study/study.h"

struct table_plot;

/* Draws a plot of the table into the study's directory and lists it; without gnuplot that is told once and
 * the plot is left out. */
enum status results_plot(struct study *study, const json_t *table, const struct table_plot *how);

/* Writes the study's record and tables into its directory; with `page` ("docs/results.md") all of them also
 * into the folder beside the page ("docs/results"), and the page anew. */
enum status results_publish(struct study *study, const char *page);

#endif
