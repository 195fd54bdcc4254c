#include "jobs/report/heat_map.h"

#include <stdlib.h>
#include <string.h>

#include "compute/base/utf8.h"
#include "jobs/report/markup.h"

enum {
    WRITTEN_MAX = 20,  /* rows up to which cells have their numbers */
    LABELLED_MAX = 60, /* and up to which rows and columns have their labels */
    LETTER = 7,        /* width of one */
    MARGIN_MOST = 230,
    TITLE = 22
};

struct layout {
    int cell, margin, size; /* of one cell; before the first; of all */
};

static int letters(const char *text)
{
    int count = 0;
    uint32_t character;
    for (size_t n; *text != '\0'; text += n, count++)
        if ((n = utf8_read(text, &character)) == 0)
            n = 1;
    return count;
}

static struct layout lay_out(const struct heat_map *map)
{
    struct layout layout = {.cell = map->count <= WRITTEN_MAX ? 44 : 640 / map->count, .margin = TITLE + 8};
    int longest = 0;
    if (map->count > WRITTEN_MAX && map->count <= LABELLED_MAX && layout.cell < 13)
        layout.cell = 13;
    for (int32_t i = 0; map->count <= LABELLED_MAX && i < map->count; i++)
        if (letters(map->labels[i]) > longest)
            longest = letters(map->labels[i]);
    layout.margin += longest * LETTER;
    if (layout.margin > MARGIN_MOST)
        layout.margin = MARGIN_MOST;
    layout.size = layout.cell * map->count;
    return layout;
}

/* From white to a dark blue, by way of a middle one. */
static void write_shade(FILE *out, double value)
{
    static const double stops[3][3] = {{246, 248, 252}, {107, 155, 209}, {12, 44, 104}};
    double clipped = value > 0 ? value < 1 ? value : 1 : 0, place = 2 * clipped;
    int low = place < 1 ? 0 : 1;
    int shade[3];
    for (int i = 0; i < 3; i++)
        shade[i] = (int)(stops[low][i] + (place - low) * (stops[low + 1][i] - stops[low][i]));
    fprintf(out, "#%02x%02x%02x", (unsigned)shade[0], (unsigned)shade[1], (unsigned)shade[2]);
}

static void write_labels(FILE *out, const struct heat_map *map, const struct layout *layout)
{
    for (int32_t i = 0; map->count <= LABELLED_MAX && i < map->count; i++) {
        double middle = layout->margin + (i + 0.5) * layout->cell;
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" dy=\".35em\">", layout->margin - 5,
                middle);
        markup_html(out, map->labels[i]);
        fprintf(out, "</text>\n<text transform=\"translate(%.1f %d) rotate(-90)\" dy=\".35em\">", middle,
                layout->margin - 5);
        markup_html(out, map->labels[i]);
        fputs("</text>\n", out);
    }
    int middle = layout->margin + layout->size / 2;
    fprintf(out, "<text x=\"%d\" y=\"14\" text-anchor=\"middle\" font-weight=\"600\">", middle);
    markup_html(out, map->columns);
    fprintf(out,
            "</text>\n<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\" "
            "font-weight=\"600\">",
            middle);
    markup_html(out, map->rows);
    fputs("</text>\n", out);
}

static void write_cell(FILE *out, const struct heat_map *map, const struct layout *layout, int32_t row,
                       int32_t column)
{
    size_t i = (size_t)row * (size_t)map->count + (size_t)column;
    int x = layout->margin + column * layout->cell, y = layout->margin + row * layout->cell;
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"", x, y, layout->cell,
            layout->cell);
    write_shade(out, map->values[i]);
    fputs("\"/>\n", out);
    if (map->count > WRITTEN_MAX || (map->numbers != NULL && map->numbers[i] == 0))
        return;
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" dy=\".35em\" fill=\"%s\">",
            x + layout->cell / 2.0, y + layout->cell / 2.0, map->values[i] > 0.5 ? "#ffffff" : "#10151d");
    if (map->numbers != NULL)
        fprintf(out, "%lld", (long long)map->numbers[i]);
    else
        fprintf(out, "%.2f", map->values[i]);
    fputs("</text>\n", out);
}

enum status heat_map_draw(struct page *page, const struct heat_map *map)
{
    struct layout layout = lay_out(map);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return error_set(STATUS_NO_MEMORY, "no memory for the picture %s", map->picture.name);
    fputs("<g font-size=\"12\" fill=\"black\">\n", out);
    write_labels(out, map, &layout);
    for (int32_t row = 0; row < map->count; row++)
        for (int32_t column = 0; column < map->count; column++)
            write_cell(out, map, &layout, row, column);
    fputs("</g>\n", out);
    enum status status =
        fclose(out) == 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory for a picture");
    int whole = layout.margin + layout.size + 2;
    if (status == STATUS_OK)
        status = page_svg(page, &map->picture, whole, whole, text, bytes);
    free(text);
    return status;
}
