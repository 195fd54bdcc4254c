#include "jobs/monitor/board.h"

#include <string.h>

#include "jobs/monitor/draw.h"

void board_start(struct board *board, int runs)
{
    memset(board, 0, sizeof *board);
    board->page = runs > 1 ? PAGE_RUNS : PAGE_OVERVIEW;
}

static void search_type(struct board *board, int key)
{
    size_t length = strlen(board->search);
    if (key == BOARD_KEY_ENTER) {
        board->typing = false;
    } else if (key == BOARD_KEY_ESCAPE) {
        board->typing = false;
        board->search[0] = '\0';
    } else if (key == BOARD_KEY_BACKSPACE) {
        if (length > 0)
            board->search[length - 1] = '\0';
    } else if (key >= ' ' && key < 0x7f && length + 1 < BOARD_SEARCH_BYTES) {
        board->search[length] = (char)key;
        board->search[length + 1] = '\0';
    }
    memset(board->first, 0, sizeof board->first);
}

static void page_show(struct board *board, enum board_page page)
{
    board->page = board->page == page ? PAGE_OVERVIEW : page;
}

static void page_move(struct board *board, int key)
{
    int *first = &board->first[board->page];
    int step = board->page_lines > 1 ? board->page_lines - 1 : 1;
    int most = board->list_lines > board->page_lines ? board->list_lines - board->page_lines : 0;
    int wanted = key == BOARD_KEY_UP          ? *first - 1
                 : key == BOARD_KEY_DOWN      ? *first + 1
                 : key == BOARD_KEY_PAGE_UP   ? *first - step
                 : key == BOARD_KEY_PAGE_DOWN ? *first + step
                 : key == BOARD_KEY_HOME      ? 0
                                              : most;
    *first = wanted < 0 ? 0 : wanted > most ? most : wanted;
}

static void run_move(struct board *board, int key, int runs)
{
    int wanted = key == BOARD_KEY_UP          ? board->run - 1
                 : key == BOARD_KEY_DOWN      ? board->run + 1
                 : key == BOARD_KEY_PAGE_UP   ? board->run - board->page_lines
                 : key == BOARD_KEY_PAGE_DOWN ? board->run + board->page_lines
                 : key == BOARD_KEY_HOME      ? 0
                                              : runs - 1;
    board->run = wanted < 0 ? 0 : wanted >= runs ? runs - 1 : wanted;
}

static void order_change(struct board *board)
{
    if (board->page == PAGE_CLASSES)
        board->class_order = (board->class_order + 1) % CLASS_ORDERS;
    else
        board->rank_order = (board->rank_order + 1) % RANK_ORDERS;
}

static void filter_change(struct board *board)
{
    if (board->page == PAGE_CLASSES)
        board->class_filter = (board->class_filter + 1) % CLASS_FILTERS;
    else
        board->rank_filter = (board->rank_filter + 1) % RANK_FILTERS;
    board->first[board->page] = 0;
}

/* Back towards where everything is to be seen; nothing is left by it. */
static void step_back(struct board *board, int runs)
{
    if (board->page == PAGE_HELP)
        board->page = board->page_before_help;
    else if (board->search[0] != '\0')
        board->search[0] = '\0';
    else
        board->page = board->page == PAGE_OVERVIEW && runs > 1 ? PAGE_RUNS
                      : board->page == PAGE_RUNS               ? PAGE_RUNS
                                                               : PAGE_OVERVIEW;
}

static void help_show(struct board *board)
{
    if (board->page == PAGE_HELP) {
        board->page = board->page_before_help;
        return;
    }
    board->page_before_help = board->page;
    board->page = PAGE_HELP;
}

static void letter_press(struct board *board, int key, int runs)
{
    switch (key) {
    case 'q':
        board->quit = true;
        break;
    case '?':
    case 'h':
        help_show(board);
        break;
    case 'o':
        board->page = PAGE_OVERVIEW;
        break;
    case 'c':
        page_show(board, PAGE_CLASSES);
        break;
    case 'r':
        page_show(board, PAGE_RANKS);
        break;
    case 'l':
        page_show(board, PAGE_CURVES);
        break;
    case 'g':
        page_show(board, PAGE_LOG);
        break;
    case 'a':
        board->page = runs > 1 ? PAGE_RUNS : board->page;
        break;
    case '\t':
        board->run = runs > 0 ? (board->run + 1) % runs : 0;
        break;
    case 's':
        order_change(board);
        break;
    case 'S':
        board->reversed = !board->reversed;
        break;
    case 'f':
        filter_change(board);
        break;
    case 'd':
        board->dense = !board->dense;
        break;
    case '/':
        board->typing = true;
        board->search[0] = '\0';
        break;
    case ' ':
        page_move(board, BOARD_KEY_PAGE_DOWN);
        break;
    default:
        break;
    }
}

void board_press(struct board *board, int key, int runs)
{
    if (board->typing)
        search_type(board, key);
    else if (key == BOARD_KEY_ESCAPE || key == BOARD_KEY_BACKSPACE)
        step_back(board, runs);
    else if (key == BOARD_KEY_ENTER)
        board->page = board->page == PAGE_RUNS ? PAGE_OVERVIEW : board->page;
    else if (key >= BOARD_KEY_UP && key <= BOARD_KEY_END && board->page == PAGE_RUNS)
        run_move(board, key, runs);
    else if (key >= BOARD_KEY_UP && key <= BOARD_KEY_END)
        page_move(board, key);
    else
        letter_press(board, key, runs);
}

/* The last row: what was typed, else the keys that matter here. */
static void footer_draw(const struct board *board, struct grid *grid, int count)
{
    int row = grid->rows - 1;
    grid_fill(grid, row, 0, grid->columns, GRID_BAR, L' ');
    if (board->typing) {
        grid_print(grid, row, 1, GRID_BAR, "show only: %s_  (Enter keeps it, Esc drops it)", board->search);
        return;
    }
    int column = grid_text(grid, row, 1, grid->columns, GRID_BAR, "q quit  ? help");
    if (board->search[0] != '\0')
        column = grid_print(grid, row, column, GRID_BAR, "  only \"%s\" (Esc: all)", board->search);
    if (board->page == PAGE_RUNS)
        column = grid_text(grid, row, column, grid->columns, GRID_BAR, "  up/down choose  Enter open");
    else
        column =
            grid_text(grid, row, column, grid->columns, GRID_BAR, "  c classes  r ranks  l curves  g log");
    if (board->page == PAGE_RANKS || board->page == PAGE_CLASSES)
        column = grid_text(grid, row, column, grid->columns, GRID_BAR, "  s sort  f filter  / find");
    if (count > 1 && board->page != PAGE_RUNS)
        grid_text(grid, row, column, grid->columns, GRID_BAR, "  Tab next run  a all runs");
}

static void list_keep(struct board *board)
{
    int most = board->list_lines > board->page_lines ? board->list_lines - board->page_lines : 0;
    if (board->first[board->page] > most)
        board->first[board->page] = most;
}

void board_draw(struct board *board, struct grid *grid, const struct board_run *runs, int count, double now)
{
    grid_clear(grid);
    if (board->run >= count)
        board->run = count > 0 ? count - 1 : 0;
    board->page_lines = board->list_lines = 0;
    if (board->page == PAGE_HELP)
        draw_help(grid);
    else if (board->page == PAGE_RUNS)
        draw_runs(board, grid, runs, count, now);
    else if (count > 0)
        draw_run(board, grid, &runs[board->run], now);
    list_keep(board);
    if (grid->rows > 1)
        footer_draw(board, grid, count);
}
