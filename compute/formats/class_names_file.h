/* Class names from a text file: one a line, in label order. */
#ifndef FACET_COMPUTE_FORMATS_CLASS_NAMES_FILE_H
#define FACET_COMPUTE_FORMATS_CLASS_NAMES_FILE_H

#include "compute/base/names.h"

/* *names (count, released with memory_free by the caller) are the file's lines without their line ends;
 * empty lines at the end are ignored. STATUS_FORMAT for an empty file, a name that is too long or stands
 * twice, or more than 100,000 names. */
enum status class_names_file_read(const char *path, class_name **names, int32_t *count);

#endif
