/* Classes as a grid: tiles with name and figure where there is room, else a mark each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/monitor/draw.h"

enum { WIDE_TILE = 26, SMALL_TILE = 13, ROW_BYTES = 192, VALUE_BYTES = 16 };

/* From the most to the least that is said of a class. */
enum detail { DETAIL_WIDE, DETAIL_SMALL, DETAIL_MARK };

static int class_count(const struct scene *scene)
{
    return scene->summary.classes;
}

/* The class at that place; one nothing was heard of is waiting. */
static const struct picture_class *class_at(const struct scene *scene, int index)
{
    static const struct picture_class unheard = {.state = STATE_WAITING, .rank = -1, .value = -1};
    const struct picture *picture = scene->picture;
    bool heard = index < picture->class_count && picture->classes[index].state != STATE_NONE;
    return heard ? &picture->classes[index] : &unheard;
}

static int detail_cells(enum detail detail)
{
    return detail == DETAIL_WIDE ? WIDE_TILE : detail == DETAIL_SMALL ? SMALL_TILE : 1;
}

static int classes_a_row(const struct scene *scene, enum detail detail)
{
    int cells = (scene->grid->columns - 2) / detail_cells(detail);
    return cells > 0 ? cells : 1;
}

static int detail_rows(const struct scene *scene, enum detail detail, int count)
{
    int a_row = classes_a_row(scene, detail);
    return (count + a_row - 1) / a_row;
}

/* The most that fits; marks, of several classes each if need be, when nothing does. */
static enum detail detail_choose(const struct scene *scene, int rows)
{
    enum detail detail = scene->board->dense ? DETAIL_MARK : DETAIL_WIDE;
    while (detail < DETAIL_MARK && detail_rows(scene, detail, class_count(scene)) > rows)
        detail++;
    return detail;
}

/* Waiting '.', running '>', failed 'x', resumed '='; done: the figure's tenths, 'o' without one. */
static char class_mark(const struct picture_class *class)
{
    if (class->state != STATE_DONE || !(class->value >= 0 && class->value <= 1))
        return draw_state_mark(class->state);
    return class->value >= 1 ? '*' : (char)('0' + (int)(10 * class->value));
}

static void value_write(const struct picture_class *class, char text[VALUE_BYTES])
{
    text[0] = '\0';
    if (class->value >= 0 && class->value <= 1)
        snprintf(text, VALUE_BYTES, "%5.1f%%", 100 * class->value);
    else if (class->value > 1)
        snprintf(text, VALUE_BYTES, "%6.1f", fmin(class->value, 9999));
    else if (isnan(class->value))
        snprintf(text, VALUE_BYTES, "   nan");
}

static void tile_draw(const struct scene *scene, int row, int column, int index, enum detail detail)
{
    const struct picture_class *class = class_at(scene, index);
    struct grid *grid = scene->grid;
    enum grid_style style = draw_state_style(class->state);
    char value[VALUE_BYTES], name[CLASS_NAME_BYTES + 16];
    if (class->name[0] != '\0')
        snprintf(name, sizeof name, "%s", class->name);
    else
        snprintf(name, sizeof name, "class %d", index);
    value_write(class, value);
    int end = column + detail_cells(detail) - 1;
    grid_print(grid, row, column, style, "%c", draw_state_mark(class->state));
    bool with_value = value[0] != '\0';
    int room = end - column - 2 - (with_value ? 7 : 0);
    if (detail == DETAIL_SMALL && with_value) /* the number says more than three letters of the name */
        snprintf(name, sizeof name, "%d", index);
    grid_text(grid, row, column + 2, room, style, name);
    if (with_value)
        grid_text(grid, row, end - 6, 6, style, value);
}

/* Marks stand for several classes each when there are too many: for the one that most needs to be seen. */
static int mark_rank(const struct picture_class *class)
{
    switch (class->state) {
    case STATE_FAILED:
        return 5;
    case STATE_RUNNING:
        return 4;
    case STATE_NONE:
    case STATE_WAITING:
    case STATE_STOPPED:
        return 3;
    case STATE_DONE:
        return 2;
    case STATE_RESUMED:
    case STATE_COUNT:
    default:
        return 1;
    }
}

static const struct picture_class *class_of_mark(const struct scene *scene, int first, int count)
{
    const struct picture_class *worst = class_at(scene, first);
    for (int i = first + 1; i < first + count && i < class_count(scene); i++) {
        const struct picture_class *class = class_at(scene, i);
        int difference = mark_rank(class) - mark_rank(worst);
        if (difference > 0 || (difference == 0 && class->value < worst->value))
            worst = class;
    }
    return worst;
}

/* Classes a mark stands for, when that many rows are there. */
static int classes_a_mark(const struct scene *scene, int rows)
{
    int marks = classes_a_row(scene, DETAIL_MARK) * (rows > 0 ? rows : 1);
    return (class_count(scene) + marks - 1) / marks;
}

static void marks_draw(const struct scene *scene, int top, int rows)
{
    int each = classes_a_mark(scene, rows);
    int a_row = classes_a_row(scene, DETAIL_MARK);
    if (each < 1)
        return;
    for (int mark = 0; mark * each < class_count(scene); mark++) {
        const struct picture_class *class = class_of_mark(scene, mark * each, each);
        grid_fill(scene->grid, top + mark / a_row, 1 + mark % a_row, 1, draw_state_style(class->state),
                  (wchar_t)class_mark(class));
    }
}

/* The marks with their meaning and numbers. */
static void legend_write(const struct scene *scene, enum detail detail, int each, char title[ROW_BYTES])
{
    const struct picture_summary *summary = &scene->summary;
    char by[32] = "";
    if (detail == DETAIL_MARK && each > 1)
        snprintf(by, sizeof by, " by %d", each);
    snprintf(title, ROW_BYTES, "classes%s: . %d waiting > %d running x %d failed = %d before %s %d done", by,
             (int)summary->classes_waiting, (int)summary->classes_running, (int)summary->classes_failed,
             (int)summary->classes_resumed, detail == DETAIL_MARK ? "0-9*" : "o",
             (int)(summary->classes_done - summary->classes_resumed));
}

int draw_classes_rows(const struct scene *scene, int rows)
{
    if (class_count(scene) == 0 || rows < 2)
        return 0;
    enum detail detail = detail_choose(scene, rows - 1);
    int each = detail == DETAIL_MARK ? classes_a_mark(scene, rows - 1) : 1;
    return 1 + detail_rows(scene, detail, (class_count(scene) + each - 1) / each);
}

void draw_classes(const struct scene *scene, int top, int rows)
{
    char title[ROW_BYTES];
    enum detail detail = detail_choose(scene, rows - 1);
    legend_write(scene, detail, classes_a_mark(scene, rows - 1), title);
    draw_heading(scene->grid, top, title, "");
    if (detail == DETAIL_MARK) {
        marks_draw(scene, top + 1, rows - 1);
        return;
    }
    int a_row = classes_a_row(scene, detail);
    for (int i = 0; i < class_count(scene); i++)
        tile_draw(scene, top + 1 + i / a_row, 1 + i % a_row * detail_cells(detail), i, detail);
}

static bool state_is_shown(enum class_filter filter, enum event_state state)
{
    return filter == CLASSES_ALL || (filter == CLASSES_WAITING && state == STATE_WAITING) ||
           (filter == CLASSES_RUNNING && state == STATE_RUNNING) ||
           (filter == CLASSES_DONE && (state == STATE_DONE || state == STATE_RESUMED)) ||
           (filter == CLASSES_FAILED && state == STATE_FAILED);
}

static bool class_is_shown(const struct scene *scene, int index)
{
    const struct picture_class *class = class_at(scene, index);
    char number[16];
    if (!state_is_shown(scene->board->class_filter, class->state))
        return false;
    snprintf(number, sizeof number, "%d", index);
    return draw_found(scene->board, class->name) || draw_found(scene->board, number);
}

static int class_compare(const void *first, const void *second, void *data)
{
    const struct scene *scene = data;
    int32_t a, b;
    memcpy(&a, first, sizeof a);
    memcpy(&b, second, sizeof b);
    const struct picture_class *one = class_at(scene, a), *two = class_at(scene, b);
    int order = 0;
    switch (scene->board->class_order) {
    case CLASSES_BY_NAME:
        order = strcmp(one->name, two->name);
        break;
    case CLASSES_BY_VALUE:
        order = (one->value > two->value) - (one->value < two->value);
        break;
    case CLASSES_BY_STATE:
        order = mark_rank(two) - mark_rank(one);
        break;
    case CLASSES_BY_NUMBER:
    case CLASS_ORDERS:
    default:
        break;
    }
    if (order == 0)
        order = (a > b) - (a < b);
    return scene->board->reversed ? -order : order;
}

static void page_heading(const struct scene *scene, int top, int shown)
{
    static const char *const orders[CLASS_ORDERS] = {"number", "name", "figure", "state"};
    static const char *const filters[CLASS_FILTERS] = {"all", "waiting", "running", "done", "failed"};
    char title[ROW_BYTES], right[ROW_BYTES];
    snprintf(title, sizeof title, "classes: %s, %d of %d", filters[scene->board->class_filter], shown,
             class_count(scene));
    snprintf(right, sizeof right, "by %s%s", orders[scene->board->class_order],
             scene->board->reversed ? ", reversed" : "");
    draw_heading(scene->grid, top, title, right);
}

void draw_classes_page(const struct scene *scene, int top, int rows)
{
    struct board *board = scene->board;
    int32_t *order;
    int shown = 0;
    if (memory_allocate(&order, (size_t)class_count(scene), sizeof *order, "order of classes") != STATUS_OK)
        return;
    for (int32_t i = 0; i < class_count(scene); i++)
        if (class_is_shown(scene, i))
            order[shown++] = i;
    struct scene copy = *scene;
    qsort_r(order, (size_t)shown, sizeof *order, class_compare, &copy);
    page_heading(scene, top, shown);
    enum detail detail = board->dense ? DETAIL_SMALL : DETAIL_WIDE;
    int a_row = classes_a_row(scene, detail);
    board->page_lines = rows - 1;
    board->list_lines = (shown + a_row - 1) / a_row;
    for (int row = 0; row < rows - 1; row++)
        for (int i = 0; i < a_row; i++) {
            int64_t place = (int64_t)(board->first[PAGE_CLASSES] + row) * a_row + i;
            if (place < shown)
                tile_draw(scene, top + 1 + row, 1 + i * detail_cells(detail), order[place], detail);
        }
    memory_free(&order);
}
