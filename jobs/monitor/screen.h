/* The terminal, through ncurses: a grid goes in, keys come out. */
#ifndef FACET_JOBS_MONITOR_SCREEN_H
#define FACET_JOBS_MONITOR_SCREEN_H

#include <stdbool.h>

#include "jobs/monitor/grid.h"

/* Whether standard input and output are a terminal that can be drawn on. */
bool screen_is_possible(void);

/* Takes the terminal over; STATUS_IO when its kind (TERM) is unknown. */
enum status screen_open(void);

/* Gives it back as it was; harmless when it is not open. */
void screen_close(void);

/* Lends it to other programs and takes it again (Ctrl-Z). */
void screen_leave(void);
void screen_return(void);

void screen_size(int *rows, int *columns);
void screen_show(const struct grid *grid);

/* The terminal's content is not what it seems: all is drawn anew next time. */
void screen_forget(void);

/* The next key as board_press wants it; 0 when there is none. Sets *resized when the size has changed. */
int screen_key(bool *resized);

/* Whether the locale and terminal show more than ASCII. */
bool screen_has_unicode(void);

#endif
