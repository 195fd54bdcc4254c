/* The page of results, in Markdown: made of the records of studies in the folder beside it, in a fixed order.
 */
#ifndef FACET_JOBS_STUDY_RESULTS_PAGE_H
#define FACET_JOBS_STUDY_RESULTS_PAGE_H

#include <stddef.h>

#include "compute/base/error.h"

/* The folder beside the page: its path without ".md". STATUS_USAGE when the page's name does not end so. */
enum status results_page_folder(const char *page, char *folder, size_t bytes);

/* Writes the page of the records (*.json) in that folder. STATUS_NOT_FOUND when there are none, STATUS_FORMAT
 * for one that is no record. */
enum status results_write_page(const char *page);

#endif
