/* Learning curves as sparklines: of the run when it counts epochs as a whole, else of the classes trained
 * last. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/monitor/draw.h"

enum { LABEL_CELLS = 14, VALUE_CELLS = 12, RUN_CURVES = 3, CLASS_CURVES_MAX = 256, LINE_BYTES = 256 };

enum curve { CURVE_LOSS, CURVE_TRAIN, CURVE_TEST };

/* The figures of one curve in time order; returns how many there are (those that were not measured are left
 * out). values: (epoch_count) */
static int curve_collect(const struct picture *picture, int32_t class_index, enum curve curve, double *values)
{
    int count = 0;
    for (int32_t i = 0; i < picture->epoch_count; i++) {
        const struct picture_epoch *epoch = &picture->epochs[i];
        if (epoch->class_index != class_index)
            continue;
        if (curve == CURVE_TEST && epoch->test_top1 < 0)
            continue;
        values[count++] = curve == CURVE_LOSS    ? epoch->loss
                          : curve == CURVE_TRAIN ? epoch->train_top1
                                                 : epoch->test_top1;
    }
    return count;
}

/* Whom the curves are of: −1 alone when the run has epochs of its own, else classes, the one heard last
 * first; returns how many. */
static int curves_find(const struct picture *picture, int32_t *of, int most)
{
    int count = 0;
    for (int32_t i = picture->epoch_count - 1; i >= 0; i--) {
        int32_t index = picture->epochs[i].class_index;
        int k = 0;
        while (k < count && of[k] != index)
            k++;
        if (index < 0) {
            of[0] = -1;
            return 1;
        }
        if (k == count && count < most)
            of[count++] = index;
    }
    return count;
}

static void curve_draw(const struct scene *scene, int row, int32_t class_index, enum curve curve,
                       const char *label, double *values)
{
    struct grid *grid = scene->grid;
    int cells = grid->columns - LABEL_CELLS - VALUE_CELLS - 2;
    int count = curve_collect(scene->picture, class_index, curve, values);
    enum grid_style style = curve == CURVE_LOSS ? GRID_PLAIN : curve == CURVE_TRAIN ? GRID_BUSY : GRID_GOOD;
    grid_text(grid, row, 1, LABEL_CELLS - 2, GRID_PLAIN, label);
    if (count == 0) {
        grid_text(grid, row, LABEL_CELLS, cells, GRID_FAINT, "not measured");
        return;
    }
    int column = draw_sparkline(grid, row, LABEL_CELLS, cells > 0 ? cells : 0, style, values, count);
    if (curve == CURVE_LOSS)
        grid_print(grid, row, column, GRID_STRONG, " %.4g", values[count - 1]);
    else
        grid_print(grid, row, column, GRID_STRONG, " %.2f%%", 100 * values[count - 1]);
}

static void class_label(const struct picture *picture, int32_t index, char label[LINE_BYTES])
{
    if (index < picture->class_count && picture->classes[index].name[0] != '\0')
        snprintf(label, LINE_BYTES, "%s", picture->classes[index].name);
    else
        snprintf(label, LINE_BYTES, "class %d", (int)index);
}

/* Draws them into the rows and returns how many lines there are in all. */
static int curves_list(const struct scene *scene, int top, int rows, int first)
{
    static const char *const labels[RUN_CURVES] = {"loss", "train top-1", "test top-1"};
    const struct picture *picture = scene->picture;
    int32_t of[CLASS_CURVES_MAX];
    char label[LINE_BYTES];
    double *values;
    int count = curves_find(picture, of, CLASS_CURVES_MAX);
    bool whole = count == 1 && of[0] < 0;
    if (count == 0 ||
        memory_allocate(&values, (size_t)picture->epoch_count, sizeof *values, "curve") != STATUS_OK)
        return 0;
    int lines = whole ? RUN_CURVES : count;
    for (int i = 0; i < rows && first + i < lines; i++) {
        if (whole) {
            curve_draw(scene, top + i, -1, (enum curve)(first + i), labels[first + i], values);
            continue;
        }
        class_label(picture, of[first + i], label);
        curve_draw(scene, top + i, of[first + i], CURVE_LOSS, label, values);
    }
    memory_free(&values);
    return lines;
}

static void curves_heading(const struct scene *scene, int top)
{
    const struct picture_summary *summary = &scene->summary;
    char right[LINE_BYTES] = "";
    if (summary->epochs_total > 0)
        snprintf(right, sizeof right, "epoch %lld of %lld", (long long)summary->epochs_done,
                 (long long)summary->epochs_total);
    draw_heading(scene->grid, top,
                 summary->epochs_total > 0 ? "learning curves" : "loss of the classes in training", right);
}

int draw_curves_rows(const struct scene *scene, int rows)
{
    int32_t of[CLASS_CURVES_MAX];
    int count = rows < 2 ? 0 : curves_find(scene->picture, of, CLASS_CURVES_MAX);
    if (count == 0)
        return 0;
    int room = 1 + scene->grid->rows / 24; /* of classes in training there is always another */
    int wanted = 1 + (of[0] < 0 ? RUN_CURVES : count < room ? count : room);
    return wanted < rows ? wanted : rows;
}

void draw_curves(const struct scene *scene, int top, int rows)
{
    curves_heading(scene, top);
    curves_list(scene, top + 1, rows - 1, 0);
}

void draw_curves_page(const struct scene *scene, int top, int rows)
{
    struct board *board = scene->board;
    curves_heading(scene, top);
    board->page_lines = rows - 1;
    board->list_lines = curves_list(scene, top + 1, rows - 1, board->first[PAGE_CURVES]);
    if (board->list_lines == 0)
        grid_text(scene->grid, top + 1, 1, scene->grid->columns, GRID_FAINT, "no epoch is over yet");
}
