/* What the full screen shows of one run or several, and what keys change about it. Knows no terminal: it
 * draws into a grid. */
#ifndef FACET_JOBS_MONITOR_BOARD_H
#define FACET_JOBS_MONITOR_BOARD_H

#include "jobs/monitor/grid.h"
#include "mpi/wire/picture.h"

enum board_page {
    PAGE_OVERVIEW,
    PAGE_CLASSES,
    PAGE_RANKS,
    PAGE_CURVES,
    PAGE_LOG,
    PAGE_RUNS, /* all runs, a line each */
    PAGE_HELP,
    PAGE_COUNT
};

enum rank_order {
    RANKS_BY_NUMBER,
    RANKS_BY_HOST,
    RANKS_BY_SPEED,
    RANKS_BY_MEMORY,
    RANKS_BY_SILENCE,
    RANK_ORDERS
};
enum class_order { CLASSES_BY_NUMBER, CLASSES_BY_NAME, CLASSES_BY_VALUE, CLASSES_BY_STATE, CLASS_ORDERS };
enum rank_filter { RANKS_ALL, RANKS_SILENT, RANKS_AT_WORK, RANKS_ENDED, RANK_FILTERS };
enum class_filter {
    CLASSES_ALL,
    CLASSES_WAITING,
    CLASSES_RUNNING,
    CLASSES_DONE,
    CLASSES_FAILED,
    CLASS_FILTERS
};

enum { BOARD_SEARCH_BYTES = 40 };

/* Keys that are no characters. */
enum board_key {
    BOARD_KEY_UP = 0x110000,
    BOARD_KEY_DOWN,
    BOARD_KEY_PAGE_UP,
    BOARD_KEY_PAGE_DOWN,
    BOARD_KEY_HOME,
    BOARD_KEY_END,
    BOARD_KEY_ENTER,
    BOARD_KEY_ESCAPE,
    BOARD_KEY_BACKSPACE
};

struct board {
    enum board_page page, page_before_help;
    int run; /* which is shown, or marked on PAGE_RUNS */
    enum rank_order rank_order;
    enum class_order class_order;
    enum rank_filter rank_filter;
    enum class_filter class_filter;
    bool reversed, dense;            /* order; classes as single marks */
    char search[BOARD_SEARCH_BYTES]; /* shown are ranks, classes and log lines that contain it */
    bool typing;                     /* it is being typed */
    bool quit;
    int first[PAGE_COUNT]; /* line shown first */
    int page_lines;        /* of the list on the page as last drawn: how far a page is */
    int list_lines;        /* of the whole list then */
};

/* A run as the board sees it. */
struct board_run {
    const char *name;
    const struct picture *picture; /* NULL: nothing is known yet */
    const char *notice;            /* what people should know of the contact to the run; "": nothing */
    uint64_t ignored, refused;     /* by the run's server, as of the newest snapshot */
    uint64_t gaps;                 /* updates this monitor missed and made good */
};

/* For so many runs. */
void board_start(struct board *board, int runs);

/* A key was pressed: a character, or one of enum board_key. Unknown ones change nothing. */
void board_press(struct board *board, int key, int runs);

/* Draws the page; `now` in seconds since 1970. Keeps first[] within the list. */
void board_draw(struct board *board, struct grid *grid, const struct board_run *runs, int count, double now);

#endif
