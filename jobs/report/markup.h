/* Text that came from anywhere (class names, file names, command lines), written so that it is only ever
 * text. Bytes that are not UTF-8, control characters and those that reorder a line are replaced
 * (mpi/wire/text.h). */
#ifndef FACET_JOBS_REPORT_MARKUP_H
#define FACET_JOBS_REPORT_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* For HTML and SVG: between tags, and in attributes between double or single quotes. */
void markup_html(FILE *out, const char *text);

/* For Markdown, in a paragraph or in a cell of a table. */
void markup_markdown(FILE *out, const char *text);

/* Bytes as base64, for a data URI. */
void markup_base64(FILE *out, const void *bytes, size_t count);

#endif
