/* A row a rank; a row a node where there are more ranks than rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/memory.h"
#include "jobs/monitor/describe.h"
#include "jobs/monitor/draw.h"

enum {
    LIST_CELLS_MAX = 120, /* beyond that the eye loses the line */
    HOST_CELLS = 10,
    BAR_CELLS = 6,
    FIGURES_CELLS = 38,
    ROW_BYTES = 512
};

/* The ranks of one host, added up. */
struct node {
    const char *host;
    int ranks, silent, at_work;
    double images_per_second, last_time, done, total;
    uint64_t memory_bytes;
};

static bool rank_is_at_work(const struct picture *picture, const struct picture_rank *rank)
{
    return !picture->ended && rank->state != STATE_DONE && rank->state != STATE_FAILED &&
           rank->state != STATE_STOPPED;
}

/* What the rank does, in words. */
static void doing_write(const struct scene *scene, const struct picture_rank *rank, char text[ROW_BYTES])
{
    const struct picture *picture = scene->picture;
    const char *words = rank->text[0] != '\0' ? rank->text : event_state_name(rank->state);
    if (rank->class_index < 0)
        snprintf(text, ROW_BYTES, "%s", words);
    else if (rank->class_index < picture->class_count && picture->classes[rank->class_index].name[0] != '\0')
        snprintf(text, ROW_BYTES, "%s: %s", picture->classes[rank->class_index].name, words);
    else
        snprintf(text, ROW_BYTES, "class %d: %s", (int)rank->class_index, words);
}

/* "3 s", "2 min", …: short, for a column. */
static void ago_write(double seconds, char text[DESCRIBE_NUMBER_BYTES])
{
    double s = fmin(fmax(seconds, 0), 1e9);
    if (s < 100)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%.0f s", s);
    else if (s < 6000)
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%.0f min", s / 60);
    else
        snprintf(text, DESCRIBE_NUMBER_BYTES, "%.0f h", s / 3600);
}

/* Where the figures begin. */
static int figures_column(const struct grid *grid)
{
    int end = grid->columns < LIST_CELLS_MAX ? grid->columns : LIST_CELLS_MAX;
    return end - FIGURES_CELLS;
}

/* The columns at the right: progress, images/s, memory, last heard. */
static void figures_draw(const struct scene *scene, int row, double done, double total, double speed,
                         uint64_t memory, double silence, bool silent, bool working)
{
    char number[DESCRIBE_NUMBER_BYTES];
    struct grid *grid = scene->grid;
    int column = figures_column(grid);
    if (total > 0 && working) {
        draw_bar(grid, row, column, BAR_CELLS, done / total);
        grid_print(grid, row, column + BAR_CELLS, GRID_PLAIN, " %3.0f%%", floor(100 * fmin(done / total, 1)));
    }
    if (working) {
        describe_count(speed, number);
        grid_print(grid, row, column + 11, GRID_PLAIN, "%9s", number);
    }
    describe_bytes(memory, number);
    grid_print(grid, row, column + 20, GRID_PLAIN, "%9s", number);
    ago_write(silence, number);
    grid_print(grid, row, column + 29, silent ? GRID_BAD : GRID_PLAIN, "%s%7s", silent ? "!" : " ", number);
}

static void columns_draw(const struct scene *scene, int row, const char *what)
{
    struct grid *grid = scene->grid;
    int column = figures_column(grid);
    grid_text(grid, row, 1, column - 2, GRID_FAINT, what);
    grid_text(grid, row, column, FIGURES_CELLS, GRID_FAINT, "progress    images/s   memory   heard");
}

static void rank_draw(const struct scene *scene, int row, int32_t index)
{
    const struct picture_rank *rank = &scene->picture->ranks[index];
    char text[ROW_BYTES];
    struct grid *grid = scene->grid;
    bool silent = picture_rank_is_silent(scene->picture, index, scene->now);
    enum grid_style style = silent ? GRID_BAD : rank->state == STATE_FAILED ? GRID_BAD : GRID_PLAIN;
    int end = figures_column(grid) - 1;
    grid_print(grid, row, 0, style, "%c%5d", silent ? '!' : ' ', (int)index);
    grid_text(grid, row, 7, HOST_CELLS < end - 7 ? HOST_CELLS : end - 7, style, rank->host);
    doing_write(scene, rank, text);
    if (end > 8 + HOST_CELLS)
        grid_text(grid, row, 8 + HOST_CELLS, end - 8 - HOST_CELLS, style, silent ? "SILENT" : text);
    figures_draw(scene, row, (double)rank->done, (double)rank->total, rank->images_per_second,
                 rank->memory_bytes,
                 (scene->picture->ended ? scene->picture->end.time : scene->now) - rank->last_time, silent,
                 rank_is_at_work(scene->picture, rank));
}

static int node_compare(const void *first, const void *second)
{
    const struct node *one = first, *two = second;
    return strcmp(one->host, two->host);
}

/* What needs to be looked at comes first. */
static int node_urgency_compare(const void *first, const void *second)
{
    const struct node *one = first, *two = second;
    if ((one->silent > 0) != (two->silent > 0))
        return one->silent > 0 ? -1 : 1;
    return strcmp(one->host, two->host);
}

static struct node node_of_rank(const struct scene *scene, int32_t index)
{
    const struct picture_rank *rank = &scene->picture->ranks[index];
    bool silent = picture_rank_is_silent(scene->picture, index, scene->now);
    bool working = rank_is_at_work(scene->picture, rank);
    return (struct node){.host = rank->host,
                         .ranks = 1,
                         .silent = silent,
                         .at_work = working,
                         .images_per_second = working && !silent ? rank->images_per_second : 0,
                         .last_time = rank->last_time,
                         .done = working ? (double)rank->done : 0,
                         .total = working ? (double)rank->total : 0,
                         .memory_bytes = rank->memory_bytes};
}

static void node_add(struct node *to, const struct node *from)
{
    to->ranks += from->ranks;
    to->silent += from->silent;
    to->at_work += from->at_work;
    to->images_per_second += from->images_per_second;
    to->last_time = fmin(to->last_time, from->last_time); /* who is silent longest */
    to->done += from->done;
    to->total += from->total;
    to->memory_bytes += from->memory_bytes;
}

/* The nodes, those with silent ranks first, for memory_free; returns how many. */
static int nodes_find(const struct scene *scene, struct node **nodes)
{
    int count = 0, merged = 0;
    if (memory_allocate(nodes, (size_t)scene->picture->rank_count, sizeof **nodes, "nodes") != STATUS_OK)
        return 0;
    for (int32_t i = 0; i < scene->picture->rank_count; i++)
        if (scene->picture->ranks[i].heard)
            (*nodes)[count++] = node_of_rank(scene, i);
    qsort(*nodes, (size_t)count, sizeof **nodes, node_compare);
    for (int i = 0; i < count; i++) {
        if (merged > 0 && strcmp((*nodes)[merged - 1].host, (*nodes)[i].host) == 0)
            node_add(&(*nodes)[merged - 1], &(*nodes)[i]);
        else
            (*nodes)[merged++] = (*nodes)[i];
    }
    qsort(*nodes, (size_t)merged, sizeof **nodes, node_urgency_compare);
    return merged;
}

static void node_draw(const struct scene *scene, int row, const struct node *node)
{
    struct grid *grid = scene->grid;
    enum grid_style style = node->silent > 0 ? GRID_BAD : GRID_PLAIN;
    int end = figures_column(grid) - 1;
    grid_print(grid, row, 0, style, "%c", node->silent > 0 ? '!' : ' ');
    grid_text(grid, row, 1, HOST_CELLS, style, node->host);
    int column = grid_print(grid, row, 2 + HOST_CELLS, style, "%d of %d work", node->at_work - node->silent,
                            node->ranks);
    if (node->silent > 0 && column + 11 <= end)
        grid_print(grid, row, column, style, ", %d SILENT", node->silent);
    figures_draw(scene, row, node->done, node->total, node->images_per_second, node->memory_bytes,
                 (scene->picture->ended ? scene->picture->end.time : scene->now) - node->last_time,
                 node->silent > 0, node->at_work > 0);
}

/* The overview shows nodes when there are more ranks than rows for them, and less nodes than ranks. */
static int rows_of_ranks(const struct scene *scene, int rows, bool *by_node)
{
    struct node *nodes = NULL;
    int heard = scene->summary.ranks_heard;
    *by_node = heard + 2 > rows && heard > 1;
    if (heard == 0)
        return 0;
    int lines = *by_node ? nodes_find(scene, &nodes) : heard;
    memory_free(&nodes);
    return lines + 2 < rows ? lines + 2 : rows;
}

int draw_ranks_rows(const struct scene *scene, int rows)
{
    bool by_node;
    return rows < 3 ? 0 : rows_of_ranks(scene, rows, &by_node);
}

static void ranks_list(const struct scene *scene, int top, int rows)
{
    int row = 0;
    columns_draw(scene, top, " rank host       doing");
    for (int32_t i = 0; i < scene->picture->rank_count && row < rows - 1; i++)
        if (scene->picture->ranks[i].heard)
            rank_draw(scene, top + 1 + row++, i);
}

static void nodes_list(const struct scene *scene, int top, int rows)
{
    struct node *nodes = NULL;
    int count = nodes_find(scene, &nodes);
    columns_draw(scene, top, "node       ranks");
    for (int i = 0; i < count && i < rows - 1; i++) {
        if (i == rows - 2 && count > rows - 1)
            grid_print(scene->grid, top + 1 + i, 1, GRID_FAINT, "and %d more nodes: r shows all ranks",
                       count - i);
        else
            node_draw(scene, top + 1 + i, &nodes[i]);
    }
    memory_free(&nodes);
}

void draw_ranks(const struct scene *scene, int top, int rows)
{
    char right[ROW_BYTES] = "";
    bool by_node;
    rows_of_ranks(scene, rows, &by_node);
    if (scene->summary.ranks_silent > 0)
        snprintf(right, sizeof right, "silent: nothing heard for more than %d s", SUMMARY_SILENT_SECONDS);
    draw_heading(scene->grid, top, by_node ? "nodes" : "ranks", right);
    if (by_node)
        nodes_list(scene, top + 1, rows - 1);
    else
        ranks_list(scene, top + 1, rows - 1);
}

static bool rank_is_shown(const struct scene *scene, int32_t index)
{
    const struct picture_rank *rank = &scene->picture->ranks[index];
    char number[16], text[ROW_BYTES];
    bool working = rank_is_at_work(scene->picture, rank);
    if (!rank->heard)
        return false;
    enum rank_filter filter = scene->board->rank_filter;
    if ((filter == RANKS_SILENT && !picture_rank_is_silent(scene->picture, index, scene->now)) ||
        (filter == RANKS_AT_WORK && !working) || (filter == RANKS_ENDED && working))
        return false;
    snprintf(number, sizeof number, "%d", (int)index);
    doing_write(scene, rank, text);
    return draw_found(scene->board, rank->host) || draw_found(scene->board, text) ||
           draw_found(scene->board, number);
}

static int real_compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int rank_compare(const void *first, const void *second, void *data)
{
    const struct scene *scene = data;
    int32_t a, b;
    memcpy(&a, first, sizeof a);
    memcpy(&b, second, sizeof b);
    const struct picture_rank *one = &scene->picture->ranks[a], *two = &scene->picture->ranks[b];
    int order = 0;
    switch (scene->board->rank_order) {
    case RANKS_BY_HOST:
        order = strcmp(one->host, two->host);
        break;
    case RANKS_BY_SPEED: /* the slowest first, as those are looked for */
        order = real_compare(one->images_per_second, two->images_per_second);
        break;
    case RANKS_BY_MEMORY: /* the largest first */
        order = real_compare((double)two->memory_bytes, (double)one->memory_bytes);
        break;
    case RANKS_BY_SILENCE: /* the longest first */
        order = real_compare(one->last_time, two->last_time);
        break;
    case RANKS_BY_NUMBER:
    case RANK_ORDERS:
    default:
        break;
    }
    if (order == 0)
        order = (a > b) - (a < b);
    return scene->board->reversed ? -order : order;
}

void draw_ranks_page(const struct scene *scene, int top, int rows)
{
    static const char *const orders[RANK_ORDERS] = {"number", "host", "images/s", "memory", "silence"};
    static const char *const filters[RANK_FILTERS] = {"all", "silent", "at work", "ended"};
    struct board *board = scene->board;
    char title[ROW_BYTES], right[ROW_BYTES];
    int32_t *order;
    int shown = 0;
    if (memory_allocate(&order, (size_t)scene->picture->rank_count, sizeof *order, "order of ranks") !=
        STATUS_OK)
        return;
    for (int32_t i = 0; i < scene->picture->rank_count; i++)
        if (rank_is_shown(scene, i))
            order[shown++] = i;
    struct scene copy = *scene;
    qsort_r(order, (size_t)shown, sizeof *order, rank_compare, &copy);
    snprintf(title, sizeof title, "ranks: %s, %d of %d", filters[board->rank_filter], shown,
             (int)scene->summary.ranks);
    snprintf(right, sizeof right, "by %s%s", orders[board->rank_order], board->reversed ? ", reversed" : "");
    draw_heading(scene->grid, top, title, right);
    columns_draw(scene, top + 1, " rank host       doing");
    board->page_lines = rows - 2;
    board->list_lines = shown;
    for (int row = 0; row < rows - 2 && board->first[PAGE_RANKS] + row < shown; row++)
        rank_draw(scene, top + 2 + row, order[board->first[PAGE_RANKS] + row]);
    memory_free(&order);
}
