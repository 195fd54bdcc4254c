/* The confusion matrix as a CSV file (RFC 4180). */
#ifndef FACET_JOBS_CONFUSION_CSV_H
#define FACET_JOBS_CONFUSION_CSV_H

#include "modules/judgement.h"

/* First row "truth" and the labels, then a row for each true label: how many of its images were put in each.
 * Beside and renamed. `labels` are the classifier's. */
enum status confusion_csv_write(const struct judgement *judgement, const class_name *labels,
                                const char *path);

#endif
