/* The pieces of the board. Each draws into rows [top, top + rows) of the grid and returns nothing or how many
 * rows it would like; none depends on colour. */
#ifndef FACET_JOBS_MONITOR_DRAW_H
#define FACET_JOBS_MONITOR_DRAW_H

#include "jobs/monitor/board.h"
#include "mpi/wire/summary.h"

/* What one picture of one run is drawn from. */
struct scene {
    struct board *board;
    struct grid *grid;
    const struct board_run *run;
    const struct picture *picture; /* of the run; not NULL */
    struct picture_summary summary;
    double now;
};

void draw_help(struct grid *grid);
void draw_runs(struct board *board, struct grid *grid, const struct board_run *runs, int count, double now);
void draw_run(struct board *board, struct grid *grid, const struct board_run *run, double now);

/* The first rows of a run's page: what runs, where, how far; returns how many. */
int draw_header(const struct scene *scene);

/* "── title ─────── right ──"; right may be "". */
void draw_heading(struct grid *grid, int row, const char *title, const char *right);

/* A bar of `cells` columns, full to that fraction. */
void draw_bar(struct grid *grid, int row, int column, int cells, double fraction);

/* Figures as a row of columns of different height, the newest at the right, `cells` wide at most; those that
 * are not finite are '?'. Returns the column after it. */
int draw_sparkline(struct grid *grid, int row, int column, int cells, enum grid_style style,
                   const double *values, int count);

/* The overview's part of the classes in `rows` rows (heading included), and how many it uses. */
int draw_classes_rows(const struct scene *scene, int rows);
void draw_classes(const struct scene *scene, int top, int rows);
void draw_classes_page(const struct scene *scene, int top, int rows);

int draw_ranks_rows(const struct scene *scene, int rows);
void draw_ranks(const struct scene *scene, int top, int rows);
void draw_ranks_page(const struct scene *scene, int top, int rows);

int draw_curves_rows(const struct scene *scene, int rows);
void draw_curves(const struct scene *scene, int top, int rows);
void draw_curves_page(const struct scene *scene, int top, int rows);

int draw_log_rows(const struct scene *scene, int rows);
void draw_log(const struct scene *scene, int top, int rows);
void draw_log_page(const struct scene *scene, int top, int rows);

/* True when the search is empty or the text contains it, without regard to case. */
bool draw_found(const struct board *board, const char *text);

/* How a state is marked where one character must do. */
char draw_state_mark(enum event_state state);
enum grid_style draw_state_style(enum event_state state);

#endif
