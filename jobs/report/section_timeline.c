#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/report/markup.h"
#include "jobs/report/sections.h"
#include "jobs/study/table.h"

enum {
    RANKS_DRAWN = 64,
    PIECES_DRAWN = 20000,
    WIDTH = 860,
    LEFT = 70,
    ROW = 22,
    BAR = 16,
    AXIS = 30,
    LETTER = 7,
    TICKS = 5
};

static const char *class_name_of(const struct record *record, int32_t class_index)
{
    return class_index < 0 ? "work on no single class" : record_class_name(record, class_index);
}

/* Neighbouring classes get hues far apart: steps of the golden angle. */
static void write_colour(FILE *out, const struct timeline_piece *piece)
{
    if (piece->class_index < 0)
        fputs("#9aa5b5", out);
    else
        fprintf(out, "hsl(%d,50%%,68%%)", (int)((int64_t)piece->class_index * 1375 / 10 % 360));
}

static void write_piece(FILE *out, const struct record *record, const struct timeline_piece *piece)
{
    const struct timeline *timeline = record->timeline;
    const char *name = class_name_of(record, piece->class_index);
    double scale = (WIDTH - LEFT - 10) / (timeline->end - timeline->begin);
    double x = LEFT + (piece->begin - timeline->begin) * scale, width = (piece->end - piece->begin) * scale;
    int y = piece->rank * ROW + 4;
    fprintf(out, "<g><title>");
    markup_html(out, name);
    fprintf(out,
            ", rank %d: %.2f s to %.2f s%s</title><rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\"",
            (int)piece->rank, piece->begin - timeline->begin, piece->end - timeline->begin,
            piece->state == STATE_FAILED ? ", failed" : "", x, y, width > 0.5 ? width : 0.5, (int)BAR);
    fputs(" fill=\"", out);
    write_colour(out, piece);
    fputs(piece->state == STATE_FAILED ? "\" stroke=\"#c0182b\" stroke-width=\"2\"/>" : "\"/>", out);
    if (piece->class_index >= 0 && width > LETTER * (double)strlen(name) + 4) {
        fprintf(out, "<text x=\"%.2f\" y=\"%d\" fill=\"#10151d\" font-size=\"11\">", x + 3, y + BAR - 4);
        markup_html(out, name);
        fputs("</text>", out);
    }
    fputs("</g>\n", out);
}

static void write_axis(FILE *out, const struct timeline *timeline, int32_t ranks)
{
    double seconds = timeline->end - timeline->begin;
    int bottom = ranks * ROW + 4;
    for (int32_t rank = 0; rank < ranks; rank++)
        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">rank %d</text>\n", LEFT - 6,
                rank * ROW + BAR, (int)rank);
    for (int i = 0; i <= TICKS; i++) {
        double x = LEFT + (WIDTH - LEFT - 10) * (double)i / TICKS;
        fprintf(out,
                "<path d=\"M%.1f 2V%d\" stroke=\"black\" stroke-opacity=\".25\"/><text x=\"%.1f\" y=\"%d\" "
                "text-anchor=\"%s\">%.3g s</text>\n",
                x, bottom, x, bottom + 16, i == TICKS ? "end" : "middle", seconds * i / TICKS);
    }
}

static enum status draw(struct page *page, const struct record *record)
{
    const struct timeline *timeline = record->timeline;
    char *text = NULL, description[320];
    size_t bytes = 0;
    int32_t ranks = timeline->rank_count < RANKS_DRAWN ? timeline->rank_count : RANKS_DRAWN, drawn = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return error_set(STATUS_NO_MEMORY, "no memory for the timeline");
    fputs("<g font-size=\"12\" fill=\"black\">\n", out);
    write_axis(out, timeline, ranks);
    for (int32_t i = 0; i < timeline->piece_count && drawn < PIECES_DRAWN; i++)
        if (timeline->pieces[i].rank < ranks) {
            write_piece(out, record, &timeline->pieces[i]);
            drawn++;
        }
    fputs("</g>\n", out);
    enum status status =
        fclose(out) == 0 ? STATUS_OK : error_set(STATUS_NO_MEMORY, "no memory for a picture");
    snprintf(description, sizeof description,
             "What %s%d rank%s did over %.1f s: a bar is the time a rank worked on a class (grey: on no "
             "single class), gaps are idle.%s",
             ranks < timeline->rank_count ? "the first " : "", (int)ranks, ranks == 1 ? "" : "s",
             timeline->end - timeline->begin,
             drawn == PIECES_DRAWN ? " There was more than can be drawn: bars are missing." : "");
    if (status == STATUS_OK)
        status = page_svg(page, &(struct page_picture){"timeline", "Timeline of ranks", description}, WIDTH,
                          ranks * ROW + AXIS, text, bytes);
    free(text);
    return status;
}

static enum status write_ranks(struct page *page, const struct record *record)
{
    const struct timeline *timeline = record->timeline;
    double seconds = timeline->end - timeline->begin;
    int32_t *pieces = NULL;
    json_t *tables = json_array();
    enum status status =
        memory_allocate(&pieces, (size_t)timeline->rank_count, sizeof *pieces, "counts of classes");
    if (status == STATUS_OK) {
        for (int32_t i = 0; i < timeline->piece_count; i++)
            pieces[timeline->pieces[i].rank] += timeline->pieces[i].state == STATE_DONE;
        json_t *table = table_create(tables, "ranks",
                                     timeline->rank_count > RANKS_DRAWN ? "What the first ranks did"
                                                                        : "What each rank did");
        table_column(table, "rank", 0);
        table_column(table, "host", COLUMN_TEXT);
        table_column(table, "classes finished", 0);
        table_column(table, "at work, s", 2);
        table_column(table, "idle %", 1);
        for (int32_t rank = 0; rank < timeline->rank_count && rank < RANKS_DRAWN; rank++) {
            bool heard = rank < record->events->rank_count && record->events->ranks[rank].heard;
            table_row(table);
            table_number(table, rank);
            table_text(table, "%s", heard ? record->events->ranks[rank].host : "");
            table_number(table, pieces[rank]);
            table_number(table, timeline->busy[rank]);
            table_number(table, 100 * (1 - timeline->busy[rank] / seconds));
        }
        page_table(page, table);
    }
    json_decref(tables);
    memory_free(&pieces);
    return status;
}

enum status section_timeline(struct page *page, const struct record *record)
{
    const struct timeline *timeline = record->timeline;
    if (timeline == NULL || timeline->piece_count == 0 || !(timeline->end > timeline->begin))
        return STATUS_OK;
    page_section(page, "Timeline of ranks");
    page_paragraph(page, "Of all ranks' time %.1f %% was idle: no rank said that it worked on anything.",
                   100 * timeline_idle_share(timeline));
    enum status status = draw(page, record);
    return status == STATUS_OK ? write_ranks(page, record) : status;
}
