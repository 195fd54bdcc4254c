#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/monitor/describe.h"
#include "jobs/monitor/draw.h"

enum { LINE_BYTES = 512, BAR_CELLS_MAX = 40 };

/* "running", "finished", … */
static const char *state_word(const struct picture *picture)
{
    if (!picture->ended)
        return "running";
    return picture->end.state == STATE_DONE      ? "finished"
           : picture->end.state == STATE_STOPPED ? "stopped"
                                                 : "failed";
}

static void title_draw(const struct scene *scene)
{
    char clock[DESCRIBE_NUMBER_BYTES], right[LINE_BYTES];
    struct grid *grid = scene->grid;
    describe_clock(scene->now, clock);
    snprintf(right, sizeof right, " %s  %s ", state_word(scene->picture), clock);
    grid_fill(grid, 0, 0, grid->columns, GRID_BAR, L' ');
    grid_text(grid, 0, 1, grid->columns - grid_width(right) - 1, GRID_BAR, scene->picture->start.text);
    grid_right(grid, 0, GRID_BAR, right);
}

/* Where it runs. What is wrong comes first after that, so that no narrow screen hides it. */
static void place_draw(const struct scene *scene)
{
    char number[DESCRIBE_NUMBER_BYTES];
    struct grid *grid = scene->grid;
    const struct picture_summary *summary = &scene->summary;
    const struct event *start = &scene->picture->start;
    int column = 1;
    if (start->job[0] != '\0')
        column = grid_print(grid, 1, column, GRID_PLAIN, "job %s  ", start->job);
    if (start->nodes > 0)
        column = grid_print(grid, 1, column, GRID_PLAIN, "%d %s  ", (int)start->nodes,
                            start->nodes == 1 ? "node" : "nodes");
    column = grid_print(grid, 1, column, GRID_PLAIN, "%d %s  ", (int)summary->ranks,
                        summary->ranks == 1 ? "rank" : "ranks");
    if (summary->ranks_silent > 0)
        column = grid_print(grid, 1, column, GRID_BAD, "%d SILENT!  ", (int)summary->ranks_silent);
    if (summary->ranks_heard < summary->ranks)
        column = grid_print(grid, 1, column, GRID_STRONG, "%d not heard yet  ",
                            (int)(summary->ranks - summary->ranks_heard));
    if (summary->dropped > 0)
        column = grid_print(grid, 1, column, GRID_BAD, "%lld events dropped  ", (long long)summary->dropped);
    if (scene->run->ignored + scene->run->refused > 0)
        column = grid_print(grid, 1, column, GRID_BAD, "%llu messages ignored, %llu strangers refused  ",
                            (unsigned long long)scene->run->ignored, (unsigned long long)scene->run->refused);
    describe_bytes(summary->memory_bytes, number);
    column = grid_print(grid, 1, column, GRID_PLAIN, "%s  ", number);
    column = grid_print(grid, 1, column, GRID_FAINT, "on %s", start->host);
    if (scene->run->gaps > 1) /* once is usual: the subscription arrives after the first picture */
        grid_print(grid, 1, column, GRID_FAINT, "  caught up %llu times",
                   (unsigned long long)scene->run->gaps);
}

static void progress_draw(const struct scene *scene)
{
    struct grid *grid = scene->grid;
    const struct picture_summary *summary = &scene->summary;
    int column = 1;
    if (summary->progress >= 0) {
        int cells = grid->columns / 5 < BAR_CELLS_MAX ? grid->columns / 5 : BAR_CELLS_MAX;
        draw_bar(grid, 2, column, cells, summary->progress);
        column =
            grid_print(grid, 2, column + cells, GRID_STRONG, " %3.0f %%  ", floor(100 * summary->progress));
    }
    if (summary->classes > 0) {
        column = grid_print(grid, 2, column, GRID_PLAIN, "%d of %d classes", (int)summary->classes_done,
                            (int)summary->classes);
        if (summary->classes_failed > 0)
            column = grid_print(grid, 2, column, GRID_BAD, ", %d FAILED", (int)summary->classes_failed);
        if (summary->value_count > 0 && summary->value_most <= 1)
            grid_print(grid, 2, column, GRID_PLAIN, ", mean %.1f%%, least %.1f%%", 100 * summary->value_mean,
                       100 * summary->value_least);
        else if (summary->value_count > 0)
            grid_print(grid, 2, column, GRID_PLAIN, ", mean %.4g, least %.4g", summary->value_mean,
                       summary->value_least);
    } else if (summary->epochs_total > 0) {
        grid_print(grid, 2, column, GRID_PLAIN, "%lld of %lld epochs", (long long)summary->epochs_done,
                   (long long)summary->epochs_total);
    }
}

static void pace_draw(const struct scene *scene)
{
    char number[DESCRIBE_NUMBER_BYTES], energy[DESCRIBE_ENERGY_BYTES];
    struct grid *grid = scene->grid;
    const struct picture_summary *summary = &scene->summary;
    describe_duration(summary->elapsed, number);
    int column = grid_print(grid, 3, 1, GRID_PLAIN, "%s", number);
    if (summary->seconds_left >= 0) {
        describe_duration(summary->seconds_left, number);
        column = grid_print(grid, 3, column, GRID_STRONG, ", %s left", number);
    } else if (!scene->picture->ended) {
        column = grid_print(grid, 3, column, GRID_PLAIN, " so far");
    }
    if (!scene->picture->ended) {
        describe_count(summary->images_per_second, number);
        column = grid_print(grid, 3, column, GRID_PLAIN, "  %s images/s", number);
    }
    describe_energy(summary, energy);
    grid_print(grid, 3, column, GRID_PLAIN, "  %s", energy);
}

int draw_header(const struct scene *scene)
{
    const struct picture *picture = scene->picture;
    int rows = 4;
    title_draw(scene);
    place_draw(scene);
    progress_draw(scene);
    pace_draw(scene);
    if (scene->run->notice[0] != '\0')
        grid_print(scene->grid, rows++, 1, GRID_BAD, "! %s", scene->run->notice);
    else if (picture->ended)
        grid_print(scene->grid, rows++, 1, picture->end.state == STATE_DONE ? GRID_GOOD : GRID_BAD, "%s%s%s",
                   state_word(picture), picture->end.text[0] != '\0' ? ": " : "", picture->end.text);
    return rows;
}
