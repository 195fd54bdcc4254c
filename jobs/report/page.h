/* The report as it is written: headings, paragraphs, tables and pictures, as one HTML file that needs nothing
 * else, or as Markdown with its pictures in a folder beside it. All texts are escaped here. */
#ifndef FACET_JOBS_REPORT_PAGE_H
#define FACET_JOBS_REPORT_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "compute/base/error.h"

enum page_format { PAGE_HTML, PAGE_MARKDOWN };

struct page;

/* Begins the page that will be at `path`; its pictures, in Markdown, go to "PATH-without-.md_files". */
enum status page_open(const char *path, enum page_format format, const char *title, struct page **page);

/* Ends it, and puts it in its place; with a `status` that is no success what was written is discarded, and
 * the status returned with its message kept. */
enum status page_close(struct page **page, enum status status);

void page_section(struct page *page, const char *title);
void page_paragraph(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A table as in jobs/study/table.h, under its title. */
void page_table(struct page *page, const json_t *table);

/* What a picture needs beside its content: a name for its file, and what it is for those who do not see it.
 */
struct page_picture {
    const char *name, *title, *description;
};

/* What stands between <svg> and </svg>, of width × height units. */
enum status page_svg(struct page *page, const struct page_picture *picture, int width, int height,
                     const char *content, size_t bytes);

/* The same from an SVG file that gnuplot wrote for us. */
enum status page_gnuplot(struct page *page, const struct page_picture *picture, const char *svg);

/* An image file of that type ("png", "svg+xml"), as an image: whatever it is, nothing in it is run. */
enum status page_image(struct page *page, const struct page_picture *picture, const char *type,
                       const void *bytes, size_t count);

/* Images between these two stand side by side, small, each with its description under it. */
void page_gallery_begin(struct page *page);
void page_gallery_end(struct page *page);

/* Where the page will be. */
const char *page_path(const struct page *page);

#endif
