/* The progress line that rank 0 draws, and plain lines that do not tear it. */
#ifndef FACET_JOBS_CONSOLE_H
#define FACET_JOBS_CONSOLE_H

#include <stdbool.h>

#include "jobs/job.h"
#include "mpi/run_progress.h"

struct console {
    bool line;    /* draw a progress line */
    bool drawn;   /* one stands in the terminal now */
    double shown; /* when it was last drawn */
    double started;
    int64_t first_done; /* of the first event shown: a resumed run has done that much before; −1: none yet */
    int64_t total;      /* of the events shown; another total is other work */
};

void console_open(struct console *console, bool line);

/* Opens it as the job wants it, and shows on rank 0 what `progress` sends. */
void console_attach(struct console *console, const struct job *job, struct run_progress *progress);

/* A progress_show: draws the event of rank 0, at most five times a second. context is the console. */
void console_show(void *context, const struct event *event);

/* One line on standard error, above the progress line. */
void console_print(struct console *console, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same as a note ("facet: note: …"); context is the console. As struct class_work wants it. */
void console_note(void *context, const char *line);

/* Wipes the progress line. */
void console_close(struct console *console);

#endif
