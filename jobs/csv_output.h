/* Cells of CSV files (RFC 4180). */
#ifndef FACET_JOBS_CSV_OUTPUT_H
#define FACET_JOBS_CSV_OUTPUT_H

#include <stdio.h>

/* A cell's text: as it is, or in quotes where it must be. */
void csv_write_text(FILE *file, const char *text);

#endif
