#include "jobs/report/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/memory.h"
#include "compute/base/output_file.h"
#include "jobs/report/markup.h"
#include "jobs/report/page_style.h"
#include "jobs/study/table.h"

enum { PARAGRAPH_BYTES = 4096, FILE_NAME_BYTES = 64 };

struct page {
    enum page_format format;
    FILE *out;
    char *path, *beside;
    char *folder;     /* of Markdown's pictures */
    const char *link; /* the folder as the page names it */
    int32_t pictures; /* so far */
};

/* --- the whole --- */

static void begin(struct page *page, const char *title)
{
    if (page->format == PAGE_MARKDOWN) {
        fputs("# ", page->out);
        markup_markdown(page->out, title);
        fputs("\n\n", page->out);
        return;
    }
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          /* Nothing is run and nothing loaded, whatever stands in the page. */
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; img-src data:\">\n<title>",
          page->out);
    markup_html(page->out, title);
    fprintf(page->out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", page_style);
    markup_html(page->out, title);
    fputs("</h1>\n", page->out);
}

static enum status name_folder(struct page *page)
{
    size_t length = strlen(page->path);
    if (length > 3 && strcmp(page->path + length - 3, ".md") == 0)
        length -= 3;
    enum status status = memory_allocate(&page->folder, length + sizeof "_files", 1, "path");
    if (status != STATUS_OK)
        return status;
    snprintf(page->folder, length + sizeof "_files", "%.*s_files", (int)length, page->path);
    const char *slash = strrchr(page->folder, '/');
    page->link = slash != NULL ? slash + 1 : page->folder;
    return STATUS_OK;
}

static void page_free(struct page **page)
{
    if ((*page)->out != NULL)
        fclose((*page)->out);
    if ((*page)->beside != NULL)
        output_file_discard((*page)->beside);
    memory_free(&(*page)->path);
    memory_free(&(*page)->beside);
    memory_free(&(*page)->folder);
    memory_free(page);
}

enum status page_open(const char *path, enum page_format format, const char *title, struct page **page)
{
    enum status status = memory_allocate(page, 1, sizeof **page, "page");
    if (status != STATUS_OK)
        return status;
    (*page)->format = format;
    status = memory_allocate(&(*page)->path, strlen(path) + 1, 1, "path");
    if (status == STATUS_OK) {
        memcpy((*page)->path, path, strlen(path));
        status = name_folder(*page);
    }
    if (status == STATUS_OK)
        status = output_file_beside(path, &(*page)->beside);
    if (status == STATUS_OK && ((*page)->out = fopen((*page)->beside, "we")) == NULL)
        status = error_set(STATUS_IO, "%s: cannot be written: %s", (*page)->beside, strerror(errno));
    if (status == STATUS_OK)
        begin(*page, title);
    else
        page_free(page);
    return status;
}

enum status page_close(struct page **page, enum status status)
{
    struct page *closed = *page;
    if (closed->format == PAGE_HTML)
        fputs("</body>\n</html>\n", closed->out);
    bool written = ferror(closed->out) == 0;
    written = fclose(closed->out) == 0 && written;
    closed->out = NULL;
    if (status == STATUS_OK && !written)
        status = error_set(STATUS_IO, "%s: %s; make room", closed->beside, strerror(errno));
    if (status == STATUS_OK)
        status = output_file_commit(closed->beside, closed->path);
    page_free(page);
    return status;
}

const char *page_path(const struct page *page)
{
    return page->path;
}

/* --- text --- */

static void write_text(struct page *page, const char *text)
{
    if (page->format == PAGE_HTML)
        markup_html(page->out, text);
    else
        markup_markdown(page->out, text);
}

void page_section(struct page *page, const char *title)
{
    bool html = page->format == PAGE_HTML;
    fputs(html ? "<h2>" : "## ", page->out);
    write_text(page, title);
    fputs(html ? "</h2>\n" : "\n\n", page->out);
}

void page_paragraph(struct page *page, const char *format, ...)
{
    char text[PARAGRAPH_BYTES];
    va_list arguments;
    bool html = page->format == PAGE_HTML;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs(html ? "<p>" : "", page->out);
    write_text(page, text);
    fputs(html ? "</p>\n" : "\n\n", page->out);
}

/* --- tables --- */

static json_int_t decimals_of(const json_t *columns, size_t place)
{
    return json_integer_value(json_object_get(json_array_get(columns, place), "decimals"));
}

static void write_html_cell(FILE *out, const json_t *cell, json_int_t decimals)
{
    fprintf(out, "<td%s>", decimals >= 0 ? " class=n" : "");
    if (json_is_string(cell))
        markup_html(out, json_string_value(cell));
    else if (json_is_number(cell))
        fprintf(out, "%.*f", (int)(decimals < 0 || decimals > 12 ? 0 : decimals), json_number_value(cell));
    fputs("</td>", out);
}

static void write_html_table(FILE *out, const json_t *table)
{
    const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows");
    const json_t *column, *row, *cell;
    size_t i, j;
    fputs("<div class=wide tabindex=0><table><caption>", out);
    markup_html(out, json_string_value(json_object_get(table, "title")));
    fputs("</caption>\n<thead><tr>", out);
    json_array_foreach(columns, j, column)
    {
        if (decimals_of(columns, j) == COLUMN_KEY)
            continue;
        fprintf(out, "<th scope=col%s>", decimals_of(columns, j) >= 0 ? " class=n" : "");
        markup_html(out, json_string_value(json_object_get(column, "name")));
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    json_array_foreach(rows, i, row)
    {
        fputs("<tr>", out);
        json_array_foreach(row, j, cell)
        {
            if (decimals_of(columns, j) != COLUMN_KEY)
                write_html_cell(out, cell, decimals_of(columns, j));
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

void page_table(struct page *page, const json_t *table)
{
    if (page->format == PAGE_HTML) {
        write_html_table(page->out, table);
        return;
    }
    markup_markdown(page->out, json_string_value(json_object_get(table, "title")));
    fputs(":\n\n", page->out);
    table_write_markdown(table, page->out);
    fputc('\n', page->out);
}

/* --- pictures --- */

struct picture_bytes {
    const void *data;
    size_t count;
};

static enum status write_picture(void *context, FILE *file)
{
    const struct picture_bytes *bytes = context;
    fwrite(bytes->data, 1, bytes->count, file);
    return STATUS_OK;
}

/* Markdown's: a file in the folder, and a link to it. */
static enum status write_picture_file(struct page *page, const struct page_picture *picture,
                                      const char *extension, const void *bytes, size_t count)
{
    char name[FILE_NAME_BYTES], *path = NULL;
    if (mkdir(page->folder, 0777) != 0 && errno != EEXIST)
        return error_set(STATUS_IO, "%s: cannot be made for the page's pictures: %s", page->folder,
                         strerror(errno));
    snprintf(name, sizeof name, "%.40s%s", picture->name, extension);
    size_t room = strlen(page->folder) + sizeof name + 1;
    enum status status = memory_allocate(&path, room, 1, "path");
    if (status == STATUS_OK) {
        struct picture_bytes content = {bytes, count};
        snprintf(path, room, "%s/%s", page->folder, name);
        status = output_file_write(path, write_picture, &content);
    }
    if (status == STATUS_OK) {
        fputs("![", page->out);
        markup_markdown(page->out, picture->description);
        fputs("](<", page->out);
        for (const char *c = page->link; *c != '\0'; c++) /* what a link in <> may not hold */
            fprintf(page->out, strchr("<>\\%\n\r", *c) != NULL ? "%%%02X" : "%c", *c);
        fprintf(page->out, "/%s>)\n\n", name);
        markup_markdown(page->out, picture->description);
        fputs("\n\n", page->out);
    }
    memory_free(&path);
    return status;
}

/* An SVG file of its own: on paper, whatever the reader's background. */
static enum status write_svg_file(struct page *page, const struct page_picture *picture, int width,
                                  int height, const char *content, size_t bytes)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return error_set(STATUS_NO_MEMORY, "no memory for the picture %s", picture->name);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
            "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"sans-serif\">\n"
            "<title>",
            width, height, width, height);
    markup_html(out, picture->title);
    fputs("</title>\n<desc>", out);
    markup_html(out, picture->description);
    fputs("</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", out);
    fwrite(content, 1, bytes, out);
    fputs("</svg>\n", out);
    enum status status =
        fclose(out) == 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory for a picture");
    if (status == STATUS_OK)
        status = write_picture_file(page, picture, ".svg", text, length);
    free(text);
    return status;
}

enum status page_svg(struct page *page, const struct page_picture *picture, int width, int height,
                     const char *content, size_t bytes)
{
    int number = ++page->pictures;
    if (page->format == PAGE_MARKDOWN)
        return write_svg_file(page, picture, width, height, content, bytes);
    fprintf(page->out,
            "<figure><svg role=\"img\" aria-labelledby=\"t%d d%d\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\">\n<title id=\"t%d\">",
            number, number, width, height, width, height, number);
    markup_html(page->out, picture->title);
    fprintf(page->out, "</title><desc id=\"d%d\">", number);
    markup_html(page->out, picture->description);
    fputs("</desc>\n", page->out);
    fwrite(content, 1, bytes, page->out);
    fputs("</svg>\n<figcaption>", page->out);
    markup_html(page->out, picture->description);
    fputs("</figcaption></figure>\n", page->out);
    return STATUS_OK;
}

/* gnuplot calls its parts the same in every file: names begin with the picture's number instead of "gp" and
 * "gnuplot". Its own background goes. */
static void write_renamed(FILE *out, const char *text, int32_t number)
{
    static const struct {
        const char *from, *to; /* the number is put after `to` */
    } names[] = {{"id='", "id='p"}, {"id=\"", "id=\"p"}, {"href='#", "href='#p"}, {"url(#", "url(#p"}};
    enum { COUNT = sizeof names / sizeof *names };
    while (*text != '\0') {
        int found = 0;
        while (found < COUNT && strncmp(text, names[found].from, strlen(names[found].from)) != 0)
            found++;
        if (found == COUNT) {
            fputc(*text++, out);
            continue;
        }
        fprintf(out, "%s%d-", names[found].to, (int)number);
        text += strlen(names[found].from);
    }
}

enum status page_gnuplot(struct page *page, const struct page_picture *picture, const char *svg)
{
    int width = 0, height = 0;
    const char *box = strstr(svg, "viewBox=\"0 0 "), *body = strstr(svg, "</desc>"), *end = NULL;
    for (const char *next = body; next != NULL; next = strstr(next + 1, "</svg>"))
        end = next;
    if (box == NULL || body == NULL || end == body ||
        sscanf(box, "viewBox=\"0 0 %d %d\"", &width, &height) != 2)
        return error_set(STATUS_FORMAT, "%s: gnuplot wrote no SVG as Facet knows it; expected gnuplot 5",
                         picture->name);
    body += strlen("</desc>");
    const char *background = strstr(body, "<rect"), *after = background;
    if (background != NULL)
        after = strchr(background, '>');
    char *text = NULL, *content = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&content, &bytes);
    if (out == NULL || (text = strndup(body, (size_t)(end - body))) == NULL) {
        if (out != NULL)
            fclose(out);
        free(content);
        return error_set(STATUS_NO_MEMORY, "no memory for the picture %s", picture->name);
    }
    if (after != NULL && after < end) /* its rectangle of white */
        memset(text + (background - body), ' ', (size_t)(after - background) + 1);
    write_renamed(out, text, page->pictures + 1);
    enum status status =
        fclose(out) == 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory for a picture");
    if (status == STATUS_OK)
        status = page_svg(page, picture, width, height, content, bytes);
    free(text);
    free(content);
    return status;
}

enum status page_image(struct page *page, const struct page_picture *picture, const char *type,
                       const void *bytes, size_t count)
{
    if (page->format == PAGE_MARKDOWN)
        return write_picture_file(page, picture, strcmp(type, "png") == 0 ? ".png" : ".svg", bytes, count);
    fprintf(page->out, "<figure><img alt=\"");
    markup_html(page->out, picture->description);
    fprintf(page->out, "\" src=\"data:image/%s;base64,", type);
    markup_base64(page->out, bytes, count);
    fputs("\">\n<figcaption>", page->out);
    markup_html(page->out, picture->title);
    fputs("</figcaption></figure>\n", page->out);
    return STATUS_OK;
}

void page_gallery_begin(struct page *page)
{
    if (page->format == PAGE_HTML)
        fputs("<div class=gallery>\n", page->out);
}

void page_gallery_end(struct page *page)
{
    if (page->format == PAGE_HTML)
        fputs("</div>\n", page->out);
}
