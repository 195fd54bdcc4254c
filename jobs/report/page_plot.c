#include "jobs/report/page_plot.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "jobs/report/picture_file.h"

enum status page_plot(struct page *page, const struct plot *plot, const struct page_picture *picture)
{
    char *path = NULL, *svg = NULL;
    size_t length, bytes = strlen(page_path(page)) + sizeof ".plot.svg";
    enum status status = memory_allocate(&path, bytes, 1, "path");
    if (status == STATUS_OK) {
        snprintf(path, bytes, "%s.plot.svg", page_path(page));
        status = plot_write(plot, path);
        if (status == STATUS_OK)
            status = picture_file_read(path, &svg, &length);
        output_file_discard(path);
    }
    if (status == STATUS_OK)
        status = page_gnuplot(page, picture, svg);
    memory_free(&svg);
    memory_free(&path);
    return status;
}
