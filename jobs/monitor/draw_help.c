/* The page of keys and signs. */
#include "jobs/monitor/draw.h"

void draw_help(struct grid *grid)
{
    static const char *const lines[] = {
        "o  overview      back to everything at a glance",
        "c  classes       all of them, with names and figures",
        "r  ranks         a row each",
        "l  learning curves         g  log: the last 64 lines",
        "a  all runs, when several are followed   Tab  the next run",
        "",
        "s  sort by another column      S  the other way round",
        "f  filter: silent ranks, failed classes and so on",
        "/  show only what contains a text       d  more or less of each class",
        "arrows, PgUp, PgDn, Home, End  move in a list     Esc  one step back",
        "q  quit: the run goes on       Ctrl-L  draw anew  ?  this help, and back",
        "",
        "Classes: . waiting  > running  o done  x failed  = done by an earlier start",
        "As single marks those that are done show their figure: 9 is 0.9 or more,",
        "* is 1. A mark that stands for several shows the one most in need of a look.",
        "!  silent: a rank at work of which nothing was heard for more than 30 s.",
        "Energy of this start of the run: counted by the processors, of whole nodes,",
        "where they let themselves be read; est.: from the ranks' processor time.",
    };
    grid_fill(grid, 0, 0, grid->columns, GRID_BAR, L' ');
    grid_text(grid, 0, 1, grid->columns, GRID_BAR, "facet-monitor " FACET_VERSION ": keys and signs");
    for (int i = 0; i < (int)(sizeof lines / sizeof lines[0]); i++)
        grid_text(grid, 2 + i, 1, grid->columns, GRID_PLAIN, lines[i]);
}
