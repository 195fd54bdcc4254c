/* Tables with commas: reading the named columns of a file, row by row. */
#ifndef FACET_JOBS_REPORT_CSV_H
#define FACET_JOBS_REPORT_CSV_H

#include "compute/base/error.h"

struct csv_table {
    const char *path;
    const char *writer;         /* whose table it should be, for messages */
    const char *const *columns; /* (column_count) wanted, in the order in which `row` gets their cells */
    int column_count;
    /* Takes one row's cells (column_count); `line` is its number in the file. Not STATUS_OK ends the reading.
     */
    enum status (*row)(void *context, int line, const char *const *cells);
    void *context;
};

/* Quoted cells may hold commas and doubled quotes, not line breaks. A file that is not there has no rows.
 * STATUS_IO when it cannot be read; STATUS_FORMAT when a column is missing or a row has another number of
 * cells than the first line. */
enum status csv_read(const struct csv_table *table);

#endif
