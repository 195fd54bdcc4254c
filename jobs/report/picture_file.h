/* Files of pictures, read whole. */
#ifndef FACET_JOBS_REPORT_PICTURE_FILE_H
#define FACET_JOBS_REPORT_PICTURE_FILE_H

#include <stddef.h>

#include "compute/base/error.h"

enum { PICTURE_FILE_BYTES_MAX = 64 << 20 };

/* The file's bytes and a zero after them, for memory_free. STATUS_IO when it cannot be read, STATUS_FORMAT
 * when it is larger than PICTURE_FILE_BYTES_MAX; *bytes is then NULL. */
enum status picture_file_read(const char *path, char **bytes, size_t *count);

#endif
