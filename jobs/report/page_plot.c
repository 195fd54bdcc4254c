#include "jobs/report/page_plot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"

enum { PLOT_FILE_BYTES_MAX = 64 << 20 };

/* The file as a text; released with free. */
static enum status read_text(const char *path, char **text)
{
    size_t length = 0, room = 0, n = 1;
    FILE *file = fopen(path, "re");
    *text = NULL;
    if (file == NULL)
        return error_set(STATUS_IO, "%s: %s", path, strerror(errno));
    while (n > 0 && length < PLOT_FILE_BYTES_MAX) {
        if (room < length + 65537) {
            char *more = realloc(*text, room = 2 * room + 65537);
            if (more == NULL)
                break;
            *text = more;
        }
        n = fread(*text + length, 1, 65536, file);
        length += n;
    }
    bool whole = n == 0 && ferror(file) == 0;
    fclose(file);
    if (whole) {
        (*text)[length] = '\0';
        return STATUS_OK;
    }
    free(*text);
    *text = NULL;
    return error_set(STATUS_IO, "%s: cannot be read as a plot", path);
}

enum status page_plot(struct page *page, const struct plot *plot, const struct page_picture *picture)
{
    char *path = NULL, *svg = NULL;
    size_t bytes = strlen(page_path(page)) + sizeof ".plot.svg";
    enum status status = memory_allocate(&path, bytes, 1, "path");
    if (status == STATUS_OK) {
        snprintf(path, bytes, "%s.plot.svg", page_path(page));
        status = plot_write(plot, path);
        if (status == STATUS_OK)
            status = read_text(path, &svg);
        output_file_discard(path);
    }
    if (status == STATUS_OK)
        status = page_gnuplot(page, picture, svg);
    free(svg);
    memory_free(&path);
    return status;
}
